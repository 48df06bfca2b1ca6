"""The firing rules: the step forward, and a gradient that is the derivative of the primitive."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from snntrain.neuron import IFNode, surrogate

from .cases import every_surrogate, make_surrogate
from .oracle_surrogates import SURROGATES

DEFAULTS = {
    "PiecewiseQuadratic": {"alpha": 1.0},
    "PiecewiseExp": {"alpha": 1.0},
    "Sigmoid": {"alpha": 1.0},
    "SoftSign": {"alpha": 2.0},
    "ATan": {"alpha": 2.0},
    "NonzeroSignLogAbs": {"alpha": 1.0},
    "Erf": {"alpha": 2.0},
    "PiecewiseLeakyReLU": {"w": 1.0, "c": 0.01},
    "SuperSpike": {"alpha": 10.0},
    "Rectangle": {"alpha": 1.0},
    "QPseudoSpike": {"alpha": 2.0},
    "SquarewaveFourierSeries": {"n": 2, "T_period": 8.0},
    "LeakyKReLU": {"leak": 0.0, "k": 1.0},
    "LogTailedReLU": {"leak": 0.0},
    "S2NN": {"alpha": 4.0, "beta": 1.0},
    "DeterministicPass": {},
}
# Their spikes are random; tests of their own are at the end.
RANDOM = {"PoissonPass"}
# Their gradient is another above the threshold than below.
ONE_SIDED = {"LeakyKReLU", "LogTailedReLU", "S2NN"}
# Their gradient is piecewise constant.
STEPWISE = {"PiecewiseLeakyReLU", "Rectangle", "LeakyKReLU", "DeterministicPass"}
# The shape parameters that have another bound than > 0, and a value that each takes at the least.
BOUNDS = {("QPseudoSpike", "alpha"): 1, ("LeakyKReLU", "leak"): 0, ("LogTailedReLU", "leak"): 0}
PARAMETERS = [(name, key) for name, defaults in DEFAULTS.items() for key in defaults]
SHAPES = [
    *(
        (name, {"alpha": alpha})
        for name in DEFAULTS
        if list(DEFAULTS[name]) == ["alpha"]
        for alpha in (0.5, 1, 2.0, 10.0)
    ),
    *(("PiecewiseLeakyReLU", {"w": w, "c": c}) for w in (0.5, 1, 2.0) for c in (0.01, 0.3)),
    *(("SquarewaveFourierSeries", {"n": n, "T_period": period}) for n in (1, 4) for period in (2.0, 8.0)),
    *(("LeakyKReLU", {"leak": leak, "k": k}) for leak in (0.0, 0.2) for k in (0.5, 1.0)),
    *(("LogTailedReLU", {"leak": leak}) for leak in (0.0, 0.2)),
    *(("S2NN", {"alpha": alpha, "beta": beta}) for alpha in (1.0, 4.0) for beta in (0.5, 1.0)),
    ("DeterministicPass", {}),
]
SHAPES = [
    (name, shape)
    for name, shape in SHAPES
    if (name, shape.get("alpha")) not in {("QPseudoSpike", 0.5), ("QPseudoSpike", 1)}
]
every_shape = pytest.mark.parametrize(("name", "shape"), SHAPES, ids=str)


def grid(name: str, shape: dict[str, float], step: float = 0.0) -> Tensor:
    """Return points on both sides of zero, none within `step` of a kink of the gradient."""
    x = np.linspace(-3, 3, 1201)
    for kink in SURROGATES[name](**shape).kinks:
        x = x[np.abs(x - kink) > 2 * step]
    return torch.from_numpy(x)


def slope(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(x).sum(), x)
    return gradient


def test_every_surrogate_of_the_module_is_in_these_tests() -> None:
    offered = set(surrogate.__all__) - {"Surrogate"} - RANDOM
    assert offered == set(DEFAULTS) == set(SURROGATES)


@every_surrogate
def test_default_shape(name: str) -> None:
    assert dataclasses.asdict(make_surrogate(name)) == {"spiking": True, **DEFAULTS[name]}


@every_shape
def test_gradient_and_primitive_are_the_table_s(name: str, shape: dict[str, float]) -> None:
    rule, table = make_surrogate(name, **shape), SURROGATES[name](**shape)
    x = grid(name, shape, step=1e-9)
    np.testing.assert_allclose(rule.gradient(x), table.gradient(x.numpy()), rtol=1e-12, atol=2e-14)
    np.testing.assert_allclose(rule.primitive(x), table.primitive(x.numpy()), rtol=1e-12, atol=2e-14)


@every_shape
def test_gradient_is_the_finite_difference_of_the_primitive(name: str, shape: dict[str, float]) -> None:
    rule, step = make_surrogate(name, **shape), 1e-6
    x = grid(name, shape, step)
    assert len(x) > 1100
    difference = (rule.primitive(x + step) - rule.primitive(x - step)) / (2 * step)
    torch.testing.assert_close(rule.gradient(x), difference, rtol=1e-4, atol=1e-8)


@every_shape
def test_spikes_carry_the_surrogate_gradient(name: str, shape: dict[str, float]) -> None:
    rule, x = make_surrogate(name, **shape), grid(name, shape).requires_grad_()
    s = rule(x)
    upstream = torch.linspace(-1, 2, len(x), dtype=x.dtype)
    (gradient,) = torch.autograd.grad(s, x, upstream)
    assert s.tolist() == (x >= 0).double().tolist()
    torch.testing.assert_close(gradient, upstream * rule.gradient(x), rtol=0, atol=0)


@every_shape
def test_without_spikes_the_primitive_has_its_own_derivative(name: str, shape: dict[str, float]) -> None:
    rule, x = make_surrogate(name, spiking=False, **shape), grid(name, shape, step=1e-9)
    torch.testing.assert_close(rule(x), rule.primitive(x), rtol=0, atol=0)
    torch.testing.assert_close(slope(rule, x), rule.gradient(x), rtol=1e-10, atol=1e-14)


@every_surrogate
def test_without_spikes_the_derivative_at_the_threshold_is_the_gradient(name: str) -> None:
    """All primitives are differentiable there, also those written with |x|, or have the gradient of one side."""
    rule, zero = make_surrogate(name, spiking=False), torch.zeros(1, dtype=torch.float64)
    torch.testing.assert_close(slope(rule, zero), rule.gradient(zero))


@every_surrogate
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_equality_fires_and_anything_below_does_not(name: str, dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).tiny
    x = torch.tensor([0.0, -0.0, tiny, -tiny, 1, -1, float("inf"), float("-inf"), float("nan")], dtype=dtype)
    s = make_surrogate(name)(x)
    assert s.dtype == dtype
    assert s.tolist() == [1, 1, 1, 0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() - ONE_SIDED - {"SquarewaveFourierSeries"}))
def test_gradient_is_even_and_nowhere_negative(name: str) -> None:
    gradient, x = make_surrogate(name).gradient, torch.linspace(0, 20, 401, dtype=torch.float64)
    torch.testing.assert_close(gradient(x), gradient(-x), rtol=0, atol=1e-15)
    assert (gradient(x) >= 0).all()
    assert (gradient(x) <= gradient(x[:1])).all()


@every_surrogate
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_gradient_stays_finite_far_from_the_threshold(name: str, dtype: torch.dtype) -> None:
    far = torch.finfo(dtype).max / 2
    x = torch.tensor([-far, far], dtype=dtype)
    assert make_surrogate(name).gradient(x).isfinite().all()


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() - STEPWISE))
def test_spikes_can_be_differentiated_twice(name: str) -> None:
    rule, step, x = make_surrogate(name), 1e-5, grid(name, DEFAULTS[name], step=1e-3).requires_grad_()
    (once,) = torch.autograd.grad(rule(x).sum(), x, create_graph=True)
    (twice,) = torch.autograd.grad(once.sum(), x)
    x = x.detach()
    torch.testing.assert_close(twice, (rule.gradient(x + step) - rule.gradient(x - step)) / (2 * step))


@every_surrogate
def test_gradient_is_the_same_in_evaluation_mode(name: str) -> None:
    shared = make_surrogate(name)
    node, other = (IFNode(surrogate_function=shared, step_mode="m") for _ in range(2))
    x = torch.linspace(-1, 2, 24, dtype=torch.float64).reshape(4, 6)
    in_training = slope(node, x)
    node.eval()
    node.reset()
    assert in_training.abs().sum() > 0
    torch.testing.assert_close(slope(node, x), in_training, rtol=0, atol=0)
    torch.testing.assert_close(slope(other, x), in_training, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "key"), PARAMETERS)
@pytest.mark.parametrize("value", [0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_shape_that_is_not_positive_and_finite_is_refused(name: str, key: str, value: float) -> None:
    if (least := BOUNDS.get((name, key))) == 0 and value == 0:
        assert getattr(make_surrogate(name, **{key: value}), key) == 0
        return
    bound = {None: "a positive number", 1: "a number above 1", 0: "a number of at least 0"}[least]
    bound = "a number of at least 1" if key == "n" else bound
    with pytest.raises(ValueError, match=rf"{name}: {key} must be {bound}, not {value}"):
        make_surrogate(name, **{key: value})


@every_surrogate
def test_surrogates_compare_by_value(name: str) -> None:
    rule = make_surrogate(name)
    if not DEFAULTS[name]:
        assert rule == make_surrogate(name)
        return
    key = next(iter(DEFAULTS[name]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(rule, key, 5.0)
    assert rule == make_surrogate(name)
    assert hash(rule) == hash(make_surrogate(name))
    assert rule != make_surrogate(name, **{key: 5.0})
    assert f"{key}={DEFAULTS[name][key]}" in repr(rule)


def test_a_surrogate_without_a_gradient_says_so() -> None:
    class Blank(surrogate.Surrogate):
        pass

    with pytest.raises(NotImplementedError, match=r"Blank defines no gradient\(x\)"):
        slope(Blank(), torch.zeros(1))
    with pytest.raises(NotImplementedError, match=r"Blank defines no primitive\(x\)"):
        Blank(spiking=False)(torch.zeros(1))


def test_a_fourier_series_has_whole_terms() -> None:
    with pytest.raises(ValueError, match=r"n must be a whole number, not 1\.5"):
        surrogate.SquarewaveFourierSeries(1.5)  # type: ignore[arg-type]


def test_the_triangle_of_tet_is_the_piecewise_quadratic() -> None:
    """TET's gradient is max(0, γ - |x|) / γ² (Deng et al., ICLR 2022)."""
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    for gamma in (0.5, 1.0, 2.0):
        triangle = (gamma - x.abs()).clamp(min=0) / gamma**2
        torch.testing.assert_close(surrogate.PiecewiseQuadratic(1 / gamma).gradient(x), triangle)


