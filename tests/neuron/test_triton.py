"""The GPU's executor against the reference in float64: on a GPU if there is one, else in Triton's interpreter.

`test_triton_compiled` tests the compiled code.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire import formulas, integrate_and_fire, reference
from snntrain.neuron.integrate_and_fire.contract import Inputs, Learnt, Rule
from tests.neuron.kernels import once_more
from tests.pairs import every_pair

pytest.importorskip("triton", reason="Triton is not installed")
cuda = importlib.import_module("snntrain.neuron.integrate_and_fire.cuda")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = [pytest.mark.gpu] if DEVICE == "cuda" else []
ON_A_GPU = {name: getattr(cuda, name) for name in ("AHEAD", "ALONE", "GROUPED", "THREADS")}
# The interpreter is slow, so a program has few neurons there, and a group few steps.
SIZES = ON_A_GPU if DEVICE == "cuda" else {"AHEAD": 2, "ALONE": 4, "GROUPED": 3, "THREADS": 4}
# The largest number of steps in one group backward.
ALONE = SIZES["ALONE"]
STEPS = [1, 3, ALONE, ALONE + 1, 2 * ALONE + 3]
HALF = {torch.float32: 2e-5, torch.bfloat16: 2**-7, torch.float16: 2**-9}


def _kernels() -> ModuleType:
    """Return the kernels; those decorated while TRITON_INTERPRET is set run in the interpreter."""
    if DEVICE == "cuda":
        return cuda.kernels
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        return once_more(cuda.kernels)


KERNELS = _kernels()


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, "cuda")
    monkeypatch.setattr(cuda, "kernels", KERNELS)
    for name, size in SIZES.items():
        monkeypatch.setattr(cuda, name, size)


@pytest.fixture(params=["number", "pointer"])
def scalars_come_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set how a coefficient shared by all neurons is read: by the host, or by the kernel on the device."""
    if request.param == "pointer" and DEVICE == "cpu":
        read = cuda._coefficient

        def left_on_the_device(values: Tensor) -> Any:
            return (values, cuda.kernels.ONE.value) if values.numel() == 1 else read(values)

        monkeypatch.setattr(cuda, "_coefficient", left_on_the_device)
    return str(request.param)


def _rule(
    v_reset: float | None = -0.25,
    detach_reset: bool = False,
    function: surrogate.Surrogate | None = None,
    v_threshold: float = 0.75,
) -> dict[str, Any]:
    return {
        "v_threshold": v_threshold,
        "v_reset": v_reset,
        "detach_reset": detach_reset,
        "surrogate": function or surrogate.Sigmoid(alpha=2.0),
    }


def _random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return currents that make neurons fire in some steps but not in all."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 1.5 + 0.5
    return values.to(dtype).to(DEVICE)


def _gradients(
    run: Callable[..., reference.Trajectory],
    given: list[Tensor | float],
    T: int,
    rule: dict[str, Any],
    like: Callable[[reference.Trajectory], list[Tensor]],
) -> tuple[reference.Trajectory, list[Tensor]]:
    """Return outputs, and the gradients of a weighted sum of them with respect to all given tensors."""
    given = [k.detach().requires_grad_() if isinstance(k, Tensor) else k for k in given]
    trajectory = run(given, T, rule)
    weights = like(trajectory)
    loss = sum(((w * y).sum() for w, y in zip(weights, trajectory, strict=False)), torch.zeros((), device=DEVICE))
    return trajectory, list(torch.autograd.grad(loss, [k for k in given if isinstance(k, Tensor)]))


def _executor(given: list[Any], T: int, rule: dict[str, Any]) -> reference.Trajectory:
    return integrate_and_fire(*given, T=None if len(given[0]) == T else T, **rule)


def _reference(given: list[Any], T: int, rule: dict[str, Any]) -> reference.Trajectory:
    x, *others = (k.double() if isinstance(k, Tensor) else k for k in given)
    return reference.integrate_and_fire(x, T, *others, **rule)


