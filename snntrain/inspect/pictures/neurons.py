"""The choice of a layer's neurons for a picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from snntrain.inspect.recording import Recording


def evenly_spread(neurons: int, rows: int) -> NDArray[np.int64]:
    """Return at most `rows` of `neurons` indices, evenly spread, with the first and the last."""
    if neurons <= rows:
        return np.arange(neurons)
    return np.unique(np.linspace(0, neurons - 1, rows).round().astype(np.int64))


def by_activity(recordings: Sequence[Recording], count: int) -> list[int]:
    """Return the indices of `count` neurons, from the most active to a quiet one; of equals the highest charged first.

    Args:
        recordings: the recordings of a layer, one per sample: `[T, neurons]`; their spikes are added.
        count: the number of neurons.
    """
    spikes = np.sum([recording.s.sum(0) for recording in recordings], axis=0)
    peak = np.max([recording.h.max(0) for recording in recordings], axis=0)
    order = np.lexsort((-peak, -spikes))
    # The quietest neurons show nothing: take the upper half of the order.
    positions = np.linspace(0, len(order) // 2, min(count, len(order))).astype(int)
    return [int(order[position]) for position in dict.fromkeys(positions)]


def shown_of(layer: str, what: str, shown: int, neurons: int, kind: str = "neurons") -> str:
    """Return a heading, with the number of neurons if not all of them are shown."""
    return f"{layer}: {what}" if shown == neurons else f"{layer}: {what} of {shown} in {neurons:,} {kind}"


def rows_labelled(shown: NDArray[np.int64]) -> dict[float, str]:
    """Return labels for the lowest, the middle and the uppermost row."""
    return {float(row): str(shown[row]) for row in (0, len(shown) // 2, len(shown) - 1)}
