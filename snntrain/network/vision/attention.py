"""Attention between spikes, without softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.network.convolution import spiking_convolution
from snntrain.network.head import Factory, Layers
from snntrain.network.sequence import OverTime, TimeSequential
from snntrain.neuron import BaseNode

QK_ATTENTION = ("token", "channel")


class MatrixProduct(OverTime):
    """The product of two matrices at each step; as a layer, so that its operations can be counted."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return `a @ b`: `[T, N, *, rows, inner]` and `[T, N, *, inner, columns]` to `[T, N, *, rows, columns]`."""
        return a @ b


class SpikingSelfAttention(OverTime):
    """Spiking self-attention: neurons fire by `scale * q kᵀ v` of spikes q, k and v (Zhou et al., ICLR 2023).

    A token is a place of the image. Without softmax the product is associative: the order with fewer operations is
    computed, and as all terms are whole numbers, float32 gives the same result in both.

    Args:
        channels: number of channels C.
        heads: number of heads; each has `channels / heads` channels.
        neuron: makes a fresh multi-step node. The neurons after the products have half its threshold.
        scale: factor of the products.
        bias: whether the 1x1 convolutions of q, k and v have a bias.

    Raises:
        ValueError: the number of channels is not a multiple of the number of heads.
    """

    def __init__(self, channels: int, heads: int, neuron: Factory, scale: float = 0.125, *, bias: bool = False) -> None:
        super().__init__()
        check_heads(channels, heads)
        self.heads = heads
        self.scale = scale
        self.query = projection(channels, neuron, bias=bias)
        self.key = projection(channels, neuron, bias=bias)
        self.value = projection(channels, neuron, bias=bias)
        self.product1 = MatrixProduct()
        self.product2 = MatrixProduct()
        self.neuron = with_half_threshold(neuron())

    def forward(self, x: Tensor) -> Tensor:
        """Return spikes of the shape of `x`, `[T, N, C, H, W]`."""
        q, k, v = (self._tokens(branch(x)) for branch in (self.query, self.key, self.value))
        attended = self._attended(q, k.transpose(-1, -2), v)
        # The channels come last in memory, as in the convolutions before and after.
        places = (attended * self.scale).transpose(2, 3).flatten(3).unflatten(2, x.shape[3:])
        spikes: Tensor = self.neuron(places.permute(0, 1, 4, 2, 3))
        return spikes

    def _attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return `q k v` `[T, N, heads, tokens, size]`; `k` is already transposed."""
        tokens, size = q.shape[-2:]
        first_kv = tokens > size
        product: Tensor = self.product2(q, self.product1(k, v)) if first_kv else self.product2(self.product1(q, k), v)
        return product

    def _tokens(self, spikes: Tensor) -> Tensor:
        """Return spikes `[T, N, C, H, W]` as `[T, N, heads, H W, C / heads]`."""
        return torch.unflatten(spikes.flatten(3), 2, (self.heads, -1)).transpose(-1, -2)

    def extra_repr(self) -> str:
        return f"heads={self.heads}, scale={self.scale}"


class QKAttention(OverTime):
    """Q-K attention: the spikes k where the sum of the spikes q makes a neuron fire (Zhou et al., NeurIPS 2024).

    Args:
        channels: number of channels C.
        heads: number of heads; each has `channels / heads` channels.
        neuron: makes a fresh multi-step node. The neurons that select have half of its threshold.
        over: 'token', a sum over the channels of each head selects places; or 'channel', a sum over all places
            selects channels.

    Raises:
        ValueError: the number of channels is not a multiple of the number of heads, or another word for `over`.
    """

    def __init__(self, channels: int, heads: int, neuron: Factory, over: str = "token") -> None:
        super().__init__()
        check_heads(channels, heads)
        if over not in QK_ATTENTION:
            raise ValueError(f"attention={over!r} is not a Q-K attention: give one of {', '.join(QK_ATTENTION)}")
        self.heads = heads
        self.over = over
        self.query = projection(channels, neuron)
        self.key = projection(channels, neuron)
        self.neuron = with_half_threshold(neuron())

    def forward(self, x: Tensor) -> Tensor:
        """Return spikes of the shape of `x`, `[T, N, C, H, W]`."""
        q, k = self.query(x), self.key(x)
        if self.over == "channel":
            selected: Tensor = k * self.neuron(q.sum((3, 4), keepdim=True))
            return selected
        q, k = (spikes.unflatten(2, (self.heads, -1)) for spikes in (q, k))
        selected = k * self.neuron(q.sum(3)).unsqueeze(3)
        return selected.flatten(2, 3)

    def extra_repr(self) -> str:
        return f"heads={self.heads}, over={self.over!r}"


def projection(channels: int, neuron: Factory, *, bias: bool = False) -> TimeSequential:
    """Return a 1x1 convolution with normalisation and neurons, a linear layer for each place."""
    return TimeSequential(spiking_convolution("conv", channels, channels, neuron, kernel=1, bias=bias))


def perceptron(channels: int, hidden: int, neuron: Factory) -> Layers:
    """Return the layers of a spiking perceptron for each place, from `channels` over `hidden` to `channels`."""
    first = spiking_convolution("conv1", channels, hidden, neuron, kernel=1, bias=True)
    return first | spiking_convolution("conv2", hidden, channels, neuron, kernel=1, bias=True)


def with_half_threshold(node: BaseNode) -> BaseNode:
    """Halve the threshold of a layer of neurons, and return the layer."""
    if isinstance(node.v_threshold, Tensor):
        with torch.no_grad():
            node.v_threshold.mul_(0.5)
    else:
        node.v_threshold = node.v_threshold / 2
    return node


def check_heads(channels: int, heads: int) -> None:
    """Check that the channels can be shared out among the heads.

    Raises:
        ValueError: they cannot.
    """
    if channels < 1 or heads < 1 or channels % heads:
        raise ValueError(f"heads={heads}: {channels} channels must be a multiple of the number of heads")
