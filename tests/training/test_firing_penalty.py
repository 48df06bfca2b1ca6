"""The penalty for firing rates, compared with NumPy on the spikes of each layer."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.data.padding import padded
from snntrain.inspect.probe import record
from snntrain.network.readout import Current
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import LIFNode, LINode, reset_net, set_step_mode, spiking_layers
from snntrain.training.loss import FiringPenalty, MSERate

T, N = 5, 4
LENGTHS = torch.tensor([5, 2, 1, 3])
LABELS = torch.tensor([0, 1, 2, 0])
TARGET, WEIGHT = 0.2, 3.0


def network(last: nn.Module | None = None) -> TimeSequential:
    torch.manual_seed(0)

    def node() -> LIFNode:
        return LIFNode(2.0, v_threshold=0.15, step_mode="m")

    layers = (nn.Linear(6, 8), node(), TimeSequential(nn.Linear(8, 5), node()), nn.Linear(5, 3))
    return TimeSequential(*layers, last or node()).double()


def attached(net: nn.Module) -> tuple[MSERate, FiringPenalty]:
    loss, penalty = MSERate(), FiringPenalty(TARGET, WEIGHT)
    penalty.attach(net, loss)
    return loss, penalty


def inputs() -> Tensor:
    return torch.randn(T, N, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_definition(net: nn.Module, x: Tensor, lengths: Tensor | None, layers: list[str]) -> float:
    recorded = record(net, lambda: net(x))
    total = 0.0
    for name in layers:
        spikes = recorded[name].s.astype(np.float64)
        for sample in range(spikes.shape[1]):
            length = T if lengths is None else int(lengths[sample])
            total += WEIGHT * (spikes[:length, sample].sum() / spikes[0, 0].size / length - TARGET) ** 2
    return total / x.shape[1]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_it_is_the_squared_distance_of_the_rates_of_the_hidden_layers(lengths: Tensor | None) -> None:
    net, x = network(), inputs()
    right = by_definition(net, x, lengths, ["1", "2.1"])
    assert all(record(net, lambda: net(x))[name].s.any() for name in ("1", "2.1"))
    assert right > 0.01
    loss, _ = attached(net)
    with padded(x, lengths):
        output = net(x)
        value = loss(output, LABELS, *(() if lengths is None else (lengths,)))
    plain = MSERate()(output, LABELS, *(() if lengths is None else (lengths,)))
    assert (value - plain).item() == pytest.approx(right, rel=1e-9)


def test_before_a_readout_without_spikes_every_spiking_layer_counts() -> None:
    for last in (LINode(2.0, step_mode="m"), nn.Identity()):
        net, x = network(last), inputs()
        right = by_definition(net, x, None, ["1", "2.1"])
        loss, _ = attached(net)
        output = net(x)
        value = loss(output, LABELS, readout=Current()) - MSERate()(output, LABELS)
        assert value.item() == pytest.approx(right, rel=1e-9)


def test_its_gradient_moves_rates_towards_the_target() -> None:
    net, x = network(), inputs()
    before = by_definition(net, x, None, ["1", "2.1"])
    _, penalty = attached(net)
    for _ in range(60):
        net(x)
        reset_net(net)
        value = penalty.penalty()
        assert isinstance(value, Tensor)
        net.zero_grad()
        value.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                if parameter.grad is not None:
                    parameter -= 0.2 * parameter.grad
    assert net[0].weight.grad is not None
    assert by_definition(net, x, None, ["1", "2.1"]) < 0.5 * before


def test_the_penalty_of_a_batch_is_the_mean_of_those_of_its_parts() -> None:
    net, x = network(), inputs()
    _, penalty = attached(net)

    def of(rows: slice) -> float:
        with padded(x[:, rows], LENGTHS[rows]):
            net(x[:, rows])
        reset_net(net)
        return float(torch.as_tensor(penalty.penalty()).detach())

    parts = [of(slice(row, row + 1)) for row in range(N)]
    assert of(slice(N)) == pytest.approx(np.mean(parts), rel=1e-12)


def test_it_counts_the_last_call_alone_and_only_in_training_with_gradients() -> None:
    net, x = network(), inputs()
    loss, penalty = attached(net)

    def value() -> float:
        output = net(x)
        reset_net(net)
        return float(loss(output, LABELS).detach())

    once = value()
    net(x)
    reset_net(net)
    assert value() == once
    with torch.no_grad():
        without = value()
    net.eval()
    assert value() == without
    assert without < once
    assert penalty.penalty() == 0


class Stepwise(nn.Module):
    """A network that calls its neurons step by step."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for step in x:
            for layer in self.net:
                step = layer(step)
            outputs.append(step)
        return torch.stack(outputs)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
def test_a_network_that_runs_step_by_step_has_the_same_penalty(lengths: Tensor | None) -> None:
    whole, x = TimeSequential(*[layer for layer in network() if isinstance(layer, nn.Linear | LIFNode)][:2]), inputs()
    steps = Stepwise(copy.deepcopy(whole))
    set_step_mode(steps, "s")
    values: list[Any] = []
    for net in (TimeSequential(*whole, nn.Identity()), steps):
        _, penalty = attached(net)
        with padded(x, lengths):
            net(x)
        values.append(float(torch.as_tensor(penalty.penalty()).detach()))
    assert len(list(spiking_layers(steps))) == 1
    assert values[0] > 0
    assert values[1] == pytest.approx(values[0], rel=1e-12)


def test_bad_targets_and_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rate_target=1\.5"):
        FiringPenalty(1.5, 1.0)
    for weight in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="rate_weight="):
            FiringPenalty(0.1, weight)
