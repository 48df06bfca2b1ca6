"""The first input of a network, which gives constants per neuron their shape."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from snntrain.network.mode import evaluating
from snntrain.neuron.learnable import awaits_shape


def give_shapes(network: nn.Module, in_shape: Sequence[int], T: int) -> None:
    """Give the constants per neuron of a network the shape of its layers, by one empty sample; all else stays.

    The network must be on the CPU. A network whose constants all have a shape does not run.

    Args:
        network: maps `[T, N, *]` to an output.
        in_shape: the shape of a step of a sample.
        T: number of time steps.

    Raises:
        ValueError: a layer with constants per neuron was not called.
    """
    if not any(map(awaits_shape, network.modules())):
        return
    # A neuron may draw random numbers.
    with torch.random.fork_rng(devices=[]), evaluating(network):
        network(torch.zeros(T, 1, *in_shape))
    if idle := [name for name, layer in network.named_modules() if awaits_shape(layer)]:
        raise ValueError(f"the network does not call {', '.join(idle)}, so its constants per neuron have no shape")
