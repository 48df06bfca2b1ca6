"""The last layers of a network that is a chain of layers."""

from __future__ import annotations

from torch import nn

from snntrain.network.layers import Vote
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import BaseNode
from snntrain.neuron.surrogate import Surrogate


def votes_of(network: nn.Module) -> int | None:
    """Return the spiking neurons per class, averaged in the output of `network`; None if its output may not be spikes.

    The output consists of spikes if the network is a chain of layers, a `TimeSequential`, that ends in spiking neurons,
    with or without a final `Vote`. Another network may do anything with the spikes of its layers.
    """
    last, vote = _end(network)
    if last is None or not _fires(last):
        return None
    return 1 if vote is None else vote.votes


def output_neurons(network: nn.Module) -> BaseNode | None:
    """Return the spiking neurons at the end of a chain of layers; None if the network is not a chain that has them."""
    last, _ = _end(network)
    return last if isinstance(last, BaseNode) and last.spiking else None


def final_vote(network: nn.Module) -> Vote | None:
    """Return the `Vote` at the end of a chain of layers; None if the network is not a chain that has it."""
    return _end(network)[1]


def _end(network: nn.Module) -> tuple[nn.Module | None, Vote | None]:
    """Return the last layer before a final `Vote`, and the vote; None for each that there is not."""
    layers = _chain(network)
    vote = layers[-1] if len(layers) > 1 and type(layers[-1]) is Vote else None
    if vote is not None:
        layers.pop()
    return (layers[-1] if layers else None), vote


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
