"""Small networks for images, and the shapes of their inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from snntrain.network.norms import TdBatchNorm2d
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.ms_resnet import MSResNet
from snntrain.network.vision.qkformer import QKFormer
from snntrain.network.vision.sew_resnet import SEWResNet
from snntrain.network.vision.sew_resnet_events import SEWResNetEvents
from snntrain.network.vision.spikformer import Spikformer
from snntrain.network.vision.spiking_resnet19 import SpikingResNet19
from snntrain.network.vision.vgg import VGG
from snntrain.neuron import LIFNode, surrogate

DIGITS, FRAMES = (1, 8, 8), (2, 16, 16)


def lif() -> LIFNode:
    """Return a multi-step node that fires on weak currents."""
    return LIFNode(tau=2.0, v_threshold=0.25, surrogate_function=surrogate.ATan(), step_mode="m")


# By name: the class, the shape of its samples, and the keys that make it small.
SMALL: dict[str, tuple[type[TimeSequential], tuple[int, int, int], dict[str, Any]]] = {
    "sew_resnet18": (SEWResNet, DIGITS, {"width": 3}),
    "sew_resnet50": (SEWResNet, FRAMES, {"width": 2, "depth": 50, "stem": "imagenet"}),
    "sew_resnet_events": (SEWResNetEvents, FRAMES, {"channels": [3, 3, 4]}),
    "ms_resnet18": (MSResNet, DIGITS, {"width": 3}),
    "ms_resnet18_imagenet": (MSResNet, FRAMES, {"width": 2, "stem": "imagenet"}),
    "spiking_resnet19": (SpikingResNet19, DIGITS, {"width": 2, "hidden": 6}),
    "vggsnn": (VGG, DIGITS, {"width": 2, "pools": 3}),
    "vgg11": (VGG, FRAMES, {"width": 2, "variant": "vgg11", "pools": 4, "pool": "max", "hidden": [5, 6]}),
    "spikformer": (Spikformer, DIGITS, {"dim": 16, "depth": 2, "heads": 4, "patch": 2}),
    "spikformer_events": (Spikformer, FRAMES, {"dim": 8, "depth": 1, "heads": 2, "patch": 8, "scale": 0.25}),
    "qkformer": (QKFormer, DIGITS, {"dims": [4, 8, 16], "depths": [1, 1, 2], "heads": 2, "mlp_ratio": 2.0}),
    "qkformer_events": (
        QKFormer,
        FRAMES,
        {"stem": "events", "dims": [8, 12], "depths": [1, 1], "heads": 2, "mlp_ratio": 1.0, "attention": "channel"},
    ),
}


def built(name: str, neuron: Callable[[], Any] = lif, classes: int = 5, **more: Any) -> TimeSequential:
    """Return a small network, in which no normalisation begins at 0."""
    torch.manual_seed(0)
    kind, shape, keys = SMALL[name]
    net = kind(shape, classes, neuron, **keys | more)
    for module in net.modules():
        if isinstance(module, TdBatchNorm2d) and module.start == 0:
            nn.init.constant_(module.weight, 0.5)
    return net


def with_statistics(net: TimeSequential) -> TimeSequential:
    """Give a network float64 and statistics that have an effect in evaluation mode; return it in that mode."""
    random = torch.Generator().manual_seed(1)
    net = net.double().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(0.2 * torch.randn(module.num_features, generator=random))
            module.running_var.copy_(0.3 + torch.rand(module.num_features, generator=random))
            with torch.no_grad():
                module.weight.copy_(0.5 + torch.rand(module.num_features, generator=random))
                module.bias.copy_(0.2 * torch.randn(module.num_features, generator=random))
    return net
