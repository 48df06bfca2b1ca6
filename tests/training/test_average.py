"""The moving average of a network's weights, compared with one by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snntrain.training.job.average import Average

TAKEN, LEFT_OUT = torch.tensor(False), torch.tensor(True)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_weights_and_statistics_are_averaged_and_counts_are_copied() -> None:
    net = network()
    average = Average(net, 0.75)
    courses: dict[str, list[torch.Tensor]] = {name: [] for name in net.state_dict()}
    for step in range(1, 4):
        with torch.no_grad():
            for tensor in net.state_dict().values():
                tensor.add_(step)
        for name, tensor in net.state_dict().items():
            courses[name].append(tensor.clone())
        average.update(net, TAKEN)
    for name, averaged in average.model.state_dict().items():
        first, second, third = courses[name]
        expected = third if name == "1.num_batches_tracked" else (0.75 * first + 0.25 * second) * 0.75 + 0.25 * third
        torch.testing.assert_close(averaged, expected)


def test_the_averaged_model_is_independent() -> None:
    net = network()
    average = Average(net, 0.5)
    average.update(net, TAKEN)
    with torch.no_grad():
        net[0].weight.add_(1.0)
    assert not any(torch.equal(a, b) for a, b in zip(average.model[0].weight, net[0].weight, strict=True))
    assert all(a.data_ptr() != b.data_ptr() for a, b in zip(average.model.buffers(), net.buffers(), strict=True))


def test_a_step_that_was_left_out_is_not_averaged() -> None:
    net = network()
    average = Average(net, 0.5)
    average.update(net, LEFT_OUT)
    with torch.no_grad():
        net[0].weight.add_(1.0)
    average.update(net, TAKEN)
    # The first step that is taken has weight one.
    assert torch.equal(average.model[0].weight, net[0].weight)
    before = net[0].weight.detach().clone()
    with torch.no_grad():
        net[0].weight.add_(1.0)
    average.update(net, LEFT_OUT)
    assert torch.equal(average.model[0].weight, before)


@pytest.mark.parametrize("really", [True, False])
def test_an_average_on_the_device_is_the_same(really: bool) -> None:
    """A GPU uses this code."""
    torch.manual_seed(0)
    old, new = torch.randn(50), torch.randn(50)
    found = old.clone()
    Average(network(), 0.9)._approach([found], [new], torch.tensor(really))
    if really:
        torch.testing.assert_close(found, torch.lerp(old, new, 0.1))
    else:
        assert torch.equal(found, old)
