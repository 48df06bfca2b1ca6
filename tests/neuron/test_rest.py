"""Rest and slow leaks: a neuron at rest stays there exactly, and a huge time constant loses no precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron import BaseNode, IFNode, LIFNode, PLIFNode, RIFNode, surrogate

EXECUTORS = [name for name in ("reference", "cpu") if dispatch.COMPILED.get(name, True)]
every_executor = pytest.mark.parametrize("name", EXECUTORS)
RUNAWAY: dict[str, Any] = {"init_w": 0.2, "v_reset": -0.65}


@pytest.fixture(autouse=True)
def _forced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "name" in request.fixturenames:
        monkeypatch.setenv(dispatch.VARIABLE, request.getfixturevalue("name"))


class WrittenOut(BaseNode):
    """The user's own charge rule, computed step by step."""

    def charge(self, x: Tensor) -> Tensor:
        return self.v + 0.2 * (self.v - self.rest) + x


BUILT: dict[str, Callable[..., BaseNode]] = {
    "if": IFNode,
    "lif": lambda **more: LIFNode(tau=3.7, **more),
    "lif per channel": lambda **more: LIFNode(tau=torch.tensor([3.7, 1e4, 1.1]), **more),
    "plif": lambda **more: PLIFNode(init_tau=3.7, **more),
    "rif": lambda **more: RIFNode(init_w=0.2, **more),
    "own rule": WrittenOut,
}


@settings(max_examples=25)
@given(
    kind=st.sampled_from(list(BUILT)),
    v_reset=st.one_of(st.none(), st.floats(-3.0, 0.875, width=32)),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
    T=st.sampled_from([1, 7, 256]),
    calls=st.integers(1, 3),
    step_mode=st.sampled_from(["s", "m"]),
)
def test_rest_without_input_stays_rest(
    kind: str, v_reset: float | None, dtype: torch.dtype, T: int, calls: int, step_mode: str
) -> None:
    for name in EXECUTORS:
        if dtype not in dispatch.DTYPES.get(name, (dtype,)):
            continue
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(dispatch.VARIABLE, name)
            node = BUILT[kind](v_reset=v_reset, surrogate_function=surrogate.ATan(), step_mode=step_mode)
            rest = torch.full((2, 3), node.rest, dtype=dtype)
            for _ in range(calls):
                for x in torch.zeros(1 if step_mode == "m" else min(T, 20), 2, 3, dtype=dtype):
                    s = node(x.expand(T, 2, 3) if step_mode == "m" else x)
                    assert not s.any()
                    assert torch.equal(node.v, rest)


@every_executor
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_growing_neuron_at_rest_does_not_diverge(name: str, dtype: torch.dtype) -> None:
    for arguments in (RUNAWAY, {"init_w": 0.1, "v_reset": 0.1}):
        node = RIFNode(**arguments, step_mode="m", surrogate_function=surrogate.ATan())
        for _ in range(3):
            assert node(torch.zeros(256, 2, 17, dtype=dtype)).sum() == 0
        assert torch.equal(node.v, torch.full((2, 17), arguments["v_reset"], dtype=dtype))


@every_executor
def test_a_state_in_half_precision_at_rest_passes_its_gradient(name: str) -> None:
    node = LIFNode(tau=2.0, v_reset=-0.65, step_mode="m", surrogate_function=surrogate.ATan())
    state = torch.tensor([[-0.65, 0.2]], dtype=torch.bfloat16, requires_grad=True)
    node.v = state * 1
    node(torch.zeros(1, 1, 2, dtype=torch.bfloat16))
    node.v.float().sum().backward()
    assert (state.grad > 0.3).all()


@every_executor
@pytest.mark.parametrize("tau", [1e2, 1e4, 1e5])
@pytest.mark.parametrize("kind", ["lif", "plif"])
def test_a_slow_leak_keeps_its_precision(name: str, tau: float, kind: str) -> None:
    """The potential that leaks away in one step: 1 - 1/tau in float32 gives it only to 6e-8 tau."""
    node: BaseNode
    node = LIFNode(tau, step_mode="m") if kind == "lif" else PLIFNode(tau, step_mode="m")
    node.surrogate_function = surrogate.ATan()
    # A small potential: the difference by the leak keeps more bits.
    node.v = v = torch.full((1, 16), -0.25)
    node(torch.zeros(1, 1, 16))
    leak = (v.double() - node.v.double()) / v.double() * tau
    # The potential is rounded once, the leak twice.
    assert (leak - 1).abs().max() <= 2**-24 * tau + 3 * 2**-24


@every_executor
@pytest.mark.parametrize("tau", [1e4, 1e5])
def test_a_slow_leak_over_many_steps_is_that_of_double_precision(name: str, tau: float) -> None:
    x = torch.rand(256, 1, 16, generator=torch.Generator().manual_seed(0))
    node, exact = (LIFNode(tau, step_mode="m", v_reset=-0.65, surrogate_function=surrogate.ATan()) for _ in range(2))
    node(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dispatch.VARIABLE, "reference")
        exact(x.double())
    moved = exact.v - exact.rest
    assert ((node.v.double() - exact.v).abs() / moved.abs()).max() <= 256 * 2**-24 * 0.65 / float(moved.abs().min())
