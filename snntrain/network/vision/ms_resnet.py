"""Residual networks with membrane shortcuts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from snntrain.network.convolution import convolution
from snntrain.network.drop_path import dropping
from snntrain.network.head import Factory, Layers, head
from snntrain.network.images import image_shape
from snntrain.network.norms import TdBatchNorm2d, threshold_of
from snntrain.network.residual import Residual
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.resnet import Block, check_stem, check_width, counts_of, plan

COUNTS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 104: (3, 8, 32, 8)}
DEEP = 104

Norm = Callable[[int], nn.Module]


class MSResNet(TimeSequential):
    """MS-ResNet: neurons come first in a block, and its output is a potential (Hu et al., TNNLS 2024).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. The normalisations are threshold-dependent; the last one of each
    branch starts at 0, so that the network starts as its shortcuts.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        depth: 18, 34 or 104.
        stem: 'imagenet', a 7x7 convolution (three 3x3 convolutions for depth 104), which halves the sides, as the
            first stage does again; or 'cifar', a 3x3 convolution, and a first stage that keeps the size.
        width: channels of the first stage; the others have 2, 4 and 8 times as many.
        drop_path: probability of dropping the branch of the last block in training, rising linearly from 0.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: an unknown depth or stem, a size below 1, a probability outside [0, 1), or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        depth: int = 18,
        stem: str = "cifar",
        width: int = 64,
        drop_path: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        channels, _, _ = image_shape(in_shape)
        counts = counts_of(depth, COUNTS)
        check_stem(stem)
        check_width(width)
        norm = partial(TdBatchNorm2d, v_threshold=threshold_of(neuron()))
        layers: Layers = OrderedDict()
        if stem == "cifar":
            layers |= convolution("conv1", channels, width, norm=norm)
        elif depth == DEEP:
            layers["conv1"] = nn.Conv2d(channels, width, 3, stride=2, padding=1)
            layers["conv2"] = nn.Conv2d(width, width, 3, padding=1)
            layers |= convolution("conv3", width, width, bias=True, norm=norm)
        else:
            layers |= convolution("conv1", channels, width, kernel=7, stride=2, norm=norm)
        outputs = [width * factor for factor in (1, 2, 4, 8)]
        strides = (1 if stem == "cifar" else 2, 2, 2, 2)
        for index, block in enumerate(plan(width, counts, outputs, strides, drop_path), 1):
            layers[f"block{index}"] = _block(block, neuron, norm, pools=depth == DEEP)
        layers["neuron"] = neuron()
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        super().__init__(layers | head(outputs[-1], classes, output or neuron, bias=True))


def _block(block: Block, neuron: Factory, norm: Norm, *, pools: bool) -> Residual:
    """Return a block; `pools` makes its shortcut average 2x2 pixels, instead of leaving three of four out."""
    body: Layers = OrderedDict(neuron1=neuron())
    body |= convolution("conv1", block.inputs, block.outputs, stride=block.stride, norm=norm)
    body["neuron2"] = neuron()
    body |= convolution("conv2", block.outputs, block.outputs, norm=partial(TdBatchNorm2d, alpha=0.0))
    shortcut: Layers = OrderedDict()
    stride = block.stride
    if pools and stride > 1:
        # Of odd sides, the last row counts, too, as in the convolution beside it.
        shortcut["pool"], stride = nn.AvgPool2d(stride, ceil_mode=True), 1
    if block.changes_shape:
        shortcut |= convolution("conv", block.inputs, block.outputs, kernel=1, stride=stride, norm=norm)
    return Residual(
        TimeSequential(body | dropping(block.drop_path)), TimeSequential(shortcut) if shortcut else None, "add"
    )
