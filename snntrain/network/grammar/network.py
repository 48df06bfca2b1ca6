"""A network that is written as text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.grammar.build import modules, norm
from snntrain.network.grammar.parse import parse
from snntrain.network.grammar.plan import plan
from snntrain.network.head import Factory, Layers, head
from snntrain.network.sequence import TimeSequential


class WrittenNetwork(TimeSequential):
    """The network that a text describes, such as `32C3-BN-N-P2-10K-N-V10`; docs/layers.md has the table of the layers.

    Maps `[T, N, C, H, W]`, or `[T, N, units]`, to `[T, N, classes]`. With a constant input the layers before the first
    neurons compute once.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence; or the number of units.
        classes: number of classes, `K` in the text.
        neuron: makes a fresh multi-step node, `N` in the text.
        layers: the text.
        output: makes the layer after the last linear layer, see `head`, in place of the last `N`; None for spiking
            neurons. It does not matter whether the text has that `N`.

    Raises:
        ValueError: the text does not follow the grammar, or a layer does not fit its input; the message points at the
            word by its column.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        layers: str = "32C3-BN-N-P2-64C3-BN-N-P2-512-N-10K-N-V10",
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        planned = plan(parse(layers), tuple(in_shape), classes)
        end = planned.ending
        built = modules(planned.steps, neuron)
        last = head(planned.inputs, classes, output or neuron, end.votes, bias=end.linear.bias)
        if end.norm is not None:
            last = _with_norm(last, norm(end.norm, end.linear.size, neuron, images=False))
        super().__init__(built | last)


def _with_norm(last: Layers, module: nn.Module) -> Layers:
    """Return the layers of a head with a normalisation after the linear layer."""
    (name, linear), *others = last.items()
    return OrderedDict([(name, linear), (f"{name}_norm", module), *others])
