"""The end of a network: the last linear layer, the layer that its readout asks for, and the votes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from snntrain.network.layers import Vote
from snntrain.neuron import BaseNode

Factory = Callable[[], BaseNode]
Layers = OrderedDict[str, nn.Module]


def head(
    inputs: int,
    classes: int,
    output: Callable[[], nn.Module | None],
    votes: int = 1,
    *,
    bias: bool = False,
) -> Layers:
    """Return the layers `out`, `out_neuron` and `vote`, which map `[T, N, inputs]` to `[T, N, classes]`.

    Args:
        inputs: number of features.
        classes: number of classes.
        output: makes the layer after the linear layer, such as spiking neurons or a leaky integrator; None from it
            leaves the currents of the linear layer as they are.
        votes: output neurons per class, averaged.
        bias: whether the linear layer has a bias.

    Raises:
        ValueError: a size below 1.
    """
    if inputs < 1 or classes < 1 or votes < 1:
        raise ValueError(
            f"inputs, classes and votes must be at least 1, not inputs={inputs}, classes={classes}, votes={votes}"
        )
    layers: Layers = OrderedDict(out=nn.Linear(inputs, classes * votes, bias=bias))
    if (last := output()) is not None:
        layers["out_neuron"] = last
    if votes > 1:
        layers["vote"] = Vote(votes)
    return layers
