"""The readout of a network: the rule from its output to a class, shared by training, eval and inspect.

Spikes are counted as integers: sums of the votes' averages, as floats, could break a tie by their rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snntrain.data.padding import Padding
from snntrain.network.layers import Vote
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import BaseNode
from snntrain.neuron.surrogate import Surrogate


@dataclass(frozen=True)
class Decision:
    """The class of each image.

    Args:
        scores: `[N, classes]`: spikes per class over all steps and votes, int64; or, if the output does not consist of
            spikes, its sum over the steps, float64.
        classes: the class with the greatest score, the first of equal ones, int64 `[N]`.
        tied: whether several classes share that score, bool `[N]`.
    """

    scores: Tensor
    classes: Tensor
    tied: Tensor


@dataclass(frozen=True)
class Readout:
    """The rule for reading the output `[T, N, classes]` of a network.

    Args:
        votes: spiking neurons per class, averaged in the output; None if the output may have other values than spikes.
    """

    votes: int | None

    def decide(self, output: Tensor, lengths: Tensor | None = None) -> Decision:
        """Return the class of each image; the result is the same on every device, and nothing waits for a GPU.

        Args:
            output: output of the network, `[T, N, classes]`.
            lengths: valid time steps of each sample, `[N]`; None if all are valid.
        """
        output = without_padding(output.detach(), lengths)
        if self.votes is None:
            # NaN is never the greatest.
            scores = output.sum(0, dtype=torch.float64).nan_to_num(-torch.inf, torch.inf, -torch.inf)
        else:
            scores = (output * self.votes).round().sum(0, dtype=torch.int64)
        return _decide(scores)


def mean_over_time(values: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return the mean over the valid time steps, float32 `[N, ...]`.

    Args:
        values: `[T, N, ...]`, like the output of a network, for which the mean is the firing rate.
        lengths: valid time steps of each sample, `[N]`; None if all are valid.
    """
    if lengths is None:
        return values.float().mean(0)
    return without_padding(values.float(), lengths).sum(0) / lengths.view(-1, *[1] * (values.ndim - 2))


def without_padding(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Set the time steps of `[T, N, ...]` that are only padding to 0, whatever values they hold."""
    if lengths is None:
        return values
    padding = ~Padding(lengths, len(values)).valid()
    return values.masked_fill(padding.view(*padding.shape, *[1] * (values.ndim - 2)), 0)


def valid_values(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the valid time steps of `[T, N, *]` one after another, `[steps, *]`; `values` itself without lengths.

    A GPU waits for it. A layer with other time steps or rows than the batch has no padding.
    """
    if lengths is None or values.shape[1] != len(lengths) or len(values) < int(lengths.max()):
        return values
    return values[Padding(lengths, len(values)).valid()]


def _decide(scores: Tensor) -> Decision:
    greatest = scores == scores.amax(1, keepdim=True)
    # With argmax the choice among equals depends on the device.
    numbers = torch.arange(scores.shape[1], device=scores.device)
    first = torch.where(greatest, numbers, len(numbers)).amin(1)
    return Decision(scores, first, greatest.sum(1) > 1)


def readout_of(network: nn.Module) -> Readout:
    """Return the readout of `network`.

    The output consists of spikes if the network is a chain of layers, a `TimeSequential`, that ends in spiking neurons,
    with or without a final `Vote`. Another network may do anything with the spikes of its layers: its output is summed
    as it is.
    """
    layers = _chain(network)
    votes = 1
    if len(layers) > 1 and type(layers[-1]) is Vote:
        votes = layers[-1].votes
        layers.pop()
    return Readout(votes if layers and _fires(layers[-1]) else None)


def _chain(network: nn.Module) -> list[nn.Module]:
    """Return the layers of a chain in order, including the layers of chains inside it."""
    if isinstance(network, TimeSequential) and type(network).forward is TimeSequential.forward:
        return [layer for part in network for layer in _chain(part)]
    return [network]


def _fires(layer: nn.Module) -> bool:
    """Return whether a layer's output is 0 or 1: not with a non-spiking surrogate, or a subclass that changes it."""
    if not isinstance(layer, BaseNode) or not layer.spiking or type(layer).forward is not BaseNode.forward:
        return False
    fire = layer.surrogate_function
    return isinstance(fire, Surrogate) and fire.spiking and type(fire).__call__ is Surrogate.__call__
