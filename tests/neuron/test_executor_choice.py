"""Who computes the recurrence: which executor serves a device, a dtype and a firing rule."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire import contract
from snntrain.neuron.integrate_and_fire.formulas import KINDS, formula
from tests.neuron.recurrences import (
    ATAN,
    current,
    run,
)

pytest.importorskip("numba")


def used(x: Tensor, monkeypatch: pytest.MonkeyPatch, fire: Callable[[Tensor], Tensor] = ATAN) -> list[str]:
    """The compiled executors that a run loads."""
    loaded: list[str] = []
    real = contract.load
    monkeypatch.setattr(
        "snntrain.neuron.integrate_and_fire.operator.load", lambda name: loaded.append(name) or real(name)
    )
    run(x, [0.5, -1.0, 0.0], surrogate=fire)
    return loaded


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float32, ["cpu"]), (torch.bfloat16, ["cpu"]), (torch.float16, []), (torch.float64, [])],
)
def test_device_and_dtype_choose_the_executor(
    dtype: torch.dtype, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert used(current(4, 3).to(dtype), monkeypatch) == expected


class Steeper(surrogate.ATan):
    """A subclass with a gradient of its own."""

    def gradient(self, x: Tensor) -> Tensor:
        return 2 * super().gradient(x)


@pytest.mark.parametrize("fire", [Steeper(), surrogate.ATan(spiking=False), torch.nn.Sigmoid()])
def test_a_firing_rule_that_is_not_known_runs_in_plain_pytorch(
    fire: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert used(current(4, 3), monkeypatch, fire) == []


def test_a_variable_forces_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, "reference")
    assert used(current(4, 3), monkeypatch) == []
    monkeypatch.setenv(dispatch.VARIABLE, "tpu")
    with pytest.raises(ValueError, match="SNNTRAIN_EXECUTOR=tpu must be one of reference, cpu, cuda"):
        run(current(4, 3), [0.5, -1.0, 0.0])


def test_every_surrogate_of_the_package_has_a_formula() -> None:
    kinds = [
        kind
        for _, kind in inspect.getmembers(surrogate, inspect.isclass)
        if issubclass(kind, surrogate.Surrogate) and kind is not surrogate.Surrogate
    ]
    assert set(kinds) == set(KINDS)
    assert all(formula(kind()) is not None for kind in kinds)
