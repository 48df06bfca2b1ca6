"""The public interface of the four neurons: constructors, learnable parameters, and refused values."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, clamp, surrogate

from .cases import every_mode
from .oracle import CLAMPS

COMMON = {
    "v_threshold": 1.0,
    "v_reset": 0.0,
    "surrogate_function": surrogate.Sigmoid(),
    "detach_reset": False,
    "monitor_state": False,
    "step_mode": "s",
}
PLIF = {"init_tau": 2.0, "clamp": False, "clamp_function": None, "inverse_clamp_function": None}
every_pair = pytest.mark.parametrize("pair", list(CLAMPS))


@pytest.mark.parametrize(
    ("node", "own"),
    [
        (BaseNode, {}),
        (IFNode, {}),
        (LIFNode, {"tau": 100.0}),
        (PLIFNode, PLIF),
        (RIFNode, {"init_w": -1e-3, "amplitude": None}),
    ],
)
def test_constructors_have_the_documented_names_order_and_defaults(node: type[BaseNode], own: dict[str, Any]) -> None:
    parameters = inspect.signature(node).parameters.values()
    by_name = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert [(p.name, p.default) for p in parameters if p not in by_name] == list({**own, **COMMON}.items())
    leak = {"decay_input": True} if node in (LIFNode, PLIFNode) else {}
    assert {p.name: p.default for p in by_name} == {**leak, "learn_threshold": False, "per_neuron": False}
    assert node.unparallelizable is True


@pytest.mark.parametrize(
    ("node", "own"),
    [(IFNode, ()), (LIFNode, (3.0,)), (PLIFNode, (3.0, False, None, None)), (RIFNode, (-0.1, 0.5))],
)
def test_arguments_may_be_given_by_position(node: Callable[..., BaseNode], own: tuple[Any, ...]) -> None:
    built = node(*own, 2, None, surrogate.Erf(), True, True, "m")
    assert (built.v_threshold, built.v_reset, built.surrogate_function) == (2.0, None, surrogate.Erf())
    assert (built.detach_reset, built.step_mode, built.v) == (True, "m", 0.0)
    assert built.monitor == {"h": [], "v": [], "s": []}


@pytest.mark.parametrize("step_mode", ["", "multi", "M", None])
def test_an_unknown_step_mode_is_refused(step_mode: Any) -> None:
    with pytest.raises(ValueError, match=rf"step_mode must be 's' .* or 'm' .*, not {step_mode!r}"):
        IFNode(step_mode=step_mode)


@pytest.mark.parametrize("tau", [0, -2.0, float("nan"), float("inf")])
def test_a_time_constant_must_be_positive(tau: float) -> None:
    with pytest.raises(ValueError, match=rf"^tau must be a positive number of time steps, not {tau}"):
        LIFNode(tau)
    with pytest.raises(ValueError, match=rf"^init_tau must be a positive number of time steps, not {tau}"):
        PLIFNode(tau)


# PLIF


@pytest.mark.parametrize("init_tau", [0.7, 1.0, 1.5, 2.0, 100.0, 1e6])
def test_plif_without_clamp_learns_the_decay_itself(init_tau: float) -> None:
    node = PLIFNode(init_tau)
    assert node.w.shape == (1,)
    assert node.w.requires_grad
    assert node.w.item() == pytest.approx(1 / init_tau, rel=1e-6)
    assert type(node.tau()) is float
    assert node.tau() == pytest.approx(init_tau, rel=1e-6)


@pytest.mark.parametrize(
    ("pair", "init_tau", "w"),
    [
        ("sigmoid", 2.0, 0.0),
        ("sigmoid", 5.0, -math.log(4)),
        ("reciprocal_abs_plus_1", 2.0, 1.0),
        ("reciprocal_abs_plus_1", 5.0, 4.0),
        ("piecewise_exp", 2.0, 0.0),
        ("piecewise_exp", 5.0, math.log(2 / 5)),
        ("piecewise_exp", 1.25, math.log(1.25 / 0.5)),
    ],
)
def test_a_clamp_pair_starts_at_init_tau(pair: str, init_tau: float, w: float) -> None:
    by_name = PLIFNode(init_tau, clamp=pair)
    by_functions = PLIFNode(init_tau, True, clamp.PAIRS[pair].function, clamp.PAIRS[pair].inverse)
    for node in (by_name, by_functions):
        assert node.clamp is True
        assert node.w.shape == (1,)
        assert node.w.item() == pytest.approx(w, abs=1e-6)
        assert type(node.tau()) is float
        assert node.tau() == pytest.approx(init_tau, rel=1e-6)


@every_pair
def test_clamp_functions_are_the_table_s(pair: str) -> None:
    w = torch.linspace(-6, 6, 25, dtype=torch.float64)
    k = clamp.PAIRS[pair].function(w)
    np.testing.assert_allclose(k, CLAMPS[pair].value(w.numpy()), rtol=1e-14)
    assert ((k > 0) & (k <= 1)).all()


@every_pair
def test_clamp_functions_have_their_own_derivative(pair: str) -> None:
    w = torch.linspace(-6, 6, 24, dtype=torch.float64).requires_grad_()
    clamp.PAIRS[pair].function(w).sum().backward()
    assert w.grad is not None
    np.testing.assert_allclose(w.grad, CLAMPS[pair].slope(w.detach().numpy()), rtol=1e-12)


@pytest.mark.parametrize("pair", ["sigmoid", "piecewise_exp"])
def test_a_smooth_clamp_learns_from_the_default_time_constant(pair: str) -> None:
    """tau = 2 is w = 0 in both, and the slope there is not 0."""
    node = PLIFNode(clamp=pair)
    node.decay().backward()
    assert node.w.grad is not None
    np.testing.assert_allclose(node.w.grad, CLAMPS[pair].slope(np.zeros(1)), rtol=1e-6)


def test_a_switched_off_clamp_does_not_use_its_functions() -> None:
    node = PLIFNode(4.0, False, clamp.sigmoid, clamp.inverse_sigmoid)
    assert node.w.item() == 0.25
    assert node.decay() is node.w


@pytest.mark.parametrize("functions", [(None, None), (clamp.sigmoid, None), (None, clamp.inverse_sigmoid)])
def test_clamp_needs_both_functions(functions: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="clamp=True needs clamp_function and inverse_clamp_function") as error:
        PLIFNode(2.0, True, *functions)
    assert all(name in str(error.value) for name in CLAMPS)


def test_an_unknown_clamp_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="clamp='sigmod' is not a clamp pair") as error:
        PLIFNode(clamp="sigmod")
    assert all(name in str(error.value) for name in CLAMPS)


@pytest.mark.parametrize(
    ("pair", "init_tau"),
    [
        ("sigmoid", 1.0),
        ("sigmoid", 0.5),
        ("reciprocal_abs_plus_1", 0.5),
        ("piecewise_exp", 1.0),
        ("piecewise_exp", 0.9),
    ],
)
def test_a_time_constant_out_of_the_clamp_s_range_is_refused(pair: str, init_tau: float) -> None:
    with pytest.raises(ValueError, match=rf"init_tau={init_tau} is not in the range of the clamp functions"):
        PLIFNode(init_tau, clamp=pair)


@pytest.mark.parametrize("how", [False, *CLAMPS])
def test_a_time_constant_too_long_for_float32_is_refused(how: bool | str) -> None:
    with pytest.raises(ValueError, match=r"init_tau=1e\+300"):
        PLIFNode(1e300, clamp=how)


@pytest.mark.parametrize(("error", "refused"), [(3e-4, True), (3e-5, False)])
@pytest.mark.parametrize("init_tau", [1.5, 3.0, 1000.0])
def test_a_pair_must_give_init_tau_to_a_relative_1e_4(error: float, refused: bool, init_tau: float) -> None:
    def build() -> PLIFNode:
        return PLIFNode(init_tau, True, lambda w: w, lambda tau: 1 / (tau * (1 + error)))

    if refused:
        with pytest.raises(ValueError, match=rf"init_tau={init_tau} .* would start with tau="):
            build()
    else:
        assert build().tau() == pytest.approx(init_tau * (1 + error), rel=1e-6)


def test_tau_follows_what_is_learnt() -> None:
    node = PLIFNode(2.0, clamp="sigmoid")
    with torch.no_grad():
        node.w.fill_(-math.log(7.0))
    assert node.tau() == pytest.approx(8.0)
    assert "tau=8" in repr(node)


# RIF


@pytest.mark.parametrize(
    ("amplitude", "g"),
    [
        (None, 0.2),
        (0.5, math.log(0.7 / 0.3)),
        (1, math.log(1.2 / 0.8)),
        ((-1.0, 0.25), math.log(1.2 / 0.05)),
        ((0, 1), math.log(0.2 / 0.8)),
        ([0, 1], math.log(0.2 / 0.8)),
    ],
)
def test_rif_starts_at_init_w(amplitude: Any, g: float) -> None:
    node = RIFNode(init_w=0.2, amplitude=amplitude)
    assert node.g.shape == (1,)
    assert node.g.requires_grad
    assert node.g.item() == pytest.approx(g, rel=1e-6)
    assert node.w().item() == pytest.approx(0.2, rel=1e-6)
    assert "w=0.2," in repr(node)


@pytest.mark.parametrize(
    ("amplitude", "equation"),
    [
        (None, lambda g: g),
        (0.5, lambda g: (2 * torch.sigmoid(g) - 1) * 0.5),
        (2, lambda g: (2 * torch.sigmoid(g) - 1) * 2.0),
        ((-1.0, 0.25), lambda g: torch.sigmoid(g) * 1.25 - 1.0),
    ],
)
def test_weight_is_a_function_of_g(amplitude: Any, equation: Callable[[Tensor], Tensor]) -> None:
    node = RIFNode(amplitude=amplitude).double()
    for g in (-3.0, 0.0, 0.5, 4.0):
        with torch.no_grad():
            node.g.fill_(g)
        torch.testing.assert_close(node.w(), equation(node.g))
        (slope,) = torch.autograd.grad(node.w(), node.g)
        (expected,) = torch.autograd.grad(equation(node.g), node.g)
        torch.testing.assert_close(slope, expected)


@every_mode
@pytest.mark.parametrize("v_reset", [0.0, -0.5, None])
def test_gradient_of_the_self_connection(step_mode: str, v_reset: float | None) -> None:
    """Below the threshold, u = v - V_r obeys u' = (1 + w) u + x: after three steps du/dw = x2 + 2 (1 + w) x1."""
    node = RIFNode(-0.25, v_threshold=10.0, v_reset=v_reset, detach_reset=True, step_mode=step_mode)
    x = torch.tensor([[1.0], [0.5], [2.0]])
    for x_t in x if step_mode == "s" else [x]:
        node(x_t)
    assert isinstance(node.v, Tensor)
    assert node.v.item() == pytest.approx((v_reset or 0) + 0.75**2 + 0.75 * 0.5 + 2.0)
    node.v.sum().backward()
    assert node.g.grad is not None
    assert node.g.grad.item() == pytest.approx(0.5 + 2 * 0.75)


