from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.network.csnn import CSNN
from snntrain.network.sequence import TimeSequential
from snntrain.network.table import layer_table
from snntrain.neuron import BaseNode, IFNode, spiking_layers, surrogate

from .inputs import constant, neuron, noise


def csnn() -> CSNN:
    torch.manual_seed(0)
    return CSNN((3, 12, 10), 10, neuron, channels=[4, 40], hidden=[64], votes=2, dropout=0.5)


def example() -> Tensor:
    return constant(4, 1, 3, 12, 10, dtype=torch.float32)


def cells(table: str) -> dict[str, list[str]]:
    """Return the cells of each line by its first cell."""
    return {line.split()[0]: line.split()[1:] for line in table.splitlines() if not line.startswith("-")}


def test_every_layer_has_its_line() -> None:
    net = csnn()
    rows = cells(layer_table(net, example()))
    assert list(rows) == ["layer", *net._modules, "total"]
    assert rows["conv2"] == ["Conv2d", "40x6x5", f"{40 * 4 * 9:,}"]
    assert rows["conv2_neuron"] == ["PLIFNode", "40x6x5", "1", "1,200"]
    assert rows["flatten"] == ["Flatten", str(40 * 3 * 2), "0"]
    assert rows["fc1_dropout"] == ["TimeDropout", str(40 * 3 * 2), "0"]
    assert rows["vote"] == ["Vote", "10", "0"]


def test_shapes_do_not_depend_on_time_steps_and_batch() -> None:
    net = csnn()
    assert layer_table(net, noise(3, 5, 3, 12, 10, dtype=torch.float32)) == layer_table(net, example())


def test_totals_equal_those_of_brute_force() -> None:
    net = csnn()
    total = cells(layer_table(net, example()))["total"]
    net(example())
    neurons = sum(torch.as_tensor(node.v).numel() for _, node in spiking_layers(net))
    assert total == [f"{sum(p.numel() for p in net.parameters()):,}", f"{neurons:,}"]


def test_the_pass_leaves_no_trace() -> None:
    net = csnn()
    net.get_submodule("conv1_norm").eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    random_state = torch.get_rng_state()
    layer_table(net, example())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [module.training for module in net.modules()] == modes
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for _, node in spiking_layers(net):
        assert isinstance(node.v, float)
    for module in net.modules():
        assert not module._forward_hooks
    for parameter in net.parameters():
        assert parameter.grad is None


def test_the_state_of_another_batch_does_not_matter() -> None:
    net = csnn()
    net(noise(4, 7, 3, 12, 10, dtype=torch.float32))
    assert "total" in layer_table(net, example())


def test_an_example_that_does_not_fit_leaves_no_trace_either() -> None:
    net = csnn()
    with pytest.raises(RuntimeError):
        layer_table(net, torch.zeros(4, 1, 3, 40, 40))
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())
    assert all(isinstance(node.v, float) for _, node in spiking_layers(net))


def test_nested_layers_are_listed_by_their_full_name() -> None:
    net = TimeSequential(TimeSequential(nn.Flatten(), nn.Linear(9, 5)), neuron())
    rows = cells(layer_table(net, noise(2, 3, 3, 3, dtype=torch.float32)))
    assert list(rows) == ["layer", "0.0", "0.1", "1", "total"]
    assert rows["0.1"] == ["Linear", "5", "50"]


def test_a_neuron_with_a_module_inside_is_one_layer() -> None:
    class Learnt(nn.Module):
        """A firing rule with a parameter, as a user's own surrogate may be."""

        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            spikes: Tensor = surrogate.Sigmoid()(x * self.gain)
            return spikes

    node: Any = IFNode(surrogate_function=Learnt(), step_mode="m")
    assert isinstance(node, BaseNode)
    rows = cells(layer_table(TimeSequential(nn.Flatten(), node), noise(2, 3, 4, dtype=torch.float32)))
    assert rows["1"] == ["IFNode", "4", "1", "4"]
    assert list(rows) == ["layer", "0", "1", "total"]


def test_columns_are_aligned() -> None:
    header, rule, *lines = layer_table(csnn(), example()).splitlines()
    assert set(rule) == {"-"}
    assert len(rule) == len(header) == max(map(len, lines))
    kinds = header.index("kind")
    assert all(line[kinds - 1] == " " != line[kinds] for line in lines[:-2])
