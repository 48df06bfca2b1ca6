"""The frames of event recordings, and other images over time, as the network gets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from snntrain.inspect.pictures.input_colours import BOTH, SATURATED, InputColours, colours_of, is_full, mark_full
from snntrain.inspect.pictures.neurons import evenly_spread
from snntrain.inspect.pictures.panels import (
    BAR,
    GREY,
    LEFT,
    LEGEND_ROW,
    PADDING,
    RIGHT,
    WIDTH,
    Panels,
    Scale,
    fitting,
)
from snntrain.inspect.pictures.sample import Sample, pooled

# The frames of a sample in a small picture, and the pixels of the longer side of a frame there.
MOST_FRAMES, FINEST = 10, 128
COLUMNS = 5
# The space on the left of the frames, that between two of them, and the line above each with its numbers, in inches.
MARGIN, BETWEEN, CAPTION = 0.14, 0.06, 0.15
# The longest side of a frame, in inches.
LONGEST = 1.8
CAPTION_SIZE = 7.0
SQUARE: dict[str, Any] = {"marker": "s", "markersize": 7, "linestyle": ""}


def frames(
    samples: Sequence[Sample], titles: Sequence[str], *, most: int = MOST_FRAMES, finest: int = FINEST
) -> Figure:
    """Plot the frames of samples, with a panel per sample and a tile per frame, row by row from the top left.

    Above a tile are its time step, from 1, and its number of events. All tiles have one scale of colours.

    Args:
        samples: the samples, with frames of one size.
        titles: the titles of the panels.
        most: the largest number of frames of a sample, spread evenly over the steps of the longest sample.
        finest: frames with a longer side than this are shown with several pixels as one.
    """
    T = max(sample.T for sample in samples)
    shown = evenly_spread(T, most)
    height, width = samples[0].values.shape[-2:]
    block = -(-max(height, width) // finest)
    tiles = [[_tile(sample, int(step), block) for step in shown if step < sample.T] for sample in samples]
    colours = colours_of(samples[0], [values for of_sample in tiles for values, _ in of_sample])
    grid = _Grid(len(shown), height, width)
    legend = squares(
        samples[0],
        full=any(full.any() for of_sample in tiles for _, full in of_sample),
        padding=any(sample.T < T for sample in samples),
    )
    panels = Panels(
        _heading(len(shown), T),
        titles,
        Scale(f"above a frame: time step{', events' if samples[0].counts else ''}", 0, 1),
        Scale("", 0, 1),
        height=grid.height,
        left=MARGIN - LEFT,
        below=BAR + (LEGEND_ROW if legend else 0),
    )
    boxes: dict[str, list[Any]] = {"tiles": [], "padding": []}
    for panel, sample in enumerate(samples):
        for place, step in enumerate(shown):
            left, bottom, right, top = grid.box(panels, panel, place)
            box = [(left, bottom), (right, bottom), (right, top), (left, top)]
            panels.text(left, top + 0.035, str(step + 1), size=CAPTION_SIZE, name="step", align="left")
            if step >= sample.T:
                boxes["padding"].append(box)
                continue
            boxes["tiles"].append(box)
            pixels = _pixels(colours, *tiles[panel][place])
            panels.image((left, bottom, right, top), pixels, f"frame {panel} {step}", smooth=_smooth(pixels, grid))
            if sample.counts:
                events = sample.events(int(step))
                room = 0.75 * (right - left)
                size = fitting(CAPTION_SIZE, events, room)
                panels.text(right, top + 0.035, events, size=size, name="events", align="right")
    panels.add(PolyCollection(boxes["tiles"], facecolor="none", edgecolor=GREY, linewidth=0.5), "tiles")
    if boxes["padding"]:
        panels.add(PolyCollection(boxes["padding"], facecolor=PADDING, edgecolor=GREY, linewidth=0.5), "padding")
    show_scale(panels, colours, _per(samples[0], block), colour_bar=values_have_a_bar(samples[0]))
    if legend:
        panels.legend(legend, bottom=BAR + 0.08)
    return panels.figure


def show_scale(panels: Panels, colours: InputColours, label: str, *, colour_bar: bool) -> None:
    """Add the bar of the colours, or only the label if the colours are those of the images themselves."""
    if colour_bar:
        panels.colour_bar(colours.colours, colours.scale(label))
    else:
        panels.text((panels.left + panels.right) / 2, 0.06, label, size=8, name="bar label")


def values_have_a_bar(sample: Sample) -> bool:
    """Return whether one scale of colours describes a sample; it does not for images of three colours."""
    return sample.counts or sample.values.shape[1] != 3


class _Grid:
    """The places of tiles in a panel."""

    def __init__(self, tiles: int, height: int, width: int) -> None:
        self.columns = min(tiles, COLUMNS)
        self.rows = -(-tiles // self.columns)
        pitch = (WIDTH - MARGIN - RIGHT - BETWEEN) / self.columns
        scale = min((pitch - BETWEEN) / width, LONGEST / max(height, width))
        self.tile = scale * width, scale * height
        self.pitch = pitch, self.tile[1] + CAPTION + BETWEEN
        self.height = self.rows * self.pitch[1] + BETWEEN

    def box(self, panels: Panels, panel: int, place: int) -> tuple[float, float, float, float]:
        """Return the left, bottom, right and top edge of a tile, in inches."""
        row, column = divmod(place, self.columns)
        middle = panels.left + BETWEEN / 2 + (column + 0.5) * self.pitch[0]
        top = panels.floor(panel) + self.height - row * self.pitch[1] - CAPTION
        return middle - self.tile[0] / 2, top - self.tile[1], middle + self.tile[0] / 2, top


def _tile(sample: Sample, step: int, block: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the values of a frame `[C, H, W]` by blocks of pixels, and which blocks have a full count."""
    frame = sample.values[step]
    values = pooled(frame, block, block, mean=not sample.counts)
    full = is_full(frame) if sample.counts else np.zeros(frame.shape[1:], bool)
    return values, pooled(full.astype(np.float32), block, block) > 0


def _pixels(colours: InputColours, values: NDArray[np.float32], full: NDArray[np.bool_]) -> NDArray[np.uint8]:
    pixels = colours.pixels(values)
    mark_full(pixels, full)
    return pixels


def _smooth(pixels: NDArray[np.uint8], grid: _Grid) -> bool:
    """Return whether a tile may have fewer pixels than its frame; they are then averaged."""
    return len(pixels) > 100 * grid.tile[1]


def _heading(shown: int, T: int) -> str:
    return f"input: {T} frame{'s' * (T > 1)}" if shown == T else f"input: {shown} of {T:,} frames, spread evenly"


def _per(sample: Sample, block: int) -> str:
    pixels = "pixel" if block == 1 else f"{block}x{block} pixels"
    if sample.counts:
        return f"events per {pixels} and time step"
    colours = "" if values_have_a_bar(sample) else ", in its own colours, from 0 to 1"
    return f"intensity{'' if block == 1 else f', mean of {pixels}'}{colours}"


def squares(sample: Sample, *, full: bool = False, padding: bool = False) -> dict[str, Line2D]:
    """Return the entries of a legend for what the bar of colours does not explain.

    Args:
        sample: one of the samples.
        full: whether there are full counts.
        padding: whether there is padding.
    """
    entries = {
        "OFF and ON": (BOTH, sample.polarities == 2),
        "255 or more events": (SATURATED, full),
        "padding": (PADDING, padding),
    }
    return {name: Line2D([], [], color=colour, **SQUARE) for name, (colour, used) in entries.items() if used}
