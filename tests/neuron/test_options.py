"""Undivided input, learnt thresholds and constants per neuron, against the oracle in float64."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, learnt_constants, surrogate

from . import oracle, oracle_surrogates
from .cases import V_THRESHOLD, drive, every_detach, every_mode, every_reset, recorded

SHAPE = (3, 5)
START = 0.3


def current(scale: float = 1.0, T: int = 9) -> Tensor:
    x = np.random.default_rng(1).normal(0.4, 0.9, (T, *SHAPE)) * scale
    return torch.from_numpy(x.astype(np.float32).astype(np.float64))


def pulls() -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(2)
    return torch.from_numpy(random.normal(size=(9, *SHAPE))), torch.from_numpy(random.normal(size=SHAPE))


def gradients(node: BaseNode, x: Tensor) -> Tensor:
    """Fill the gradients of the node's parameters, and return that of `x`."""
    pull_s, pull_v = pulls()
    x = x.clone().requires_grad_()
    s = drive(node, x)
    (s * pull_s).sum().backward(retain_graph=True)
    (node.v * pull_v).sum().backward()
    assert x.grad is not None
    return x.grad


def expected(cell: oracle.Cell, x: Tensor) -> tuple[oracle.Trace, oracle.Gradients]:
    pull_s, pull_v = (pull.numpy() for pull in pulls())
    trace = cell.forward(x.numpy())
    assert 0.05 < trace.s.mean() < 0.95
    return trace, cell.backward(x.numpy(), trace, pull_s, pull_v)


def close(found: Tensor | float | None, value: Any, rtol: float = 1e-9) -> None:
    assert found is not None
    numbers = found.detach().numpy() if isinstance(found, Tensor) else found
    np.testing.assert_allclose(numbers, value, rtol=rtol, atol=rtol)


# ---- undivided input -------------------------------------------------------------------------------------------------


@every_mode
@every_reset
@every_detach
def test_an_undivided_input_is_added_as_it_is(step_mode: str, v_reset: float | None, detach_reset: bool) -> None:
    arguments: dict[str, Any] = {"v_threshold": V_THRESHOLD, "v_reset": v_reset, "detach_reset": detach_reset}
    x = current(0.8)
    lif = LIFNode(2.5, **arguments, step_mode=step_mode, monitor_state=True, decay_input=False)
    trace, gradient = expected(oracle.Cell(oracle.UndividedLIF(2.5), **arguments), x)
    close(gradients(lif, x), gradient.x)
    close(torch.from_numpy(recorded(lif, "v")), trace.v)

    plif = PLIFNode(2.5, clamp="sigmoid", **arguments, step_mode=step_mode, decay_input=False).double()
    k = plif.decay().item()
    _, gradient = expected(oracle.Cell(oracle.UndividedPLIF(k), **arguments), x)
    close(gradients(plif, x), gradient.x)
    close(plif.w.grad, [gradient.k * oracle.CLAMPS["sigmoid"].slope(np.asarray(plif.w.item()))])


@every_reset
def test_an_undivided_input_runs_compiled_with_the_same_spikes(v_reset: float | None) -> None:
    arguments: dict[str, Any] = {"v_threshold": V_THRESHOLD, "v_reset": v_reset}
    x = current()
    trace, gradient = expected(oracle.Cell(oracle.UndividedLIF(2.5), **arguments), x)
    node = LIFNode(2.5, **arguments, step_mode="m", decay_input=False)
    single = x.float().requires_grad_()
    s = node(single)
    (s * pulls()[0].float()).sum().backward(retain_graph=True)
    (node.v * pulls()[1].float()).sum().backward()
    np.testing.assert_array_equal(s.detach(), trace.s)
    close(single.grad, gradient.x, rtol=2e-5)


def _plif(*arguments: Any, **named: Any) -> BaseNode:
    return PLIFNode(2.5, "sigmoid", None, None, *arguments, **named)


# ---- learnt thresholds -----------------------------------------------------------------------------------------------


@every_mode
@every_reset
@every_detach
@pytest.mark.parametrize("per_neuron", [False, True], ids=["one", "each"])
def test_the_gradient_of_a_threshold_is_the_oracle_s(
    step_mode: str, v_reset: float | None, detach_reset: bool, per_neuron: bool
) -> None:
    x, least = current(2.5), max(0.0, v_reset or 0.0)
    arguments: dict[str, Any] = {"v_reset": v_reset, "detach_reset": detach_reset}
    node = LIFNode(2.5, V_THRESHOLD, **arguments, step_mode=step_mode, learn_threshold=True, per_neuron=per_neuron)
    node(x[0] if step_mode == "s" else x[:1])
    node.reset()
    node.double()
    shape = SHAPE[1:] if per_neuron else (1,)
    logarithm = np.random.default_rng(3).normal(math.log(V_THRESHOLD - least), 0.2, shape)
    with torch.no_grad():
        node.log_threshold.copy_(torch.from_numpy(logarithm))
    threshold = np.broadcast_to(least + np.exp(logarithm), SHAPE)
    cell = oracle.Cell(oracle.LIF(2.5), oracle_surrogates.logistic(), threshold, **arguments)
    _, gradient = expected(cell, x)
    close(gradients(node, x), gradient.x)
    over = (0, 1) if not per_neuron else (0,)
    close(node.log_threshold.grad, gradient.threshold_each.sum(over).reshape(shape) * np.exp(logarithm))


