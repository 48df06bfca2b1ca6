"""The GPU's executor against the reference in float64: on the GPU where there is one, else in Triton's interpreter."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from snntrain.neuron import surrogate
from snntrain.neuron.recurrence import executor, formulas, integrate_and_fire, reference
from snntrain.neuron.recurrence.executor import Inputs, Learnt, Rule

triton = pytest.importorskip("triton", reason="Triton is not installed")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# On a GPU as it is; the interpreter is slow, so that there a program has few neurons and a chunk few steps.
CHUNK = 32 if DEVICE == "cuda" else 4
STEPS = [1, 3, CHUNK, CHUNK + 1, 2 * CHUNK + 3]
HALF = {torch.float32: 2e-5, torch.bfloat16: 2**-7, torch.float16: 2**-9}


def _imported() -> ModuleType:
    """The executor; what is decorated while TRITON_INTERPRET is set runs in the interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        from snntrain.neuron.recurrence import cuda
    return cuda


cuda = _imported()


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(executor.VARIABLE, "cuda")
    if DEVICE == "cpu":
        monkeypatch.setattr(cuda, "CHUNK", CHUNK)
        monkeypatch.setattr(cuda, "AHEAD", 2)
        monkeypatch.setattr(cuda, "FORWARD_BLOCK", 16)
        monkeypatch.setattr(cuda, "BACKWARD_BLOCKS", {CHUNK: (16, 3)})
        monkeypatch.setattr(cuda, "WIDE_BLOCK", 8)


