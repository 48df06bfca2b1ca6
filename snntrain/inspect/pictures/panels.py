"""What the pictures share: panels one below the other, their frames, scales, legend and colour bar, and the colours.

Everything is placed in inches on the figure itself. With axes for each panel and a shape for each spike the pictures of
an epoch took longer than its training, and even one pair of axes a figure, with its ticks, costs more than all that is
drawn into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import NDArray

from snntrain.inspect.pictures.lettering import Lettering

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
# Text, frames and the threshold; a page with a dark side finds it by this name.
INK = "#1b1b1f"
GREY = "#999999"
# TensorBoard shows a picture some 350 pixels wide: narrow figures, panels one below the other, stay legible there.
WIDTH, DPI = 4.4, 110
# A panel and what lies around it, in inches.
PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 1.3, 0.26, 0.74, 0.1, 0.52, 0.44
LEGEND_ROW, BAR = 0.19, 0.56
TICK = 0.045
# Half the height of a digit, in inches a point.
HALF_DIGIT = 0.365 / 72


@dataclass(frozen=True)
class Scale:
    """One direction of every panel: what is measured, from where to where, and the labels by value."""

    label: str
    low: float
    high: float
    ticks: Mapping[float, str] = field(default_factory=dict)

    def share(self, values: Any) -> NDArray[np.float64]:
        """Where values lie between `low`, 0, and `high`, 1."""
        shares: NDArray[np.float64] = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return shares


def round_ticks(low: float, high: float, most: int, *, integer: bool = False) -> dict[float, str]:
    """About `most` round numbers from `low` to `high`, with their labels."""
    ticks = MaxNLocator(most, steps=(1, 2, 5, 10), integer=integer, min_n_ticks=1).tick_values(low, high)
    return {float(tick): f"{tick:g}" for tick in ticks if low <= tick <= high}


def time_scale(T: int) -> Scale:
    """Time steps from 1, each a unit wide."""
    return Scale("time step", 0.5, T + 0.5, round_ticks(1, T, 6, integer=True))


class Panels:
    """A figure with a panel a title, from the top down, each of the same values over the same scale.

    Args:
        heading: of the figure.
        titles: of the panels.
        x, y: their scales; x is labelled below the last panel.
        height: of a panel, in inches.
        left, right, below: inches left free beside the panels and below them, besides what x and y need.
    """

    def __init__(
        self,
        heading: str,
        titles: Sequence[str],
        x: Scale,
        y: Scale,
        *,
        height: float = PANEL,
        left: float = 0.0,
        right: float = 0.0,
        below: float = 0.0,
    ) -> None:
        self.count, self.x_scale, self.y_scale, self.height = len(titles), x, y, height
        self.left, self.right = LEFT + left, WIDTH - RIGHT - right
        self.bottom = BOTTOM + below
        self.top = self.bottom + self.count * (height + GAP) - GAP
        self.figure = Figure(figsize=(WIDTH, self.top + TOP), dpi=DPI)
        middle = (self.left + self.right) / 2
        self.text(WIDTH / 2, self.top + TOP - 0.22, heading, size=fitting(11, heading, WIDTH), name="heading")
        for panel, title in enumerate(titles):
            size = fitting(9.5, title, 2 * min(middle, WIDTH - middle))
            self.text(middle, self.floor(panel) + height + 0.06, title, size=size, name="title")
        self._frames()
        self._ticks()
        self.text(middle, self.bottom - 0.37, x.label, size=9.5, name="x label")
        self.text(0.2, (self.top + self.bottom) / 2, y.label, size=9.5, rotation=90, name="y label")

    def floor(self, panel: int) -> float:
        """Where a panel begins, in inches from the bottom."""
        return self.bottom + (self.count - 1 - panel) * (self.height + GAP)

    def x(self, values: Any) -> NDArray[np.float64]:
        """Where values lie, in inches from the left."""
        return self.left + (self.right - self.left) * self.x_scale.share(values)

    def y(self, panel: int, values: Any) -> NDArray[np.float64]:
        """Where values of a panel lie, in inches from the bottom."""
        return self.floor(panel) + self.height * self.y_scale.share(values)

    def add(self, artist: Artist, name: str) -> None:
        """Puts an artist whose coordinates are inches on the figure."""
        artist.set_label(name)
        artist.set_transform(self.figure.dpi_scale_trans)
        self.figure.add_artist(artist)

    def text(
        self, x: float, y: float, text: str, *, size: float, name: str, align: str = "center", **style: Any
    ) -> None:
        """A line of text, its baseline at `y`."""
        style.setdefault("color", INK)
        self.add(Lettering(x, y, text, fontsize=size, horizontalalignment=align, **style), name)

    def image(self, box: tuple[float, float, float, float], pixels: NDArray[Any], name: str, smooth: bool) -> None:
        """Pixels `[rows, columns, RGB or RGBA]`, the first row uppermost, in the box (left, bottom, right, top).

        Args:
            smooth: where the picture has fewer pixels, average; else each takes the one that it lies on.
        """
        left, bottom, right, top = box
        place = TransformedBbox(Bbox([[left, bottom], [right, top]]), self.figure.dpi_scale_trans)
        image = BboxImage(place, interpolation="antialiased" if smooth else "nearest")
        image.set_data(pixels)
        image.set_label(name)
        self.figure.add_artist(image)

    def box(self, panel: int) -> tuple[float, float, float, float]:
        """A panel's left, bottom, right and top, in inches."""
        return self.left, self.floor(panel), self.right, self.floor(panel) + self.height

    def level(self, value: float, name: str, **style: Any) -> None:
        """A line across every panel."""
        lines = [[(self.left, y), (self.right, y)] for y in (float(self.y(p, value)) for p in range(self.count))]
        self.add(LineCollection(lines, linewidth=1, **style), name)

    def legend(self, entries: Mapping[str, Line2D], columns: int = 3) -> None:
        """Names what is drawn, from the bottom of the space `below` up, the first entry on top."""
        rows = legend_rows(len(entries), columns)
        labels = list(entries)
        widths = [
            0.36 + max(width_of(9, label) for label in labels[first : first + rows])
            for first in range(0, len(labels), rows)
        ]
        # As much room beside each column, and the last one ends as far from the edge as the panels do.
        room = max(0.0, WIDTH - 0.12 - RIGHT - sum(widths)) / max(columns, len(widths))
        lefts = 0.12 + np.cumsum([0.0, *(width + room for width in widths[:-1])])
        for number, (label, sample) in enumerate(entries.items()):
            row, column = number % rows, number // rows
            x = float(lefts[column])
            y = 0.1 + (rows - 1 - row) * LEGEND_ROW
            middle = y + 9 * HALF_DIGIT
            single = sample.get_linestyle() == "None"
            sample.set_data([x + 0.14] if single else [x, x + 0.28], [middle] if single else [middle] * 2)
            self.add(sample, "legend sample")
            self.text(x + 0.36, y, label, size=9, name="legend", align="left")

    def colour_bar(self, colours: Colormap, scale: Scale) -> None:
        """A bar of all colours from `scale.low` to `scale.high` in the space `below`, labelled like an axis."""
        # Labels of its ends stand half outside of it.
        left, right, bottom, top = self.left + 0.1, self.right - 0.2, 0.36, 0.46
        row = (255.999 * colours(np.linspace(0, 1, 256))[None]).astype(np.uint8)
        self.image((left, bottom, right, top), row, "colour bar", smooth=False)
        ticks = {left + (right - left) * float(scale.share(value)): text for value, text in scale.ticks.items()}
        self.add(LineCollection([[(x, bottom - TICK), (x, top)] for x in ticks], color=INK, linewidth=0.8), "bar ticks")
        for x, text in ticks.items():
            self.text(x, bottom - 0.17, text, size=8, name="bar tick")
        self.text((left + right) / 2, 0.06, scale.label, size=8, name="bar label")

    def _frames(self) -> None:
        corners = [self.box(panel) for panel in range(self.count)]
        frames = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in corners]
        self.add(PolyCollection(frames, facecolor="none", edgecolor=INK, linewidth=0.8, zorder=3), "frames")

    def _ticks(self) -> None:
        marks = []
        for value, text in self.x_scale.ticks.items():
            x = float(self.x(value))
            marks.append([(x, self.bottom - TICK), (x, self.bottom)])
            self.text(x, self.bottom - 0.17, text, size=8, name="x tick")
        for panel in range(self.count):
            for value, text in self.y_scale.ticks.items():
                y = float(self.y(panel, value))
                marks.append([(self.left - TICK, y), (self.left, y)])
                self.text(self.left - 0.08, y - 8 * HALF_DIGIT, text, size=8, name="y tick", align="right")
        self.add(LineCollection(marks, color=INK, linewidth=0.8), "ticks")


def fitting(size: float, text: str, width: float) -> float:
    """The size of letters, in points, at which text takes no more than a width in inches: `size` at most."""
    return min(size, size * width / width_of(size, text)) if text else size


def width_of(size: float, text: str) -> float:
    """Inches that text of a size in points takes at most, by and large."""
    return 0.6 * size * len(text) / 72


def legend_rows(entries: int, columns: int = 3) -> int:
    """Rows of a legend of so many entries."""
    return -(-entries // columns)
