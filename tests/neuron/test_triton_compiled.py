"""The compiled kernels of a GPU, without a GPU: registers, spills, loads in flight, and the time to compile."""

from __future__ import annotations

import importlib

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

from benchmarks.ahead_of_time import has_tools
from benchmarks.kernel_registers import in_flight, instructions, launch
from snntrain.neuron.integrate_and_fire import formulas
from tests.neuron.kernels import once_more

cuda = importlib.import_module("snntrain.neuron.integrate_and_fire.cuda")

pytestmark = pytest.mark.skipif(not has_tools(), reason="this Triton has no cuobjdump or nvdisasm")

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Processor seconds: most kernels take about one; some took up to fifteen before.
SECONDS = 5
COMPILED = once_more(cuda.kernels)


@pytest.fixture(autouse=True)
def _compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the kernels, even if other tests run them in the interpreter."""
    monkeypatch.setattr(cuda, "kernels", COMPILED)


@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_has_no_spills_and_no_fused_products(dtype: str) -> None:
    compiled = launch("forward", "PLIF", 8, DTYPES[dtype], record=dtype == "fp32")
    assert "fma." not in compiled.ptx
    assert "v4.b32" in compiled.ptx or "v2.b32" in compiled.ptx
    assert "FFMA" not in {operation.split(".")[0] for operation, _ in instructions(compiled.machine_code)}
    assert compiled.spilled == 0
    assert compiled.registers <= 64
    assert compiled.seconds < SECONDS


@pytest.mark.parametrize("T", [11, 37])
def test_forward_keeps_several_loads_in_flight_where_a_prime_number_of_steps_is_given(T: int) -> None:
    compiled = launch("forward", "LIF", T, torch.bfloat16)
    one_load = 2 * cuda.WIDE
    assert in_flight(compiled.machine_code) >= 4 * one_load
    assert compiled.spilled == 0


@pytest.mark.parametrize(
    ("neuron", "dtype", "T", "registers"),
    [
        ("LIF", "bf16", 8, 64),
        ("PLIF", "bf16", 8, 72),
        pytest.param("RIF", "fp16", 8, 72, marks=pytest.mark.slow),
        ("PLIF", "fp32", 8, 56),
        pytest.param("LIF", "bf16", 16, 72, marks=pytest.mark.slow),
        pytest.param("PLIF", "bf16", 16, 80, marks=pytest.mark.slow),
        pytest.param("PLIF", "fp32", 16, 80, marks=pytest.mark.slow),
        pytest.param("all learnt", "bf16", 32, 104, marks=pytest.mark.slow),
        ("PLIF", "fp32", 37, 104),
    ],
)
@pytest.mark.sample(2)
def test_backward_has_few_registers_and_is_soon_compiled(neuron: str, dtype: str, T: int, registers: int) -> None:
    compiled = launch("backward", neuron, T, DTYPES[dtype])
    assert compiled.registers <= registers
    assert compiled.spilled == 0
    assert compiled.seconds < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(len(formulas.KINDS)), ids=[kind.__name__ for kind in formulas.KINDS])
def test_backward_has_no_spills_with_any_surrogate(kind: int) -> None:
    soft, detached, learnt = kind % 2 == 0, kind % 3 == 0, ("LIF", "all learnt")[kind % 4 > 1]
    rule = {"kind": kind, "v_reset": None if soft else 0.0, "detach_reset": detached}
    assert launch("backward", learnt, 3, torch.bfloat16, **rule).spilled == 0


@pytest.mark.parametrize("T", [16, 35])
def test_backward_has_no_spills_with_all_at_once(T: int) -> None:
    given = {"per_neuron": True, "with_state": True, "constant": T == 35}
    assert launch("backward", "all learnt", T, torch.float32, **given).spilled == 0


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["forward", "backward"])
@pytest.mark.parametrize("neurons", [1, 2**31 + 16])
def test_any_number_of_neurons_compiles(kernel: str, neurons: int) -> None:
    compiled = launch(kernel, "PLIF", 2, torch.float16, neurons=neurons, with_state=True)
    assert compiled.spilled == 0
    # Triton treats one neuron as a constant; the larger number needs 64 bits.
    assert compiled.given["M"] == neurons


@pytest.mark.slow
@pytest.mark.parametrize("arch", [75, 120])
def test_other_gpus_have_no_spills(arch: int) -> None:
    assert launch("backward", "PLIF", 8, torch.float16, arch).spilled == 0
