"""The activity of a layer in numbers, over the inspected images."""

from collections.abc import Sequence
from dataclasses import dataclass

from snntrain.inspect.recording import Recording, valid_steps


@dataclass(frozen=True)
class LayerNumbers:
    """The activity of a layer over all valid time steps of all images.

    Args:
        shape: the shape of the layer's neurons.
        neurons: number of the layer's neurons.
        rate: spikes per neuron and time step; None if the neurons never spike.
        silent: share of the neurons that never fired; None if they never spike.
        saturated: share of the neurons that fired at every step; None if they never spike.
        lowest: the lowest potential `h` before the reset.
        highest: the highest potential `h` before the reset.
    """

    shape: tuple[int, ...]
    neurons: int
    rate: float | None
    silent: float | None
    saturated: float | None
    lowest: float
    highest: float


def layer_numbers(recording: Recording, lengths: Sequence[int] | None = None) -> LayerNumbers:
    """Return the activity in a recording `[T, N, *]`.

    Args:
        recording: the recording.
        lengths: the valid time steps of each image; None if all are valid.
    """
    valid = valid_steps(recording, lengths)
    s, h = recording.s[valid], recording.h[valid]
    return LayerNumbers(
        shape=s.shape[1:],
        neurons=s[0].size,
        rate=float(s.mean()) if recording.spiking else None,
        silent=1 - float(s.any(0).mean()) if recording.spiking else None,
        saturated=float(s.all(0).mean()) if recording.spiking else None,
        lowest=float(h.min()),
        highest=float(h.max()),
    )
