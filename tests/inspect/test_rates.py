"""Firing rates beside a count of every spike by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.inspect.probe import record
from snntrain.inspect.rates import FiringRates
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import IFNode, reset_net, spiking_layers


def network(dtype: torch.dtype) -> TimeSequential:
    torch.manual_seed(0)
    net = TimeSequential(nn.Linear(4, 30), IFNode(step_mode="m"), nn.Linear(30, 5), IFNode(0.2, step_mode="m"))
    return net.to(dtype)


def batches(dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [4 * torch.rand(6, size, 4, generator=generator).to(dtype) for size in (5, 5, 2)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_rates_are_spikes_a_neuron_and_step_over_all_batches(dtype: torch.dtype) -> None:
    net = network(dtype)
    counted: dict[str, list[np.ndarray]] = {"1": [], "3": []}
    for x in batches(dtype):
        for name, recording in record(net, lambda x=x: net(x)).items():
            counted[name].append(recording.s.ravel())
    with FiringRates(net) as rates:
        for x in batches(dtype):
            net(x)
            reset_net(net)
    expected = {name: float(np.concatenate(spikes).mean()) for name, spikes in counted.items()}
    assert rates.means() == pytest.approx(expected, rel=1e-12)
    assert 0 < expected["3"] != expected["1"] > 0


def test_a_count_is_exact_beyond_what_half_precision_can_hold() -> None:
    net = TimeSequential(IFNode(step_mode="m"))
    x = torch.zeros(4, 100, 300, dtype=torch.bfloat16)
    x[0, :, 0], x[1] = 2.0, 1.0
    with FiringRates(net) as rates:
        for _ in range(3):
            net(x)
            reset_net(net)
    assert rates.means() == {"0": (100 + 100 * 300) / (4 * 100 * 300)}


def test_nothing_is_counted_or_attached_afterwards() -> None:
    net = network(torch.float32)
    rates = FiringRates(net)

    def watched(x: Tensor) -> None:
        with rates:
            net(x)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watched(batches(torch.float32)[0])
    before = rates.means()
    reset_net(net)
    net(batches(torch.float32)[1])
    assert rates.means() == before
    assert not any(layer._forward_hooks for _, layer in spiking_layers(net))
