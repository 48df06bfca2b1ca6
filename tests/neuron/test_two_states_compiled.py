"""The compiled kernels of a GPU for two states, without a GPU: no spills, and forward without fused products."""

from __future__ import annotations

import importlib

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from benchmarks.ahead_of_time import Compiled, compiling, has_tools
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.two_states.contract import Coefficients, Gradients, Inputs, Outputs, Pulls
from tests.neuron.kernels import once_more

cuda = importlib.import_module("snntrain.neuron.two_states.cuda")

pytestmark = pytest.mark.skipif(not has_tools(), reason="this Triton has no cuobjdump or nvdisasm")
COMPILED = once_more(cuda.kernels)
ATAN = 4


def launch(kernel: str, place: int, T: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """Compile the kernel that the executor launches for a layer with learnt constants."""
    monkeypatch.setattr(cuda, "kernels", COMPILED)
    M = 2**20

    def empty(*shape: int, of: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.empty(shape, dtype=of, device="meta")

    one = empty(1)
    k = Coefficients(one, -1.0, 0.0, one, 1.0 if place == 0 else one, 0.0 if place == 0 else one)
    given = Inputs(empty(T, M, of=dtype), T, M, place, k, 0.0, 0.0)
    rule, s, state = Rule(1.0, 0.0, True, ATAN, 2.0, 0.0), empty(T, M, of=dtype), empty(M, of=dtype)
    with compiling(COMPILED, [kernel], 90) as found:
        if kernel == "forward":
            cuda.forward(rule, given, Outputs(s, state, state))
        else:
            learnt = [isinstance(value, torch.Tensor) for value in k]
            cuda.backward(rule, given, Pulls(s, None, None), Gradients(s, None, None), learnt)
    return found[0]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.sample(1)
def test_forward_has_no_spills_and_no_fused_products(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = launch("forward", place, 8, torch.bfloat16, monkeypatch)
    assert "fma." not in compiled.ptx
    assert compiled.spilled == 0


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("T", [8, 16])
@pytest.mark.slow
def test_backward_has_no_spills(place: int, T: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch("backward", place, T, torch.bfloat16, monkeypatch).spilled == 0
