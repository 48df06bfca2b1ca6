"""Truncated back-propagation, losses on the potential, and functions for all layers of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, detach_net, reset_net, set_step_mode, surrogate

COMMON: dict[str, Any] = {"surrogate_function": surrogate.ATan(), "step_mode": "m"}


def current(T: int, *shape: int, seed: int = 0) -> Tensor:
    return 1.5 * torch.randn(T, *shape, generator=torch.Generator().manual_seed(seed)) + 0.7


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 8), PLIFNode(**COMMON), nn.Sequential(nn.Linear(8, 3), LIFNode(tau=2.0, **COMMON))
    )


# ---- detach ----------------------------------------------------------------------------------------------------------


def test_a_detached_state_continues_and_ends_the_gradient() -> None:
    node, plain = (LIFNode(tau=3.0, **COMMON) for _ in range(2))
    first, second = (current(4, 2, 5, seed=seed).requires_grad_() for seed in (0, 1))
    for layer in (node, plain):
        layer(first)
    node.detach()
    s = node(second)
    assert torch.equal(s, plain(second))
    s.sum().backward()
    assert first.grad is None
    assert second.grad is not None
    LIFNode().detach()  # There is no graph to detach from.


def test_a_detached_net_trains_on_parts_of_a_sequence() -> None:
    model, x = net(), current(12, 2, 6)
    for part in x.split(4):
        model(part).sum().backward()
        detach_net(model)
    whole = net()
    assert torch.equal(torch.cat(_parts(net(), x)), whole(x))


def _parts(model: nn.Module, x: Tensor) -> list[Tensor]:
    found = []
    for part in x.split(4):
        found.append(model(part))
        detach_net(model)
    return found


def test_without_detach_the_second_part_needs_the_graph_of_the_first() -> None:
    model, x = net(), current(8, 2, 6)
    model(x[:4]).sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        model(x[4:]).sum().backward()


# ---- step mode -------------------------------------------------------------------------------------------------------


def test_one_call_sets_the_step_mode_of_a_whole_net() -> None:
    model, x = net(), current(5, 2, 6)
    every = model(x)
    reset_net(model)
    set_step_mode(model, "s")
    torch.testing.assert_close(torch.stack([model(x_t) for x_t in x]), every, rtol=0, atol=0)
    with pytest.raises(ValueError, match="step_mode must be"):
        set_step_mode(model, "multi")


# ---- the potentials with their gradient ------------------------------------------------------------------------------


class Written(BaseNode):
    def charge(self, x: Tensor) -> Tensor:
        return self.v + (x - self.v) / 2


KINDS: dict[str, Callable[..., BaseNode]] = {
    "if": IFNode,
    "lif": lambda **more: LIFNode(tau=2.0, **more),
    "plif": PLIFNode,
    "own rule": Written,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("v_reset", [-0.1, None], ids=["hard", "soft"])
def test_the_sequence_of_potentials_has_its_gradient(kind: str, step_mode: str, v_reset: float | None) -> None:
    settings = {**COMMON, "v_reset": v_reset, "step_mode": step_mode, "monitor_state": True}
    node, plain = KINDS[kind](**settings).double(), KINDS[kind](**settings).double()
    node.store_v_seq = True
    x, other = (current(5, 2, 3).double().requires_grad_() for _ in range(2))
    spikes, potentials = _run(node, x)
    expected = _run(plain, other)[0]
    assert torch.equal(spikes, expected)
    assert node.monitor is not None
    for one, recorded in zip(potentials, node.monitor["v"], strict=True):
        torch.testing.assert_close(one.detach(), torch.from_numpy(recorded))
    assert plain.v_seq is None
    # The last potential is the state, and the definition gives its gradient.
    potentials[-1].sum().backward()
    plain.v.sum().backward()
    torch.testing.assert_close(x.grad, other.grad)
    node.reset()
    assert node.v_seq is None


def _run(node: BaseNode, x: Tensor) -> tuple[Tensor, Tensor]:
    if node.step_mode == "m":
        s = node(x)
        return s, node.v_seq
    steps = [(node(x_t), node.v_seq) for x_t in x]
    s, v = zip(*steps, strict=True)
    return torch.stack(s), (torch.cat(v) if v[0] is not None else None)


def test_the_sequence_is_that_of_the_last_call_alone() -> None:
    node = LIFNode(tau=2.0, **COMMON)
    node.store_v_seq = True
    node(current(5, 2, 3))
    node(current(4, 2, 3))
    assert node.v_seq is not None
    assert node.v_seq.shape == (4, 2, 3)
    node.store_v_seq = False
    node(current(4, 2, 3))
    assert node.v_seq is None


def test_a_loss_on_every_potential_reaches_every_step() -> None:
    node = LIFNode(tau=2.0, **COMMON)
    node.store_v_seq = True
    x = current(5, 2, 3).requires_grad_()
    node(x)
    assert node.v_seq is not None
    node.v_seq.square().sum().backward()
    assert (x.grad.abs().amax((1, 2)) > 0).all()


# ---- an input expanded over time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_an_input_expanded_over_time_has_a_gradient_per_step(kind: str, dtype: torch.dtype) -> None:
    node = KINDS[kind](**COMMON).to(dtype)
    expanded = torch.full((1, 2, 17), 0.4, dtype=dtype).expand(3, 2, 17).requires_grad_()
    dense = torch.full((3, 2, 17), 0.4, dtype=dtype).requires_grad_()
    for x in (expanded, dense):
        node.reset()
        node(x).sum().backward()
    assert torch.equal(expanded.grad, dense.grad)
    assert expanded.grad[0, 0, 0] != expanded.grad[1, 0, 0] or kind == "if"


def test_hooks_and_autograd_grad_see_the_gradient_per_step_too() -> None:
    node, seen = LIFNode(tau=2.0, **COMMON), []
    base = torch.full((1, 2, 3), 0.4, requires_grad=True)
    x = base.expand(3, 2, 3)
    x.register_hook(seen.append)
    s = node(x)
    (found,) = torch.autograd.grad(s.sum(), x, retain_graph=True)
    s.sum().backward()
    node.reset()
    dense = torch.full((3, 2, 3), 0.4, requires_grad=True)
    node(dense).sum().backward()
    for one in (found, seen[-1]):
        assert torch.equal(one, dense.grad)
    torch.testing.assert_close(base.grad, dense.grad.sum(0, keepdim=True))


# ---- checkpoints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset_inside", [True, False])
def test_a_checkpoint_computes_the_gradient_if_the_state_is_reset_inside(reset_inside: bool) -> None:
    """As docs/neurons.md says, the forward pass runs twice, the second time from the final state of the first."""

    def gradient(recompute: bool) -> Tensor:
        node, x = LIFNode(tau=2.0, **COMMON), current(4, 2, 3).requires_grad_()
        node(current(4, 2, 3, seed=1))

        def run(x: Tensor) -> Tensor:
            if reset_inside:
                node.reset()
            return node(x)

        s = checkpoint(run, x, use_reentrant=False) if recompute else run(x)
        s.square().sum().backward()
        assert x.grad is not None
        return x.grad

    assert torch.equal(gradient(recompute=True), gradient(recompute=False)) is reset_inside