@pytest.fixture(params=["number", "pointer"])
def scalars_come_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where all neurons have the same coefficient: read by the host, or by the kernel where it is on the device."""
    if request.param == "pointer" and DEVICE == "cpu":
        read = cuda._coefficient

        def left_on_the_device(values: Tensor) -> Any:
            return (values, cuda.kernels.ONE.value) if values.numel() == 1 else read(values)

        monkeypatch.setattr(cuda, "_coefficient", left_on_the_device)
    return str(request.param)


def _rule(
    v_reset: float | None = -0.25,
    detach_reset: bool = False,
    function: surrogate.Surrogate | None = None,
    v_threshold: float = 0.75,
) -> dict[str, Any]:
    return {
        "v_threshold": v_threshold,
        "v_reset": v_reset,
        "detach_reset": detach_reset,
        "surrogate": function or surrogate.Sigmoid(alpha=2.0),
    }


def _random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Currents that make neurons fire in some steps and not in others."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 1.5 + 0.5
    return values.to(dtype).to(DEVICE)


def _gradients(
    run: Callable[..., reference.Trajectory],
    given: list[Tensor | float],
    T: int,
    rule: dict[str, Any],
    like: Callable[[reference.Trajectory], list[Tensor]],
) -> tuple[reference.Trajectory, list[Tensor]]:
    """Outputs, and the gradients of a weighted sum of them in all tensors that are given."""
    given = [k.detach().requires_grad_() if isinstance(k, Tensor) else k for k in given]
    trajectory = run(given, T, rule)
    weights = like(trajectory)
    loss = sum(((w * y).sum() for w, y in zip(weights, trajectory, strict=False)), torch.zeros((), device=DEVICE))
    return trajectory, list(torch.autograd.grad(loss, [k for k in given if isinstance(k, Tensor)]))


def _executor(given: list[Any], T: int, rule: dict[str, Any]) -> reference.Trajectory:
    return integrate_and_fire(*given, T=None if len(given[0]) == T else T, **rule)


def _reference(given: list[Any], T: int, rule: dict[str, Any]) -> reference.Trajectory:
    x, *others = (k.double() if isinstance(k, Tensor) else k for k in given)
    return reference.integrate_and_fire(x, T, *others, **rule)


def _weights(trajectory: reference.Trajectory) -> list[Tensor]:
    s, v_last = trajectory[:2]
    return [_random(*s.shape, seed=1).to(s.dtype), _random(*v_last.shape, seed=2).to(s.dtype)]


def assert_like_the_reference(
    given: list[Tensor | float],
    T: int,
    rule: dict[str, Any],
    like: Callable[[reference.Trajectory], list[Tensor]] = _weights,
) -> None:
    """Same spikes, potential and gradients; `given` is x, gain, feedback, rest and v0."""
    x = given[0]
    assert isinstance(x, Tensor)
    # Weights come from a generator in float32 and round alike only if x's dtype is what they round to.
    (s, v_last, *_), grads = _gradients(_executor, given, T, rule, like)
    weights = [w.double() for w in like(reference.Trajectory(s, v_last, s, s))]
    (right_s, right_v, *_), right_grads = _gradients(_reference, given, T, rule, lambda _: weights)
    tolerance = {"rtol": HALF[x.dtype], "atol": HALF[x.dtype]}
    assert 0 < right_s.mean() < 1
    torch.testing.assert_close(s.double(), right_s, rtol=0, atol=0)
    torch.testing.assert_close(v_last.double(), right_v, **tolerance)
    for grad, right in zip(grads, right_grads, strict=True):
        torch.testing.assert_close(grad.double(), right.double(), **tolerance)


# ---- equations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
@pytest.mark.parametrize("detach_reset", [False, True], ids=["attached", "detached"])
@pytest.mark.parametrize("kind", formulas.KINDS, ids=lambda kind: kind.__name__)
def test_every_surrogate_with_every_reset(
    kind: type[surrogate.Surrogate], v_reset: float | None, detach_reset: bool
) -> None:
    T = CHUNK + 1
    given = [_random(T, 19), 0.9, -0.4, 0.1, 0.2]
    assert_like_the_reference(given, T, _rule(v_reset, detach_reset, kind()))


@pytest.mark.parametrize(
    "function",
    [
        surrogate.Sigmoid(alpha=4.0),
        surrogate.PiecewiseQuadratic(alpha=0.5),
        surrogate.NonzeroSignLogAbs(alpha=3.0),
        surrogate.PiecewiseLeakyReLU(w=0.5, c=0.2),
        surrogate.Rectangle(alpha=2.0),
    ],
    ids=lambda function: type(function).__name__,
)
def test_shape_parameters_of_surrogates(function: surrogate.Surrogate) -> None:
    assert_like_the_reference([_random(3, 19), 0.9, -0.4, 0.1, 0.2], 3, _rule(function=function))


@pytest.mark.parametrize("T", STEPS)
@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
@pytest.mark.usefixtures("scalars_come_as")
def test_learnt_coefficients_that_all_neurons_share(T: int, v_reset: float | None) -> None:
    gain, feedback, rest = (torch.tensor([k], device=DEVICE) for k in (0.9, -0.4, 0.1))
    assert_like_the_reference([_random(T, 5, 7), gain, feedback, rest, _random(5, 7, seed=3)], T, _rule(v_reset))


@pytest.mark.parametrize("T", [1, CHUNK + 1])
def test_learnt_coefficients_of_each_channel(T: int) -> None:
    gain, feedback, rest = (k + 0.1 * _random(3, 1, seed=4) for k in (0.9, -0.4, 0.1))
    assert_like_the_reference([_random(T, 2, 3, 5), gain, feedback, rest, 0.0], T, _rule())


def test_one_coefficient_of_each_kind() -> None:
    given = [_random(3, 2, 3, 5), torch.tensor([0.9], device=DEVICE), 0.2 * _random(3, 1), 0.1, _random(2, 3, 5)]
    assert_like_the_reference(given, 3, _rule())


@pytest.mark.parametrize("T", [1, CHUNK, 2 * CHUNK + 3])
@pytest.mark.parametrize("learnt", [False, True], ids=["fixed", "learnt"])
def test_constant_current(T: int, learnt: bool) -> None:
    gain = torch.tensor([0.9], device=DEVICE) if learnt else 0.9
    assert_like_the_reference([_random(1, 19), gain, -0.4, 0.1, 0.0], T, _rule())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("learnt", [False, True], ids=["fixed", "learnt"])
def test_half_precision_keeps_its_state_in_float32(dtype: torch.dtype, learnt: bool) -> None:
    T = CHUNK + 1
    feedback = torch.tensor([-0.25], device=DEVICE) if learnt else -0.25
    assert_like_the_reference([_random(T, 19, dtype=dtype), 0.875, feedback, 0.125, 0.25], T, _rule())


# ---- memory ----------------------------------------------------------------------------------------------------------


def test_input_with_gaps_between_steps_and_channels_last() -> None:
    gaps = _random(6, 2, 3, 4, 2)[::2]
    channels_last = _random(3, 2, 4, 2, 3).permute(0, 1, 4, 2, 3)
    for x in (gaps, channels_last):
        assert_like_the_reference([x, 0.9, -0.4, 0.1, 0.0], 3, _rule())


@pytest.mark.parametrize(
    "weigh",
    [
        lambda s: _random(19, seed=1).expand_as(s),
        lambda s: torch.ones((), device=DEVICE).expand_as(s),
        lambda s: _random(19, len(s), seed=1).t(),
        lambda s: _random(2 * len(s), 19, seed=1)[::2],
    ],
    ids=["same-in-all-steps", "one-number", "transposed", "gaps-between-steps"],
)
def test_gradients_in_any_layout(weigh: Callable[[Tensor], Tensor]) -> None:
    T = CHUNK + 1
    assert_like_the_reference([_random(T, 19), 0.9, -0.4, 0.1, 0.0], T, _rule(), lambda y: [weigh(y.s)])


def test_gradient_of_the_last_potential_alone() -> None:
    given = [_random(3, 19), 0.9, -0.4, 0.1, 0.0]
    assert_like_the_reference(given, 3, _rule(), lambda y: [torch.zeros_like(y.s), _random(19, seed=2)])


@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
def test_records_what_the_reference_records_to_the_bit(v_reset: float | None) -> None:
    x, rule = _random(5, 19), _rule(v_reset)
    recorded = integrate_and_fire(x, 0.9, -0.4, 0.1, 0.0, record=True, **rule)
    right = reference.integrate_and_fire(x, 5, 0.9, -0.4, 0.1, 0.0, record=True, **rule)
    for own, other in zip(recorded, right, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=0)


def test_same_bits_twice_and_parts_that_add_up() -> None:
    T, neurons = CHUNK + 1, 2 * cuda.FORWARD_BLOCK + 3
    one = torch.tensor([0.5], device=DEVICE)
    given = Inputs(_random(T, neurons), T, neurons, one, one, _random(neurons, seed=1), one)
    rule, grad_s = Rule(0.75, None, False, 2, 1.0, 0.0), _random(T, neurons, seed=2)
    grad_x = [torch.empty_like(given.x) for _ in range(2)]
    first, second = (cuda.backward(rule, given, grad_s, None, grad, None, Learnt(True, True, True)) for grad in grad_x)
    assert torch.equal(*grad_x)
    for one_time, other_time in zip(first, second, strict=True):
        assert torch.equal(one_time, other_time)
    assert len(first.gain) == len(first.feedback) < len(first.rest) == neurons
    # The gradient of rest is that of the input times -feedback, summed over the steps.
    torch.testing.assert_close(first.rest, -0.5 * grad_x[0].sum(0), rtol=1e-4, atol=1e-4)


# ---- edges -----------------------------------------------------------------------------------------------------------


def test_fires_exactly_at_the_threshold() -> None:
    x = torch.tensor([[0.75, 0.5, 0.75 - 2**-24, 0.75 + 2**-24]], device=DEVICE)
    assert integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule()).s.tolist() == [[1, 0, 0, 1]]
    assert integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule(None)).v_last.tolist() == [0, 0.5, 0.75 - 2**-24, 2**-24]


@pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"])
def test_spikes_near_the_threshold_are_those_of_rounded_products_and_sums(v_reset: float | None) -> None:
    # Within a few units in the last place of the threshold, where a fused multiply-add would decide otherwise.
    near = 1 + torch.arange(-8, 8, device=DEVICE) * 2**-24
    x, v = (k.flatten() for k in torch.meshgrid(near, near, indexing="ij"))
    rule = _rule(v_reset, v_threshold=1.0)
    x = x.expand(3, -1).contiguous()
    own = integrate_and_fire(x, 1 / 3, -1.0, 0.0, v, **rule)
    right = reference.integrate_and_fire(x, 3, 1 / 3, -1.0, 0.0, v, **rule)
    assert 0 < right.s.mean() < 1
    assert torch.equal(own.s, right.s)
    assert torch.equal(own.v_last, right.v_last)


@pytest.mark.parametrize("v_reset", [-0.25, None], ids=["hard", "soft"])
def test_nan_does_not_fire_and_stays(v_reset: float | None) -> None:
    x = torch.tensor([[0.0, float("nan"), 1.0], [1.0, 1.0, 1.0]], device=DEVICE, requires_grad=True)
    s, v_last, *_ = integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule(v_reset))
    assert s.tolist() == [[0, 0, 1], [1, 0, 1]]
    assert v_last.isnan().tolist() == [False, True, False]
    s.sum().backward()
    assert x.grad is not None
    assert x.grad.isnan().any(0).tolist() == [False, True, False]


@pytest.mark.parametrize("kind", formulas.KINDS, ids=lambda kind: kind.__name__)
def test_huge_and_tiny_currents(kind: type[surrogate.Surrogate]) -> None:
    x = torch.tensor([[1e30, -1e30, 1e-30, -1e-30, 1e4, -1e4, 1e-42, 0.75]], device=DEVICE)
    assert_like_the_reference([x, 1.0, 0.0, 0.0, 0.0], 1, _rule(0.0, True, kind()), lambda y: [torch.ones_like(y.s)])


def test_no_neurons() -> None:
    x = torch.zeros(3, 0, device=DEVICE, requires_grad=True)
    integrate_and_fire(x, 1.0, 0.0, 0.0, 0.0, **_rule()).s.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


# ---- the real compiler -----------------------------------------------------------------------------------------------

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"
POINTERS = {"h_all", "v_all", "grad_v0", "parts_gain", "parts_feedback", "parts_rest", "starts"}


@pytest.fixture(scope="module")
def compiled_kernels() -> Iterator[ModuleType]:
    """The kernels a second time, decorated for the compiler."""
    if not all((TOOLS / tool).exists() for tool in ("ptxas", "cuobjdump")):
        pytest.skip("Triton's ptxas and cuobjdump are not installed")
    path = cuda.kernels.__file__
    assert path is not None
    spec = importlib.util.spec_from_file_location("kernels_for_the_compiler", path)
    assert spec is not None
    assert spec.loader is not None
    kernels = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRITON_INTERPRET", raising=False)
        spec.loader.exec_module(kernels)
    return kernels


def _compile(kernel: Any, dtype: str, fixed: dict[str, Any]) -> tuple[str, bytes]:
    """PTX and machine code for an H100; needs none."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    def type_of(name: str) -> str:
        if name in fixed:
            return "constexpr"
        if name in POINTERS:
            return "*fp32"
        if name in {"x", "s", "v_last", "grad_s", "grad_v_last", "grad_x"}:
            return f"*{dtype}"
        if name in {"gain", "feedback", "rest"}:
            return "*fp32" if fixed[name.upper()] in (1, 2) else "fp32"
        return "i32" if name in {"M", "T", "x_stride", "grad_s_stride"} else "fp32"

    signature = {name: type_of(name) for name in kernel.arg_names}
    # As a launch finds them: aligned memory, and neurons in multiples of 16.
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, (name, kind) in enumerate(signature.items())
        if kind.startswith("*") or (kind == "i32" and name != "T")
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=fixed, attrs=aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=cuda.OPTIONS)
    return compiled.asm["ptx"], compiled.asm["cubin"]


