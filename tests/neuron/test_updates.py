"""Potentials that a step changes: the compiled count and the one in parts, against a count of recorded potentials."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire import integrate_and_fire, updates
from snntrain.neuron.integrate_and_fire.updates import count_updates

BY_CHANNEL = [torch.tensor([[first], [0.3], [0.2]]) for first in (0.4, -1.0, 0.0)]
BY_IMAGE = [0.5, torch.tensor([-0.8, -1.2, 0.0, -2.0]).view(4, 1, 1), 0.0]
every_coefficient = pytest.mark.parametrize(
    "coefficients", [[0.4, -1.0, 0.0], BY_CHANNEL, BY_IMAGE], ids=["one for all", "by channel", "by image"]
)
every_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
every_reset = pytest.mark.parametrize("v_reset", [0.0, -0.3, None])


def current(T: int, *shape: int) -> Tensor:
    """Return steps that partly charge above the threshold and partly are zero, which leaves a potential at rest."""
    x = 1.5 * torch.randn(T, *shape, generator=torch.Generator().manual_seed(0)) + 1.0
    return x * (x > 0.5)


def both(x: Tensor, coefficients: list[Any], v: float | Tensor, v_reset: float | None, T: int) -> tuple[int, int]:
    """Return the count, and that of the recorded potentials."""
    rule = {"v_threshold": 0.75, "v_reset": v_reset, "surrogate": surrogate.ATan()}
    counted = int(count_updates(x, *coefficients, v, **rule, T=T))
    given_T = T if len(x) < T else None
    run = integrate_and_fire(x, *coefficients, v, **rule, detach_reset=True, T=given_T, record=True)
    expected, before = 0, None if isinstance(v, float) else v.flatten().tolist()
    for step in run.v:
        after = step.flatten().tolist()
        expected += len(after) if before is None else sum(p != q for p, q in zip(before, after, strict=True))
        before = after
    return counted, expected


@every_dtype
@every_reset
@every_coefficient
@pytest.mark.sample(9)
def test_the_count_is_that_of_the_recorded_potentials(
    coefficients: list[Any], v_reset: float | None, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "MOST", 40)
    x = current(5, 4, 3, 6).to(dtype)
    carried = torch.where(x[0] > 0, 0.4, 0.0).to(dtype)
    for v in (0.0, carried):
        for sequence, T in ((x, 5), (x[:1], 5), (x[:1], 1), (x.transpose(2, 3).contiguous().transpose(2, 3), 5)):
            counted, expected = both(sequence, coefficients, v, v_reset, T)
            assert counted == expected
    assert 0 < counted < x.numel()


def test_neurons_of_many_blocks_are_all_counted() -> None:
    pytest.importorskip("numba")
    from snntrain.neuron.integrate_and_fire.cpu.kernels import FORWARD_BLOCK

    counted, expected = both(current(3, 2, FORWARD_BLOCK + 7), [0.4, -1.0, 0.0], 0.0, 0.0, 3)
    assert counted == expected > 2 * FORWARD_BLOCK


def test_parts_of_a_batch_add_up_to_the_compiled_count(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"v_threshold": 0.75, "v_reset": 0.0, "surrogate": surrogate.ATan(), "T": 5}
    counts = []
    for name in ("cpu", "reference"):
        if dispatch.COMPILED.get(name, True):
            monkeypatch.setenv(dispatch.VARIABLE, name)
            counts.append(int(count_updates(current(5, 4, 3, 6), 0.4, -1.0, 0.0, 0.0, **rule)))
    assert len(set(counts)) == 1


def test_a_nan_potential_counts_as_changed() -> None:
    x = torch.full((4, 1, 1), torch.nan)
    assert (
        int(count_updates(x, 0.5, -1.0, 0.0, 0.0, v_threshold=1.0, v_reset=0.0, surrogate=surrogate.ATan(), T=4)) == 4
    )
