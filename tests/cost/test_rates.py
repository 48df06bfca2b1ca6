"""Firing rates, compared with a count of every spike by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from snntrain.cost.rates import FiringRates, spike_counts
from snntrain.inspect.probe import record
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
def test_rates_are_spikes_per_neuron_and_step_over_all_batches(dtype: torch.dtype) -> None:
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


def mixed(step_mode: str = "m") -> tuple[nn.Module, list[Tensor]]:
    """Return a layer of 2x2 neurons that fire always, at all steps but one, only once, and never; and its batches."""
    batches = [torch.zeros(4, size, 1, 2, 2) for size in (70, 70, 3)]
    for x in batches:
        x[..., 0, :] = 1
    batches[1][3, 69, 0, 0, 1] = -1
    batches[2][3, 2, 0, 1, 0] = 1
    return TimeSequential(IFNode(step_mode=step_mode)) if step_mode == "m" else IFNode(), batches


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_silent_neurons_never_fired_and_saturated_ones_always_did(dtype: torch.dtype) -> None:
    """There are more spikes than half precision can count, and the one exception is in another batch."""
    net, batches = mixed()
    with FiringRates(net) as rates:
        for x in batches:
            net(x.to(dtype))
            reset_net(net)
    steps = 4 * 143
    assert rates.silent() == {"0": 0.25}
    assert rates.saturated() == {"0": 0.25}
    assert rates.means() == pytest.approx({"0": (steps + (steps - 1) + 1) / (4 * steps)}, rel=1e-12)


def test_neurons_are_distinguished_in_any_order_in_memory() -> None:
    net, batches = mixed()
    orders = [torch.channels_last, torch.contiguous_format, torch.channels_last]
    with FiringRates(net) as rates:
        for x, order in zip(batches, orders, strict=True):
            wide = x.expand(4, len(x[0]), 3, 2, 2).flatten(0, 1).contiguous(memory_format=order)
            net(wide.unflatten(0, (4, -1)))
            reset_net(net)
    assert (rates.silent(), rates.saturated()) == ({"0": 0.25}, {"0": 0.25})


def test_neurons_in_single_step_mode_are_counted_alike() -> None:
    net, batches = mixed("s")
    with FiringRates(net) as rates:
        for x in batches:
            for step in x:
                net(step)
            reset_net(net)
    assert (rates.silent(), rates.saturated()) == ({"": 0.25}, {"": 0.25})


@settings(max_examples=60)
@given(
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=3),
    steps=st.integers(1, 600),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16, torch.float64]),
    seed=st.integers(0, 9),
    data=st.data(),
)
def test_counts_are_exact_in_any_shape_type_and_order_in_memory(
    shape: list[int], steps: int, dtype: torch.dtype, seed: int, data: st.DataObject
) -> None:
    random = torch.Generator().manual_seed(seed)
    order = data.draw(st.permutations(range(1, len(shape) + 1)))
    rows = (torch.rand(steps, *shape, generator=random) < 0.7).to(dtype).permute(0, *order).contiguous()
    rows = rows.permute(0, *(1 + order.index(dimension) for dimension in range(1, rows.ndim)))
    assert torch.equal(spike_counts(rows), (rows != 0).sum(0).double())


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
