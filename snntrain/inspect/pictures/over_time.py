"""The input over time as a few views with one time axis: x-t and y-t of frames, and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.pictures.frames import show_scale, squares
from snntrain.inspect.pictures.input_colours import InputColours, colours_of
from snntrain.inspect.pictures.panels import BAR, LEGEND_ROW, Panels, Scale, round_ticks, time_scale
from snntrain.inspect.pictures.sample import Sample, pooled

# The height of a panel, in inches, and the largest number of rows of its pixels per inch, and of columns.
HEIGHT, ROWS, STEPS = 1.1, 160, 400


@dataclass(frozen=True)
class View:
    """A view of samples with time from left to right.

    Args:
        name: the label of the vertical axis.
        values: takes a sample and returns the picture's values, `[C, rows, T]`; the first row is drawn at the bottom.
        upside_down: whether the first row is at the top.
    """

    name: str
    values: Callable[[Sample], NDArray[np.float32]]
    upside_down: bool = False

    def scale(self, sample: Sample) -> Scale:
        """Return the vertical axis."""
        rows = self.values(sample).shape[1]
        ticks = round_ticks(0, rows - 1, 4, integer=True)
        low, high = (rows - 0.5, -0.5) if self.upside_down else (-0.5, rows - 0.5)
        return Scale(self.name, low, high, ticks)


def _units(sample: Sample) -> NDArray[np.float32]:
    return sample.values.T[None]


COLUMN = View("column x", Sample.columns)
ROW = View("row y", Sample.rows, upside_down=True)
UNIT = View("unit", _units)


class Views:
    """What some samples look like in some views, on one scale of colours.

    Args:
        samples: samples of one shape, apart from their lengths.
        views: the views.
        height: the height of a panel, in inches.
    """

    def __init__(self, samples: Sequence[Sample], views: Sequence[View], height: float = HEIGHT) -> None:
        self.samples, self.views = samples, views
        self.T = max(sample.T for sample in samples)
        rows = max(view.values(samples[0]).shape[1] for view in views)
        self.block = -(-rows // int(ROWS * height)), -(-self.T // STEPS)
        self.shown = [[self._pooled(view.values(sample)) for view in views] for sample in samples]
        every = [values for of_sample in self.shown for values in of_sample]
        self.colours: InputColours = colours_of(samples[0], every, sums=samples[0].framed)

    def _pooled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return pooled(values, *self.block, mean=not self.samples[0].counts)

    def draw(self, panels: Panels, panel: int, sample: int, view: int) -> None:
        """Draw a sample in a panel; steps after its end are left to `Panels.padding`."""
        pixels = self.colours.pixels(self.shown[sample][view])
        left, bottom, _, top = panels.box(panel)
        right = float(panels.x(self.samples[sample].T + 0.5))
        image = pixels if self.views[view].upside_down else pixels[::-1]
        smooth = len(pixels) > 100 * panels.height
        panels.image((left, bottom, right, top), image, f"input {panel}", smooth=smooth)

    def label(self) -> str:
        """Return what a colour is, in words."""
        sample = self.samples[0]
        names = [view.name.split()[0] for view in self.views]
        rows, steps = self.block
        of = " or ".join(names) if rows == 1 else f"{rows} {' or '.join(f'{name}s' for name in names)}"
        per = f"{of} and {'time step' if steps == 1 else f'{steps} time steps'}"
        return f"events per {per}" if sample.counts else f"mean intensity per {per}"


def over_time(samples: Sequence[Sample], titles: Sequence[str], height: float = HEIGHT) -> Figure:
    """Plot samples over time: the x-t and the y-t view of frames, with two panels per sample, or the units.

    A moving edge is a sloping line in the x-t view. Each pixel is a sum over a column or a row of the sensor.

    Args:
        samples: samples of one shape, apart from their lengths.
        titles: the title of each sample.
        height: the height of a panel, in inches.
    """
    views = Views(samples, (COLUMN, ROW) if samples[0].framed else (UNIT,), height)
    count = len(views.views)
    scales = [view.scale(sample) for sample in samples for view in views.views]
    heading = "input over time: x-t and y-t view" if samples[0].framed else units_heading(samples[0])
    legend = squares(samples[0])
    panels = Panels(
        heading,
        [title if view == 0 else "" for title in titles for view in range(count)],
        time_scale(views.T),
        scales,
        height=height,
        below=BAR + (LEGEND_ROW if legend else 0),
    )
    for sample in range(len(samples)):
        for view in range(count):
            views.draw(panels, sample * count + view, sample, view)
    panels.padding([sample.T for sample in samples for _ in views.views])
    show_scale(panels, views.colours, views.label(), colour_bar=True)
    if legend:
        panels.legend(legend, bottom=BAR + 0.08)
    return panels.figure


def units_heading(sample: Sample) -> str:
    """Return the heading of a picture of units."""
    return f"input: {sample.values.shape[1]:,} units over time"
