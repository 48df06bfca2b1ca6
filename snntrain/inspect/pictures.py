"""Pictures of a recording: spike rasters and voltage traces, as matplotlib figures that no window shows.

The panels of a picture share one pair of axes, and its spikes are one artist: with axes for each panel and a shape for
each spike, the pictures of an epoch took longer than its training.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from snntrain.inspect.recording import Recording

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
THRESHOLD, RESET = "#000000", "#999999"
# TensorBoard shows a picture some 350 pixels wide: narrow figures, panels one below the other, stay legible there.
WIDTH, DPI = 4.4, 110
# A panel and what lies around it, in inches.
PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM, LEGEND = 1.3, 0.26, 0.74, 0.1, 0.52, 0.44, 0.44
# Share of a panel's height, at its top, where the spikes of the traced neurons are ticked.
TICK_BAND = 0.2


def raster(recordings: list[Recording], titles: list[str], name: str, rows: int) -> Figure:
    """Spikes of one layer, a panel a sample: neurons upward, time steps to the right.

    Args:
        recordings: of the layer, a sample each: `[T, neurons]`.
        titles: of the panels.
        name: of the layer.
        rows: neurons shown at most, evenly spread over the layer.
    """
    T, neurons = recordings[0].s.shape
    shown = evenly_spread(neurons, rows)
    count = len(shown)
    part = "" if count == neurons else f" of {count} in {neurons:,} neurons"
    panels = _Panels(f"{name}: spikes{part}", titles, T, "neuron", (-0.5, count - 0.5))
    spikes = [np.nonzero(recording.s[:, shown]) for recording in recordings]
    step = np.concatenate([step + 1 for step, _ in spikes])
    height = np.concatenate([panels.height(panel, row) for panel, (_, row) in enumerate(spikes)])
    # What a spike leaves white of its step and its row keeps neighbours apart.
    sides = 72 * np.array([0.9 * (WIDTH - LEFT - RIGHT) / T, 0.8 * PANEL / count])
    # What is rounded to less than a pixel would not be drawn.
    sides = np.maximum(sides, 1.5 * 72 / DPI)
    box = Path(np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * sides)
    panels.axes.plot(step, height, linestyle="", marker=box, markersize=sides.max(), mew=0, color=COLOURS[0])
    panels.label({row: str(shown[row]) for row in (0, count // 2, count - 1)})
    return panels.figure


def voltage_traces(recordings: list[Recording], titles: list[str], name: str, neurons: int = 3) -> Figure:
    """Membrane potential of a few neurons of one layer, a panel a sample: charged, and after the reset.

    A step's line rises to `h`, the potential after charging, and falls to `v` where the neuron fires; ticks at the
    top of the panel mark the spikes.

    Args:
        recordings: of the layer, a sample each: `[T, neurons]`.
        titles: of the panels.
        name: of the layer.
        neurons: how many; of the first sample the most active, then down to the quietest.
    """
    chosen = by_activity(recordings[0], neurons)
    low, high = _limits(recordings, chosen)
    T, top = len(recordings[0].s), high + (high - low) * TICK_BAND / (1 - TICK_BAND)
    panels = _Panels(f"{name}: membrane potential", titles, T, "potential", (low, top), below=LEGEND)
    for order, (colour, neuron) in enumerate(zip(COLOURS, chosen, strict=False)):
        _trace(panels, recordings, neuron, colour)
        _spike_ticks(panels, recordings, neuron, colour, top - (top - high) * (order + 0.5) / len(chosen))
    panels.level(recordings[0].v_threshold, color=THRESHOLD, linestyle="--", label="threshold")
    if recordings[0].v_reset is not None:
        panels.level(recordings[0].v_reset, color=RESET, linestyle=":", label="reset")
    ticks = MaxNLocator(4).tick_values(low, high)
    panels.label({tick: f"{tick:g}" for tick in ticks if low <= tick <= high})
    panels.figure.legend(loc="lower center", ncols=3, frameon=False, fontsize=9)
    return panels.figure


def _limits(recordings: list[Recording], chosen: list[int]) -> tuple[float, float]:
    """What the potentials of the chosen neurons, threshold and reset lie between, with a margin."""
    levels = [recordings[0].v_threshold, recordings[0].v_reset or 0.0]
    potentials = [part[:, chosen].ravel() for recording in recordings for part in (recording.h, recording.v)]
    values = np.concatenate([levels, *potentials])
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _trace(panels: _Panels, recordings: list[Recording], neuron: int, colour: str) -> None:
    steps, heights = [], []
    for panel, recording in enumerate(recordings):
        # Two points a step, charged and after the reset; then a gap up to the next panel.
        steps += [*np.repeat(np.arange(1, len(recording.h) + 1), 2), 0]
        voltage = np.stack([recording.h[:, neuron], recording.v[:, neuron]], axis=1).ravel()
        heights += [*panels.height(panel, voltage), np.nan]
    panels.axes.plot(steps, heights, color=colour, linewidth=1.4, marker=".", markersize=4, label=f"neuron {neuron}")


def _spike_ticks(panels: _Panels, recordings: list[Recording], neuron: int, colour: str, value: float) -> None:
    fired = [np.flatnonzero(recording.s[:, neuron]) + 1 for recording in recordings]
    heights = [np.full(len(steps), panels.height(panel, value)) for panel, steps in enumerate(fired)]
    panels.axes.plot(np.concatenate(fired), np.concatenate(heights), "|", color=colour, markersize=6, mew=1.8)


class _Panels:
    """A figure with a panel a title, from the top down, each of the same values over the same time steps.

    Args:
        heading: of the figure.
        titles: of the panels.
        T: time steps.
        ylabel: what the values are.
        limits: least and greatest value.
        below: inches left free at the bottom.
    """

    def __init__(
        self, heading: str, titles: list[str], T: int, ylabel: str, limits: tuple[float, float], below: float = 0.0
    ) -> None:
        self.count, self.limits = len(titles), limits
        inner = self.count * PANEL + (self.count - 1) * GAP
        height = TOP + inner + BOTTOM + below
        self.figure = Figure(figsize=(WIDTH, height), dpi=DPI)
        self.figure.suptitle(heading, fontsize=11, y=1 - 0.08 / height)
        place = (LEFT / WIDTH, (BOTTOM + below) / height, 1 - (LEFT + RIGHT) / WIDTH, inner / height)
        self.axes = self.figure.add_axes(place, frameon=False)
        self.axes.set(xlim=(0.5, T + 0.5), ylim=(0, inner / PANEL), xlabel="time step", ylabel=ylabel)
        self.axes.yaxis.set_label_coords((0.2 - LEFT) / (WIDTH - LEFT - RIGHT), 0.5)
        self.axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        self.axes.tick_params(labelsize=8)
        left, right = self.axes.get_xlim()
        frames = []
        for panel, title in enumerate(titles):
            low, high = self.height(panel, limits)
            frames.append([(left, low), (right, low), (right, high), (left, high)])
            self.axes.text((left + right) / 2, high + 0.04, title, ha="center", fontsize=10)
        self.axes.add_collection(
            PolyCollection(frames, facecolor="none", edgecolor="black", linewidth=0.8, clip_on=False), autolim=False
        )

    def height(self, panel: int, value: Any) -> NDArray[np.float64]:
        """Where on the axes values of a panel are drawn."""
        low, high = self.limits
        bottom = (self.count - 1 - panel) * (1 + GAP / PANEL)
        heights: NDArray[np.float64] = bottom + (np.asarray(value, np.float64) - low) / (high - low)
        return heights

    def level(self, value: float, **style: Any) -> None:
        """A line across every panel."""
        heights = [self.height(panel, value) for panel in range(self.count)]
        self.axes.hlines(heights, *self.axes.get_xlim(), linewidth=1, **style)

    def label(self, ticks: dict[Any, str]) -> None:
        """Labels values on the left of every panel."""
        places = [self.height(panel, value) for panel in range(self.count) for value in ticks]
        self.axes.set_yticks(places, [*ticks.values()] * self.count)


def evenly_spread(neurons: int, rows: int) -> NDArray[np.int64]:
    """At most `rows` of `neurons` indices, in order, the first and the last among them."""
    if neurons <= rows:
        return np.arange(neurons)
    return np.unique(np.linspace(0, neurons - 1, rows).round().astype(np.int64))


def by_activity(recording: Recording, count: int) -> list[int]:
    """Indices of `count` neurons, from the one that fires most (of equals the one charged highest) to a quiet one."""
    spikes, peak = recording.s.sum(0), recording.h.max(0)
    order = np.lexsort((-peak, -spikes))
    # The quietest neurons tell nothing: from the top of the order to its middle.
    positions = np.linspace(0, len(order) // 2, min(count, len(order))).astype(int)
    return [int(order[position]) for position in dict.fromkeys(positions)]
