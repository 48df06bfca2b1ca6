"""The networks learn the digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from snntrain.data.dataset import Split
from snntrain.data.digits import load
from snntrain.network.sequence import TimeSequential
from snntrain.network.vision.ms_resnet import MSResNet
from snntrain.network.vision.qkformer import QKFormer
from snntrain.network.vision.sew_resnet import SEWResNet
from snntrain.network.vision.sew_resnet_events import SEWResNetEvents
from snntrain.network.vision.spikformer import Spikformer
from snntrain.network.vision.spiking_resnet19 import SpikingResNet19
from snntrain.network.vision.vgg import VGG
from snntrain.neuron import LIFNode, reset_net, surrogate

T, BATCH = 2, 32
NETS: dict[str, tuple[Callable[..., TimeSequential], dict[str, Any]]] = {
    "spikformer": (Spikformer, {"dim": 64, "depth": 1, "heads": 4, "patch": 2}),
    "sew_resnet_events": (SEWResNetEvents, {"channels": [16, 16, 16]}),
    "ms_resnet": (MSResNet, {"width": 4}),
    "vgg": (VGG, {"width": 8, "pools": 3, "pool": "max"}),
    "qkformer": (QKFormer, {"dims": [16, 32, 64], "depths": [1, 1, 1], "heads": 4, "mlp_ratio": 2.0}),
    "sew_resnet": (SEWResNet, {"width": 4}),
    "spiking_resnet19": (SpikingResNet19, {"width": 4, "hidden": 32}),
}

# The deep residual networks need more than the seconds of a test.
QUICK = ("spikformer", "sew_resnet_events", "vgg", "qkformer")


def lif() -> LIFNode:
    return LIFNode(2.0, 0.5, surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m")


def scores(net: TimeSequential, x: Tensor) -> Tensor:
    """Return the mean currents of the last layer."""
    currents: Tensor = net(x.expand(T, *x.shape)).mean(0)
    reset_net(net)
    return currents


def trained(name: str, x: Tensor, y: Tensor, epochs: int, batch: int = BATCH) -> tuple[TimeSequential, list[float]]:
    """Return a network that was trained on all images, and the loss of every step."""
    torch.manual_seed(0)
    kind, keys = NETS[name]
    net = kind((1, 8, 8), 10, lif, output=lambda: None, **keys)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, steps)
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for chosen in order[: steps // epochs * batch].split(batch):
            loss = F.cross_entropy(scores(net, x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return net.eval(), losses


def normalised(split: Split) -> tuple[Tensor, Tensor]:
    return (split.images[:].float() / 16 - 0.3) / 0.38, split.labels


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.sample(2)
def test_a_few_images_are_learnt_by_heart(name: str) -> None:
    x, y = normalised(load().train)
    _, losses = trained(name, x[:16], y[:16], epochs=40, batch=16)
    assert losses[-1] < losses[0] / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_digits_are_learnt_beyond_nine_of_ten(name: str) -> None:
    data = load()
    net, _ = trained(name, *normalised(data.train), epochs=8)
    x, y = normalised(data.test)
    with torch.no_grad():
        accuracy = (scores(net, x).argmax(1) == y).float().mean().item()
    assert accuracy > 0.9