@every_reset
@every_detach
@pytest.mark.parametrize("build", [IFNode, _plif], ids=["if", "plif"])
def test_a_learnt_threshold_of_a_layer_runs_compiled_with_the_gradients_of_the_definition(
    build: Callable[..., BaseNode], v_reset: float | None, detach_reset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = current(1.5).float()
    found = {}
    for executor in ("reference", "cpu"):
        monkeypatch.setenv("SNNTRAIN_EXECUTOR", executor)
        node = build(*(V_THRESHOLD, v_reset, surrogate.ATan(), detach_reset), step_mode="m", learn_threshold=True)
        node.v = torch.full(SHAPE, 0.05)
        single = x.clone().requires_grad_()
        s = node(single)
        assert ("_Learnt" in str(s.grad_fn)) == (executor == "cpu")
        (s * pulls()[0].float()).sum().backward(retain_graph=True)
        (node.v * pulls()[1].float()).sum().backward()
        found[executor] = [s, node.v, single.grad, *(parameter.grad for parameter in node.parameters())]
    for one, other in zip(found["cpu"], found["reference"], strict=True):
        assert isinstance(one, Tensor)
        torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-5)


def test_a_compiled_learnt_threshold_has_second_derivatives_a_constant_input_and_half_precision() -> None:
    node = LIFNode(2.5, 0.4, surrogate_function=surrogate.ATan(), step_mode="m", learn_threshold=True)
    x = current(1.5, 1).float().requires_grad_()
    once = node(x, T=6)
    node.reset()
    repeated = node(x.expand(6, *SHAPE).contiguous())
    assert torch.equal(once, repeated)
    (first,), (other,) = (torch.autograd.grad(s.sum(), x, retain_graph=True) for s in (once, repeated))
    torch.testing.assert_close(first, other)
    (gradient,) = torch.autograd.grad(once.sum(), node.log_threshold, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), x)
    assert second.abs().sum() > 0
    node.reset()
    half = node(x.detach().bfloat16(), T=6)
    assert half.dtype == torch.bfloat16
    assert torch.as_tensor(node.v).dtype == torch.bfloat16


@every_reset
def test_a_learnt_threshold_starts_as_the_fixed_one_and_stays_above_the_reset(v_reset: float | None) -> None:
    fixed, learnt = (
        LIFNode(2.5, V_THRESHOLD, v_reset, step_mode="m", learn_threshold=learn) for learn in (False, True)
    )
    x = current().float()
    assert torch.equal(fixed(x), learnt(x))
    with torch.no_grad():
        learnt.log_threshold.fill_(-100.0)
    threshold = learnt.threshold()
    assert isinstance(threshold, Tensor)
    assert threshold.item() >= max(0.0, v_reset or 0.0)
    assert list(learnt.state_dict()) == ["log_threshold"]
    assert list(fixed.state_dict()) == []


@pytest.mark.parametrize(("v_threshold", "v_reset"), [(-1.0, -2.0), (0.0, None), (0.25, 0.25)])
def test_a_learnt_threshold_must_start_above_its_bound(v_threshold: float, v_reset: float | None) -> None:
    with pytest.raises(
        ValueError, match=rf"learn_threshold=True needs a number v_threshold above .* not {v_threshold}"
    ):
        IFNode(v_threshold, v_reset, learn_threshold=True)


# ---- constants per neuron --------------------------------------------------------------------------------------------

PER_NEURON: list[tuple[Callable[..., BaseNode], str, Callable[[Any], oracle.Charge], oracle.Link]] = [
    (lambda **k: PLIFNode(1 / START, **k), "w", oracle.PLIF, oracle.IDENTITY),
    (lambda **k: PLIFNode(1 / START, "sigmoid", **k), "w", oracle.PLIF, oracle.CLAMPS["sigmoid"]),
    (lambda **k: PLIFNode(1 / START, decay_input=False, **k), "w", oracle.UndividedPLIF, oracle.IDENTITY),
    (lambda **k: RIFNode(-START, **k), "g", oracle.RIF, oracle.IDENTITY),
    (lambda **k: RIFNode(-START, (-1.0, 0.25), **k), "g", oracle.RIF, oracle.interval(-1.0, 0.25)),
]
every_one = pytest.mark.parametrize(
    ("build", "name", "charge", "link"), PER_NEURON, ids=["plif", "sigmoid", "undivided", "rif", "interval"]
)


