"""bfloat16 in the compiled executor of the CPU: its rounding, also on a processor without bfloat16 instructions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from snntrain.neuron import surrogate
from tests.neuron.recurrences import (
    COEFFICIENTS,
    assert_same_gradients,
    current,
    every_detach,
    every_reset,
    every_surrogate,
    pull,
    random,
    run,
)
from tests.pairs import every_value

pytest.importorskip("numba")


@every_value(every_surrogate, every_reset, every_detach)
@pytest.mark.sample(3)
def test_bfloat16_is_float32_with_rounded_ends(
    fire: surrogate.Surrogate, v_reset: float | None, detach_reset: bool
) -> None:
    rule = {"v_reset": v_reset, "detach_reset": detach_reset, "surrogate": fire}
    x = current(11, 7, 3, 5).bfloat16().requires_grad_()
    given = [x, *COEFFICIENTS["learnt"](), random(7, 3, 5).bfloat16().requires_grad_()]
    exact = [value.detach().float().requires_grad_() for value in given]
    (one, other) = (run(x, k, v, **rule) for x, *k, v in (given, exact))
    assert one.s.dtype == one.v_last.dtype == torch.bfloat16
    assert torch.equal(one.s.float(), other.s)
    assert torch.equal(one.v_last, other.v_last.bfloat16())
    for trajectory in (one, other):
        pull(trajectory)
    assert_same_gradients(given, exact, 2**-7)


def rounded_to_bfloat16(bits: int) -> tuple[Tensor, Tensor]:
    """Return a float32, given by its bits, rounded by the executor and by torch."""
    v = torch.tensor([bits - 2**32 if bits >= 2**31 else bits], dtype=torch.int32).view(torch.float32)
    x = torch.zeros(1, 1, dtype=torch.bfloat16)
    return run(x, [1.0, 0.0, 0.0], v, v_threshold=3e38, v_reset=None).v_last, v.bfloat16()


@pytest.mark.parametrize("bits", [0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0xFF7F_FFFF, 0x0080_8000, 0x8080_0001])
def test_numbers_are_rounded_to_bfloat16_as_torch_does(bits: int) -> None:
    assert torch.equal(*rounded_to_bfloat16(bits))


@pytest.mark.parametrize("bits", [0x0000_8001, 0x8000_0001])
def test_subnormal_numbers_may_become_zero(bits: int) -> None:
    ours, torchs = rounded_to_bfloat16(bits)
    assert ours == torchs or ours == 0


@pytest.mark.slow
def test_a_processor_with_short_vectors_computes_the_same() -> None:
    """A separate process compiles for the oldest processor of this kind, without bfloat16 or AVX."""
    script = """
import torch
from snntrain.neuron import PLIFNode
from snntrain.neuron.surrogate import ATan
torch.manual_seed(0)
for dtype in (torch.float32, torch.bfloat16):
    node = PLIFNode(surrogate_function=ATan(), step_mode="m")
    x = (1.5 * torch.randn(5, 3, 11) + 1).to(dtype).requires_grad_()
    node(x).sum().backward()
    print(*x.grad.flatten().tolist(), *node.w.grad.flatten().tolist())
"""
    outputs = []
    for features in ({}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}):
        environment = os.environ | features | {"NUMBA_CACHE_DIR": ""}
        run_there = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        assert run_there.returncode == 0, run_there.stderr
        outputs.append(torch.tensor([float(number) for number in run_there.stdout.split()]))
    assert len(outputs[0]) == 2 * (5 * 3 * 11 + 1)
    assert torch.allclose(*outputs, rtol=2**-7, atol=1e-6)
