"""Networks written as text are the networks of the classes that they describe."""

from __future__ import annotations

import torch
from torch import nn

from snntrain.kernels.pooling import MaxPool2x2
from snntrain.network.csnn import CSNN
from snntrain.network.mlp import MLP
from tests.network.inputs import neuron, noise

from .texts import COLOUR, DIGITS, UNITS, written


def same(one: nn.Module, other: nn.Module, shape: tuple[int, ...]) -> None:
    """Check that two networks have the same parameters, and the same outputs and gradients in training."""
    assert list(one.state_dict()) == list(other.state_dict())
    x, results = noise(3, 2, *shape, dtype=torch.float32), []
    for net in (one, other):
        torch.manual_seed(1)
        output = net(x)
        output.square().sum().backward()
        results.append([output, *net.state_dict().values(), *(p.grad for p in net.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_default_text_is_the_default_convolutional_network() -> None:
    text = "32C3-BN-N-P2-64C3-BN-N-P2-512-N-10K-N-V10"
    torch.manual_seed(0)
    net = CSNN(DIGITS, 10, neuron)
    assert list(written(text)._modules) == list(net._modules)
    same(written(text), net, DIGITS)


def test_dropout_and_average_pooling_are_those_of_the_convolutional_network() -> None:
    torch.manual_seed(0)
    net = CSNN(COLOUR, 4, neuron, channels=(4, 6), hidden=(8,), votes=2, dropout=0.5, pool="avg")
    text = "4C3-BN-N-AP2-6C3-BN-N-AP2-DP0.5-8-N-DP0.5-8-N-V2"
    assert list(written(text, COLOUR, 4)._modules) == list(net._modules)
    same(written(text, COLOUR, 4), net, COLOUR)


def test_linear_layers_are_the_fully_connected_network() -> None:
    torch.manual_seed(0)
    net = MLP(UNITS, 3, neuron, hidden=(16, 8), votes=1, dropout=0.3)
    same(written("16-N-DP0.3-8-N-DP0.3-K-N", UNITS, 3), net, UNITS)


def test_a_pool_of_two_is_the_compiled_one() -> None:
    net = written("4C3-N-P2-4C3-N-P3s2p1-4C3-N-P2s1-K")
    assert type(net.conv1_pool) is MaxPool2x2
    assert type(net.conv2_pool) is nn.MaxPool2d
    assert type(net.conv3_pool) is nn.MaxPool2d


def test_options_are_those_of_the_torch_layers() -> None:
    net = written("8C3s2p0d2b-DW5-16C1g4-AP3s1p1-P4s2p2-GAP-Kb", (4, 20, 20), output=lambda: None)
    by_hand = nn.Sequential(
        nn.Conv2d(4, 8, 3, stride=2, padding=0, dilation=2, bias=True),
        nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False),
        nn.Conv2d(8, 16, 1, groups=4, bias=False),
        nn.AvgPool2d(3, 1, 1),
        nn.MaxPool2d(4, 2, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10, bias=True),
    )
    for ours, theirs in zip(net.parameters(), by_hand.parameters(), strict=True):
        theirs.data.copy_(ours)
    x = noise(3, 4, 20, 20, dtype=torch.float32)
    assert torch.equal(net(x.unsqueeze(0)).squeeze(0), by_hand(x))


def test_the_threshold_of_tdbn_is_that_of_the_neurons() -> None:
    net = written("4C3-tdBN-N-4C3-tdBN0.5-N-K")
    assert torch.equal(net.conv1_norm.weight, torch.full((4,), 0.05))
    assert torch.equal(net.conv2_norm.weight, torch.full((4,), 0.025))
