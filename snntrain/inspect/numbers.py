"""The activity of a layer in numbers, over the inspected images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snntrain.inspect.recording import Recording


@dataclass(frozen=True)
class LayerNumbers:
    """The activity of a layer over all valid time steps of all images or sequences.

    Args:
        shape: the shape of the layer's neurons.
        neurons: number of the layer's neurons.
        rate: spikes per neuron and time step.
        silent: share of the neurons that never fired.
        saturated: share of the neurons that fired at every step.
        lowest: the lowest potential `h` before the reset.
        highest: the highest potential `h` before the reset.
    """

    shape: tuple[int, ...]
    neurons: int
    rate: float
    silent: float
    saturated: float
    lowest: float
    highest: float


def layer_numbers(recording: Recording, lengths: Sequence[int] | None = None) -> LayerNumbers:
    """Return the activity in a recording `[T, N, *]`.

    Args:
        recording: the recording.
        lengths: valid time steps of each sample; None if all are valid.
    """
    T, N, *shape = recording.s.shape
    s, h = recording.s.reshape(T * N, *shape), recording.h.reshape(T * N, *shape)
    if lengths is not None:
        valid = (np.arange(T)[:, None] < np.asarray(lengths)).ravel()
        s, h = s[valid], h[valid]
    return LayerNumbers(
        shape=tuple(shape),
        neurons=s[0].size,
        rate=float(s.mean()),
        silent=1 - float(s.any(0).mean()),
        saturated=float(s.all(0).mean()),
        lowest=float(h.min()),
        highest=float(h.max()),
    )
