"""The spiking ResNet-19 of the papers on threshold-dependent batch normalisation and TET."""

from __future__ import annotations

import math
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
from snntrain.network.vision.resnet import Block, check_width, plan


class SpikingResNet19(TimeSequential):
    """ResNet-19: potentials are added before the neurons (Zheng et al., AAAI 2021; stem of Deng et al., ICLR 2022).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`: a 3x3 convolution, stages of 3, 3 and 2 blocks, global average
    pooling, and two linear layers. The normalisations are threshold-dependent.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        width: channels of the stem; the stages have 2, 4 and 8 times as many.
        hidden: neurons of the hidden linear layer.
        alpha: standard deviation of normalised currents at the start, as a share of the threshold; 1/√2 of it where
            two branches are added.
        drop_path: probability of dropping the branch of the last block in training, rising linearly from 0.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: a size below 1, an alpha that is not positive, a probability outside [0, 1), or data without
            images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        width: int = 64,
        hidden: int = 256,
        alpha: float = 1.0,
        drop_path: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        channels, _, _ = image_shape(in_shape)
        check_width(width)
        if hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {hidden}")
        if not (alpha > 0 and math.isfinite(alpha)):
            raise ValueError(f"alpha must be a positive number, not {alpha}")
        norm = partial(TdBatchNorm2d, v_threshold=threshold_of(neuron()))
        layers: Layers = OrderedDict()
        layers |= convolution("conv1", channels, width, norm=partial(norm, alpha=alpha))
        layers["conv1_neuron"] = neuron()
        outputs = [width * factor for factor in (2, 4, 8)]
        for index, block in enumerate(plan(width, (3, 3, 2), outputs, (1, 2, 2), drop_path), 1):
            layers[f"block{index}"] = _block(
                block, neuron, partial(norm, alpha=alpha), partial(norm, alpha=alpha / math.sqrt(2))
            )
            layers[f"block{index}_neuron"] = neuron()
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["fc1"] = nn.Linear(outputs[-1], hidden)
        layers["fc1_neuron"] = neuron()
        super().__init__(layers | head(hidden, classes, output or neuron, bias=True))


def _block(
    block: Block, neuron: Factory, norm: Callable[[int], nn.Module], before_sum: Callable[[int], nn.Module]
) -> Residual:
    """Return a block whose output is a potential; `before_sum` makes the normalisations of branches that are added."""
    body: Layers = OrderedDict()
    body |= convolution("conv1", block.inputs, block.outputs, stride=block.stride, norm=norm)
    body["conv1_neuron"] = neuron()
    body |= convolution("conv2", block.outputs, block.outputs, norm=before_sum)
    shortcut = None
    if block.changes_shape:
        projection = convolution("conv", block.inputs, block.outputs, kernel=1, stride=block.stride, norm=before_sum)
        shortcut = TimeSequential(projection)
    return Residual(TimeSequential(body | dropping(block.drop_path)), shortcut, "add")