@pytest.mark.parametrize(
    ("init_w", "amplitude"),
    [(0.5, 0.5), (-0.5, 0.5), (1.5, 1), (0.0, (0.0, 1.0)), (1.0, (0.0, 1.0)), (float("nan"), 1.0)],
)
def test_init_w_outside_the_open_interval_is_refused(init_w: float, amplitude: Any) -> None:
    with pytest.raises(ValueError, match="must lie inside the open interval") as error:
        RIFNode(init_w, amplitude)
    assert f"init_w={init_w}" in str(error.value)
    assert f"amplitude={amplitude}" in str(error.value)


@pytest.mark.parametrize("amplitude", [0, 0.0, -1, -0.5, float("nan")])
def test_an_amplitude_that_is_not_positive_is_refused(amplitude: float) -> None:
    with pytest.raises(ValueError, match=rf"amplitude={amplitude} must be a finite number A > 0"):
        RIFNode(0.0, amplitude)


@pytest.mark.parametrize("amplitude", [(0.5, 0.5), (1.0, -1.0), [2, 1], (0, 1, 2)])
def test_an_empty_interval_is_refused(amplitude: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"amplitude={amplitude}") + ".* or a pair lo < hi"):
        RIFNode(0.0, amplitude)


@pytest.mark.parametrize("amplitude", [float("inf"), (-float("inf"), 0.0), (-1.0, float("inf"))])
def test_an_infinite_amplitude_is_refused(amplitude: Any) -> None:
    with pytest.raises(ValueError, match="amplitude"):
        RIFNode(-0.5, amplitude)
