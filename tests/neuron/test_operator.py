"""The recurrence under PyTorch's graphs, modes, transforms, subclasses and copies."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from snntrain.kernels import dispatch
from snntrain.neuron import IFNode, LIFNode, PLIFNode, surrogate
from snntrain.neuron.base import BaseNode
from snntrain.neuron.integrate_and_fire import integrate_and_fire

pytest.importorskip("numba")

NODES: dict[str, Callable[[], BaseNode]] = {
    "if": lambda: IFNode(**COMMON),
    "lif": lambda: LIFNode(tau=3.0, v_reset=-0.2, **COMMON),
    "plif": lambda: PLIFNode(clamp="sigmoid", **COMMON),
}
COMMON: dict[str, Any] = {"surrogate_function": surrogate.ATan(), "step_mode": "m"}
every_node = pytest.mark.parametrize("kind", NODES)


def current(*shape: int) -> Tensor:
    return 1.5 * torch.randn(*shape, generator=torch.Generator().manual_seed(0)) + 0.7


class Seen(TorchDispatchMode):
    """A mode that collects the names of all operators in its block."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.name())
        return func(*args, **(kwargs or {}))


@every_node
def test_a_mode_sees_the_operators_and_changes_nothing(kind: str) -> None:
    node, plain = (NODES[kind]() for _ in range(2))
    x, other = (current(4, 3, 5).requires_grad_() for _ in range(2))
    with Seen() as seen:
        s = node(x)
        s.square().sum().backward()
    expected = plain(other)
    expected.square().sum().backward()
    assert torch.equal(s, expected)
    assert torch.equal(x.grad, other.grad)
    # One operation each, whatever runs inside.
    ours = [name for name in seen.names if name.startswith("snntrain::")]
    assert ours == ["snntrain::integrate_and_fire", "snntrain::integrate_and_fire_backward"]


def test_the_profiler_names_the_operators() -> None:
    x = current(4, 3, 5).requires_grad_()
    with torch.autograd.profiler.profile() as profile:
        IFNode(**COMMON)(x).sum().backward()
    names = {event.key for event in profile.key_averages()}
    assert {"snntrain::integrate_and_fire", "snntrain::integrate_and_fire_backward"} <= names


@every_node
def test_fake_tensors_go_through_without_a_computation(kind: str) -> None:
    node = NODES[kind]()
    with FakeTensorMode(allow_non_fake_inputs=True):
        x = torch.empty(4, 3, 16, 5, 5).to(memory_format=torch.channels_last_3d).requires_grad_()
        s = node(x)
        s.sum().backward()
    assert isinstance(s, FakeTensor)
    assert isinstance(x.grad, FakeTensor)
    assert (s.shape, x.grad.shape) == (x.shape, x.shape)


def test_a_tensor_on_the_meta_device_has_no_spikes_but_a_shape() -> None:
    x = torch.empty(4, 3, 5, device="meta", requires_grad=True)
    rule = {"v_threshold": 1.0, "v_reset": 0.0, "surrogate": surrogate.ATan(), "detach_reset": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dispatch.VARIABLE, "cpu")
        s = integrate_and_fire(x, 0.5, -1.0, 0.0, 0.0, **rule).s
        s.sum().backward()
    assert s.device.type == x.grad.device.type == "meta"


class Celsius(Tensor):
    """A subclass that goes through all operators."""


def test_a_subclass_is_preserved() -> None:
    x = current(4, 3, 5)
    s = LIFNode(**COMMON)(x.as_subclass(Celsius))
    assert type(s) is Celsius
    assert torch.equal(s.as_subclass(Tensor), LIFNode(**COMMON)(x))


def test_a_lazily_negated_view_is_resolved() -> None:
    x = current(4, 3, 5)
    # The memory holds -x, which compiled code must not read.
    lazy = torch.complex(torch.zeros_like(x), -x).conj().imag
    assert lazy.is_neg()
    assert torch.equal(IFNode(**COMMON)(lazy), IFNode(**COMMON)(x))


