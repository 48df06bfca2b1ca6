"""QKFormer, a hierarchical transformer of spikes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.convolution import convolution, spiking_convolution
from snntrain.network.drop_path import rising
from snntrain.network.head import Factory, Layers, head
from snntrain.network.images import halvings, image_shape
from snntrain.network.residual import Residual
from snntrain.network.sequence import OverTime, TimeSequential
from snntrain.network.vision.attention import QKAttention, SpikingSelfAttention
from snntrain.network.vision.transformer import hidden_channels, overlapping_pool, transformer_block

# The poolings of each stem.
STEMS = {"images": 0, "events": 3}


class QKFormer(TimeSequential):
    """QKFormer: stages of Q-K attention, and a last one of spiking self-attention (Zhou et al., NeurIPS 2024).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. Each stage after the first halves the sides. The paper's network for
    CIFAR is the default; for CIFAR10-DVS and DVS128 Gesture it has stem='events', dims=[128, 256], depths=[1, 1],
    heads=16 and mlp_ratio=1. The sums of spikes between the blocks are whole numbers.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        stem: 'images', two convolutions; or 'events', four, with three poolings by 2.
        dims: channels of each stage, a multiple of `heads`; the first a multiple of 2, or of 8 with stem='events'.
        depths: number of blocks of each stage.
        heads: heads of the attention.
        mlp_ratio: hidden channels of the perceptron of a block, as a multiple of those of its stage.
        attention: 'token' or 'channel', the Q-K attention of all stages but the last, see `QKAttention`.
        scale: factor of the products of the self-attention.
        drop_path: probability of dropping the branches of the last block in training, rising linearly from 0.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: an unknown stem or attention, a size below 1, channels that cannot be shared out, a probability
            outside [0, 1), images too small for the poolings, or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        stem: str = "images",
        dims: Sequence[int] = (96, 192, 384),
        depths: Sequence[int] = (1, 1, 2),
        heads: int = 8,
        mlp_ratio: float = 4.0,
        attention: str = "token",
        scale: float = 0.125,
        drop_path: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        channels, *sides = image_shape(in_shape)
        _check(stem, dims, depths, sides)
        rates = iter(rising(drop_path, sum(depths)))
        layers: Layers = OrderedDict()
        index = 0
        for stage, (dim, depth) in enumerate(zip(dims, depths, strict=True), 1):
            if stage == 1:
                layers |= EMBEDDINGS[stem](channels, dim, neuron)
            else:
                layers[f"embedding{stage}"] = _halving(dims[stage - 2], dim, neuron)
            for _ in range(depth):
                index += 1
                attending: OverTime = (
                    SpikingSelfAttention(dim, heads, neuron, scale)
                    if stage == len(dims)
                    else QKAttention(dim, heads, neuron, attention)
                )
                hidden = hidden_channels(dim, mlp_ratio)
                layers |= transformer_block(f"block{index}", attending, dim, hidden, neuron, next(rates))
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        super().__init__(layers | head(dims[-1], classes, output or neuron, bias=True))


def _for_images(channels: int, dim: int, neuron: Factory) -> Layers:
    """Return a convolution, and a second one with a shortcut that changes the channels as well."""
    layers = spiking_convolution("conv1", channels, dim // 2, neuron)
    body = spiking_convolution("conv", dim // 2, dim, neuron)
    shortcut = spiking_convolution("conv", dim // 2, dim, neuron, kernel=1)
    layers["embedding1"] = Residual(TimeSequential(body), TimeSequential(shortcut))
    return layers


def _for_events(channels: int, dim: int, neuron: Factory) -> Layers:
    """Return four convolutions; the last three halve the sides, and the last two have a shortcut."""
    layers = spiking_convolution("conv1", channels, dim // 8, neuron)
    layers |= _pooled("conv2", dim // 8, dim // 4, neuron)
    body = _pooled("conv1", dim // 4, dim // 2, neuron) | _pooled("conv2", dim // 2, dim, neuron)
    shortcut = spiking_convolution("conv", dim // 4, dim, neuron, kernel=1, stride=4)
    layers["embedding1"] = Residual(TimeSequential(body), TimeSequential(shortcut))
    return layers


EMBEDDINGS: dict[str, Callable[[int, int, Factory], Layers]] = {"images": _for_images, "events": _for_events}


def _halving(inputs: int, outputs: int, neuron: Factory) -> Residual:
    """Return the embedding of a later stage: two convolutions beside a shortcut, both halve the sides."""
    body = spiking_convolution("conv1", inputs, outputs, neuron) | _pooled("conv2", outputs, outputs, neuron)
    shortcut = spiking_convolution("conv", inputs, outputs, neuron, kernel=1, stride=2)
    return Residual(TimeSequential(body), TimeSequential(shortcut))


def _pooled(name: str, inputs: int, outputs: int, neuron: Factory) -> Layers:
    """Return a convolution and a pooling of its currents, before the neurons."""
    layers = convolution(name, inputs, outputs)
    layers[f"{name}_pool"] = overlapping_pool()
    layers[f"{name}_neuron"] = neuron()
    return layers


def _check(stem: str, dims: Sequence[int], depths: Sequence[int], sides: Sequence[int]) -> None:
    if stem not in STEMS:
        raise ValueError(f"stem={stem!r} is not a stem: give one of {', '.join(STEMS)}")
    if not dims or len(dims) != len(depths) or any(size < 1 for size in (*dims, *depths)):
        raise ValueError(
            f"dims={list(dims)} and depths={list(depths)}: give both one number of at least 1 for each stage"
        )
    part = 8 if stem == "events" else 2
    if dims[0] % part:
        raise ValueError(f"dims={list(dims)}: with stem={stem} the first must be a multiple of {part}")
    needed, most = STEMS[stem] + len(dims) - 1, halvings(sides)
    if needed > most:
        raise ValueError(
            f"stem={stem} and {len(dims)} stages halve images {needed} times, and images of {sides[0]}x{sides[1]} can "
            f"be halved {most} times: give fewer stages, or stem=images"
        )
