"""The membrane potentials of a layer as colours, neurons over time."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from snntrain.inspect.pictures.neurons import evenly_spread, rows_labelled, shown_of
from snntrain.inspect.pictures.panels import BAR, INK, PADDING, Panels, Scale, coloured, time_scale
from snntrain.inspect.pictures.raster import spike_marks
from snntrain.inspect.recording import Recording, longest

# Blue below the reset, white at the reset, red above; distinguishable with any colour vision.
COLOURS = matplotlib.colormaps["RdBu_r"].with_extremes(bad=PADDING)
# The range of colours, in distances from reset to threshold: strong inhibition must not make the rest pale.
SPAN = 1.5


def heat_map(recordings: Sequence[Recording], titles: Sequence[str], layer: str, rows: int) -> Figure:
    """Plot the potential `v` after the reset, with a panel per sample, a row per neuron, a column per time step.

    White is the reset potential (0 with the soft reset, and for neurons that never spike). A dash marks a spike.

    Args:
        recordings: the recordings of the layer, one per sample: `[T, neurons]`; the rest of a shorter one is grey.
        titles: the titles of the panels.
        layer: the layer's name.
        rows: the largest number of neurons, spread evenly over the layer, as in the raster.
    """
    T, neurons = longest(recordings), recordings[0].v.shape[1]
    shown = evenly_spread(neurons, rows)
    count = len(shown)
    heading = shown_of(layer, "potential v", count, neurons)
    y = Scale("neuron", -0.5, count - 0.5, rows_labelled(shown))
    panels = Panels(heading, titles, time_scale(T), y, below=BAR)
    first = recordings[0]
    bar = colour_scale(first.v_threshold, first.v_reset) if first.spiking else symmetric_scale(recordings)
    for panel, recording in enumerate(recordings):
        left, bottom, right, top = panels.box(panel)
        end = left + (right - left) * len(recording.v) / T
        colours = coloured(COLOURS, bar.share(recording.v[:, shown].T[::-1]))
        panels.image((left, bottom, end, top), colours, f"v {panel}", smooth=False)
    if first.spiking:
        spikes = [np.nonzero(recording.s[:, shown]) for recording in recordings]
        step, row = (panels.right - panels.left) / T, panels.height / count
        panels.add(spike_marks(panels, spikes, width=min(0.25 * step, 0.1), height=0.5 * row, colour=INK), "spikes")
    panels.padding([len(recording.v) for recording in recordings])
    panels.colour_bar(COLOURS, bar)
    return panels.figure


def colour_scale(v_threshold: float, v_reset: float | None) -> Scale:
    """Return the scale of the colours, with labels at reset and threshold."""
    rest = v_reset or 0.0
    reach = SPAN * (abs(v_threshold - rest) or 1.0)
    low, high = rest - reach, rest + reach
    ticks = {
        low: f"≤ {low:g}",
        rest: f"{'rest' if v_reset is None else 'reset'} {rest:g}",
        v_threshold: f"threshold {v_threshold:g}",
        high: f"≥ {high:g}",
    }
    return Scale("v after the step · a dash is a spike", low, high, ticks)


def symmetric_scale(recordings: Sequence[Recording]) -> Scale:
    """Return a scale around 0 that reaches to the greatest finite potential of neurons that never spike."""
    potentials = np.concatenate([np.abs(recording.v).ravel() for recording in recordings])
    reach = float(potentials[np.isfinite(potentials)].max(initial=0)) or 1.0
    return Scale("v after the step", -reach, reach, {value: f"{value:.3g}" for value in (-reach, 0.0, reach)})
