"""Fully connected networks for sequences of units: with feedback, with delays, or with both."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.delays import DelayedLinear
from snntrain.network.head import Factory, Layers, head
from snntrain.network.layers import TimeDropout
from snntrain.network.recurrent import Recurrent
from snntrain.network.sequence import TimeSequential


class RSNN(TimeSequential):
    """Hidden layers, each linear, normalised, spiking and dropped out, then a linear layer with the readout.

    Maps `[T, N, units]` to `[T, N, classes]`; the pixels of an image `[T, N, C, H, W]` are the units of a step.

    Args:
        in_shape: the number of units, or channels, height and width of an image.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        hidden: neurons of each hidden layer.
        recurrent: whether the neurons of a hidden layer get the layer's spikes of the step before, see `Recurrent`.
        recurrent_diagonal: whether a neuron gets its own spikes, too.
        delays: greatest delay of a synapse in time steps, see `DelayedLinear`; None for synapses without delays.
        delay_lr_factor: learning rate of the delays, as a multiple of the optimizer's.
        norm: whether the current of each hidden layer is normalised over batch and time.
        bias: whether linear layers have a bias.
        dropout: probability of dropping a neuron of a hidden layer, one mask for all time steps.
        votes: output neurons per class, averaged.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        hidden: Sequence[int] = (256, 256),
        recurrent: bool = True,
        recurrent_diagonal: bool = True,
        delays: int | None = None,
        delay_lr_factor: float = 100.0,
        norm: bool = True,
        bias: bool = False,
        dropout: float = 0.0,
        votes: int = 1,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        if any(size < 1 for size in hidden):
            raise ValueError(f"every hidden layer must have at least 1 neuron, not hidden={list(hidden)}")
        layers: Layers = OrderedDict(flatten=nn.Flatten())
        inputs = math.prod(in_shape)

        def synapses(outputs: int) -> nn.Linear:
            if delays is None:
                return nn.Linear(inputs, outputs, bias=bias)
            return DelayedLinear(inputs, outputs, delays, delay_lr_factor, bias=bias)

        for index, size in enumerate(hidden, 1):
            layers[f"fc{index}"] = synapses(size)
            if norm:
                layers[f"fc{index}_norm"] = nn.BatchNorm1d(size)
            if recurrent:
                layers[f"fc{index}_recurrent"] = Recurrent(neuron(), size, diagonal=recurrent_diagonal)
            else:
                layers[f"fc{index}_neuron"] = neuron()
            if dropout:
                layers[f"fc{index}_dropout"] = TimeDropout(dropout)
            inputs = size
        layers |= head(inputs, classes, output or neuron, votes, bias=bias)
        if delays is not None:
            layers["out"] = synapses(classes * votes)
        super().__init__(layers)