def _weights(trajectory: reference.Trajectory) -> list[Tensor]:
    s, v_last = trajectory[:2]
    return [_random(*s.shape, seed=1).to(s.dtype), _random(*v_last.shape, seed=2).to(s.dtype)]


def assert_like_the_reference(
    given: list[Tensor | float],
    T: int,
    rule: dict[str, Any],
    like: Callable[[reference.Trajectory], list[Tensor]] = _weights,
) -> None:
    """Compare spikes, potential and gradients; `given` is x, gain, feedback, rest and v0."""
    x = given[0]
    assert isinstance(x, Tensor)
    # Weights are drawn in float32, and round alike only if they are rounded to x's dtype.
    (s, v_last, *_), grads = _gradients(_executor, given, T, rule, like)
    weights = [w.double() for w in like(reference.Trajectory(s, v_last, s, s))]
    (right_s, right_v, *_), right_grads = _gradients(_reference, given, T, rule, lambda _: weights)
    tolerance = {"rtol": HALF[x.dtype], "atol": HALF[x.dtype]}
    assert 0 < right_s.mean() < 1
    torch.testing.assert_close(s.double(), right_s, rtol=0, atol=0)
    torch.testing.assert_close(v_last.double(), right_v, **tolerance)
    for grad, right in zip(grads, right_grads, strict=True):
        torch.testing.assert_close(grad.double(), right.double(), **tolerance)


# ---- equations -------------------------------------------------------------------------------------------------------


@every_pair(
    pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"]),
    pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"]),
    pytest.mark.parametrize("kind", formulas.KINDS, ids=lambda kind: kind.__name__),
)
@pytest.mark.sample(7)
def test_every_surrogate_with_every_reset(
    kind: type[surrogate.Surrogate], v_reset: float | None, detach_reset: bool
) -> None:
    T = ALONE + 1
    given = [_random(T, 19), 0.9, -0.4, 0.1, 0.2]
    assert_like_the_reference(given, T, _rule(v_reset, detach_reset, kind()))


@pytest.mark.parametrize(
    "function",
    [
        surrogate.Sigmoid(alpha=4.0),
        surrogate.PiecewiseQuadratic(alpha=0.5),
        surrogate.NonzeroSignLogAbs(alpha=3.0),
        surrogate.PiecewiseLeakyReLU(w=0.5, c=0.2),
        surrogate.Rectangle(alpha=2.0),
    ],
    ids=lambda function: type(function).__name__,
)
def test_shape_parameters_of_surrogates(function: surrogate.Surrogate) -> None:
    assert_like_the_reference([_random(3, 19), 0.9, -0.4, 0.1, 0.2], 3, _rule(function=function))


@pytest.mark.parametrize("T", STEPS)
@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
@pytest.mark.usefixtures("scalars_come_as")
@pytest.mark.sample(5)
def test_learnt_coefficients_that_all_neurons_share(T: int, v_reset: float | None) -> None:
    gain, feedback, rest = (torch.tensor([k], device=DEVICE) for k in (0.9, -0.4, 0.1))
    assert_like_the_reference([_random(T, 5, 7), gain, feedback, rest, _random(5, 7, seed=3)], T, _rule(v_reset))


@pytest.mark.parametrize("T", [3, 2 * ALONE + 3], ids=["one-group", "groups"])
@pytest.mark.parametrize("learnt", list(product([False, True], repeat=3))[1:], ids=str)
@pytest.mark.sample(4)
def test_each_set_of_learnt_coefficients(learnt: tuple[bool, bool, bool], T: int) -> None:
    numbers = zip((0.9, -0.4, 0.1), learnt, strict=True)
    coefficients = [torch.tensor([k], device=DEVICE) if wanted else k for k, wanted in numbers]
    assert_like_the_reference([_random(T, 19), *coefficients, 0.2], T, _rule())