def _tool(*command: str | Path) -> str:
    return subprocess.run([TOOLS / command[0], *command[1:]], capture_output=True, text=True, check=True).stdout


def _spilled(code: bytes, folder: Path) -> int:
    """Bytes of a thread's stack, which is where registers spill to."""
    (folder / "kernel.cubin").write_bytes(code)
    usage = _tool("cuobjdump", "-res-usage", folder / "kernel.cubin")
    return int(re.findall(r"STACK:(\d+)", usage)[0])


SHARED = {"GAIN": 0, "FEEDBACK": 0, "REST": 0, "V0": 0, "CONSTANT": False, "SOFT": False}
LEARNT = {"GAIN": 1, "FEEDBACK": 1, "REST": 2}
UNUSED = {"grad_v_last": None, "grad_v0": None, "parts_gain": None, "parts_feedback": None, "parts_rest": None}


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_forward_compiles_for_a_gpu_without_spills_or_fused_products(
    dtype: str, compiled_kernels: ModuleType, tmp_path: Path
) -> None:
    fixed = {**SHARED, "STEPS": 8, "BLOCK": 512, "h_all": None, "v_all": None}
    ptx, code = _compile(compiled_kernels.forward, dtype, fixed)
    assert "fma." not in ptx
    assert "v4.b32" in ptx or "v2.b32" in ptx
    assert _spilled(code, tmp_path) == 0
    if shutil.which("nvdisasm", path=str(TOOLS)):
        assert "FFMA" not in _tool("cuobjdump", "-sass", tmp_path / "kernel.cubin")


