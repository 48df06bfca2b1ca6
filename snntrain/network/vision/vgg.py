"""Spiking VGG networks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from snntrain.network.convolution import initialise_for_relu, spiking_convolution
from snntrain.network.csnn import POOLS
from snntrain.network.head import Factory, Layers, head
from snntrain.network.images import halvings, image_shape
from snntrain.network.layers import TimeDropout
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.resnet import check_width

# The channels of the 3x3 convolutions of each stage, as multiples of the width; a pooling follows each stage.
VARIANTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "vggsnn": ((1, 2), (4, 4), (8, 8), (8, 8)),
    "vgg11": ((1,), (2,), (4, 4), (8, 8), (8, 8)),
    "vgg16": ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)),
}


class VGG(TimeSequential):
    """VGG networks with neurons: VGGSNN (Deng et al., ICLR 2022), and VGG-11 and VGG-16 (Simonyan and Zisserman, 2015).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. Batch normalisation and neurons follow each convolution.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        variant: 'vggsnn', 'vgg11' or 'vgg16'.
        width: channels of the first convolution; the others have up to 8 times as many.
        pool: 'avg' or 'max' (spikes stay spikes).
        pools: number of stages that end in a pooling, the first ones; None for all.
        hidden: neurons of each hidden linear layer; VGG-11 and VGG-16 on ImageNet have 4,096 twice.
        dropout: probability of dropping an input of a linear layer, one mask for all time steps.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: an unknown variant or pooling, a size below 1, a probability outside [0, 1), images too small for
            the poolings, more poolings than stages, or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        variant: str = "vggsnn",
        width: int = 64,
        pool: str = "avg",
        pools: int | None = None,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        inputs, *sides = image_shape(in_shape)
        if variant not in VARIANTS:
            raise ValueError(f"variant={variant!r} is not a variant: give one of {', '.join(VARIANTS)}")
        if pool not in POOLS:
            raise ValueError(f"pool={pool!r} is not a pooling: give one of {', '.join(POOLS)}")
        if any(size < 1 for size in hidden):
            raise ValueError(f"every hidden layer must be at least 1, not hidden={list(hidden)}")
        check_width(width)
        stages = VARIANTS[variant]
        pools = _checked(pools, variant, sides)
        layers: Layers = OrderedDict()
        index = 0
        for stage, factors in enumerate(stages, 1):
            for factor in factors:
                index += 1
                layers |= spiking_convolution(f"conv{index}", inputs, width * factor, neuron, bias=True)
                inputs = width * factor
            if stage <= pools:
                layers[f"pool{stage}"] = POOLS[pool]()
                sides = [side // 2 for side in sides]
        layers["flatten"] = nn.Flatten()
        features = inputs * sides[0] * sides[1]
        for number, size in enumerate(hidden, 1):
            if dropout:
                layers[f"fc{number}_dropout"] = TimeDropout(dropout)
            layers[f"fc{number}"] = nn.Linear(features, size)
            layers[f"fc{number}_neuron"] = neuron()
            features = size
        if dropout:
            layers["out_dropout"] = TimeDropout(dropout)
        super().__init__(layers | head(features, classes, output or neuron, bias=True))
        initialise_for_relu(self)


def _checked(pools: int | None, variant: str, sides: Sequence[int]) -> int:
    """Return the number of poolings.

    Raises:
        ValueError: more than the variant has, or than the images allow.
    """
    stages, most = len(VARIANTS[variant]), halvings(sides)
    wanted = stages if pools is None else pools
    if not 0 <= wanted <= stages:
        raise ValueError(f"pools={pools}: variant={variant} has {stages} stages that may end in a pooling")
    if wanted > most:
        raise ValueError(
            f"variant={variant} halves images {wanted} times, and images of {sides[0]}x{sides[1]} can be halved "
            f"{most} times: give pools={most} or less"
        )
    return wanted
