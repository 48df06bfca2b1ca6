"""The spike-element-wise residual networks for recordings of events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.kernels.pooling import MaxPool2x2
from snntrain.network.convolution import spiking_convolution
from snntrain.network.drop_path import rising
from snntrain.network.head import Factory, Layers, head
from snntrain.network.images import check_blocks, image_shape
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.resnet import Block
from snntrain.network.vision.sew_block import check_drop_path, sew_block


class SEWResNetEvents(TimeSequential):
    """SEW blocks, each followed by max pooling, and one linear layer (Fang et al., NeurIPS 2021, '7B-Net').

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. A 1x1 convolution with neurons precedes each block that has another
    number of channels than its input.

    Args:
        in_shape: channels, height and width of a frame, or of an image.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        channels: channels of each block; the paper has 32 seven times for DVS128 Gesture, and 64 four times and 128
            three times for CIFAR10-DVS.
        join: 'add', 'and' or 'iand', see `JOINS` of `snntrain.network.residual`.
        drop_path: probability of dropping the branch of the last block in training, rising linearly from 0.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: a size below 1, an unknown join, a probability outside [0, 1), drop_path with another join than
            'add', images too small for the blocks, or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        channels: Sequence[int] = (32,) * 7,
        join: str = "add",
        drop_path: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        inputs, *sides = image_shape(in_shape)
        if not channels or any(size < 1 for size in channels):
            raise ValueError(f"channels must be one number of at least 1 per block, not {list(channels)}")
        check_blocks(channels, sides)
        check_drop_path(drop_path, join)
        layers: Layers = OrderedDict()
        for index, (size, p) in enumerate(zip(channels, rising(drop_path, len(channels)), strict=True), 1):
            if size != inputs:
                layers |= spiking_convolution(f"conv{index}", inputs, size, neuron, kernel=1)
            layers[f"block{index}"] = sew_block(Block(size, size, 1, p), neuron, join)
            layers[f"block{index}_pool"] = MaxPool2x2()
            inputs, sides = size, [side // 2 for side in sides]
        layers["flatten"] = nn.Flatten()
        super().__init__(layers | head(inputs * sides[0] * sides[1], classes, output or neuron, bias=True))
