"""The spikes of a layer, neurons over time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path

from snntrain.inspect.pictures.neurons import evenly_spread, rows_labelled, shown_of
from snntrain.inspect.pictures.panels import COLOURS, DPI, Panels, Scale, time_scale
from snntrain.inspect.recording import Recording


def raster(recordings: Sequence[Recording], titles: Sequence[str], layer: str, rows: int) -> Figure:
    """Spikes of one layer, a panel a sample: neurons upward, time steps to the right.

    A title tells the firing rate, spikes a neuron and step, of all the layer's neurons: those shown may be quiet ones.

    Args:
        recordings: of the layer, a sample each: `[T, neurons]`.
        titles: of the panels.
        layer: its name.
        rows: neurons shown at most, evenly spread over the layer.
    """
    T, neurons = recordings[0].s.shape
    shown = evenly_spread(neurons, rows)
    count = len(shown)
    heading = shown_of(layer, "spikes", count, neurons)
    told = [f"{title}, rate {recording.s.mean():.3g}" for title, recording in zip(titles, recordings, strict=True)]
    panels = Panels(heading, told, time_scale(T), Scale("neuron", -0.5, count - 0.5, rows_labelled(shown)))
    spikes = [np.nonzero(recording.s[:, shown]) for recording in recordings]
    # What a spike leaves white of its step and its row keeps neighbours apart.
    panels.add(
        spike_marks(panels, spikes, width=0.9 * (panels.right - panels.left) / T, height=0.8 * panels.height / count),
        "spikes",
    )
    return panels.figure


def spike_marks(
    panels: Panels, spikes: Sequence[tuple[np.ndarray, ...]], *, width: float, height: float, colour: str = COLOURS[0]
) -> Line2D:
    """A box at each spike, as one artist.

    Args:
        panels: where they are drawn.
        spikes: of each panel the time steps, from 0, and the rows.
        width, height: of a box, in inches; never less than a pixel and a half, which would not be seen.
    """
    sides = np.maximum(72 * np.array([width, height]), 1.5 * 72 / DPI)
    box = Path(np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * sides)
    x = np.concatenate([panels.x(step + 1) for step, _ in spikes])
    y = np.concatenate([panels.y(panel, row) for panel, (_, row) in enumerate(spikes)])
    # As vectors, thousands of boxes make an SVG that no browser likes.
    return Line2D(x, y, linestyle="", marker=box, markersize=sides.max(), mew=0, color=colour, rasterized=True)
