"""The sizes of a layer: its output, its parameters, and which inputs it takes."""

from __future__ import annotations

import math
from dataclasses import replace

from snntrain.network.grammar.layers import (
    Convolution,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Norm,
    Pool,
)
from snntrain.network.grammar.tokens import Token

# Channels, height and width of images, or the number of units.
Shape = tuple[int, ...]
# Far beyond any network: 4 GB of weights, and of one layer's output for one image and step.
MOST_PARAMETERS = 1_000_000_000
MOST_VALUES = 100_000_000


def shown(shape: Shape) -> str:
    """Return a shape in words: 'images of 3x32x32' or '100 units'."""
    return f"images of {'x'.join(map(str, shape))}" if len(shape) == 3 else f"{shape[0]} units"


def fitted(layer: Layer, inputs: Shape, classes: int, token: Token) -> Layer:
    """Return a layer with the numbers that depend on its input or on the number of classes.

    Raises:
        ValueError: it does not take such inputs.
    """
    if isinstance(layer, Linear):
        return Linear(layer.neurons(classes), bias=layer.bias)
    if isinstance(layer, Convolution | Pool | GlobalPool):
        _need_images(layer, inputs, token)
    if isinstance(layer, Norm) and layer.alpha is not None and len(inputs) == 1:
        raise token.wrong("tdBN normalises images, and its input is units; write BN")
    if isinstance(layer, Convolution):
        return _with_groups(layer, inputs[0], token)
    return layer


def _need_images(layer: Layer, inputs: Shape, token: Token) -> None:
    if len(inputs) != 3:
        kind = "a convolution" if isinstance(layer, Convolution) else "pooling"
        raise token.wrong(
            f"{kind} needs images, and its input is {inputs[0]} units; write it before the linear layers, "
            "or leave it out if the samples are units"
        )


def _with_groups(layer: Convolution, channels: int, token: Token) -> Convolution:
    if layer.channels is None:
        return replace(layer, channels=channels, groups=channels)
    if channels % layer.groups or layer.channels % layer.groups:
        raise token.wrong(
            f"{layer.groups} groups must divide its {channels} input channels and its {layer.channels} channels; "
            "give another g"
        )
    return layer


def outputs(layer: Layer, inputs: Shape, token: Token) -> Shape:
    """Return the shape of the output of a fitted layer.

    Raises:
        ValueError: its window is larger than the images, or the output is too large.
    """
    shape = inputs
    if isinstance(layer, Linear):
        shape = (layer.size,)
    elif isinstance(layer, Flatten):
        shape = (math.prod(inputs),)
    elif isinstance(layer, GlobalPool):
        shape = (inputs[0], 1, 1)
    elif isinstance(layer, Convolution | Pool):
        channels, *sides = inputs
        if isinstance(layer, Convolution):
            assert layer.channels is not None
            channels = layer.channels
        shape = (channels, *(_side(layer, side, inputs, token) for side in sides))
    if (values := math.prod(shape)) > MOST_VALUES:
        raise token.wrong(f"its output has {values:,} values; make it smaller, at most {MOST_VALUES:,}")
    return shape


def _side(layer: Convolution | Pool, side: int, inputs: Shape, token: Token) -> int:
    padded = side + 2 * layer.padding
    if padded < layer.window:
        height, width = inputs[1:]
        raise token.wrong(
            f"its window of {layer.window}x{layer.window} is larger than the images of {height}x{width} here; "
            "leave it out, or shrink the images less before it"
        )
    return (padded - layer.window) // layer.stride + 1


def parameters(layer: Layer, inputs: Shape) -> int:
    """Return the number of weights and biases of a fitted layer; neurons may have some more."""
    if isinstance(layer, Convolution):
        assert layer.channels is not None
        weights = layer.channels * (inputs[0] // layer.groups) * layer.kernel**2
        return weights + layer.channels * layer.bias
    if isinstance(layer, Linear):
        return layer.size * (math.prod(inputs) + layer.bias)
    return 2 * inputs[0] if isinstance(layer, Norm) else 0
