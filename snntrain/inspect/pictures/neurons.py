"""Which neurons of a layer a picture shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from snntrain.inspect.recording import Recording


def evenly_spread(neurons: int, rows: int) -> NDArray[np.int64]:
    """At most `rows` of `neurons` indices, in order, the first and the last among them."""
    if neurons <= rows:
        return np.arange(neurons)
    return np.unique(np.linspace(0, neurons - 1, rows).round().astype(np.int64))


def by_activity(recordings: Sequence[Recording], count: int) -> list[int]:
    """Indices of `count` neurons, from the one that fires most (of equals the one charged highest) to a quiet one.

    Args:
        recordings: of one layer, a sample each: `[T, neurons]`; what counts is their sum.
        count: how many.
    """
    spikes = np.sum([recording.s.sum(0) for recording in recordings], axis=0)
    peak = np.max([recording.h.max(0) for recording in recordings], axis=0)
    order = np.lexsort((-peak, -spikes))
    # The quietest neurons tell nothing: from the top of the order to its middle.
    positions = np.linspace(0, len(order) // 2, min(count, len(order))).astype(int)
    return [int(order[position]) for position in dict.fromkeys(positions)]


def shown_of(layer: str, what: str, shown: int, neurons: int, kind: str = "neurons") -> str:
    """A heading: what is shown of a layer, and of how many of its neurons, where that is not all of them."""
    return f"{layer}: {what}" if shown == neurons else f"{layer}: {what} of {shown} in {neurons:,} {kind}"


def rows_labelled(shown: NDArray[np.int64]) -> dict[float, str]:
    """Which neuron the lowest, the middle and the uppermost row are."""
    return {float(row): str(shown[row]) for row in (0, len(shown) // 2, len(shown) - 1)}
