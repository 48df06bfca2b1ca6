"""Fully connected spiking network."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.head import Factory, Layers, head
from snntrain.network.layers import TimeDropout
from snntrain.network.sequence import TimeSequential


class MLP(TimeSequential):
    """Hidden layers and a spiking output layer: `[T, N, C, H, W]` or `[T, N, units]` to `[T, N, classes]`.

    Args:
        in_shape: channels, height and width of an image, or the number of units.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        hidden: neurons of each hidden layer.
        votes: output neurons per class, averaged.
        dropout: probability of dropping an input of a layer after the first, one mask for all time steps.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        hidden: Sequence[int] = (256,),
        votes: int = 10,
        dropout: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        inputs = math.prod(in_shape)
        first = OrderedDict(flatten=nn.Flatten())
        super().__init__(first | fully_connected(inputs, classes, neuron, hidden, votes, dropout, output))


def fully_connected(
    inputs: int,
    classes: int,
    neuron: Factory,
    hidden: Sequence[int],
    votes: int,
    dropout: float,
    output: Callable[[], nn.Module | None] | None = None,
    *,
    drop_inputs: bool = False,
) -> Layers:
    """Return linear layers without bias, each followed by neurons: fc1, fc1_neuron, … out, out_neuron, vote.

    Arguments and errors as in `MLP`; `inputs` is the number of features of the input `[T, N, inputs]`. `drop_inputs`
    applies dropout to the input as well; it must then come from neurons, not pixels.
    """
    if classes < 1 or votes < 1 or any(size < 1 for size in hidden):
        raise ValueError(
            "classes, votes and every hidden layer must be at least 1, "
            f"not classes={classes}, votes={votes}, hidden={list(hidden)}"
        )
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), not {dropout}")
    layers: Layers = OrderedDict()
    for index, size in enumerate(hidden, 1):
        if dropout and (index > 1 or drop_inputs):
            layers[f"fc{index}_dropout"] = TimeDropout(dropout)
        layers[f"fc{index}"] = nn.Linear(inputs, size, bias=False)
        layers[f"fc{index}_neuron"] = neuron()
        inputs = size
    if dropout and (hidden or drop_inputs):
        layers["out_dropout"] = TimeDropout(dropout)
    return layers | head(inputs, classes, output or neuron, votes)
