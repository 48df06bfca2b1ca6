"""The membrane potentials of a layer as colours, neurons over time."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.pictures.neurons import evenly_spread, rows_labelled, shown_of
from snntrain.inspect.pictures.panels import BAR, INK, Panels, Scale, time_scale
from snntrain.inspect.pictures.raster import spike_marks
from snntrain.inspect.recording import Recording

# From below the reset over the reset, white, to above the threshold; a red and a blue that all eyes tell apart.
COLOURS = matplotlib.colormaps["RdBu_r"].with_extremes(bad="#bbbbbb")
# The colours end at so many distances from reset to threshold: strong inhibition must not pale all the rest.
SPAN = 1.5


def heat_map(recordings: Sequence[Recording], titles: Sequence[str], layer: str, rows: int) -> Figure:
    """Membrane potential `v` after the reset of one layer, a panel a sample: neurons upward, time steps to the right.

    White is the reset potential (0 with the soft reset). A dash marks a spike.

    Args:
        recordings: of the layer, a sample each: `[T, neurons]`.
        titles: of the panels.
        layer: its name.
        rows: neurons shown at most, evenly spread over the layer: those of the raster.
    """
    T, neurons = recordings[0].v.shape
    shown = evenly_spread(neurons, rows)
    count = len(shown)
    heading = shown_of(layer, "potential v", count, neurons)
    y = Scale("neuron", -0.5, count - 0.5, rows_labelled(shown))
    panels = Panels(heading, titles, time_scale(T), y, below=BAR)
    bar = colour_scale(recordings[0].v_threshold, recordings[0].v_reset)
    for panel, recording in enumerate(recordings):
        panels.image(panels.box(panel), coloured(recording.v[:, shown].T[::-1], bar), f"v {panel}", smooth=False)
    spikes = [np.nonzero(recording.s[:, shown]) for recording in recordings]
    step, row = (panels.right - panels.left) / T, panels.height / count
    panels.add(spike_marks(panels, spikes, width=min(0.25 * step, 0.1), height=0.5 * row, colour=INK), "spikes")
    panels.colour_bar(COLOURS, bar)
    return panels.figure


def colour_scale(v_threshold: float, v_reset: float | None) -> Scale:
    """The potentials from the first colour to the last, reset and threshold labelled."""
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


def coloured(v: NDArray[np.float32], scale: Scale) -> NDArray[np.uint8]:
    """The colour of each potential `[rows, columns]`, as RGBA bytes; grey where it is no number."""
    colours: NDArray[np.uint8] = COLOURS(np.ma.masked_invalid(scale.share(v)), bytes=True)
    return colours
