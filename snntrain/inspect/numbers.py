"""The figures of a layer over the images that were looked at."""

from dataclasses import dataclass

from snntrain.inspect.recording import Recording


@dataclass(frozen=True)
class LayerNumbers:
    """What a layer came to over all time steps of all images.

    Args:
        shape: of the layer's neurons.
        neurons: how many.
        rate: spikes a neuron and time step.
        silent: share of the neurons that never fired.
        saturated: share of the neurons that fired at each step.
        lowest, highest: potential `h` before the reset.
    """

    shape: tuple[int, ...]
    neurons: int
    rate: float
    silent: float
    saturated: float
    lowest: float
    highest: float


def layer_numbers(recording: Recording) -> LayerNumbers:
    """The figures of a recording `[T, N, *]`."""
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
