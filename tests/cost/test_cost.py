"""The cost per image: spikes and membrane updates against loops over every neuron and step, kinds, sums, gaps."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.cost.count import Cost, not_counted
from snntrain.cost.table import cost_table
from snntrain.inspect.probe import record
from snntrain.network.csnn import CSNN
from snntrain.network.mlp import MLP
from snntrain.network.sequence import TimeSequential
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, reset_net, spiking_layers
from snntrain.neuron.integrate_and_fire import updates
from tests.network.inputs import constant, neuron, noise, sparse

MACS, ACS, DENSE, ENERGY = (
    *("effective_macs_per_image", "effective_acs_per_image"),
    *("dense_operations_per_image", "energy_nj_per_image"),
)
UPDATES, SPIKES = "membrane_updates_per_image", "spikes_per_image"


def counted(net: nn.Module, *batches: Tensor) -> dict[str, Any]:
    net.eval()
    with torch.no_grad(), Cost(net) as cost:
        for x in batches:
            net(x)
            reset_net(net)
    return cost.figures(sum(x.shape[1] for x in batches))


def brute_force(net: nn.Module, *batches: Tensor) -> dict[str, Any]:
    """Count spikes and updates of each spiking layer from the monitors' values of every neuron and step."""
    reported: dict[str, list[int]] = {}
    for x in batches:
        for name, recording in record(net, lambda x=x: net(x)).items():
            v, spikes, updates = recording.v.reshape(len(recording.v), -1), 0, 0
            for neuron_of_one in range(v.shape[1]):
                updates += 1
                for t in range(1, len(v)):
                    updates += int(v[t, neuron_of_one] != v[t - 1, neuron_of_one])
            spikes = sum(map(int, recording.s.ravel()))
            before = reported.get(name, [0, 0])
            reported[name] = [before[0] + spikes, before[1] + updates]
    images = sum(x.shape[1] for x in batches)
    return {name: {SPIKES: s / images, UPDATES: u / images} for name, (s, u) in reported.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("v_reset", [0.0, None])
@pytest.mark.parametrize("node", [IFNode, LIFNode, PLIFNode, RIFNode])
def test_spikes_and_updates_are_those_of_a_count_of_every_neuron_and_step(
    node: type[BaseNode], v_reset: float | None, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Few potentials at a time, so that the images of a batch come in several parts if potentials are held.
    monkeypatch.setattr(updates, "MOST", 60)
    net = CSNN((1, 4, 4), 2, lambda: node(v_threshold=0.01, v_reset=v_reset, step_mode="m"), (2,), (3,), 2).to(dtype)
    batches = [constant(4, 3, 1, 4, 4, dtype=dtype), sparse(noise(4, 2, 1, 4, 4), 0).to(dtype)]
    expected = brute_force(net, *batches)
    layers = counted(net, *batches)["layers"]
    for name, figures in expected.items():
        assert {key: layers[name][key] for key in figures} == figures
    first = layers["conv1_neuron"]
    assert 32 < first[UPDATES] <= 4 * 32
    assert 0 < first[SPIKES] < 4 * 32


class Own(BaseNode):
    """An adaptive charge that is not affine: a second call per step would change the result."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.calls = 0

    def charge(self, x: Tensor) -> Tensor:
        self.calls += 1
        return 0.5 * self.v + x.relu() / self.calls


def test_a_user_s_own_charge_rule_is_counted_and_runs_once_per_step() -> None:
    net = TimeSequential(OrderedDict(own=Own(v_threshold=0.4, step_mode="m")))
    x = sparse(noise(5, 3, 7), 1)
    (expected,) = brute_force(net, x).values()
    net.own.calls = 0
    reported = counted(net, x)["layers"]["own"]
    assert {key: reported[key] for key in expected} == expected
    assert net.own.calls == 5
    assert net.own.monitor is None


class StepByStep(nn.Module):
    """A network with the user's own loop over time in its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.neuron = nn.Linear(4, 6), LIFNode(tau=2.0, v_threshold=0.2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.neuron(self.fc(step)) for step in x])


def test_a_loop_over_time_costs_what_the_same_layers_cost_in_one_call() -> None:
    single = StepByStep()
    node = LIFNode(tau=2.0, v_threshold=0.2, step_mode="m")
    many = TimeSequential(OrderedDict(fc=single.fc, neuron=node))
    x = sparse(noise(5, 3, 4), 0).float()
    assert counted(single, x) == counted(many, x)


def test_a_carried_over_state_does_not_count_as_a_new_update() -> None:
    net = TimeSequential(OrderedDict(neuron=IFNode(v_threshold=100.0, step_mode="m")))
    x = torch.ones(2, 3, 5)
    x[:, :, 0] = 0
    with torch.no_grad(), Cost(net) as cost:
        net(x)
        net(x)
    # At first all five neurons, then the four that get a current.
    assert cost.figures(3)["layers"]["neuron"][UPDATES] == 5 + 3 * 4


def kinds(net: nn.Module, x: Tensor) -> dict[str, str]:
    layers = counted(net, x)["layers"]
    return {
        name: "MAC" if figures[MACS] else "AC"
        for name, figures in layers.items()
        if MACS in figures and (figures[MACS] or figures[ACS])
    }


def csnn(**changes: Any) -> CSNN:
    torch.manual_seed(0)
    return CSNN((1, 8, 8), 2, neuron, **{"channels": (3, 4), "hidden": (5,), "votes": 2, **changes}).float()


ANALOG = constant(4, 6, 1, 8, 8, dtype=torch.float32)
SPIKING = (noise(4, 6, 1, 8, 8) > 0.5).float()


@pytest.mark.parametrize(
    ("net", "x", "expected"),
    [
        (csnn(), ANALOG, {"conv1": "MAC", "conv2": "AC", "fc1": "AC", "out": "AC"}),
        (csnn(), SPIKING, {"conv1": "AC", "conv2": "AC", "fc1": "AC", "out": "AC"}),
        (csnn(), -SPIKING, {"conv1": "AC", "conv2": "AC", "fc1": "AC", "out": "AC"}),
        (csnn(pool="avg", dropout=0.5), ANALOG, {"conv1": "MAC", "conv2": "MAC", "fc1": "MAC", "out": "AC"}),
        (MLP((1, 8, 8), 2, neuron, (9,), 2), ANALOG, {"fc1": "MAC", "out": "AC"}),
    ],
)
def test_only_inputs_that_are_spikes_make_operations_accumulates(
    net: nn.Module, x: Tensor, expected: dict[str, str]
) -> None:
    assert kinds(net, x) == expected


def test_a_layers_kind_does_not_depend_on_how_images_are_cut_into_batches() -> None:
    net = TimeSequential(OrderedDict(fc=nn.Linear(4, 3)))
    x = (noise(2, 4, 4) > 0).double().float()
    x[0, 3, 0] = 0.5
    whole, cut = counted(net, x), counted(net, *x.split(1, dim=1))
    assert whole == cut
    assert whole[MACS] > 0 == whole[ACS]


def test_a_constant_currents_convolution_is_counted_once_and_its_neurons_at_every_step() -> None:
    net = csnn()
    once, repeated = counted(net, ANALOG), counted(net, ANALOG.contiguous())
    assert repeated["layers"]["conv1"][MACS] == 4 * once["layers"]["conv1"][MACS] > 0
    for name in ("conv1_neuron", "conv2", "fc1", "out_neuron"):
        assert repeated["layers"][name] == once["layers"][name]


def test_the_totals_are_sums_and_the_energy_is_45_nanometres() -> None:
    net = csnn()
    reported = counted(net, ANALOG)
    for key in (SPIKES, UPDATES, MACS, ACS, DENSE, ENERGY):
        assert reported[key] == pytest.approx(
            sum(layer.get(key, 0) for layer in reported["layers"].values()), rel=1e-12
        )
    assert reported[ENERGY] == pytest.approx((4.6 * reported[MACS] + 0.9 * reported[ACS]) / 1000, rel=1e-12)
    assert reported["parameters"] == sum(p.numel() for p in net.parameters())
    assert reported["parameter_bytes"] == 4 * reported["parameters"]
    assert sum(layer["parameters"] for layer in reported["layers"].values()) == reported["parameters"]
    assert reported["layers"]["conv1_norm"].keys() == {"parameters", "parameter_bytes"}


class OwnForward(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.relu())


class Bypassed(nn.Module):
    """Uses the weight of a layer without calling it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.inner.weight


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(x[None], x[None], x[None])[0][0]


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (OwnForward(4, 4), {"strange": "OwnForward"}),
        (Bypassed(), {"strange.inner": "Linear"}),
        (nn.PReLU(), {"strange": "PReLU"}),
        (Attention(), {"strange.heads": "MultiheadAttention", "strange.heads.out_proj": None}),
    ],
)
def test_layers_that_cannot_be_counted_are_named_and_make_totals_unknown(
    layer: nn.Module, named: dict[str, str | None]
) -> None:
    net = TimeSequential(OrderedDict(strange=layer, fc=nn.Linear(4, 3), neuron=neuron())).float()
    reported = counted(net, noise(3, 2, 4).float())
    found = not_counted(reported, net)
    assert found.keys() == named.keys()
    for name, kind in named.items():
        assert kind is None or found[name] == kind
        assert reported["layers"][name][MACS] is None
    assert [reported[key] for key in (MACS, ACS, DENSE, ENERGY)] == [None] * 4
    assert reported[UPDATES] > 0
    assert reported["layers"]["fc"][MACS] > 0
    table = cost_table(reported, found)
    assert all(f"{name} ({kind})" in table for name, kind in found.items())
    assert table.splitlines()[-2 - len(found)].split()[3:7] == ["unknown"] * 4


def test_counting_changes_nothing_and_leaves_nothing_attached() -> None:
    net = csnn(dropout=0.5).eval()
    net.conv1_neuron.set_monitor(True)
    seen = []

    def fail_after_a_pass() -> None:
        with Cost(net):
            seen.append(net(ANALOG))
            raise ZeroDivisionError

    with torch.no_grad():
        expected = net(ANALOG)
        reset_net(net)
        with pytest.raises(ZeroDivisionError):
            fail_after_a_pass()
    assert torch.equal(seen[0], expected)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net.modules())
    assert [name for name, layer in spiking_layers(net) if layer.monitor is not None] == ["conv1_neuron"]
