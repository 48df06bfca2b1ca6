"""The common parts of the plots: stacked panels with frames, scales, a legend and a colour bar.

Everything is placed in inches on the figure itself. With axes per panel and a shape per spike, the pictures of an epoch
took longer than its training. Even one pair of axes per figure costs more than everything drawn in it.
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

# Okabe and Ito's colours, distinguishable with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
# Time steps that are only padding.
PADDING = "#bbbbbb"
# Text, frames and the threshold. A page replaces this colour in dark mode.
INK = "#1b1b1f"
GREY = "#999999"
# TensorBoard shows a picture some 350 pixels wide: narrow figures with stacked panels stay legible.
WIDTH, DPI = 4.4, 110
# A panel and the space around it, in inches.
PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 1.3, 0.26, 0.74, 0.1, 0.52, 0.44
LEGEND_ROW, BAR = 0.19, 0.56
TICK = 0.045
# Half the height of a digit, in inches per point.
HALF_DIGIT = 0.365 / 72


@dataclass(frozen=True)
class Scale:
    """An axis of every panel: its label, its range, and the labels of its ticks by value."""

    label: str
    low: float
    high: float
    ticks: Mapping[float, str] = field(default_factory=dict)

    def share(self, values: Any) -> NDArray[np.float64]:
        """Map values linearly so that `low` is 0 and `high` is 1."""
        shares: NDArray[np.float64] = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return shares


def round_ticks(low: float, high: float, most: int, *, integer: bool = False) -> dict[float, str]:
    """Return about `most` round numbers from `low` to `high`, with their labels."""
    ticks = MaxNLocator(most, steps=(1, 2, 5, 10), integer=integer, min_n_ticks=1).tick_values(low, high)
    return {float(tick): f"{tick:g}" for tick in ticks if low <= tick <= high}


def time_scale(T: int) -> Scale:
    """Return a scale of time steps from 1, each one unit wide."""
    return Scale("time step", 0.5, T + 0.5, round_ticks(1, T, 6, integer=True))


class Panels:
    """A figure with one panel per title, from top to bottom, all with the same horizontal scale.

    Args:
        heading: the heading of the figure.
        titles: the titles of the panels.
        x: the horizontal scale, labelled below the last panel.
        y: the vertical scale of all panels, or one for each; each is then labelled on its own.
        height: the height of a panel, in inches.
        left: more space on the left, in inches.
        right: more space on the right, in inches.
        below: more space below the panels, in inches.
    """

    def __init__(
        self,
        heading: str,
        titles: Sequence[str],
        x: Scale,
        y: Scale | Sequence[Scale],
        *,
        height: float = PANEL,
        left: float = 0.0,
        right: float = 0.0,
        below: float = 0.0,
    ) -> None:
        self.count, self.x_scale, self.height = len(titles), x, height
        self.y_scales = [y] * self.count if isinstance(y, Scale) else y
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
        if isinstance(y, Scale):
            self.text(0.2, (self.top + self.bottom) / 2, y.label, size=9.5, rotation=90, name="y label")
        else:
            for panel, scale in enumerate(y):
                self.text(0.2, self.floor(panel) + height / 2, scale.label, size=9.5, rotation=90, name="y label")

    def floor(self, panel: int) -> float:
        """Return the lower edge of a panel, in inches from the bottom."""
        return self.bottom + (self.count - 1 - panel) * (self.height + GAP)

    def x(self, values: Any) -> NDArray[np.float64]:
        """Return the positions of values, in inches from the left."""
        return self.left + (self.right - self.left) * self.x_scale.share(values)

    def y(self, panel: int, values: Any) -> NDArray[np.float64]:
        """Return the positions of values in a panel, in inches from the bottom."""
        return self.floor(panel) + self.height * self.y_scales[panel].share(values)

    def add(self, artist: Artist, name: str) -> None:
        """Add an artist with coordinates in inches to the figure."""
        artist.set_label(name)
        artist.set_transform(self.figure.dpi_scale_trans)
        self.figure.add_artist(artist)

    def text(
        self, x: float, y: float, text: str, *, size: float, name: str, align: str = "center", **style: Any
    ) -> None:
        """Add a line of text with its baseline at `y`."""
        style.setdefault("color", INK)
        self.add(Lettering(x, y, text, fontsize=size, horizontalalignment=align, **style), name)

    def image(self, box: tuple[float, float, float, float], pixels: NDArray[Any], name: str, smooth: bool) -> None:
        """Add pixels `[rows, columns, RGB or RGBA]`, first row on top, in the box (left, bottom, right, top).

        Args:
            box: the place, in inches.
            pixels: the pixels.
            name: the label of the artist.
            smooth: whether to average pixels if the picture has fewer; otherwise the nearest pixel is taken.
        """
        left, bottom, right, top = box
        place = TransformedBbox(Bbox([[left, bottom], [right, top]]), self.figure.dpi_scale_trans)
        image = BboxImage(place, interpolation="antialiased" if smooth else "nearest")
        image.set_data(pixels)
        image.set_label(name)
        self.figure.add_artist(image)

    def box(self, panel: int) -> tuple[float, float, float, float]:
        """Return the left, bottom, right and top edge of a panel, in inches."""
        return self.left, self.floor(panel), self.right, self.floor(panel) + self.height

    def level(self, value: float, name: str, **style: Any) -> None:
        """Add a horizontal line to every panel."""
        lines = [[(self.left, y), (self.right, y)] for y in (float(self.y(p, value)) for p in range(self.count))]
        self.add(LineCollection(lines, linewidth=1, **style), name)

    def padding(self, lengths: Sequence[int]) -> None:
        """Cover the time steps of each panel after its length in grey, with the word padding if it fits."""
        boxes = []
        for panel, length in enumerate(lengths):
            (_, low, right, high), left = self.box(panel), float(self.x(length + 0.5))
            if left > right - 1e-6:
                continue
            boxes.append([(left, low), (right, low), (right, high), (left, high)])
            x, y = (left + right) / 2, (low + high) / 2
            if right - left > 0.6:
                self.text(x, y - 8 * HALF_DIGIT, "padding", size=8, name="padding text")
            elif right - left > 0.15:
                self.text(x + 8 * HALF_DIGIT, y, "padding", size=8, rotation=90, name="padding text")
        if boxes:
            self.add(PolyCollection(boxes, facecolor=PADDING, edgecolor="none"), "padding")

    def legend(self, entries: Mapping[str, Line2D], columns: int = 3, bottom: float = 0.1) -> None:
        """Add a legend, with the first entry on top and the last row's baseline at `bottom`."""
        rows = legend_rows(len(entries), columns)
        labels = list(entries)
        widths = [
            0.36 + max(width_of(9, label) for label in labels[first : first + rows])
            for first in range(0, len(labels), rows)
        ]
        # The columns have equal space around them; the last one ends at the right edge of the panels.
        room = max(0.0, WIDTH - 0.12 - RIGHT - sum(widths)) / max(columns, len(widths))
        lefts = 0.12 + np.cumsum([0.0, *(width + room for width in widths[:-1])])
        for number, (label, sample) in enumerate(entries.items()):
            row, column = number % rows, number // rows
            x = float(lefts[column])
            y = bottom + (rows - 1 - row) * LEGEND_ROW
            middle = y + 9 * HALF_DIGIT
            single = sample.get_linestyle() == "None"
            sample.set_data([x + 0.14] if single else [x, x + 0.28], [middle] if single else [middle] * 2)
            self.add(sample, "legend sample")
            self.text(x + 0.36, y, label, size=9, name="legend", align="left")

    def colour_bar(self, colours: Colormap, scale: Scale) -> None:
        """Add a bar of all colours from `scale.low` to `scale.high` at the bottom, labelled like an axis."""
        # Half of each label at the ends sticks out.
        first, last = (0.03 + width_of(8, scale.ticks.get(end, "")) / 2 for end in (scale.low, scale.high))
        left, right, bottom, top = max(self.left + 0.1, first), min(self.right - 0.2, WIDTH - last), 0.36, 0.46
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
            for value, text in self.y_scales[panel].ticks.items():
                y = float(self.y(panel, value))
                marks.append([(self.left - TICK, y), (self.left, y)])
                self.text(self.left - 0.08, y - 8 * HALF_DIGIT, text, size=8, name="y tick", align="right")
        self.add(LineCollection(marks, color=INK, linewidth=0.8), "ticks")


def fitting(size: float, text: str, width: float) -> float:
    """Return the largest font size up to `size` at which the text fits into a width in inches."""
    return min(size, size * width / width_of(size, text)) if text else size


def width_of(size: float, text: str) -> float:
    """Estimate the width of a text in inches, for a font size in points."""
    return 0.6 * size * len(text) / 72


def legend_rows(entries: int, columns: int = 3) -> int:
    """Return the number of rows of a legend."""
    return -(-entries // columns)


def coloured(colours: Colormap, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the colour of each share from 0 to 1 as RGBA bytes; NaN gets the colour of bad values."""
    pixels: NDArray[np.uint8] = colours(np.ma.masked_invalid(shares), bytes=True)
    return pixels
