"""The input of a sample above the potential of its output, with one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from snntrain.inspect.pictures.frames import show_scale, squares
from snntrain.inspect.pictures.over_time import COLUMN, HEIGHT, UNIT, Views, units_heading
from snntrain.inspect.pictures.panels import (
    BAR,
    COLOURS,
    GREY,
    INK,
    LEGEND_ROW,
    Panels,
    Scale,
    legend_rows,
    round_ticks,
    time_scale,
)
from snntrain.inspect.pictures.sample import Sample
from snntrain.inspect.recording import UNKNOWN, Probes

RIGHT, WRONG, MISSED, OTHER, THRESHOLD = (
    "predicted, right",
    "predicted, wrong",
    "true class, missed",
    "other classes",
    "threshold",
)
STYLES: dict[str, dict[str, Any]] = {
    RIGHT: {"color": COLOURS[0], "linewidth": 1.5},
    WRONG: {"color": COLOURS[1], "linewidth": 1.5},
    MISSED: {"color": COLOURS[2], "linewidth": 1.5},
    OTHER: {"color": GREY, "linewidth": 0.8},
    THRESHOLD: {"color": INK, "linewidth": 1, "linestyle": "--"},
}


def output_over_time(probes: Probes, samples: Sequence[Sample], titles: Sequence[str]) -> Figure:
    """Plot each sample over time, and below it the output's potential before the reset, a line per class.

    With several output neurons per class, a line is their mean. If the output does not spike, the lines are what the
    readout makes of it over time, as potentials; if its layer is not recorded, the output itself.

    Args:
        probes: the recordings.
        samples: the input of each sample: the x-t view is shown of frames, else the units.
        titles: the title of each sample.
    """
    what, values, threshold = potential_of_classes(probes)
    views = Views(samples, (COLUMN if samples[0].framed else UNIT,))
    lengths = [sample.T for sample in samples]
    shown = [values[:length, number] for number, length in enumerate(lengths)]
    levels = _scale(what, shown, threshold)
    used = _used(probes, values.shape[2], threshold)
    legend = {name: Line2D([], [], **STYLES[name]) for name in used} | squares(samples[0])
    panels = Panels(
        f"{'input: x-t view' if samples[0].framed else units_heading(samples[0])}, above the output",
        [title for of_sample in titles for title in (of_sample, "")],
        time_scale(views.T),
        [scale for sample in samples for scale in (views.views[0].scale(sample), levels)],
        height=HEIGHT,
        below=BAR + LEGEND_ROW * legend_rows(len(legend)) + 0.05,
    )
    for number, of_classes in enumerate(shown):
        views.draw(panels, 2 * number, number, 0)
        _lines(panels, 2 * number + 1, of_classes, probes.labels[number], probes.answers.classes[number])
        if threshold is not None:
            y = float(panels.y(2 * number + 1, threshold))
            panels.add(Line2D([panels.left, panels.right], [y, y], **STYLES[THRESHOLD]), THRESHOLD)
    panels.padding([length for length in lengths for _ in range(2)])
    show_scale(panels, views.colours, views.label(), colour_bar=True)
    panels.legend(legend, bottom=BAR + 0.1)
    return panels.figure


def potential_of_classes(probes: Probes) -> tuple[str, NDArray[np.float32], float | None]:
    """Return the name of the output's lines, their values `[T, N, classes]`, and the threshold; None without one."""
    T, N, classes = probes.output.shape
    votes = probes.answers.votes
    if votes is not None and probes.recordings:
        last = list(probes.recordings.values())[-1]
        # It is the output's layer if its spikes are the output; `layer=conv*` may have left that out.
        if last.s.shape == (T, N, classes * votes):
            of_classes = (T, N, classes, votes)
            if np.allclose(last.s.reshape(of_classes).mean(3), probes.output, atol=1e-3):
                return "potential h", last.h.reshape(of_classes).mean(3), last.v_threshold
    course = probes.answers.course
    return probes.answers.course_meaning, probes.output if course is None else course, None


def _scale(what: str, shown: Sequence[NDArray[np.float32]], threshold: float | None) -> Scale:
    """Return the scale of all lines, with a margin."""
    values = np.concatenate([*(part.ravel() for part in shown), [] if threshold is None else [threshold]])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    return Scale(what, low - margin, high + margin, round_ticks(low - margin, high + margin, 4))


def _used(probes: Probes, classes: int, threshold: float | None) -> list[str]:
    """Return the entries of the legend."""
    pairs = list(zip(probes.labels, probes.answers.classes, strict=True))
    wrong = any(label not in (UNKNOWN, guess) for label, guess in pairs)
    right = any(label in (UNKNOWN, guess) for label, guess in pairs)
    used = {RIGHT: right, WRONG: wrong, MISSED: wrong, OTHER: classes > 1, THRESHOLD: threshold is not None}
    return [name for name, there in used.items() if there]


def _lines(panels: Panels, panel: int, values: NDArray[np.float32], label: int, guess: int) -> None:
    """Draw a line per class; those of the true and of the predicted class come last, above the others."""
    steps = panels.x(np.arange(1, len(values) + 1))
    heights = panels.y(panel, values)
    wrong = label not in (UNKNOWN, guess)
    named = {guess: WRONG if wrong else RIGHT, **({label: MISSED} if wrong else {})}
    others = [np.stack([steps, heights[:, cls]], axis=1) for cls in range(values.shape[1]) if cls not in named]
    panels.add(LineCollection(others, **STYLES[OTHER]), OTHER)
    for cls, name in named.items():
        # A line of a single step would be invisible.
        marker: dict[str, Any] = {"marker": ".", "markersize": 4} if len(values) < 30 else {}
        panels.add(Line2D(steps, heights[:, cls], **STYLES[name], **marker), name)
