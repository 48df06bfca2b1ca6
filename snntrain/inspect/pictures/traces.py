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
from snntrain.inspect.recording import Recording, longest

# The share of a panel's height, at its top, for the ticks that mark spikes.
TICK_BAND = 0.2
THRESHOLD: dict[str, Any] = {"color": INK, "linestyle": "--"}
RESET: dict[str, Any] = {"color": GREY, "linestyle": ":"}


def voltage_traces(recordings: Sequence[Recording], titles: Sequence[str], layer: str, neurons: int = 3) -> Figure:
    """Plot the potentials of a few neurons before and after the reset, with a panel per sample.

    At each step the line rises to `h`, the potential after charging, and falls to `v` if the neuron fires; ticks at the
    top of the panel mark the spikes. Neurons that never spike have one line, without threshold and reset.

    Args:
        recordings: the recordings of the layer, one per sample: `[T, neurons]`; the rest of a shorter one is grey.
        titles: the titles of the panels.
        layer: the layer's name.
        neurons: the number of neurons, from the most active over all samples to a quiet one.
    """
    traced = by_activity(recordings, neurons)
    v_threshold, v_reset = recordings[0].v_threshold, recordings[0].v_reset
    low, high = _limits(recordings, traced)
    spiking = recordings[0].spiking
    v_reset = v_reset if spiking else None
    top = high + (high - low) * TICK_BAND / (1 - TICK_BAND) if spiking else high
    scale = Scale("potential", low, top, round_ticks(low, high, 4))
    entries = len(traced) + spiking + (v_reset is not None)
    below = 0.05 + LEGEND_ROW * legend_rows(entries)
    T = longest(recordings)
    panels = Panels(f"{layer}: membrane potential", titles, time_scale(T), scale, below=below)
    legend = {}
    for order, (colour, neuron) in enumerate(zip(COLOURS, traced, strict=False)):
        name = f"neuron {neuron}"
        style: dict[str, Any] = {"color": colour, "linewidth": 1.4, "marker": ".", "markersize": 4}
        panels.add(Line2D(*_trace(panels, recordings, neuron), **style), name)
        height = top - (top - high) * (order + 0.5) / len(traced)
        ticks = Line2D(*_fired(panels, recordings, neuron, height), linestyle="", marker="|", color=colour)
        ticks.set(markersize=6, markeredgewidth=1.8)
        panels.add(ticks, f"spikes of {name}")
        legend[name] = Line2D([], [], **style)
    moves = all("threshold" in recording.more for recording in recordings)
    if moves:
        for colour, neuron in zip(COLOURS, traced, strict=False):
            line = Line2D(*_threshold(panels, recordings, neuron), linewidth=1, **{**THRESHOLD, "color": colour})
            panels.add(line, f"threshold of neuron {neuron}")
    elif spiking:
        panels.level(v_threshold, "threshold", **THRESHOLD)
    if spiking:
        legend["threshold"] = Line2D([], [], linewidth=1, **THRESHOLD)
    if v_reset is not None:
        panels.level(v_reset, "reset", **RESET)
        legend["reset"] = Line2D([], [], linewidth=1, **RESET)
    panels.padding([len(recording.h) for recording in recordings])
    panels.legend(legend)
    return panels.figure


def _limits(recordings: Sequence[Recording], traced: list[int]) -> tuple[float, float]:
    """Return the range of the potentials, the threshold and the reset, with a margin."""
    levels = [recordings[0].v_threshold, recordings[0].v_reset or 0.0] if recordings[0].spiking else []
    potentials = [
        part[:, traced].ravel()
        for recording in recordings
        for part in (recording.h, recording.v, recording.more.get("threshold", recording.h))
    ]
    values = np.concatenate([levels, *potentials])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _trace(panels: Panels, recordings: Sequence[Recording], neuron: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two points per step, before and after the reset, with a gap between panels."""
    xs, ys = [], []
    for panel, recording in enumerate(recordings):
        xs.append(np.append(np.repeat(panels.x(np.arange(1, len(recording.h) + 1)), 2), np.nan))
        voltage = np.stack([recording.h[:, neuron], recording.v[:, neuron]], axis=1).ravel()
        ys.append(np.append(panels.y(panel, voltage), np.nan))
    return np.concatenate(xs), np.concatenate(ys)


def _threshold(panels: Panels, recordings: Sequence[Recording], neuron: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one point per step of a threshold that changes, with a gap between panels."""
    xs, ys = [], []
    for panel, recording in enumerate(recordings):
        xs.append(np.append(panels.x(np.arange(1, len(recording.h) + 1)), np.nan))
        ys.append(np.append(panels.y(panel, recording.more["threshold"][:, neuron]), np.nan))
    return np.concatenate(xs), np.concatenate(ys)


def _fired(panels: Panels, recordings: Sequence[Recording], neuron: int, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a point per spike, at the height of `value`."""
    fired = [np.flatnonzero(recording.s[:, neuron]) + 1 for recording in recordings]
    heights = [np.full(len(steps), panels.y(panel, value)) for panel, steps in enumerate(fired)]
    return panels.x(np.concatenate(fired)), np.concatenate(heights)
