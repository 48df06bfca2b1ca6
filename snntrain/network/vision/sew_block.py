"""The block of SEW ResNets: the spikes of its branches are joined (Fang et al., NeurIPS 2021)."""

from __future__ import annotations

from collections import OrderedDict

from snntrain.network.convolution import spiking_convolution
from snntrain.network.drop_path import dropping
from snntrain.network.head import Factory, Layers
from snntrain.network.residual import Residual
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.resnet import Block


def sew_block(block: Block, neuron: Factory, join: str, expansion: int = 1) -> Residual:
    """Return a residual block whose branches all end in neurons.

    Args:
        block: its shape.
        neuron: makes a fresh multi-step node.
        join: the join of the branches.
        expansion: 1 for two 3x3 convolutions; else 1x1, 3x3 and 1x1 convolutions, and the last has `expansion` times
            the channels of the others.
    """
    inner = block.outputs // expansion
    body: Layers = OrderedDict()
    if expansion == 1:
        body |= spiking_convolution("conv1", block.inputs, inner, neuron, stride=block.stride)
        body |= spiking_convolution("conv2", inner, block.outputs, neuron)
    else:
        body |= spiking_convolution("conv1", block.inputs, inner, neuron, kernel=1)
        body |= spiking_convolution("conv2", inner, inner, neuron, stride=block.stride)
        body |= spiking_convolution("conv3", inner, block.outputs, neuron, kernel=1)
    shortcut = None
    if block.changes_shape:
        projection = spiking_convolution("conv", block.inputs, block.outputs, neuron, kernel=1, stride=block.stride)
        shortcut = TimeSequential(projection)
    return Residual(TimeSequential(body | dropping(block.drop_path)), shortcut, join)


def check_drop_path(drop_path: float, join: str) -> None:
    """Check that a dropped branch leaves the shortcut as it is.

    Raises:
        ValueError: the join is not a sum.
    """
    if drop_path and join != "add":
        raise ValueError(f"drop_path={drop_path} goes with join=add, not {join}: set one of them so, or drop_path=0")
