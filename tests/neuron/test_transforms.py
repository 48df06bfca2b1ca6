"""Derivatives beyond one backward pass: of a gradient, in forward mode, by torch.func; export; inference mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from snntrain.kernels import dispatch
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, reset_net, surrogate

pytest.importorskip("numba")

COMMON: dict[str, Any] = {"surrogate_function": surrogate.ATan(), "step_mode": "m"}
NODES: dict[str, Callable[[], BaseNode]] = {
    "if": lambda: IFNode(**COMMON),
    "lif": lambda: LIFNode(tau=3.0, v_reset=-0.2, **COMMON),
    "plif": lambda: PLIFNode(clamp="sigmoid", v_reset=None, **COMMON),
    "rif": lambda: RIFNode(init_w=-0.3, detach_reset=True, **COMMON),
}
every_node = pytest.mark.parametrize("kind", NODES)


@pytest.fixture
def defined(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """Return the result of a function that is computed by the definition, not by compiled code."""

    def run(function: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setenv(dispatch.VARIABLE, "reference")
            return function()

    return run


def current(*shape: int, seed: int = 0) -> Tensor:
    return 1.5 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + 0.7


def stepped(node: BaseNode, x: Tensor, parameters: dict[str, Tensor] | None = None) -> Tensor:
    """Return the spikes from rest."""
    node.reset()
    return node(x) if parameters is None else functional_call(node, parameters, (x,))


# ---- the gradient of a gradient --------------------------------------------------------------------------------------


@every_node
@pytest.mark.parametrize("T", [1, 5])
def test_a_gradient_penalty_is_that_of_the_definition(kind: str, T: int, defined: Any) -> None:
    node = NODES[kind]()
    weights = current(T, 3, 20, seed=3)

    def penalty() -> list[Tensor]:
        x, scale = current(T, 3, 20).requires_grad_(), torch.tensor(1.3, requires_grad=True)
        loss = (stepped(node, scale * x) * weights).square().sum() + node.v.square().sum()
        leaves = [x, scale, *node.parameters()]
        first = torch.autograd.grad(loss, leaves, create_graph=True)
        return [*first, *torch.autograd.grad(sum(g.square().sum() for g in first), leaves)]

    found, expected = penalty(), defined(penalty)
    assert expected[len(expected) // 2].abs().max() > 0
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(other.detach().abs().max()))


def test_a_third_derivative_is_that_of_the_definition(defined: Any) -> None:
    node = NODES["lif"]()

    def third() -> Tensor:
        x = current(4, 3, 5).requires_grad_()
        value = stepped(node, x).square().sum()
        for _ in range(2):
            (slope,) = torch.autograd.grad(value, x, create_graph=True)
            value = slope.square().sum()
        return torch.autograd.grad(value, x)[0]

    torch.testing.assert_close(third(), defined(third), rtol=1e-3, atol=1e-4)


# ---- forward mode ----------------------------------------------------------------------------------------------------


@every_node
def test_forward_mode_gives_the_tangent_of_the_definition(kind: str, defined: Any) -> None:
    node = NODES[kind]()
    smooth = NODES[kind]()
    smooth.surrogate_function = surrogate.ATan(spiking=False)

    def tangent(layer: BaseNode) -> Tensor | None:
        with forward_ad.dual_level():
            x = forward_ad.make_dual(current(4, 3, 5), current(4, 3, 5, seed=1))
            return forward_ad.unpack_dual(stepped(layer, x)).tangent

    one, other = tangent(smooth), defined(lambda: tangent(smooth))
    assert one is not None
    torch.testing.assert_close(one, other)
    # The tangent of a spike is that of the surrogate, as is its gradient.
    spikes = tangent(node)
    assert spikes is not None
    assert spikes.abs().max() > 0


def test_the_operator_itself_says_that_it_has_no_forward_derivative() -> None:
    with forward_ad.dual_level():
        x = forward_ad.make_dual(current(3, 8), current(3, 8, seed=1))
        with pytest.raises(NotImplementedError, match="no forward-mode derivative"):
            torch.ops.snntrain.integrate_and_fire(
                x, 3, None, None, None, None, [0.5, -1.0, 0.0, 0.0], 1.0, 0.0, False, 4, 2.0, 0.0, False
            )


# ---- torch.func ------------------------------------------------------------------------------------------------------


@every_node
def test_grad_and_vjp_are_the_backward_pass(kind: str) -> None:
    node = NODES[kind]()
    x = current(4, 3, 5).requires_grad_()
    stepped(node, x).square().sum().backward()
    assert x.grad is not None
    found = grad(lambda x: stepped(node, x).square().sum())(x.detach())
    torch.testing.assert_close(found, x.grad)
    spikes, pull = vjp(lambda x: stepped(node, x), x.detach())
    torch.testing.assert_close(pull(2 * spikes)[0], x.grad)


@every_node
def test_jacobians_agree_whichever_way(kind: str) -> None:
    node = NODES[kind]()
    x = current(3, 1, 2)
    back, forth = jacrev(lambda x: stepped(node, x))(x), jacfwd(lambda x: stepped(node, x))(x)
    torch.testing.assert_close(back, forth, rtol=1e-5, atol=1e-6)
    direction = current(3, 1, 2, seed=1)
    torch.testing.assert_close(
        jvp(lambda x: stepped(node, x), (x,), (direction,))[1], (back * direction).sum((3, 4, 5)), rtol=1e-5, atol=1e-6
    )
    assert hessian(lambda x: stepped(node, x).square().sum())(x).shape == (3, 1, 2, 3, 1, 2)


@every_node
def test_vmap_is_a_loop(kind: str) -> None:
    node = NODES[kind]()
    many = current(6, 4, 3, 5)
    mapped = vmap(lambda x: stepped(node, x))(many)
    node.reset()
    assert torch.equal(mapped, torch.stack([stepped(node, x) for x in many]))


def test_gradients_per_sample_add_up_to_that_of_the_batch() -> None:
    net = nn.Sequential(nn.Linear(6, 8), PLIFNode(**COMMON), nn.Linear(8, 3), LIFNode(tau=2.0, **COMMON))
    x = current(4, 5, 6)
    parameters = {name: value.detach() for name, value in net.named_parameters()}

    def loss(parameters: dict[str, Tensor], sample: Tensor) -> Tensor:
        reset_net(net)
        return functional_call(net, parameters, (sample.unsqueeze(1),)).sum(0).square().sum()

    each = vmap(grad(loss), in_dims=(None, 1))(parameters, x)
    reset_net(net)
    net(x).sum(0).square().sum().backward()
    for name, value in net.named_parameters():
        assert each[name].shape == (5, *value.shape)
        torch.testing.assert_close(each[name].sum(0), value.grad, rtol=1e-4, atol=1e-4)


def test_a_state_left_by_a_transform_gets_its_own_error() -> None:
    node = NODES["if"]()
    grad(lambda x: node(x).sum())(current(4, 3, 5))
    with pytest.raises(
        ValueError, match=r"IFNode holds the state of a torch\.func transform that has ended: call reset"
    ):
        node(current(4, 3, 5))
    node.reset()
    assert node(current(4, 3, 5)).shape == (4, 3, 5)


def test_an_input_expanded_over_time_is_not_taken_for_one_step_by_a_transform() -> None:
    node = NODES["lif"]()
    once = current(1, 3, 5)
    found = grad(lambda x: stepped(node, x).square().sum())(once.expand(6, 3, 5))
    dense = grad(lambda x: stepped(node, x).square().sum())(once.repeat(6, 1, 1))
    assert torch.equal(found, dense)


# ---- export ----------------------------------------------------------------------------------------------------------


@every_node
@pytest.mark.parametrize("channels", [False, True], ids=["flat", "images"])
def test_an_exported_node_takes_any_batch(kind: str, channels: bool) -> None:
    rest = (16, 5, 5) if channels else (20,)

    class Fresh(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.node = NODES[kind]()

        def forward(self, x: Tensor) -> Tensor:
            return stepped(self.node, x)

    net = Fresh()
    exported = torch.export.export(
        net, (current(4, 3, *rest),), dynamic_shapes=({1: torch.export.Dim("batch", min=2, max=64)},)
    )
    targets = [str(one.target) for one in exported.graph.nodes]
    assert "snntrain.integrate_and_fire.default" in targets
    for batch in (2, 7, 64):
        x = current(4, batch, *rest, seed=batch)
        assert torch.equal(exported.module()(x), net(x))


# ---- inference mode --------------------------------------------------------------------------------------------------


@every_node
def test_training_continues_from_a_state_of_inference_mode(kind: str) -> None:
    node, plain = NODES[kind](), NODES[kind]()
    with torch.inference_mode():
        node(current(4, 3, 5))
    plain(current(4, 3, 5))
    plain.detach()
    x, other = (current(4, 3, 5, seed=1).requires_grad_() for _ in range(2))
    for layer, leaf in ((node, x), (plain, other)):
        layer(leaf).square().sum().backward()
    assert torch.equal(x.grad, other.grad)