def test_a_poisson_pass_fires_with_the_probability_of_its_argument() -> None:
    rule, n = surrogate.PoissonPass(), 20_000
    torch.manual_seed(0)
    x = torch.tensor([-0.5, 0.0, 0.25, 0.5, 0.9, 1.0, 2.0]).repeat(n, 1)
    s = rule(x)
    assert set(s.unique().tolist()) == {0.0, 1.0}
    expected = x[0].clamp(0, 1)
    # Five standard deviations of a mean of n draws.
    assert ((s.mean(0) - expected).abs() <= 5 * (expected * (1 - expected) / n).sqrt()).all()


def test_a_poisson_pass_repeats_its_spikes_with_the_seed_and_passes_the_gradient_on() -> None:
    node = IFNode(v_threshold=0.0, surrogate_function=surrogate.PoissonPass(), step_mode="m")
    x = torch.rand(6, 4, 50).requires_grad_()

    def run(seed: int) -> Tensor:
        torch.manual_seed(seed)
        node.reset()
        return node(x)

    first, again, other = run(1), run(1), run(2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert slope(surrogate.PoissonPass(), torch.rand(9)).tolist() == [1.0] * 9
    assert surrogate.PoissonPass(spiking=False)(x) is x
    assert torch.autograd.grad(first.sum(), x)[0].abs().sum() > 0
