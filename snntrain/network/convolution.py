"""Convolutions with normalisation and neurons, the parts of residual networks and transformers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from snntrain.network.head import Factory, Layers


def convolution(
    name: str,
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    bias: bool = False,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
) -> Layers:
    """Return the layers `name` and `name_norm`: a convolution that divides the sides by `stride`, and a normalisation.

    Args:
        name: name of the convolution.
        inputs, outputs: numbers of channels.
        kernel: side of the kernel, an odd number.
        stride: distance between two places of the kernel.
        bias: whether the convolution has a bias. A batch normalisation removes it again; some papers count it.
        norm: makes the normalisation of a number of channels.
    """
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias)
    return OrderedDict({name: layer, f"{name}_norm": norm(outputs)})


def spiking_convolution(
    name: str, inputs: int, outputs: int, neuron: Factory, kernel: int = 3, stride: int = 1, *, bias: bool = False
) -> Layers:
    """Return the layers `name`, `name_norm` and `name_neuron`; arguments as in `convolution`."""
    layers = convolution(name, inputs, outputs, kernel, stride, bias=bias)
    layers[f"{name}_neuron"] = neuron()
    return layers


def initialise_for_relu(net: nn.Module) -> None:
    """Draw the weights of all convolutions anew, normally distributed by their fan-out (He et al., ICCV 2015)."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
