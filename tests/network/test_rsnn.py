"""Networks with feedback and delays: layers, counts, gradients, and a task that needs memory of time."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import Tensor, nn

from snntrain.network.delays import DelayedLinear
from snntrain.network.layers import TimeDropout
from snntrain.network.parameter_groups import optimizer_argument, parameter_groups, scale_learning_rates
from snntrain.network.rsnn import RSNN
from snntrain.network.table import layer_table
from snntrain.neuron import BaseNode, IFNode, LINode, begin_epoch, reset_net, spiking_layers, surrogate

from .inputs import neuron, noise, shapes_seen

CONF = Path(__file__).parents[2] / "conf" / "network" / "rsnn.yaml"
T, N, UNITS = 5, 3, 7


def rsnn(in_shape: tuple[int, ...] = (UNITS,), **arguments: Any) -> RSNN:
    torch.manual_seed(0)
    return RSNN(in_shape, 4, neuron, **dict[str, Any](hidden=[6, 5]) | arguments)


def units(*shape: int) -> Tensor:
    return noise(T, N, *(shape or (UNITS,)), dtype=torch.float32)


KINDS: list[dict[str, Any]] = [
    {},
    {"recurrent": False},
    {"recurrent": False, "delays": 3},
    {"delays": 3, "recurrent_diagonal": False, "bias": True, "norm": False, "votes": 2, "dropout": 0.2},
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=str)


def test_layers_have_their_names() -> None:
    assert list(rsnn(dropout=0.1, votes=2)._modules) == [
        *("flatten", "fc1", "fc1_norm", "fc1_recurrent", "fc1_dropout"),
        *("fc2", "fc2_norm", "fc2_recurrent", "fc2_dropout", "out", "out_neuron", "vote"),
    ]
    assert list(rsnn(recurrent=False, norm=False, hidden=[4])._modules) == [
        *("flatten", "fc1", "fc1_neuron", "out", "out_neuron")
    ]
    assert [name for name, _ in spiking_layers(rsnn())] == [
        "fc1_recurrent.neuron",
        "fc2_recurrent.neuron",
        "out_neuron",
    ]


def count(**arguments: Any) -> int:
    """Return the number of parameters of the network for SHD; an IF neuron has none."""
    net = RSNN((140,), 20, lambda: IFNode(step_mode="m"), **arguments)
    return sum(parameter.numel() for parameter in net.parameters())


def test_the_number_of_parameters_is_that_of_a_count_by_hand() -> None:
    weights, norms, feedback = 140 * 256 + 256 * 256 + 256 * 20, 2 * 2 * 256, 2 * 256 * 256
    assert count(recurrent=False) == weights + norms
    assert count() == weights + norms + feedback
    # Hammouamri et al. give 0.2 M parameters for their network of two layers.
    assert count(recurrent=False, delays=24) == 2 * weights + norms == 214_016
    assert count(recurrent=False, norm=False, bias=True) == weights + 256 + 256 + 20


@kinds
def test_the_gradient_reaches_every_parameter(kind: dict[str, Any]) -> None:
    net = rsnn(**kind)
    (net(units()) * noise(T, N, 4, dtype=torch.float32, seed=1)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@kinds
def test_a_reset_network_repeats_itself_in_evaluation(kind: dict[str, Any]) -> None:
    net, x = rsnn(**kind).eval(), units()
    first = net(x)
    assert first.shape == (T, N, 4)
    assert first.any()
    reset_net(net)
    assert torch.equal(net(x), first)
    assert not torch.equal(net(x), first)


@kinds
def test_two_parts_of_a_sequence_give_what_the_whole_gives(kind: dict[str, Any]) -> None:
    net, x = rsnn(**kind).double().eval(), units().double()
    whole = net(x)
    reset_net(net)
    torch.testing.assert_close(torch.cat([net(x[:2]), net(x[2:])]), whole)


@pytest.mark.parametrize("kind", [{"norm": False}, {"norm": False, "delays": 3}], ids=str)
def test_the_samples_of_a_batch_do_not_influence_each_other(kind: dict[str, Any]) -> None:
    """Hence several processes may share a batch; its normalisation is added up over them."""
    net, x = rsnn(**kind).double(), units().double()
    whole = net(x)
    for row in range(N):
        reset_net(net)
        torch.testing.assert_close(net(x[:, row : row + 1]), whole[:, row : row + 1])


def test_the_pixels_of_an_image_are_the_units_of_a_step() -> None:
    net, image = rsnn((1, 4, 4)), noise(N, 1, 4, 4, dtype=torch.float32)
    seen = shapes_seen(net, nn.Linear)
    assert net(image.expand(T, *image.shape)).shape == (T, N, 4)
    # The current of an image is computed once.
    assert seen[0] == (N, 16)


def test_the_readout_decides_the_last_layer() -> None:
    net = rsnn(output=lambda: LINode(step_mode="m"), delays=2)
    assert isinstance(net.out, DelayedLinear)
    assert isinstance(net.out_neuron, LINode)
    assert rsnn(output=lambda: None, bias=True).out.bias is not None


def test_dropout_has_one_mask_for_all_steps() -> None:
    assert isinstance(rsnn(dropout=0.3).fc1_dropout, TimeDropout)


def test_the_table_lists_each_layer_once() -> None:
    table = layer_table(rsnn(hidden=[6], delays=2), units())
    assert [line.split()[0] for line in table.splitlines() if not line.startswith("-")] == [
        *("layer", "flatten", "fc1", "fc1_norm", "fc1_recurrent.feedback", "fc1_recurrent.neuron"),
        *("out", "out_neuron", "total"),
    ]
    assert table.splitlines()[-1].split()[-1] == "10"


@pytest.mark.slow
def test_a_network_compiles_to_one_graph() -> None:
    net, x = rsnn(hidden=[6], delays=2).double(), units().double()
    right = net(x)
    reset_net(net)
    torch.testing.assert_close(torch.compile(net, backend="eager", fullgraph=True)(x), right)


@pytest.mark.parametrize("wrong", [{"hidden": [0]}, {"votes": 0}, {"delays": 0}])
def test_an_empty_layer_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must (be|have) at least 1"):
        rsnn(**wrong)


def test_dropout_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\)"):
        rsnn(dropout=1.0)


def test_the_configuration_file_gives_the_defaults() -> None:
    values = OmegaConf.to_container(OmegaConf.load(CONF))
    assert isinstance(values, dict)
    assert values.pop("_target_") == "snntrain.network.rsnn.RSNN"
    assert values.pop("defaults") == ["/schema/network/rsnn@_here_", "_self_"]
    parameters = inspect.signature(RSNN).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "output"}
    assert values == {key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items()}


# ---- a task that needs memory of time --------------------------------------------------------------------------------


def pairs(samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return sequences of two spikes, one of each unit; the classes differ in the time between them alone."""
    random, rows = torch.Generator().manual_seed(seed), torch.arange(samples)
    labels, first = rows % 2, torch.randint(0, 4, (samples,), generator=random)
    x = torch.zeros(12, samples, 2)
    x[first, rows, 0] = 1
    x[first + torch.where(labels == 0, 1, 4), rows, 1] = 1
    return x, labels


