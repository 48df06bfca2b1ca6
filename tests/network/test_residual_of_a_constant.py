"""A residual block with a constant current."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from snntrain.network.residual import Residual
from snntrain.network.sequence import TimeSequential

from .inputs import neuron, noise, shapes_seen

T, N = 4, 3


@pytest.mark.parametrize("join", ["add", "and", "iand"])
@pytest.mark.parametrize("projected", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_one_step_for_all_gives_the_result_of_the_repeated_step(join: str, projected: bool, first: bool) -> None:
    torch.manual_seed(0)
    layers = [neuron(), nn.Linear(5, 5)] if first else [nn.Linear(5, 5), neuron()]
    shortcut = TimeSequential(nn.Linear(5, 5)) if projected else None
    # A layer with a gradient before the block: nothing but the block itself knows that the steps are the same.
    net = TimeSequential(nn.Linear(5, 5), Residual(TimeSequential(*layers), shortcut, join)).double()
    twin = deepcopy(net)
    x = noise(1, N, 5)
    seen = shapes_seen(net, nn.Linear)
    y, expected = net(x, T), twin(x.repeat(T, 1, 1))
    torch.testing.assert_close(y.expand(T, N, 5), expected)
    y.sum().backward()
    expected.sum().backward()
    for own, other in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)
    # The linear layer after the neurons sees all steps, the others one.
    assert sorted(len(shape) and shape[0] for shape in seen) == sorted([N, *[N] * projected, N * T if first else N])


def test_without_neurons_the_result_is_one_step_as_well() -> None:
    block = Residual(TimeSequential(nn.Linear(5, 5)))
    assert block(noise(1, N, 5, dtype=torch.float32), T).shape == (1, N, 5)
