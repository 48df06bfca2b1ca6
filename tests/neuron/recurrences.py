"""A recurrence by its executor and by the definition: currents, coefficients and gradients to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire import integrate_and_fire, reference
from snntrain.neuron.integrate_and_fire.formulas import KINDS

V_THRESHOLD = 0.75
ATAN = surrogate.ATan()

every_surrogate = pytest.mark.parametrize("fire", [kind() for kind in KINDS], ids=lambda fire: type(fire).__name__)
every_reset = pytest.mark.parametrize("v_reset", [0.0, -0.3, None], ids=["hard-0", "hard-0.3", "soft"])
every_detach = pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"])

# Gain, feedback and rest of neurons [N, 3, 5]: fixed, learnt per layer, learnt per channel.
COEFFICIENTS: dict[str, Callable[[], list[float | Tensor]]] = {
    "fixed": lambda: [0.4, -1.0, -0.125],
    "learnt": lambda: [torch.tensor([value], requires_grad=True) for value in (0.4, -1.0, -0.125)],
    "by channel": lambda: [
        torch.tensor([[first], [second], [third]], requires_grad=True)
        for first, second, third in ((0.4, 0.3, 0.2), (-1.0, -0.5, 0.1), (-0.1, 0.3, 0.2))
    ],
}
every_coefficient = pytest.mark.parametrize("coefficients", COEFFICIENTS)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def current(*shape: int, seed: int = 0) -> Tensor:
    """Return a current that makes the neurons of this file spike in some steps but not in all."""
    return 1.5 * random(*shape, seed=seed) + 1.0


def run(x: Tensor, coefficients: list[Any], v: float | Tensor = 0.0, **rule: Any) -> reference.Trajectory:
    return integrate_and_fire(
        x,
        *coefficients,
        v,
        **{"v_threshold": V_THRESHOLD, "v_reset": 0.0, "surrogate": ATAN, "detach_reset": False} | rule,
    )


def defined(x: Tensor, coefficients: list[Any], v: float | Tensor = 0.0, **rule: Any) -> reference.Trajectory:
    """Compute the same by the definition, in the dtype of x."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dispatch.VARIABLE, "reference")
        return run(x, coefficients, v, **rule)


def doubled(values: list[Any]) -> list[Any]:
    """Return copies as leaves, in double precision."""
    return [v.detach().double().requires_grad_(v.requires_grad) if isinstance(v, Tensor) else v for v in values]


def pull(trajectory: reference.Trajectory, seed: int = 7) -> None:
    """Back-propagate through all spikes and the last potential."""
    s, v_last = trajectory[:2]
    # Numbers exact in bfloat16, so that their rounding is not compared.
    weights = random(*s.shape, seed=seed).bfloat16(), random(*v_last.shape, seed=seed + 1).bfloat16()
    ((s.double() * weights[0]).sum() + (v_last.double() * weights[1]).sum()).backward()


def assert_same_gradients(actual: list[Any], expected: list[Any], tolerance: float) -> None:
    """Compare each gradient, relative to its greatest element."""
    compared = 0
    for one, other in zip(actual, expected, strict=True):
        if isinstance(one, Tensor) and one.requires_grad:
            assert one.grad is not None
            assert one.grad.shape == one.shape
            assert (one.grad.double() - other.grad).abs().max() <= tolerance * other.grad.abs().max()
            compared += 1
    assert compared
