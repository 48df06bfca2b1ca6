"""The files of an inspection: pictures as PNG and SVG, and the recordings."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from snntrain.inspect.plotter import Figure, rc_context
from snntrain.inspect.recording import Probes

PAGE, RECORDINGS = "index.html", "recordings.npz"
# The resolution of a PNG, and of pixels in an SVG: sharp on high-resolution screens.
DPI = 220
# Text stays text, and equal pictures give equal files.
SVG: Any = {"svg.fonttype": "none", "svg.hashsalt": "snntrain"}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def svg(figure: Figure) -> str:
    """Return a plot as an SVG file."""
    file = io.BytesIO()
    with rc_context(SVG):
        figure.savefig(file, format="svg", dpi=DPI, facecolor="white", metadata=NO_METADATA)
    return file.getvalue().decode()


def png(figure: Figure) -> bytes:
    """Return a plot as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white")
    return file.getvalue()


def arrays(probes: Probes) -> dict[str, np.ndarray]:
    """Return all recordings: `<layer>/h`, `/v`, `/s` `[T, N, *]`, `input`, `output`, `scores`, …

    `input` has the images `[N, C, H, W]`. Sequences are in `sequences` `[T, N, *]`, and if they have padding, the
    number of their valid steps is in `lengths` `[N]`.
    """
    layers: dict[str, Any] = {}
    for layer, recording in probes.recordings.items():
        spikes = {"s": recording.s} if recording.spiking else {}
        sequences = {"h": recording.h, "v": recording.v, **spikes, **recording.more}
        layers |= {f"{layer}/{name}": sequence for name, sequence in sequences.items()}
    sequences = {} if probes.sequences is None else {"sequences": probes.sequences}
    lengths = {} if probes.lengths is None else {"lengths": np.asarray(probes.lengths, np.int64)}
    return (
        layers
        | sequences
        | lengths
        | {
            "input": probes.images,
            "output": probes.output,
            "scores": probes.answers.scores,
            "predicted": np.asarray(probes.answers.classes, np.int64),
            "labels": np.asarray(probes.labels, np.int64),
            "class_names": np.asarray(probes.class_names, str),
        }
    )


def npz(probes: Probes) -> bytes:
    """Return `arrays` as a file that `numpy.load` reads without unpickling."""
    file = io.BytesIO()
    # The stub allows for a keyword allow_pickle; our keys do not clash with it.
    np.savez_compressed(file, **arrays(probes))  # type: ignore[arg-type]
    return file.getvalue()
