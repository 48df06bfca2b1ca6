"""The spikes of a layer, neurons over time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path

from snntrain.inspect.pictures.neurons import evenly_spread, rows_labelled, shown_of
from snntrain.inspect.pictures.panels import COLOURS, DPI, Panels, Scale, time_scale
from snntrain.inspect.recording import Recording, longest


def raster(recordings: Sequence[Recording], titles: Sequence[str], layer: str, rows: int) -> Figure:
    """Plot the spikes of a layer, with a panel per sample, a row per neuron, a column per time step.

    A title has the firing rate, spikes per neuron and step, of all neurons of the layer, not only of those shown.

    Args:
        recordings: the recordings of the layer, one per sample: `[T, neurons]`; the rest of a shorter one is grey.
        titles: the titles of the panels.
        layer: the layer's name.
        rows: the largest number of neurons, spread evenly over the layer.
    """
    T, neurons = longest(recordings), recordings[0].s.shape[1]
    shown = evenly_spread(neurons, rows)
    count = len(shown)
    heading = shown_of(layer, "spikes", count, neurons)
    rated = [f"{title}, rate {recording.s.mean():.3g}" for title, recording in zip(titles, recordings, strict=True)]
    panels = Panels(heading, rated, time_scale(T), Scale("neuron", -0.5, count - 0.5, rows_labelled(shown)))
    spikes = [np.nonzero(recording.s[:, shown]) for recording in recordings]
    # The white space around a spike separates neighbours.
    panels.add(
        spike_marks(panels, spikes, width=0.9 * (panels.right - panels.left) / T, height=0.8 * panels.height / count),
        "spikes",
    )
    panels.padding([len(recording.s) for recording in recordings])
    return panels.figure


def spike_marks(
    panels: Panels, spikes: Sequence[tuple[np.ndarray, ...]], *, width: float, height: float, colour: str = COLOURS[0]
) -> Line2D:
    """Return a box at each spike, as one artist.

    Args:
        panels: the panels to draw into.
        spikes: for each panel the time steps, from 0, and the rows.
        width: the width of a box, in inches. A box is never smaller than a pixel and a half, to stay visible.
        height: the height of a box, in inches.
        colour: colour of the boxes.
    """
    sides = np.maximum(72 * np.array([width, height]), 1.5 * 72 / DPI)
    box = Path(np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * sides)
    x = np.concatenate([panels.x(step + 1) for step, _ in spikes])
    y = np.concatenate([panels.y(panel, row) for panel, (_, row) in enumerate(spikes)])
    # Browsers are slow with an SVG of thousands of boxes.
    return Line2D(x, y, linestyle="", marker=box, markersize=sides.max(), mew=0, color=colour, rasterized=True)