@pytest.mark.parametrize(
    ("T", "dtype"),
    # Every width of load in one group, and in two, three and more groups, even and uneven ones.
    [(T, torch.float32) for T in (1, 2, 4, 6, 7, 8, 9, 13, 16, 17, 20, 24, 37)]
    + [(T, torch.bfloat16) for T in (1, 2, 3, 5, 8, 9, 12, 16, 19, 40)],
    ids=str,
)
@pytest.mark.sample(7)
def test_any_number_of_steps(T: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    # In groups, as on a GPU.
    for name in ("AHEAD", "ALONE", "GROUPED"):
        monkeypatch.setattr(cuda, name, ON_A_GPU[name])
    gain = torch.tensor([0.875], device=DEVICE)
    assert_like_the_reference([_random(T, 7, dtype=dtype), gain, -0.25, 0.125, 0.25], T, _rule())


@pytest.mark.parametrize("T", [1, ALONE + 1])
def test_learnt_coefficients_of_each_channel(T: int) -> None:
    gain, feedback, rest = (k + 0.1 * _random(3, 1, seed=4) for k in (0.9, -0.4, 0.1))
    assert_like_the_reference([_random(T, 2, 3, 5), gain, feedback, rest, 0.0], T, _rule())


def test_one_coefficient_of_each_kind() -> None:
    given = [_random(3, 2, 3, 5), torch.tensor([0.9], device=DEVICE), 0.2 * _random(3, 1), 0.1, _random(2, 3, 5)]
    assert_like_the_reference(given, 3, _rule())


@pytest.mark.parametrize("T", [1, ALONE, 2 * ALONE + 3])
@pytest.mark.parametrize("learnt", [False, True], ids=["fixed", "learnt"])
def test_constant_current(T: int, learnt: bool) -> None:
    gain = torch.tensor([0.9], device=DEVICE) if learnt else 0.9
    assert_like_the_reference([_random(1, 19), gain, -0.4, 0.1, 0.0], T, _rule())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("learnt", [False, True], ids=["fixed", "learnt"])
def test_half_precision_keeps_its_state_in_float32(dtype: torch.dtype, learnt: bool) -> None:
    T = ALONE + 1
    feedback = torch.tensor([-0.25], device=DEVICE) if learnt else -0.25
    assert_like_the_reference([_random(T, 19, dtype=dtype), 0.875, feedback, 0.125, 0.25], T, _rule())


# ---- memory ----------------------------------------------------------------------------------------------------------


def test_input_with_gaps_between_steps_and_channels_last() -> None:
    gaps = _random(6, 2, 3, 4, 2)[::2]
    channels_last = _random(3, 2, 4, 2, 3).permute(0, 1, 4, 2, 3)
    for x in (gaps, channels_last):
        assert_like_the_reference([x, 0.9, -0.4, 0.1, 0.0], 3, _rule())


@pytest.mark.parametrize(
    "weigh",
    [
        lambda s: _random(19, seed=1).expand_as(s),
        lambda s: torch.ones((), device=DEVICE).expand_as(s),
        lambda s: _random(19, len(s), seed=1).t(),
        lambda s: _random(2 * len(s), 19, seed=1)[::2],
    ],
    ids=["same-in-all-steps", "one-number", "transposed", "gaps-between-steps"],
)
def test_gradients_in_any_layout(weigh: Callable[[Tensor], Tensor]) -> None:
    T = ALONE + 1
    assert_like_the_reference([_random(T, 19), 0.9, -0.4, 0.1, 0.0], T, _rule(), lambda y: [weigh(y.s)])


def test_gradient_of_the_last_potential_alone() -> None:
    given = [_random(3, 19), 0.9, -0.4, 0.1, 0.0]
    assert_like_the_reference(given, 3, _rule(), lambda y: [torch.zeros_like(y.s), _random(19, seed=2)])


@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
@pytest.mark.parametrize("T", [1, 5, 6])
def test_records_equal_those_of_the_reference_to_the_bit(T: int, v_reset: float | None) -> None:
    x, rule = _random(T, 19), _rule(v_reset)
    recorded = integrate_and_fire(x, 0.9, -0.4, 0.1, 0.0, record=True, **rule)
    right = reference.integrate_and_fire(x, T, 0.9, -0.4, 0.1, 0.0, record=True, **rule)
    for own, other in zip(recorded, right, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=0)


def test_same_bits_twice_and_parts_that_add_up() -> None:
    T, neurons = ALONE + 1, 8 * SIZES["THREADS"] + 3
    one = torch.tensor([0.5], device=DEVICE)
    given = Inputs(_random(T, neurons), T, neurons, one, one, _random(neurons, seed=1), one)
    rule, grad_s = Rule(0.75, None, False, 2, 1.0, 0.0), _random(T, neurons, seed=2)
    grad_x = [torch.empty_like(given.x) for _ in range(2)]
    first, second = (cuda.backward(rule, given, grad_s, None, grad, None, Learnt(True, True, True)) for grad in grad_x)
    assert torch.equal(*grad_x)
    for one_time, other_time in zip(first, second, strict=True):
        assert torch.equal(one_time, other_time)
    assert len(first.gain) == len(first.feedback) < len(first.rest) == neurons
    # The gradient of rest is that of the input times -feedback, summed over the steps.
    torch.testing.assert_close(first.rest, -0.5 * grad_x[0].sum(0), rtol=1e-4, atol=1e-4)


# ---- edges -----------------------------------------------------------------------------------------------------------


def test_fires_exactly_at_the_threshold() -> None:
    x = torch.tensor([[0.75, 0.5, 0.75 - 2**-24, 0.75 + 2**-24]], device=DEVICE)
    assert integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule()).s.tolist() == [[1, 0, 0, 1]]
    assert integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule(None)).v_last.tolist() == [0, 0.5, 0.75 - 2**-24, 2**-24]


@pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"])
def test_spikes_near_the_threshold_are_those_of_rounded_products_and_sums(v_reset: float | None) -> None:
    # Within a few units in the last place of the threshold, where a fused multiply-add would decide differently.
    near = 1 + torch.arange(-8, 8, device=DEVICE) * 2**-24
    x, v = (k.flatten() for k in torch.meshgrid(near, near, indexing="ij"))
    rule = _rule(v_reset, v_threshold=1.0)
    x = x.expand(3, -1).contiguous()
    own = integrate_and_fire(x, 1 / 3, -1.0, 0.0, v, **rule)
    right = reference.integrate_and_fire(x, 3, 1 / 3, -1.0, 0.0, v, **rule)
    assert 0 < right.s.mean() < 1
    assert torch.equal(own.s, right.s)
    assert torch.equal(own.v_last, right.v_last)


@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
def test_nan_does_not_fire_and_stays(v_reset: float | None) -> None:
    x = torch.tensor([[0.0, float("nan"), 1.0], [1.0, 1.0, 1.0]], device=DEVICE, requires_grad=True)
    s, v_last, *_ = integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule(v_reset))
    assert s.tolist() == [[0, 0, 1], [1, 0, 1]]
    assert v_last.isnan().tolist() == [False, True, False]
    s.sum().backward()
    assert x.grad is not None
    assert x.grad.isnan().any(0).tolist() == [False, True, False]


@pytest.mark.parametrize("kind", formulas.KINDS, ids=lambda kind: kind.__name__)
def test_huge_and_tiny_currents(kind: type[surrogate.Surrogate]) -> None:
    x = torch.tensor([[1e30, -1e30, 1e-30, -1e-30, 1e4, -1e4, 1e-42, 0.75]], device=DEVICE)
    assert_like_the_reference([x, 1.0, 0.0, 0.0, 0.0], 1, _rule(0.0, True, kind()), lambda y: [torch.ones_like(y.s)])


def test_no_neurons() -> None:
    x = torch.zeros(3, 0, device=DEVICE, requires_grad=True)
    integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule()).s.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
