"""The six networks of the PLIF paper (Fang et al., ICCV 2021): their sizes, counted by hand from the authors' code."""

from __future__ import annotations

import math

import pytest
import torch

from snntrain.config.compose import composer
from snntrain.network.csnn import CSNN
from snntrain.network.grammar import WrittenNetwork
from snntrain.network.grammar.parse import parse
from snntrain.network.grammar.plan import Step, plan
from tests.network.inputs import neuron

# Input, classes, channels of the convolutions, size of the last images, and hidden neurons.
NETS = {
    "plif_mnist": ((1, 28, 28), 10, [128] * 2, 7, 2048),
    "plif_fashion_mnist": ((1, 28, 28), 10, [128] * 2, 7, 2048),
    "plif_nmnist": ((2, 34, 34), 10, [128] * 2, 8, 2048),
    "plif_cifar10": ((3, 32, 32), 10, [256] * 6, 8, 2048),
    "plif_cifar10_dvs": ((2, 128, 128), 10, [128] * 4, 8, 2048),
    "plif_dvs128_gesture": ((2, 128, 128), 11, [128] * 5, 4, 512),
}
# The same, by hand on paper: convolutions, normalisations, the two linear layers.
TOTALS = {
    "plif_mnist": 1_152 + 147_456 + 512 + 12_845_056 + 204_800,
    "plif_fashion_mnist": 13_198_976,
    "plif_nmnist": 2_304 + 147_456 + 512 + 16_777_216 + 204_800,
    "plif_cifar10": 6_912 + 5 * 589_824 + 3_072 + 33_554_432 + 204_800,
    "plif_cifar10_dvs": 2_304 + 3 * 147_456 + 1_024 + 16_777_216 + 204_800,
    "plif_dvs128_gesture": 2_304 + 4 * 147_456 + 1_280 + 1_048_576 + 56_320,
}


def text_of(option: str) -> str:
    with composer() as compose:
        network = compose([f"network={option}"]).network
    assert network._target_ == "snntrain.network.grammar.WrittenNetwork"
    return str(network.layers)


@pytest.mark.parametrize("option", NETS)
def test_the_network_has_the_sizes_of_the_paper(option: str) -> None:
    shape, classes, channels, side, hidden = NETS[option]
    with torch.device("meta"):
        net = WrittenNetwork(shape, classes, neuron, text_of(option))
    before, weights = shape[0], 0
    for after in channels:
        weights += 9 * before * after + 2 * after
        before = after
    weights += before * side * side * hidden + hidden * 10 * classes
    # Each layer of neurons learns its time constant.
    constants = len(channels) + 2
    assert sum(p.numel() for p in net.parameters()) == weights + constants == TOTALS[option] + constants


@pytest.mark.parametrize("option", NETS)
def test_the_images_shrink_as_in_the_paper(option: str) -> None:
    shape, classes, channels, side, _ = NETS[option]
    steps = plan(parse(text_of(option)), shape, classes).steps
    (flatten,) = [step for step in steps if isinstance(step, Step) and step.name == "flatten"]
    assert flatten.inputs == (channels[-1], side, side)
    assert flatten.outputs == (math.prod(flatten.inputs),)


def test_the_network_for_mnist_is_that_of_its_experiment() -> None:
    with torch.device("meta"):
        net = WrittenNetwork((1, 28, 28), 10, neuron, text_of("plif_mnist"))
        other = CSNN((1, 28, 28), 10, neuron, channels=[128, 128], hidden=[2048], votes=10, dropout=0.5)
    assert repr(net).partition("\n")[2] == repr(other).partition("\n")[2]
