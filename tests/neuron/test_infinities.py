"""Infinite, NaN and huge potentials and inputs: every executor follows one table.

The rules behind the table: NaN passes through and never becomes a number again, but a spike is 0 or 1, and NaN does not
fire. An infinite potential fires and is reset like any other; with a soft reset it stays infinite. Infinity minus
infinity, as in the leak of an infinite potential, is NaN. A detached reset passes no gradient, not even NaN.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, surrogate
from tests.pairs import every_pair

inf, nan = math.inf, math.nan
EXECUTORS = [name for name in ("reference", "cpu") if dispatch.COMPILED.get(name, True)]
NODES: dict[str, Any] = {
    "if": lambda **more: IFNode(**more),
    "lif": lambda **more: LIFNode(tau=2.0, **more),
    "plif": lambda **more: PLIFNode(init_tau=2.0, **more),
    "rif": lambda **more: RIFNode(init_w=-0.5, **more),
}


class Row(NamedTuple):
    """Two steps of input, the second of zeros, and the results: spikes and the potential after each step."""

    x: float
    hard: tuple[list[float], list[float]]
    soft: tuple[list[float], list[float]]


# With v_threshold 1 and v_reset 0. IF has no leak, so that infinity stays.
NO_LEAK = [
    Row(inf, ([1, 0], [0, 0]), ([1, 1], [inf, inf])),
    Row(-inf, ([0, 0], [-inf, -inf]), ([0, 0], [-inf, -inf])),
    Row(nan, ([0, 0], [nan, nan]), ([0, 0], [nan, nan])),
    Row(1e38, ([1, 0], [0, 0]), ([1, 1], [1e38, 1e38])),
    Row(-1e38, ([0, 0], [-1e38, -1e38]), ([0, 0], [-1e38, -1e38])),
]
LEAK = [
    Row(inf, ([1, 0], [0, 0]), ([1, 0], [inf, nan])),
    Row(-inf, ([0, 0], [-inf, nan]), ([0, 0], [-inf, nan])),
    Row(nan, ([0, 0], [nan, nan]), ([0, 0], [nan, nan])),
    # LIF and PLIF halve the input; all halve the potential.
    Row(1e38, ([1, 0], [0, 0]), ([1, 1], [1e38, 5e37])),
    Row(-1e38, ([0, 0], [-1e38, -5e37]), ([0, 0], [-1e38, -5e37])),
]


def built(kind: str, v_reset: float | None, **more: Any) -> BaseNode:
    settings = {"v_reset": v_reset, "step_mode": "m", "surrogate_function": surrogate.ATan()}
    node: BaseNode = NODES[kind](**settings | more)
    return node


@pytest.mark.parametrize("name", EXECUTORS)
@pytest.mark.parametrize("kind", NODES)
@pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"])
def test_spikes_and_potentials_are_those_of_the_table(
    name: str, kind: str, v_reset: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(dispatch.VARIABLE, name)
    for row in NO_LEAK if kind == "if" else LEAK:
        node = built(kind, v_reset, monitor_state=True)
        gain = 2.0 if kind in ("lif", "plif") and math.isfinite(row.x) else 1.0
        s = node(torch.tensor([[gain * row.x], [0.0]]).expand(2, 17))
        spikes, potentials = row.soft if v_reset is None else row.hard
        assert node.monitor is not None
        recorded = torch.stack([torch.from_numpy(v) for v in node.monitor["v"]])
        for i in (0, 16):
            assert s[:, i].tolist() == spikes, row
            torch.testing.assert_close(recorded[:, i], torch.tensor(potentials, dtype=torch.float32), equal_nan=True)
        assert torch.equal(node.v.isnan(), recorded[1].isnan())


def outcome(kind: str, v_reset: float | None, fire: surrogate.Surrogate, detach_reset: bool, x: Tensor) -> list[Tensor]:
    node = built(kind, v_reset, surrogate_function=fire, detach_reset=detach_reset)
    x = x.clone().requires_grad_()
    s = node(x)
    (s.sum() + node.v.sum()).backward()
    return [s, node.v.detach(), x.grad, *(p.grad for p in node.parameters())]


@pytest.mark.skipif(len(EXECUTORS) < 2, reason="numba is not installed")
@every_pair(
    pytest.mark.parametrize("kind", NODES),
    pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"]),
    pytest.mark.parametrize("detach_reset", [False, True]),
    pytest.mark.parametrize("fire", [surrogate.ATan(), surrogate.Rectangle()], ids=lambda fire: type(fire).__name__),
)
@pytest.mark.sample(4)
def test_executors_agree_on_finite_results(
    kind: str, v_reset: float | None, detach_reset: bool, fire: surrogate.Surrogate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = torch.tensor([inf, -inf, nan, 1e38, -1e38, 0.5, 2.0, 0.0])
    x = torch.stack([first, torch.full_like(first, 0.7), first.flip(0)])
    found = []
    for name in EXECUTORS:
        monkeypatch.setenv(dispatch.VARIABLE, name)
        # One neuron at a time, so that a learnt coefficient has the gradient of one neuron.
        found.append([outcome(kind, v_reset, fire, detach_reset, column) for column in x.split(1, dim=1)])
    for one, other in zip(*found, strict=True):
        for actual, expected in zip(one, other, strict=True):
            assert torch.equal(actual.isfinite(), expected.isfinite())
            torch.testing.assert_close(actual[actual.isfinite()], expected[expected.isfinite()], rtol=1e-5, atol=1e-6)


@every_pair(
    pytest.mark.parametrize("kind", ["plif", "rif"]),
    pytest.mark.parametrize("v_reset", [0.0, -0.3, None]),
    pytest.mark.parametrize("v_threshold", [1e4, 1e9, 1e30]),
)
@pytest.mark.sample(4)
def test_a_threshold_that_is_never_reached_gives_the_gradient_of_the_definition(
    kind: str, v_reset: float | None, v_threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    x, found = torch.randn(6, 4, 20, generator=torch.Generator().manual_seed(0)), []
    for name in EXECUTORS:
        monkeypatch.setenv(dispatch.VARIABLE, name)
        node = built(kind, v_reset, v_threshold=v_threshold)
        node(x)
        node.v.sum().backward()
        (parameter,) = node.parameters()
        found.append(parameter.grad)
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)
    assert found[0].abs() > 0.1


@pytest.mark.parametrize("v_threshold", [inf, -inf, nan])
def test_a_threshold_that_is_not_finite_is_refused_with_a_remedy(v_threshold: float) -> None:
    with pytest.raises(ValueError, match=r"v_threshold must be a finite number, not .+; for neurons that never"):
        LIFNode(v_threshold=v_threshold)
    node = LIFNode()
    with pytest.raises(ValueError, match="must be a finite number"):
        node.v_threshold = v_threshold
