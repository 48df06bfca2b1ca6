"""The numbers of parameters, by formulas from the papers, by torchvision, and as published."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torchvision import models

from snntrain.network.vision.ms_resnet import MSResNet
from snntrain.network.vision.qkformer import QKFormer
from snntrain.network.vision.sew_resnet import SEWResNet
from snntrain.network.vision.sew_resnet_events import SEWResNetEvents
from snntrain.network.vision.spikformer import Spikformer
from snntrain.network.vision.spiking_resnet19 import SpikingResNet19
from snntrain.network.vision.vgg import VGG
from snntrain.neuron import IFNode

IMAGENET, CIFAR, DVS = (3, 224, 224), (3, 32, 32), (2, 128, 128)


def parameters(kind: Any, shape: tuple[int, int, int], classes: int, **keys: Any) -> int:
    with torch.device("meta"):
        net = kind(shape, classes, lambda: IFNode(step_mode="m"), **keys)
    return sum(p.numel() for p in net.parameters())


def conv(inputs: int, outputs: int, kernel: int = 3, bias: bool = False) -> int:
    """The parameters of a convolution and its batch normalisation."""
    return kernel**2 * inputs * outputs + bias * outputs + 2 * outputs


def basic(blocks: tuple[int, ...], channels: tuple[int, ...], inputs: int, projected: bool) -> int:
    """The parameters of stages of basic blocks; `projected` if the first stage begins with a projection."""
    total = 0
    for stage, (count, outputs) in enumerate(zip(blocks, channels, strict=True)):
        for index in range(count):
            total += conv(inputs, outputs) + conv(outputs, outputs)
            if index == 0 and (stage or projected):
                total += conv(inputs, outputs, 1)
            inputs = outputs
    return total


@pytest.mark.parametrize(("depth", "published"), [(18, 11.69), (34, 21.80), (50, 25.56)])
def test_a_sew_resnet_has_those_of_the_resnet(depth: int, published: float) -> None:
    with torch.device("meta"):
        expected = sum(p.numel() for p in getattr(models, f"resnet{depth}")().parameters())
    count = parameters(SEWResNet, IMAGENET, 1000, depth=depth, stem="imagenet")
    assert count == expected
    assert round(count / 1e6, 2) == published


@pytest.mark.parametrize(("channels", "classes", "published"), [([32] * 7, 11, 0.13), ([64] * 4 + [128] * 3, 10, 1.19)])
def test_the_seven_blocks(channels: list[int], classes: int, published: float) -> None:
    expected = sum(2 * conv(size, size) for size in channels) + channels[-1] * classes + classes
    for before, size in zip([2, *channels], channels, strict=False):
        expected += conv(before, size, 1) if before != size else 0
    count = parameters(SEWResNetEvents, DVS, classes, channels=channels)
    assert count == expected
    assert round(count / 1e6, 2) == published


@pytest.mark.parametrize(
    ("depth", "blocks", "published"), [(18, (2, 2, 2, 2), 11.69), (34, (3, 4, 6, 3), 21.80), (104, (3, 8, 32, 8), None)]
)
def test_a_membrane_resnet(depth: int, blocks: tuple[int, ...], published: float | None) -> None:
    stem = conv(3, 64, 7)
    if depth == 104:
        # Three convolutions with biases, and a normalisation.
        stem = 27 * 64 + 2 * 9 * 64 * 64 + 3 * 64 + 2 * 64
    expected = stem + basic(blocks, (64, 128, 256, 512), 64, projected=True) + 512 * 1000 + 1000
    count = parameters(MSResNet, IMAGENET, 1000, depth=depth, stem="imagenet")
    assert count == expected
    assert published is None or round(count / 1e6, 2) == published


def test_resnet19() -> None:
    expected = conv(3, 64) + basic((3, 3, 2), (128, 256, 512), 64, projected=True) + 512 * 256 + 256 + 256 * 10 + 10
    count = parameters(SpikingResNet19, CIFAR, 10)
    assert count == expected
    assert round(count / 1e6, 2) == 12.63


def test_vggsnn() -> None:
    channels = (2, 64, 128, 256, 256, 512, 512, 512, 512)
    expected = sum(conv(a, b, bias=True) for a, b in pairwise(channels)) + 512 * 9 * 10 + 10
    assert parameters(VGG, (2, 48, 48), 10) == expected


@pytest.mark.parametrize("variant", ["vgg11", "vgg16"])
def test_vgg_has_those_of_torchvision(variant: str) -> None:
    with torch.device("meta"):
        expected = sum(p.numel() for p in getattr(models, f"{variant}_bn")().parameters())
    assert parameters(VGG, IMAGENET, 1000, variant=variant, hidden=[4096, 4096]) == expected


def self_attention(dim: int, bias: bool) -> int:
    return 3 * conv(dim, dim, 1, bias) + conv(dim, dim, 1, True)


def perceptron(dim: int, ratio: float) -> int:
    hidden = int(dim * ratio)
    return conv(dim, hidden, 1, True) + conv(hidden, dim, 1, True)


@pytest.mark.parametrize(
    ("keys", "shape", "published"),
    [
        ({"dim": 384, "depth": 4}, CIFAR, 9.32),
        ({"dim": 384, "depth": 2}, CIFAR, 5.76),
        ({"dim": 256, "depth": 4}, CIFAR, 4.15),
        ({"dim": 256, "depth": 2, "heads": 16, "patch": 16, "scale": 0.25}, DVS, 2.57),
    ],
)
def test_spikformer(keys: dict[str, Any], shape: tuple[int, int, int], published: float) -> None:
    dim = keys["dim"]
    splitting = [shape[0], dim // 8, dim // 4, dim // 2, dim, dim]
    expected = sum(map(conv, splitting, splitting[1:])) + dim * 10 + 10
    expected += keys["depth"] * (self_attention(dim, bias=True) + perceptron(dim, 4))
    count = parameters(Spikformer, shape, 10, **{"heads": 8} | keys)
    assert count == expected
    # The paper rounds some of them, and cuts others off.
    assert math.isclose(count / 1e6, published, abs_tol=0.01)


def test_qkformer_for_images() -> None:
    a, b, c = 96, 192, 384
    expected = conv(3, a // 2) + conv(a // 2, a) + conv(a // 2, a, 1)
    for before, after in ((a, b), (b, c)):
        expected += 2 * conv(before, before, 1) + conv(before, before, 1, True) + perceptron(before, 4)
        expected += conv(before, after) + conv(after, after) + conv(before, after, 1)
    expected += 2 * (self_attention(c, bias=False) + perceptron(c, 4)) + c * 100 + 100
    count = parameters(QKFormer, CIFAR, 100)
    assert count == expected
    assert round(count / 1e6, 2) == 6.74


def test_qkformer_for_events() -> None:
    a, b = 128, 256
    expected = conv(2, a // 8) + conv(a // 8, a // 4) + conv(a // 4, a // 2) + conv(a // 2, a) + conv(a // 4, a, 1)
    expected += 2 * conv(a, a, 1) + conv(a, a, 1, True) + perceptron(a, 1)
    expected += conv(a, b) + conv(b, b) + conv(a, b, 1)
    expected += self_attention(b, bias=False) + perceptron(b, 1) + b * 10 + 10
    keys = {"stem": "events", "dims": [a, b], "depths": [1, 1], "heads": 16, "mlp_ratio": 1.0}
    count = parameters(QKFormer, DVS, 10, **keys)
    assert count == expected
    assert math.isclose(count / 1e6, 1.50, abs_tol=0.005)
