"""The GPU's executor of two states against the definition in float64: on a GPU, else in Triton's interpreter."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire import formulas
from snntrain.neuron.two_states import PLACES, Coefficients, reference, two_states
from tests.neuron.kernels import once_more
from tests.pairs import every_pair

pytest.importorskip("triton", reason="Triton is not installed")
shared = importlib.import_module("snntrain.neuron.integrate_and_fire.cuda.kernels")
cuda = importlib.import_module("snntrain.neuron.two_states.cuda")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytestmark = [pytest.mark.gpu] if DEVICE == "cuda" else []
# The interpreter is slow, so a program has few neurons there, and a group few steps.
SIZES = {} if DEVICE == "cuda" else {"AHEAD": 2, "GROUPED": 3, "THREADS": 4}
GROUPED = SIZES.get("GROUPED", cuda.GROUPED)
TOLERANCE = {torch.float32: 3e-5, torch.bfloat16: 2**-7, torch.float16: 2**-9}
ONE = (0.5, -0.75, 0.25, 0.875, 0.5, 0.25)

every_place = pytest.mark.parametrize("place", PLACES)
every_reset = pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
every_detach = pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"])


def _kernels() -> ModuleType:
    """Return the kernels; those decorated while TRITON_INTERPRET is set run in the interpreter."""
    if DEVICE == "cuda":
        return cuda.kernels
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        # The functions that they share with the kernels of one state, too.
        patch.setitem(sys.modules, shared.__name__, once_more(shared))
        return once_more(cuda.kernels)


KERNELS = _kernels()


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, "cuda")
    monkeypatch.setattr(cuda, "kernels", KERNELS)
    for name, size in SIZES.items():
        monkeypatch.setattr(cuda, name, size)


def _random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return currents that make neurons fire in some steps but not in all."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 1.5 + 1.0
    return values.to(dtype).to(DEVICE)


def assert_like_the_reference(
    place: str,
    x: Tensor,
    coefficients: list[Any],
    states: list[Any],
    T: int | None = None,
    v_reset: float | None = -0.25,
    detach_reset: bool = False,
    function: surrogate.Surrogate | None = None,
) -> None:
    """Compare spikes, last states and the gradients of all tensors."""
    rule: dict[str, Any] = {"v_threshold": 0.75, "v_reset": v_reset, "detach_reset": detach_reset}
    rule["surrogate"] = function or surrogate.Sigmoid(alpha=2.0)
    given = [k.detach().requires_grad_() if isinstance(k, Tensor) else k for k in (x, *coefficients, *states)]
    exact = [k.detach().double().requires_grad_() if isinstance(k, Tensor) else k for k in given]
    own = two_states(given[0], place, Coefficients(*given[1:7]), *given[7:], T=T, **rule)
    steps = T or len(x)
    right = reference.two_states(exact[0], steps, PLACES.index(place), Coefficients(*exact[1:7]), *exact[7:], **rule)
    assert 0 < right.s.mean() < 1
    torch.testing.assert_close(own.s.double(), right.s, rtol=0, atol=0)
    weights = [_random(*y.shape, seed=3).to(x.dtype) for y in own[:3]]
    found = []
    for run, leaves in ((own, given), (right, exact)):
        loss = sum((y.double() * w.double()).sum() for y, w in zip(run[:3], weights, strict=True))
        found.append(torch.autograd.grad(loss, [k for k in leaves if isinstance(k, Tensor)]))
    tolerance = TOLERANCE[x.dtype]
    for one, other in [*zip(own[1:3], right[1:3], strict=True), *zip(*found, strict=True)]:
        assert (one.double() - other).abs().max() <= tolerance * max(1.0, other.abs().max().item())


@every_pair(
    every_place,
    every_reset,
    every_detach,
    pytest.mark.parametrize("kind", formulas.KINDS, ids=lambda kind: kind.__name__),
)
@pytest.mark.sample(3)
def test_every_surrogate_with_every_reset(
    place: str, v_reset: float | None, detach_reset: bool, kind: type[surrogate.Surrogate]
) -> None:
    states = [_random(19, seed=1), _random(19, seed=2)]
    assert_like_the_reference(place, _random(GROUPED + 1, 19), [*ONE], states, None, v_reset, detach_reset, kind())


@every_place
@pytest.mark.parametrize("T", [1, GROUPED, 2 * GROUPED + 1])
@pytest.mark.sample(2)
def test_learnt_coefficients_and_any_number_of_steps(place: str, T: int) -> None:
    coefficients: list[Any] = [torch.tensor([k], device=DEVICE) for k in ONE]
    if place == "filter":
        coefficients[5] = 0.0
    assert_like_the_reference(place, _random(T, 3, 5), coefficients, [0.25, 0.125])


@every_pair(every_place, every_reset, pytest.mark.parametrize("T", [2, 2 * GROUPED + 2]))
@pytest.mark.sample(1)
def test_coefficients_of_each_channel_and_a_constant_current(place: str, v_reset: float | None, T: int) -> None:
    coefficients: list[Any] = [k + 0.1 * _random(3, 1, seed=4) for k in ONE]
    if place == "filter":
        coefficients[5] = 0.0
    assert_like_the_reference(place, _random(1, 2, 3, 5), coefficients, [0.0, 0.1 * _random(2, 3, 5)], T, v_reset)


@every_place
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.sample(1)
def test_half_precision_keeps_its_states_in_float32(place: str, dtype: torch.dtype) -> None:
    x = _random(GROUPED + 1, 19, dtype=dtype)
    assert_like_the_reference(place, x, [torch.tensor([0.5], device=DEVICE), *ONE[1:]], [0.25, 0.125])


@every_place
@every_reset
@pytest.mark.sample(1)
def test_records_equal_those_of_the_reference_to_the_bit(place: str, v_reset: float | None) -> None:
    x, rule = _random(5, 19), {"v_threshold": 0.75, "v_reset": v_reset, "detach_reset": False}
    rule["surrogate"] = surrogate.ATan()
    own = two_states(x, place, Coefficients(*ONE), 0.0, 0.0, record=True, **rule)
    right = reference.two_states(x, 5, PLACES.index(place), Coefficients(*ONE), 0.0, 0.0, record=True, **rule)
    for one, other in zip(own, right, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_no_neurons() -> None:
    x = torch.zeros(3, 0, device=DEVICE, requires_grad=True)
    run = two_states(
        x,
        "current",
        Coefficients(*ONE),
        0.0,
        0.0,
        v_threshold=1.0,
        v_reset=0.0,
        surrogate=surrogate.ATan(),
        detach_reset=False,
    )
    run.s.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