@pytest.mark.parametrize(
    ("dtype", "steps", "block", "fixed"),
    [
        ("fp32", 4, 512, {}),
        ("bf16", 8, 512, {}),
        ("fp32", 8, 512, LEARNT),
        ("bf16", 8, 512, {**LEARNT, "SOFT": True}),
        ("fp16", 16, 256, {"CONSTANT": True}),
        ("fp32", 32, 128, {}),
        ("bf16", 32, 256, {}),
    ],
    ids=str,
)
def test_backward_compiles_for_a_gpu_without_spills(
    dtype: str, steps: int, block: int, fixed: dict[str, Any], compiled_kernels: ModuleType, tmp_path: Path
) -> None:
    unused = {} if "GAIN" in fixed else UNUSED
    sizes = {"STEPS": steps, "GROUP": min(steps, 8), "BLOCK": block, "KIND": 2, "ATTACHED": True, "RAGGED": False}
    _, code = _compile(compiled_kernels.backward, dtype, {**SHARED, **sizes, **unused, "starts": None, **fixed})
    assert _spilled(code, tmp_path) == 0


def test_backward_of_many_chunks_compiles_for_a_gpu(compiled_kernels: ModuleType, tmp_path: Path) -> None:
    sizes = {"STEPS": 9, "GROUP": 8, "BLOCK": 128, "KIND": 4, "ATTACHED": True, "RAGGED": True}
    _, code = _compile(compiled_kernels.backward, "bf16", {**SHARED, **sizes, **LEARNT})
    assert _spilled(code, tmp_path) == 0
