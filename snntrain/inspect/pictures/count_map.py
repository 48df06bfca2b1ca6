"""The spike counts of a convolutional layer, as one image per channel."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.pictures.neurons import evenly_spread, shown_of
from snntrain.inspect.pictures.panels import BAR, LEFT, RIGHT, WIDTH, Panels, Scale, coloured, round_ticks

# Perceptually uniform, without red against green; black is silent.
COLOURS = matplotlib.colormaps["magma"]


def count_map(spikes: NDArray[np.bool_], titles: Sequence[str], layer: str, channels: int) -> Figure:
    """Plot spikes summed over time, with a panel per sample and a tile per channel, row by row from the top left.

    Args:
        spikes: `[T, N, C, H, W]`.
        titles: the N titles of the panels.
        layer: the layer's name.
        channels: the largest number of channels, spread evenly over the layer.
    """
    T, _, C, H, W = spikes.shape
    shown = evenly_spread(C, channels)
    columns = tile_columns(len(shown))
    rows = -(-len(shown) // columns)
    counts = spikes[:, :, shown].sum(0)
    heading = shown_of(layer, f"spikes in {T} steps", len(shown), C, "channels")
    labels = {rows - row - 0.5: str(shown[row * columns]) for row in range(rows) if rows <= 8 or row % (rows // 4) == 0}
    last = {column + 0.5: f"+{column}" for column in range(0, columns, max(1, columns // 4))}
    height = (WIDTH - LEFT - RIGHT) * (rows * (H + 1)) / (columns * (W + 1))
    panels = Panels(
        heading,
        titles,
        Scale("channel", 0, columns, last),
        Scale("channel", 0, rows, labels),
        height=height,
        below=BAR,
    )
    most = max(1, int(counts.max()))
    for panel, maps in enumerate(counts):
        panels.image(panels.box(panel), coloured(COLOURS, tiled(maps, columns) / most), f"counts {panel}", smooth=True)
    panels.colour_bar(COLOURS, Scale("spikes per neuron", 0, most, round_ticks(0, most, 6, integer=True)))
    return panels.figure


def tile_columns(tiles: int) -> int:
    """Return the tiles per row: a power of two, so that a panel is at most about twice as wide as high."""
    columns = 1
    while columns * columns < 2 * tiles:
        columns *= 2
    return min(columns, tiles)


def tiled(maps: NDArray[np.int64], columns: int) -> NDArray[np.float64]:
    """Arrange maps `[C, H, W]` as one image, row by row, with NaN between them and in empty places."""
    C, H, W = maps.shape
    rows = -(-C // columns)
    tiles = np.full((rows * columns, H + 1, W + 1), np.nan)
    tiles[:C, :H, :W] = maps
    return tiles.reshape(rows, columns, H + 1, W + 1).swapaxes(1, 2).reshape(rows * (H + 1), columns * (W + 1))