@every_node
def test_a_compiled_node_learns_as_a_plain_one(kind: str) -> None:
    node, plain = (NODES[kind]() for _ in range(2))
    compiled = torch.compile(node, backend="aot_eager", fullgraph=True)
    for calls in range(2):  # The second call continues from the state of the first.
        x, other = (current(4 + calls, 3, 5).requires_grad_() for _ in range(2))
        s, expected = compiled(x), plain(other)
        (s.square().sum() + node.v.sum()).backward()
        (expected.square().sum() + plain.v.sum()).backward()
        node.v, plain.v = node.v.detach(), plain.v.detach()
        assert torch.equal(s, expected)
        torch.testing.assert_close(x.grad, other.grad)
    for one, other_one in zip(node.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other_one.grad)


@every_node
def test_a_traced_step_holds_both_operators_and_computes_the_same(kind: str) -> None:
    node = NODES[kind]()
    x = current(4, 3, 5).requires_grad_()

    def gradients(x: Tensor) -> tuple[Tensor, ...]:
        node.reset()
        return torch.autograd.grad(node(x).square().sum(), [x, *node.parameters()])

    traced = make_fx(gradients)(x)
    targets = [str(one.target) for one in traced.graph.nodes]
    assert "snntrain.integrate_and_fire.default" in targets
    assert "snntrain.integrate_and_fire_backward.default" in targets
    # The input differs from the one it was traced with.
    other = (0.5 * current(4, 3, 5)).requires_grad_()
    assert all(map(torch.equal, traced(other), gradients(other)))


@every_node
def test_a_checkpointed_node_learns_the_same(kind: str) -> None:
    node, plain = (NODES[kind]() for _ in range(2))
    x, other = (current(4, 3, 5).requires_grad_() for _ in range(2))

    def run(x: Tensor) -> Tensor:
        node.reset()
        return node(x)

    checkpoint(run, x, use_reentrant=False).square().sum().backward()
    plain(other).square().sum().backward()
    assert torch.equal(x.grad, other.grad)
    for one, other_one in zip(node.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one.grad, other_one.grad)


@every_node
def test_a_graph_that_is_retained_gives_its_gradient_again(kind: str) -> None:
    node = NODES[kind]()
    inputs = [current(4, 3, 5).requires_grad_(), *node.parameters()]
    loss = node(inputs[0]).square().sum()
    once = torch.autograd.grad(loss, inputs, retain_graph=True)
    twice = torch.autograd.grad(loss, inputs)
    assert all(map(torch.equal, once, twice))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, inputs)


def test_an_input_that_is_changed_before_the_backward_pass_is_an_error() -> None:
    leaf = current(4, 3, 5).requires_grad_()
    x = leaf * 1
    s = IFNode(**COMMON)(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        s.sum().backward()


def test_a_state_that_is_changed_before_the_backward_pass_is_an_error() -> None:
    node = IFNode(**COMMON)
    node.v = state = torch.zeros(3, 5)
    s = node(current(2, 3, 5).requires_grad_())
    state.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        s.sum().backward()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@every_node
def test_without_gradients_the_spikes_are_the_same(kind: str, mode: Callable[[], Any]) -> None:
    node, x = NODES[kind](), current(4, 3, 5)
    expected = node(x.requires_grad_())
    node.reset()
    with mode():
        s = node(x)
    assert not s.requires_grad
    assert s.is_inference() == (mode is torch.inference_mode)
    assert torch.equal(s, expected)


@every_node
def test_a_copy_continues_from_the_same_state_without_the_graph(kind: str) -> None:
    node = NODES[kind]()
    node(current(4, 3, 5).requires_grad_())
    other = copy.deepcopy(node)
    assert not other.v.requires_grad
    assert torch.equal(node(current(4, 3, 5)), other(current(4, 3, 5)))


@every_node
def test_hooks_on_saved_tensors_see_the_input_and_may_replace_it(kind: str) -> None:
    saved: list[Tensor] = []
    node, plain = (NODES[kind]() for _ in range(2))
    x, other = (current(4, 3, 5).requires_grad_() for _ in range(2))
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t.clone(), lambda t: t):
        s = node(x)
    assert any(tensor.data_ptr() == x.data_ptr() for tensor in saved)
    s.square().sum().backward()
    plain(other).square().sum().backward()
    assert torch.equal(x.grad, other.grad)
