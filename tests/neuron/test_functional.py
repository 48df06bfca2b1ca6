"""The functions with an explicit state, and all states of a network: equal to the modules that keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.network.mlp import MLP
from snntrain.neuron import (
    BaseNode,
    IFNode,
    LIFNode,
    PLIFNode,
    RIFNode,
    SlidingPSNNode,
    detach_net,
    load_states,
    reset_net,
    states_of,
    surrogate,
)
from snntrain.neuron.functional import (
    if_step,
    if_steps,
    lif_step,
    lif_steps,
    plif_step,
    plif_steps,
    rif_step,
    rif_steps,
)

from .cases import every_reset

T, SHAPE = 7, (3, 5)
Step = Callable[..., tuple[Tensor, Tensor]]
PAIRS: list[tuple[Callable[..., BaseNode], Step, Step, dict[str, Any]]] = [
    (IFNode, if_step, if_steps, {}),
    (lambda **k: LIFNode(2.5, **k), lif_step, lif_steps, {"tau": 2.5}),
    (lambda **k: LIFNode(2.5, decay_input=False, **k), lif_step, lif_steps, {"tau": 2.5, "decay_input": False}),
    (lambda **k: PLIFNode(4.0, **k), plif_step, plif_steps, {"k": 0.25}),
    (
        lambda **k: PLIFNode(4.0, decay_input=False, **k),
        plif_step,
        plif_steps,
        {"k": torch.tensor(0.25), "decay_input": False},
    ),
    (lambda **k: RIFNode(-0.25, **k), rif_step, rif_steps, {"w": -0.25}),
]
every_neuron = pytest.mark.parametrize(
    ("build", "step", "steps", "own"), PAIRS, ids=["if", "lif", "lif-undivided", "plif", "plif-undivided", "rif"]
)


def current() -> Tensor:
    return 2 * torch.randn(T, *SHAPE, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


@every_neuron
@every_reset
def test_a_function_computes_what_its_module_does(
    build: Callable[..., BaseNode], step: Step, steps: Step, own: dict[str, Any], v_reset: float | None
) -> None:
    rule: dict[str, Any] = {
        "v_threshold": 0.75,
        "v_reset": v_reset,
        "surrogate_function": surrogate.ATan(),
        "detach_reset": True,
    }
    node, x = build(**rule, step_mode="m"), current().requires_grad_()
    begin = torch.full(SHAPE, 0.1, dtype=torch.float64)
    node.v = begin
    expected = node(x)
    assert 0 < expected.sum() < expected.numel()
    s, v = steps(x, begin, **own, **rule)
    assert torch.equal(s, expected)
    assert torch.equal(v, torch.as_tensor(node.v))

    v, spikes = begin, []
    for x_t in x:
        one, v = step(x_t, v, **own, **rule)
        spikes.append(one)
    assert torch.equal(torch.stack(spikes), expected)
    pull = torch.linspace(-1, 1, expected.numel(), dtype=torch.float64).reshape(expected.shape)
    found, wanted = (torch.autograd.grad((k * pull).sum(), x)[0] for k in (torch.stack(spikes), expected))
    torch.testing.assert_close(found, wanted)


def test_a_function_has_the_defaults_of_its_module() -> None:
    x = current().float()
    s, v = lif_steps(x, 0.0)
    node = LIFNode(step_mode="m")
    assert torch.equal(s, node(x))
    assert torch.equal(v, torch.as_tensor(node.v))


def network() -> nn.Module:
    torch.manual_seed(2)
    nodes = iter([LIFNode(step_mode="m", tau=2.0, v_threshold=0.1), SlidingPSNNode(order=4, step_mode="m")])
    return MLP((6,), 3, lambda: next(nodes), hidden=(8,), votes=1)


@torch.no_grad()
def test_two_halves_of_a_stream_give_the_whole_in_another_network_with_its_states() -> None:
    x = 3 * torch.rand(T, 2, 6, generator=torch.Generator().manual_seed(1))
    whole, first, second = network(), network(), network()
    expected = whole(x)
    assert 0 < expected.sum() < expected.numel()
    begun = first(x[:4])
    states = states_of(first)
    assert list(states) == ["fc1_neuron.v", "out_neuron.v", "out_neuron.inputs"]
    load_states(second, states)
    assert torch.equal(torch.cat([begun, second(x[4:])]), expected)
    # The states that were read are not those of the second half.
    assert torch.equal(torch.as_tensor(states["fc1_neuron.v"]), torch.as_tensor(states_of(first)["fc1_neuron.v"]))
    assert set(states_of(network()).values()) == {0.0}


def test_states_of_another_network_are_refused_and_nothing_is_set() -> None:
    net = network()
    states = {**states_of(net), "fc9_neuron.v": 1.0}
    del states["out_neuron.inputs"]
    states["fc1_neuron.v"] = 5.0
    with pytest.raises(ValueError, match=r"missing out_neuron\.inputs; unknown fc9_neuron\.v"):
        load_states(net, states)
    assert states_of(net)["fc1_neuron.v"] == 0.0


def test_states_keep_their_graph_until_they_are_detached() -> None:
    net = network()
    net(torch.rand(2, 2, 6))
    assert torch.as_tensor(states_of(net)["fc1_neuron.v"]).requires_grad
    detach_net(net)
    assert not any(torch.as_tensor(state).requires_grad for state in states_of(net).values())
    reset_net(net)
    assert states_of(IFNode()) == {"v": 0.0}
