"""The modules of a plan."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from snntrain.kernels.pooling import MaxPool2x2
from snntrain.network.grammar.layers import Convolution, Dropout, Flatten, GlobalPool, Linear, Norm, Pool
from snntrain.network.grammar.plan import Fork, Step, Steps
from snntrain.network.head import Factory, Layers
from snntrain.network.layers import TimeDropout
from snntrain.network.norms import TdBatchNorm2d
from snntrain.network.residual import Residual
from snntrain.network.sequence import TimeSequential


def modules(steps: Steps, neuron: Factory) -> Layers:
    """Return the modules of a chain by their names, in order; `neuron` makes a fresh multi-step node."""
    return OrderedDict((step.name, _module(step, neuron)) for step in steps)


def _module(step: Step | Fork, neuron: Factory) -> nn.Module:
    if isinstance(step, Fork):
        body = TimeSequential(modules(step.body, neuron))
        shortcut = None if step.shortcut is None else TimeSequential(modules(step.shortcut, neuron))
        return Residual(body, shortcut, step.join)
    layer, features = step.layer, step.inputs[0]
    if isinstance(layer, Convolution):
        return _convolution(layer, features)
    if isinstance(layer, Linear):
        return nn.Linear(features, layer.size, bias=layer.bias)
    if isinstance(layer, Pool):
        return _pool(layer)
    if isinstance(layer, GlobalPool):
        return nn.AdaptiveAvgPool2d(1)
    if isinstance(layer, Norm):
        return norm(layer, features, neuron, images=len(step.inputs) == 3)
    if isinstance(layer, Dropout):
        return TimeDropout(layer.p)
    return nn.Flatten() if isinstance(layer, Flatten) else neuron()


def _convolution(layer: Convolution, features: int) -> nn.Module:
    assert layer.channels is not None
    return nn.Conv2d(
        features,
        layer.channels,
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )


def _pool(layer: Pool) -> nn.Module:
    if layer.mean:
        return nn.AvgPool2d(layer.kernel, layer.stride, layer.padding)
    if (layer.kernel, layer.stride, layer.padding) == (2, 2, 0):
        return MaxPool2x2()
    return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)


def norm(layer: Norm, features: int, neuron: Factory, *, images: bool) -> nn.Module:
    """Return a batch normalisation of images or of units; tdBN takes its threshold from the neurons."""
    if layer.alpha is not None:
        threshold = torch.as_tensor(neuron().v_threshold).detach().float().mean().item()
        return TdBatchNorm2d(features, threshold, layer.alpha)
    return nn.BatchNorm2d(features) if images else nn.BatchNorm1d(features)
