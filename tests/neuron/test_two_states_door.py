"""Refused arguments of the operator with two states: compiled code must not read or write past its arrays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.neuron import surrogate
from snntrain.neuron.integrate_and_fire.formulas import formula

pytest.importorskip("numba")

FUZZ = Path(__file__).with_name("two_states_door_fuzz.py")
RULE = (1.0, 0.0, False, *(formula(surrogate.ATan()) or ()))
NUMBERS = [0.5, -1.0, 0.0, 0.9, 0.1, 0.2, 0.0, 0.0]
X = torch.rand(3, 40)


def forward(x: Tensor, T: int = 3, place: int = 1, numbers: Any = None, rule: Any = RULE, **tensors: Any) -> Any:
    given = [tensors.get(name) for name in ("gain", "feedback", "rest", "decay", "inflow", "jump", "v", "w")]
    return torch.ops.snntrain.two_states(x, T, place, *given, numbers or NUMBERS, *rule, False)


def backward(grad_s: Tensor, grad_v: Any = None, grad_w: Any = None, needed: Any = None) -> Any:
    wanted = [False] * 8 if needed is None else needed
    given = (X, 3, 1, *[None] * 8, NUMBERS, *RULE, wanted)
    return torch.ops.snntrain.two_states_backward(grad_s, grad_v, grad_w, *given)


WRONG: dict[str, Any] = {
    "more steps than the input has": lambda: forward(X, T=8),
    "no steps": lambda: forward(X, T=0),
    "no dimension": lambda: forward(torch.tensor(1.0), T=1),
    "an integer input": lambda: forward(X.long()),
    "a sparse input": lambda: forward(X.to_sparse()),
    "an unknown place": lambda: forward(X, place=3),
    "a negative place": lambda: forward(X, place=-1),
    "an unknown surrogate": lambda: forward(X, rule=(*RULE[:3], 77, 1.0, 0.0)),
    "too few numbers": lambda: forward(X, numbers=[0.5]),
    "too short a coefficient": lambda: forward(X, jump=torch.rand(39)),
    "too long a coefficient": lambda: forward(X, decay=torch.rand(2, 40)),
    "a sparse coefficient": lambda: forward(X, inflow=torch.rand(40).to_sparse()),
    "an integer coefficient": lambda: forward(X, gain=torch.ones(40, dtype=torch.int64)),
    "too short a second state": lambda: forward(X, w=torch.rand(20)),
    "a second state elsewhere": lambda: forward(X, w=torch.empty(40, device="meta")),
    "too few gradients": lambda: backward(torch.rand(2, 40)),
    "gradients of another dtype": lambda: backward(torch.rand(3, 40).bfloat16()),
    "a gradient of another state": lambda: backward(torch.rand(3, 40), torch.rand(39)),
    "a gradient of another second state": lambda: backward(torch.rand(3, 40), None, torch.rand(41)),
    "a gradient of no tensor": lambda: backward(torch.rand(3, 40), needed=[True, *[False] * 7]),
    "too few wishes": lambda: backward(torch.rand(3, 40), needed=[False]),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_direct_call_that_does_not_fit_is_refused(call: str) -> None:
    with pytest.raises(ValueError, match=r"must|there is no"):
        WRONG[call]()


def test_what_tracing_propagates_is_refused_as_well() -> None:
    with pytest.raises(ValueError, match=r"T=8 steps"):
        forward(torch.empty(3, 40, device="meta"), T=8)


@pytest.mark.slow
def test_random_calls_never_leave_their_memory() -> None:
    """In a process of its own, since a fault ends it; every array lies against a page that nobody may touch."""
    calls = int(os.environ.get("SNNTRAIN_FUZZ_CALLS", "300"))
    done = subprocess.run(
        [sys.executable, str(FUZZ), str(calls)], capture_output=True, text=True, timeout=240 + calls / 10
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    reported = json.loads(done.stdout.splitlines()[-1])
    assert reported["calls"] == calls
    assert min(reported["computed"], reported["refused"]) > calls / 10