@every_one
@every_reset
def test_each_neuron_has_a_constant_and_a_gradient_of_its_own(
    build: Callable[..., BaseNode],
    name: str,
    charge: Callable[[Any], oracle.Charge],
    link: oracle.Link,
    v_reset: float | None,
) -> None:
    x = current(2.0)
    node = build(v_threshold=0.5, v_reset=v_reset, step_mode="m", per_neuron=True)
    node(x)
    node.reset()
    node.double()
    parameter = getattr(node, name)
    assert parameter.shape == SHAPE[1:]
    start = parameter.detach().numpy().copy()
    assert np.ptp(start) == 0
    values = start + np.random.default_rng(5).normal(0, 0.1, start.shape)
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values))
    cell = oracle.Cell(charge(link.value(values)), v_threshold=0.5, v_reset=v_reset)
    _, gradient = expected(cell, x)
    close(gradients(node, x), gradient.x)
    close(parameter.grad, gradient.k_each.sum(0) * link.slope(values))


def test_constants_per_neuron_begin_with_the_bits_of_one_for_all_and_run_compiled() -> None:
    x = current().float()
    atan = surrogate.ATan()
    one, each = (
        PLIFNode(2.5, "sigmoid", surrogate_function=atan, step_mode="m", per_neuron=own) for own in (False, True)
    )
    assert torch.equal(one(x), each(x))
    assert torch.equal(torch.as_tensor(one.v), torch.as_tensor(each.v))
    one(x).sum().backward()
    each(x).sum().backward()
    assert one.w.grad is not None
    assert each.w.grad is not None
    torch.testing.assert_close(each.w.grad.sum(), one.w.grad[0], rtol=1e-4, atol=1e-5)


def test_maps_in_channels_last_order_give_the_same_as_in_the_usual_order() -> None:
    x = torch.randn(4, 2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    node = RIFNode(-0.2, step_mode="m", per_neuron=True, learn_threshold=True)
    usual = node(x)
    usual.sum().backward()
    assert node.g.grad is not None
    first, node.g.grad = node.g.grad.clone(), None
    node.reset()
    last = node(x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (4, 2)))
    assert node.g.shape == (3, 4, 5)
    assert torch.equal(usual, last)
    last.sum().backward()
    torch.testing.assert_close(node.g.grad, first)


def test_constants_per_neuron_have_no_shape_before_the_first_input() -> None:
    node = PLIFNode(per_neuron=True, learn_threshold=True)
    assert learnt_constants(node) == {}
    assert "tau=?" in repr(node)
    with pytest.raises(ValueError, match="has constants per neuron without a shape: give it an input"):
        node.state_dict()
    for other in (copy.deepcopy(node), pickle.loads(pickle.dumps(node)), node.to(torch.float64)):
        other(torch.zeros(2, 7))
        assert other.w.shape == other.log_threshold.shape == (7,)
    with torch.no_grad():
        node.w[0] = 0.25
    logged = node.learnt()
    assert logged["tau"] == pytest.approx((6 * 2 + 4) / 7)
    assert (logged["tau_min"], logged["tau_max"], logged["threshold_max"]) == pytest.approx((2.0, 4.0, 1.0))
    assert node.tau() == pytest.approx(logged["tau"])


def test_a_state_dict_gives_a_fresh_network_its_shapes() -> None:
    trained = nn.Sequential(PLIFNode(per_neuron=True, learn_threshold=True))
    trained(torch.zeros(2, 7))
    with torch.no_grad():
        trained[0].w.copy_(torch.linspace(0.2, 0.8, 7))
    fresh = nn.Sequential(PLIFNode(per_neuron=True, learn_threshold=True))
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(fresh[0].w, trained[0].w)
    assert isinstance(fresh[0].w, nn.Parameter)
    x = torch.rand(2, 7)
    assert torch.equal(fresh(x), trained(x))
    with pytest.raises(RuntimeError, match=r"size mismatch for 0\.w"):
        fresh.load_state_dict({"0.w": torch.zeros(3), "0.log_threshold": torch.zeros(7)})


def test_constants_per_neuron_without_a_learnt_constant_are_refused() -> None:
    for build in (IFNode, LIFNode):
        with pytest.raises(ValueError, match="learns no constant of its own: per_neuron=True needs learn_threshold"):
            build(per_neuron=True)
    assert not list(IFNode(learn_threshold=True, per_neuron=True, surrogate_function=surrogate.ATan()).buffers())
