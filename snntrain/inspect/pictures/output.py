"""The output spikes of each class, or its score by another readout, beside the image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from snntrain.inspect.pictures.panels import (
    COLOURS,
    GREY,
    INK,
    LEFT,
    LEGEND_ROW,
    RIGHT,
    WIDTH,
    Panels,
    Scale,
    round_ticks,
    width_of,
)
from snntrain.inspect.pictures.thumbnail import thumbnail
from snntrain.inspect.recording import UNKNOWN, Probes

# The left edge and the side of an image, and the space beside a panel, in inches.
IMAGE, SIDE, BESIDE = 0.35, 1.05, 1.15
# The smallest width and height of the predicted class's bar: visible among a hundred classes, or without a spike.
LEAST = 0.025


def output_counts(probes: Probes, titles: Sequence[str]) -> Figure:
    """Plot output spikes summed over time, with a panel per sample, a bar per class, and the image on the left.

    With several neurons per class, a bar is their mean. Another readout than that of spikes has its scores instead,
    which may be negative. The bar of the predicted class is blue if the prediction is right; a triangle points at the
    true class.
    """
    T, N, classes = probes.output.shape
    T = T if probes.lengths is None else max(probes.lengths)
    guesses, votes = probes.answers.classes, probes.answers.votes
    what, summed = probes.answers.meaning, probes.answers.picture == "spike_counts"
    counts = probes.answers.scores / (votes or 1)
    finite = counts[np.isfinite(counts)]
    # An output without spikes needs an axis, too.
    low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
    high = high if high > low else 1.0
    counts = counts.clip(low, high)
    heading = f"{what}, mean of {votes} neurons per class" if votes is not None and votes > 1 else what
    x = Scale("class", -0.5, classes - 0.5, class_ticks(probes.class_names, WIDTH - LEFT - BESIDE - RIGHT))
    y = Scale(f"{what} in {T} steps" if summed else what, 1.05 * low, 1.05 * high, round_ticks(low, high, 3))
    panels = Panels(heading, titles, x, y, left=BESIDE, below=0.05 + LEGEND_ROW)
    for panel in range(N):
        bottom = panels.floor(panel) + (panels.height - SIDE) / 2
        box = (IMAGE, bottom, IMAGE + SIDE, bottom + SIDE)
        panels.image(box, thumbnail(probes, panel), f"image {panel}", smooth=False)
    if low < 0:
        panels.level(0, "zero", color=INK)
    others = [(panel, cls) for panel in range(N) for cls in range(classes) if cls != guesses[panel]]
    wrong = [guess != label != UNKNOWN for guess, label in zip(guesses, probes.labels, strict=True)]
    colours = [COLOURS[1] if missed else COLOURS[0] for missed in wrong]
    panels.add(_bars(panels, counts, others, facecolor=GREY), "other classes")
    panels.add(_bars(panels, counts, list(enumerate(guesses)), least=LEAST, facecolor=colours), "predicted classes")
    pointer: dict[str, Any] = {"marker": "^", "markersize": 6, "linestyle": "", "color": INK}
    known = [panel for panel in range(N) if probes.labels[panel] != UNKNOWN]
    true = panels.x([probes.labels[panel] for panel in known])
    panels.add(Line2D(true, [panels.floor(panel) - 0.05 for panel in known], **pointer), "true class")
    square: dict[str, Any] = {"marker": "s", "markersize": 7, "linestyle": ""}
    panels.legend(
        {
            "true class": Line2D([], [], **pointer),
            "predicted, right": Line2D([], [], color=COLOURS[0], **square),
            "predicted, wrong": Line2D([], [], color=COLOURS[1], **square),
        }
    )
    return panels.figure


def _bars(
    panels: Panels, counts: NDArray[np.float64], of: Sequence[tuple[int, int]], *, least: float = 0.0, **style: Any
) -> PolyCollection:
    """Return bars of counts `[N, classes]` for pairs of panel and class, at least `least` inches wide and high."""
    bars = []
    for panel, cls in of:
        x, half = float(panels.x(cls)), max(float(panels.x(0.4) - panels.x(0)), least / 2)
        zero, end = float(panels.y(panel, 0)), float(panels.y(panel, counts[panel, cls]))
        end = min(end, zero - least) if end < zero else max(end, zero + least)
        bars.append([(x - half, zero), (x + half, zero), (x + half, end), (x - half, end)])
    return PolyCollection(bars, **style)


def class_ticks(names: Sequence[str], width: float) -> dict[float, str]:
    """Return the labels of a scale of classes: names if they are short and fit into its width, else some numbers."""
    longest = max(map(len, names))
    if len(names) <= 20 and longest <= 2 and len(names) * (width_of(8, "0" * longest) + 0.03) <= width:
        return {float(number): name for number, name in enumerate(names)}
    return round_ticks(0, len(names) - 1, 10, integer=True)
