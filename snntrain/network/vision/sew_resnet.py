"""Spike-element-wise residual networks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.convolution import initialise_for_relu, spiking_convolution
from snntrain.network.head import Factory, Layers, head
from snntrain.network.images import image_shape
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.resnet import check_stem, check_width, counts_of, plan
from snntrain.network.vision.sew_block import check_drop_path, sew_block

COUNTS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
# From this depth on a block has three convolutions, and its outputs four times as many channels as those between them.
BOTTLENECK, EXPANSION = 50, 4


class SEWResNet(TimeSequential):
    """SEW ResNet: the spikes of a block are joined to its input spikes (Fang et al., NeurIPS 2021).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. With join='add' the sums of spikes are whole numbers, not 0 or 1.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        depth: 18 or 34, with two convolutions in a block, or 50, with three.
        stem: 'imagenet', a 7x7 convolution and a pooling, which divide the sides by 4; or 'cifar', a 3x3 convolution.
        join: 'add', 'and' or 'iand', see `JOINS` of `snntrain.network.residual`.
        width: channels of the first stage; the others have 2, 4 and 8 times as many.
        drop_path: probability of dropping the branch of the last block in training, rising linearly from 0.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: an unknown depth, stem or join, a size below 1, a probability outside [0, 1), drop_path with
            another join than 'add', or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        depth: int = 18,
        stem: str = "cifar",
        join: str = "add",
        width: int = 64,
        drop_path: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        channels, _, _ = image_shape(in_shape)
        counts = counts_of(depth, COUNTS)
        check_stem(stem)
        check_width(width)
        check_drop_path(drop_path, join)
        layers: Layers = OrderedDict()
        if stem == "imagenet":
            layers |= spiking_convolution("conv1", channels, width, neuron, kernel=7, stride=2)
            layers["conv1_pool"] = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            layers |= spiking_convolution("conv1", channels, width, neuron)
        expansion = EXPANSION if depth >= BOTTLENECK else 1
        outputs = [width * factor * expansion for factor in (1, 2, 4, 8)]
        for index, block in enumerate(plan(width, counts, outputs, (1, 2, 2, 2), drop_path), 1):
            layers[f"block{index}"] = sew_block(block, neuron, join, expansion)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        super().__init__(layers | head(outputs[-1], classes, output or neuron, bias=True))
        initialise_for_relu(self)
