"""The names of the layers of a chain: conv1, conv1_norm, conv1_neuron, conv1_pool, fc1, block1, out."""

from __future__ import annotations

from collections import Counter

from snntrain.network.grammar.layers import Convolution, Dropout, Flatten, GlobalPool, Layer, Linear, Norm, Pool

# The name of the last linear layer.
LAST = "out"


class Names:
    """Gives each layer of a chain its name.

    Layers with weights and residual connections are numbered by kind. A layer without weights is named after the last
    of these before it, but a dropout directly before a layer with weights after that layer. Layers before the first one
    are named after the input: in_neuron.
    """

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._owner = "in"

    def of(self, layer: Layer, following: Layer | None = None) -> str:
        """Return the name of the next layer; `following` is the layer after it, as far as it matters."""
        if isinstance(layer, Convolution | Linear):
            return self.begin(_kind(layer))
        if isinstance(layer, Flatten):
            return "flatten"
        owner = self._owner
        if isinstance(layer, Dropout) and isinstance(following, Convolution | Linear):
            owner = f"{_kind(following)}{self._numbers[_kind(following)] + 1}"
        return self._once(f"{owner}_{_role(layer)}")

    def begin(self, kind: str) -> str:
        """Return the name of a layer with weights, or of a residual connection, after which the next are named."""
        self._numbers[kind] += 1
        self._owner = f"{kind}{self._numbers[kind]}"
        return self._owner

    def before_last(self) -> str:
        """Return the name of a dropout directly before the last linear layer."""
        return self._once(f"{LAST}_dropout")

    def _once(self, name: str) -> str:
        self._used[name] += 1
        return name if self._used[name] == 1 else f"{name}{self._used[name]}"


def _kind(layer: Convolution | Linear) -> str:
    return "conv" if isinstance(layer, Convolution) else "fc"


def _role(layer: Layer) -> str:
    if isinstance(layer, Norm):
        return "norm"
    if isinstance(layer, Pool | GlobalPool):
        return "pool"
    return "dropout" if isinstance(layer, Dropout) else "neuron"
