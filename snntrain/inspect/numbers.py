"""The activity of a layer in numbers, over the inspected images."""

from dataclasses import dataclass

from snntrain.inspect.recording import Recording


@dataclass(frozen=True)
class LayerNumbers:
    """The activity of a layer over all time steps of all images.

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


def layer_numbers(recording: Recording) -> LayerNumbers:
    """Return the activity in a recording `[T, N, *]`."""
    s, h = recording.s, recording.h
    return LayerNumbers(
        shape=s.shape[2:],
        neurons=s[0, 0].size,
        rate=float(s.mean()),
        silent=1 - float(s.any((0, 1)).mean()),
        saturated=float(s.all((0, 1)).mean()),
        lowest=float(h.min()),
        highest=float(h.max()),
    )
