"""Refused arguments of neurons and of the operator: compiled code must not read or write past its arrays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from snntrain.neuron import IFNode, LIFNode, surrogate
from snntrain.neuron.integrate_and_fire.formulas import formula

pytest.importorskip("numba")

FUZZ = Path(__file__).with_name("door_fuzz.py")
RULE = (1.0, 0.0, False, *(formula(surrogate.ATan()) or ()))


def node(**arguments: Any) -> LIFNode:
    return LIFNode(**{"tau": 2.0, "surrogate_function": surrogate.ATan(), "step_mode": "m"} | arguments)


# ---- a neuron's call -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("T", "steps"), [(8, 3), (2, 3), (0, 1), (-1, 3)])
@pytest.mark.parametrize("own_gradient", [False, True])
def test_a_number_of_steps_that_is_not_the_inputs_is_refused_with_both(T: int, steps: int, own_gradient: bool) -> None:
    x = torch.rand(steps, 2, 40).requires_grad_(own_gradient)
    with pytest.raises(ValueError, match=rf"T={T} does not fit an input of {steps} steps: give T={steps}, or one step"):
        node()(x, T=T)


def test_the_number_of_steps_may_be_said_twice() -> None:
    x = torch.rand(3, 2, 40)
    assert torch.equal(node()(x, T=3), node()(x))


def test_single_steps_take_no_number_of_steps() -> None:
    with pytest.raises(ValueError, match=r"T=4 goes with step_mode='m'"):
        node(step_mode="s")(torch.rand(2, 40), T=4)


def test_sparse_input_is_refused_with_what_to_do() -> None:
    x = torch.rand(3, 4)
    for sparse in (x.to_sparse(), x.to_sparse_csr()):
        with pytest.raises(ValueError, match=r"must be dense, not of layout torch\.sparse_\w+: give \.to_dense\(\)"):
            node()(sparse)


def test_complex_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be real, not torch\.complex64"):
        node()(torch.rand(3, 4, dtype=torch.complex64))


def test_what_is_not_a_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match=r"must be a tensor, not array"):
        node()(np.zeros((3, 4)))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64])
def test_integers_and_truth_values_become_the_default_dtype(dtype: torch.dtype) -> None:
    x = torch.tensor([[0, 1], [1, 1]]).to(dtype)
    s = node()(x)
    assert s.dtype == torch.get_default_dtype()
    assert torch.equal(s, node()(x.float()))


# ---- a direct call of the operator -----------------------------------------------------------------------------------


def forward(
    x: Tensor, T: int = 3, tensors: tuple[Any, ...] = (None,) * 4, numbers: Any = None, rule: Any = RULE
) -> Any:
    given = [0.5, -1.0, 0.0, 0.0] if numbers is None else numbers
    return torch.ops.snntrain.integrate_and_fire(x, T, *tensors, given, *rule, False)


def backward(grad_s: Tensor, grad_v: Tensor | None = None, tensors: Any = (None,) * 4, needed: Any = None) -> Any:
    wanted = [False] * 4 if needed is None else needed
    given = (torch.rand(3, 40), 3, *tensors, [0.5, -1.0, 0.0, 0.0], *RULE, wanted)
    return torch.ops.snntrain.integrate_and_fire_backward(grad_s, grad_v, *given)


X = torch.rand(3, 40)
WRONG: dict[str, Any] = {
    "more steps than the input has": lambda: forward(X, T=8),
    "fewer steps than the input has": lambda: forward(X, T=2),
    "no steps": lambda: forward(X, T=0),
    "no dimension": lambda: forward(torch.tensor(1.0), T=1),
    "an integer input": lambda: forward(X.long()),
    "a sparse input": lambda: forward(X.to_sparse()),
    "an unknown surrogate": lambda: forward(X, rule=(*RULE[:3], 77, 1.0, 0.0)),
    "a negative surrogate": lambda: forward(X, rule=(*RULE[:3], -1, 1.0, 0.0)),
    "too few numbers": lambda: forward(X, numbers=[0.5]),
    "too short a coefficient": lambda: forward(X, tensors=(torch.rand(39), None, None, None)),
    "too long a coefficient": lambda: forward(X, tensors=(None, torch.rand(2, 40), None, None)),
    "a sparse coefficient": lambda: forward(X, tensors=(torch.rand(40).to_sparse(), None, None, None)),
    "an integer coefficient": lambda: forward(X, tensors=(None, None, torch.ones(40, dtype=torch.int64), None)),
    "too short a state": lambda: forward(X, tensors=(None, None, None, torch.rand(20))),
    "a state elsewhere": lambda: forward(X, tensors=(None, None, None, torch.empty(40, device="meta"))),
    "too few gradients": lambda: backward(torch.rand(2, 40)),
    "gradients of fewer neurons": lambda: backward(torch.rand(3, 20)),
    "gradients of another dtype": lambda: backward(torch.rand(3, 40).bfloat16()),
    "a gradient of another state": lambda: backward(torch.rand(3, 40), torch.rand(39)),
    "a gradient of no tensor": lambda: backward(torch.rand(3, 40), needed=[True, False, False, False]),
    "too few wishes": lambda: backward(torch.rand(3, 40), needed=[False]),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_direct_call_that_does_not_fit_is_refused(call: str) -> None:
    with pytest.raises(ValueError, match=r"must|there is no"):
        WRONG[call]()


def test_what_tracing_propagates_is_refused_as_well() -> None:
    with FakeTensorMode(), pytest.raises(ValueError, match=r"T=8 steps"):
        forward(torch.empty(3, 40), T=8)
    with pytest.raises(ValueError, match=r"T=8 steps"):
        forward(torch.empty(3, 40, device="meta"), T=8)


def test_a_compiled_call_that_does_not_fit_is_refused() -> None:
    compiled = torch.compile(lambda x: node()(x, T=8), backend="aot_eager")
    with pytest.raises(Exception, match=r"T=8 does not fit an input of 3 steps"):
        compiled(X)
    direct = torch.compile(lambda x: forward(x, T=8)[0], backend="aot_eager")
    with pytest.raises(Exception, match=r"T=8 steps"):
        direct(X)


def test_two_million_neurons_of_no_step_cost_nothing() -> None:
    assert forward(torch.empty(3, 2_000_000, 0))[0].shape == (3, 2_000_000, 0)


@pytest.mark.slow
def test_random_calls_never_leave_their_memory() -> None:
    """In a process of its own, since a fault ends it; every array lies against a page that nobody may touch."""
    calls = int(os.environ.get("SNNTRAIN_FUZZ_CALLS", "300"))
    done = subprocess.run(
        [sys.executable, str(FUZZ), str(calls)], capture_output=True, text=True, timeout=120 + calls / 10
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    reported = json.loads(done.stdout.splitlines()[-1])
    assert reported["calls"] == calls
    assert min(reported["computed"], reported["refused"]) > calls / 10


def test_a_step_without_neurons_is_accepted_without_feedback() -> None:
    assert IFNode(step_mode="m")(torch.ones(2, 3, 0)).shape == (2, 3, 0)
