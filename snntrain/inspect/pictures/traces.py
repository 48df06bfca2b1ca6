"""The membrane potentials of a few neurons over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from snntrain.inspect.pictures.neurons import by_activity
from snntrain.inspect.pictures.panels import (
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
from snntrain.inspect.recording import Recording

# Share of a panel's height, at its top, where the spikes of the traced neurons are ticked.
TICK_BAND = 0.2
THRESHOLD: dict[str, Any] = {"color": INK, "linestyle": "--"}
RESET: dict[str, Any] = {"color": GREY, "linestyle": ":"}


def voltage_traces(recordings: Sequence[Recording], titles: Sequence[str], layer: str, neurons: int = 3) -> Figure:
    """Membrane potential of a few neurons of one layer, a panel a sample: charged, and after the reset.

    A step's line rises to `h`, the potential after charging, and falls to `v` where the neuron fires; ticks at the
    top of the panel mark the spikes.

    Args:
        recordings: of the layer, a sample each: `[T, neurons]`.
        titles: of the panels.
        layer: its name.
        neurons: how many; over all samples the most active, then down to the quietest.
    """
    chosen = by_activity(recordings, neurons)
    v_threshold, v_reset = recordings[0].v_threshold, recordings[0].v_reset
    low, high = _limits(recordings, chosen)
    top = high + (high - low) * TICK_BAND / (1 - TICK_BAND)
    scale = Scale("potential", low, top, round_ticks(low, high, 4))
    entries = len(chosen) + 1 + (v_reset is not None)
    below = 0.05 + LEGEND_ROW * legend_rows(entries)
    T = len(recordings[0].s)
    panels = Panels(f"{layer}: membrane potential", titles, time_scale(T), scale, below=below)
    legend = {}
    for order, (colour, neuron) in enumerate(zip(COLOURS, chosen, strict=False)):
        name = f"neuron {neuron}"
        style: dict[str, Any] = {"color": colour, "linewidth": 1.4, "marker": ".", "markersize": 4}
        panels.add(Line2D(*_trace(panels, recordings, neuron), **style), name)
        height = top - (top - high) * (order + 0.5) / len(chosen)
        ticks = Line2D(*_fired(panels, recordings, neuron, height), linestyle="", marker="|", color=colour)
        ticks.set(markersize=6, markeredgewidth=1.8)
        panels.add(ticks, f"spikes of {name}")
        legend[name] = Line2D([], [], **style)
    moves = all("threshold" in recording.more for recording in recordings)
    if moves:
        for colour, neuron in zip(COLOURS, chosen, strict=False):
            line = Line2D(*_threshold(panels, recordings, neuron), linewidth=1, **{**THRESHOLD, "color": colour})
            panels.add(line, f"threshold of neuron {neuron}")
    else:
        panels.level(v_threshold, "threshold", **THRESHOLD)
    legend["threshold"] = Line2D([], [], linewidth=1, **THRESHOLD)
    if v_reset is not None:
        panels.level(v_reset, "reset", **RESET)
        legend["reset"] = Line2D([], [], linewidth=1, **RESET)
    panels.legend(legend)
    return panels.figure


def _limits(recordings: Sequence[Recording], chosen: list[int]) -> tuple[float, float]:
    """What the potentials of the chosen neurons, threshold and reset lie between, with a margin."""
    levels = [recordings[0].v_threshold, recordings[0].v_reset or 0.0]
    potentials = [
        part[:, chosen].ravel()
        for recording in recordings
        for part in (recording.h, recording.v, recording.more.get("threshold", recording.h))
    ]
    values = np.concatenate([levels, *potentials])
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _trace(panels: Panels, recordings: Sequence[Recording], neuron: int) -> tuple[np.ndarray, np.ndarray]:
    """Two points a step, charged and after the reset, and a gap up to the next panel."""
    xs, ys = [], []
    for panel, recording in enumerate(recordings):
        xs.append(np.append(np.repeat(panels.x(np.arange(1, len(recording.h) + 1)), 2), np.nan))
        voltage = np.stack([recording.h[:, neuron], recording.v[:, neuron]], axis=1).ravel()
        ys.append(np.append(panels.y(panel, voltage), np.nan))
    return np.concatenate(xs), np.concatenate(ys)


def _threshold(panels: Panels, recordings: Sequence[Recording], neuron: int) -> tuple[np.ndarray, np.ndarray]:
    """A point per step of a threshold that moves, and a gap up to the next panel."""
    xs, ys = [], []
    for panel, recording in enumerate(recordings):
        xs.append(np.append(panels.x(np.arange(1, len(recording.h) + 1)), np.nan))
        ys.append(np.append(panels.y(panel, recording.more["threshold"][:, neuron]), np.nan))
    return np.concatenate(xs), np.concatenate(ys)


def _fired(panels: Panels, recordings: Sequence[Recording], neuron: int, value: float) -> tuple[np.ndarray, np.ndarray]:
    """A point a spike, at the height of `value`."""
    fired = [np.flatnonzero(recording.s[:, neuron]) + 1 for recording in recordings]
    heights = [np.full(len(steps), panels.y(panel, value)) for panel, steps in enumerate(fired)]
    return panels.x(np.concatenate(fired)), np.concatenate(heights)
