"""The files of an inspection: pictures as PNG and SVG, the page, and all that was recorded."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from snntrain.inspect.plotter import Figure, rc_context
from snntrain.inspect.recording import Probes

PAGE, RECORDINGS = "index.html", "recordings.npz"
# Of a PNG, and of what is pixels in an SVG: sharp on a screen of fine pixels.
DPI = 220
# Text stays text, and the same picture is the same file.
SVG: Any = {"svg.fonttype": "none", "svg.hashsalt": "snntrain"}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def svg(figure: Figure) -> str:
    """The figure as an SVG file."""
    file = io.BytesIO()
    with rc_context(SVG):
        figure.savefig(file, format="svg", dpi=DPI, facecolor="white", metadata=NO_METADATA)
    return file.getvalue().decode()


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white")
    return file.getvalue()


def arrays(probes: Probes) -> dict[str, np.ndarray]:
    """All that was recorded: `<layer>/h`, `/v`, `/s` `[T, N, *]`, `input` `[N, C, H, W]`, `output`, `predicted`, …"""
    layers: dict[str, Any] = {}
    for layer, recording in probes.recordings.items():
        layers |= {f"{layer}/h": recording.h, f"{layer}/v": recording.v, f"{layer}/s": recording.s}
    return layers | {
        "input": probes.images,
        "output": probes.output,
        "predicted": np.asarray(probes.answers.classes, np.int64),
        "labels": np.asarray(probes.labels, np.int64),
        "class_names": np.asarray(probes.class_names, str),
    }


def npz(probes: Probes) -> bytes:
    """`arrays` as a file that `numpy.load` reads without unpickling anything."""
    file = io.BytesIO()
    # Its type says that a keyword might be allow_pickle; a layer's has a slash.
    np.savez_compressed(file, **arrays(probes))  # type: ignore[arg-type]
    return file.getvalue()
