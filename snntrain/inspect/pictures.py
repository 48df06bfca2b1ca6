"""Pictures of a recording: spike rasters and voltage traces, as matplotlib figures that no window shows."""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from snntrain.inspect.probe import Recording

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
THRESHOLD, RESET = "#000000", "#999999"
# TensorBoard shows a picture some 350 pixels wide: narrow figures, panels one below the other, stay legible there.
WIDTH, DPI = 4.4, 110
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
    neurons = recordings[0].s.shape[1]
    shown = evenly_spread(neurons, rows)
    figure = _figure(len(recordings))
    for axes, recording, title in zip(_panels(figure, len(recordings)), recordings, titles, strict=True):
        step, row = np.nonzero(recording.s[:, shown])
        T = len(recording.s)
        axes.barh(row, width=0.9, left=step + 0.55, height=0.8, color=COLOURS[0], linewidth=0)
        axes.set(xlim=(0.5, T + 0.5), ylim=(-0.5, len(shown) - 0.5), title=title, ylabel="neuron")
        axes.set_yticks(_ticks(len(shown)), [str(shown[tick]) for tick in _ticks(len(shown))])
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    figure.axes[-1].set_xlabel("time step")
    part = "" if len(shown) == neurons else f" of {len(shown)} in {neurons:,} neurons"
    figure.suptitle(f"{name}: spikes{part}")
    return figure


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
    figure = _figure(len(recordings))
    panels = _panels(figure, len(recordings))
    for axes, recording, title in zip(panels, recordings, titles, strict=True):
        _traces(axes, recording, chosen)
        axes.set(title=title, ylabel="potential")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    panels[-1].set_xlabel("time step")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high + (high - low) * TICK_BAND / (1 - TICK_BAND))
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
    figure.suptitle(f"{name}: membrane potential")
    return figure


def _traces(axes: Axes, recording: Recording, chosen: list[int]) -> None:
    T = len(recording.h)
    for colour, neuron in zip(COLOURS, chosen, strict=False):
        # Two points a step: charged, then after the reset.
        times = np.repeat(np.arange(1, T + 1), 2)
        voltage = np.stack([recording.h[:, neuron], recording.v[:, neuron]], axis=1).ravel()
        axes.plot(times, voltage, color=colour, linewidth=1.4, marker=".", markersize=4, label=f"neuron {neuron}")
    axes.axhline(recording.v_threshold, color=THRESHOLD, linewidth=1, linestyle="--", label="threshold")
    if recording.v_reset is not None:
        axes.axhline(recording.v_reset, color=RESET, linewidth=1, linestyle=":", label="reset")
    for order, (colour, neuron) in enumerate(zip(COLOURS, chosen, strict=False)):
        fired = np.flatnonzero(recording.s[:, neuron]) + 1
        # Heights are shares of the panel here, so that the ticks stay in their band above the traces.
        height = np.full(len(fired), 1 - TICK_BAND * (order + 0.5) / len(chosen))
        axes.plot(fired, height, "|", color=colour, markersize=6, mew=1.8, transform=axes.get_xaxis_transform())
    axes.set_xlim(0.5, T + 0.5)


def of_sample(recording: Recording, sample: int) -> Recording:
    """One sample's part of a recording `[T, N, *]`, its neurons in one row: `[T, neurons]`."""
    T = len(recording.s)
    return replace(
        recording,
        h=recording.h[:, sample].reshape(T, -1),
        v=recording.v[:, sample].reshape(T, -1),
        s=recording.s[:, sample].reshape(T, -1),
    )


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


def _figure(panels: int) -> Figure:
    return Figure(figsize=(WIDTH, 0.9 + 1.7 * panels), dpi=DPI, layout="constrained")


def _panels(figure: Figure, count: int) -> list[Axes]:
    panels = figure.subplots(count, 1, sharex=True, sharey=True, squeeze=False)
    return list(panels[:, 0])


def _ticks(rows: int) -> list[int]:
    return sorted({0, rows // 4, rows // 2, 3 * rows // 4, rows - 1})
