"""Convolutional spiking network."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from snntrain.kernels.pooling import MaxPool2x2
from snntrain.network.head import Factory, Layers
from snntrain.network.images import check_blocks, image_shape
from snntrain.network.mlp import fully_connected
from snntrain.network.sequence import TimeSequential

POOLS: dict[str, Callable[[], nn.Module]] = {"max": MaxPool2x2, "avg": partial(nn.AvgPool2d, 2)}


class CSNN(TimeSequential):
    """Blocks of convolution, normalisation, neurons and pooling, then fully connected layers (Fang et al., ICCV 2021).

    Maps `[T, N, C, H, W]` to `[T, N, classes]`. With a constant input the first block up to its neurons is the encoder.

    Args:
        in_shape: channels, height and width of an image, or of a frame of a sequence.
        classes: number of classes.
        neuron: makes a fresh multi-step node.
        channels: number of channels of each 3x3 convolution; batch normalisation, neurons and pooling by 2 follow each.
        hidden: neurons of each hidden fully connected layer.
        votes: output neurons per class, averaged.
        dropout: probability of dropping an input of a fully connected layer, one mask for all time steps.
        pool: 'max' (spikes stay spikes) or 'avg'.
        output: makes the layer after the last linear layer, see `head`; None for spiking neurons.

    Raises:
        ValueError: a size below 1, a probability outside [0, 1), an unknown pooling, images too small for the blocks,
            or data without images.
    """

    def __init__(
        self,
        in_shape: Sequence[int],
        classes: int,
        neuron: Factory,
        channels: Sequence[int] = (32, 64),
        hidden: Sequence[int] = (512,),
        votes: int = 10,
        dropout: float = 0.0,
        pool: str = "max",
        output: Callable[[], nn.Module | None] | None = None,
    ) -> None:
        width, *sides = image_shape(in_shape)
        if not channels or any(size < 1 for size in channels):
            raise ValueError(f"channels must be one number of at least 1 per block, not {list(channels)}")
        if pool not in POOLS:
            raise ValueError(f"pool={pool!r} is not a pooling: give one of {', '.join(POOLS)}")
        check_blocks(channels, sides)
        layers: Layers = OrderedDict()
        for index, size in enumerate(channels, 1):
            layers[f"conv{index}"] = nn.Conv2d(width, size, kernel_size=3, padding=1, bias=False)
            layers[f"conv{index}_norm"] = nn.BatchNorm2d(size)
            layers[f"conv{index}_neuron"] = neuron()
            layers[f"conv{index}_pool"] = POOLS[pool]()
            width, sides = size, [side // 2 for side in sides]
        layers["flatten"] = nn.Flatten()
        inputs = width * sides[0] * sides[1]
        layers |= fully_connected(inputs, classes, neuron, hidden, votes, dropout, output, drop_inputs=True)
        super().__init__(layers)