def spiking() -> BaseNode:
    """Return neurons without a leak: they do not know how long ago their inputs came."""
    return IFNode(surrogate_function=surrogate.ATan(), step_mode="m")


def accuracy_on_pairs(epochs: int = 40, **network: Any) -> float:
    torch.manual_seed(0)
    net = RSNN((2,), 2, spiking, hidden=[24], norm=False, delay_lr_factor=3.0, **network)
    groups = parameter_groups(net)
    optimizer = torch.optim.Adam(optimizer_argument(groups), lr=0.05)
    scale_learning_rates(optimizer, groups)
    (x, labels), (new, right) = pairs(64, 0), pairs(64, 1)
    for epoch in range(1, epochs + 1):
        begin_epoch(net, epoch, epochs)
        loss = F.cross_entropy(10 * net(x).mean(0), labels)
        reset_net(net)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        decided = net.eval()(new).mean(0).argmax(1)
    return (decided == right).double().mean().item()


def test_neurons_without_leak_and_feedback_and_delays_cannot_know_the_time_between_spikes() -> None:
    assert accuracy_on_pairs(recurrent=False) == 0.5


def test_feedback_learns_the_time_between_spikes() -> None:
    assert accuracy_on_pairs(recurrent=True) > 0.9


def test_delays_learn_the_time_between_spikes() -> None:
    assert accuracy_on_pairs(recurrent=False, delays=6) > 0.9
