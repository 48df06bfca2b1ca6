"""Spikformer, a transformer of spikes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.convolution import spiking_convolution
from snntrain.network.drop_path import rising
from snntrain.network.head import Factory, Layers, head
from snntrain.network.images import image_shape
from snntrain.network.residual import Residual
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.attention import SpikingSelfAttention
from snntrain.network.vision.transformer import hidden_channels, overlapping_pool, transformer_block

# The convolutions of the patch splitting have the dimension divided by these.
SHARES = (8, 4, 2, 1)
# A pooling for each factor of 2, in the last convolutions.
PATCHES = (1, 2, 4, 8, 16)


class Spikformer(TimeSequential):
    """Spikformer: patch splitting by convolutions, then blocks of spiking self-attention (Zhou et al., ICLR 2023).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. The paper's network for CIFAR is the default; for CIFAR10-DVS it has
    dim=256, depth=2, heads=16, patch=16 and scale=0.25. The sums of spikes between the blocks are whole numbers.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        dim: channels of a token, a multiple of 8 and of `heads`.
        depth: number of blocks.
        heads: heads of the attention.
        mlp_ratio: hidden channels of the perceptron of a block, as a multiple of `dim`.
        patch: side of the square of pixels that becomes one token: 1, 2, 4, 8 or 16.
        scale: factor of the products of the attention.
        drop_path: probability of dropping the branches of the last block in training, rising linearly from 0.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: a size below 1, a dimension that cannot be shared out, an unknown patch, a probability outside
            [0, 1), images smaller than a patch, or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        dim: int = 384,
        depth: int = 4,
        heads: int = 12,
        mlp_ratio: float = 4.0,
        patch: int = 4,
        scale: float = 0.125,
        drop_path: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        channels, *sides = image_shape(in_shape)
        if dim < 1 or dim % SHARES[0]:
            raise ValueError(f"dim={dim} must be a multiple of {SHARES[0]}")
        if depth < 1:
            raise ValueError(f"depth must be at least 1, not {depth}")
        check_patch(patch, sides)
        layers = _patch_splitting(channels, dim, patch, neuron)
        hidden = hidden_channels(dim, mlp_ratio)
        for index, p in enumerate(rising(drop_path, depth), 1):
            # The biases before a normalisation are those of the authors, who count them.
            attention = SpikingSelfAttention(dim, heads, neuron, scale, bias=True)
            layers |= transformer_block(f"block{index}", attention, dim, hidden, neuron, p)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        super().__init__(layers | head(dim, classes, output or neuron, bias=True))


def _patch_splitting(channels: int, dim: int, patch: int, neuron: Factory) -> Layers:
    """Return four convolutions, and a fifth that gives each token its place among its neighbours."""
    layers: Layers = OrderedDict()
    poolings = PATCHES.index(patch)
    for index, share in enumerate(SHARES, 1):
        layers |= spiking_convolution(f"conv{index}", channels, dim // share, neuron)
        channels = dim // share
        if index > len(SHARES) - poolings:
            layers[f"conv{index}_pool"] = overlapping_pool()
    layers["position"] = Residual(TimeSequential(spiking_convolution("conv", dim, dim, neuron)))
    return layers


def check_patch(patch: int, sides: Sequence[int]) -> None:
    """Check that images can be split into patches.

    Raises:
        ValueError: an unknown patch, or images that are smaller.
    """
    if patch not in PATCHES:
        raise ValueError(f"patch={patch} is not a side of a patch: give one of {', '.join(map(str, PATCHES))}")
    if patch > min(sides):
        most = max(size for size in PATCHES if size <= min(sides))
        raise ValueError(
            f"patch={patch}: images of {sides[0]}x{sides[1]} are smaller than a patch; give patch={most} or less"
        )
