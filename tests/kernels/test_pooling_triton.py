"""The GPU's pooling: every order of memory, any number of channels, and the compiled code."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections import Counter
from math import gcd
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from snntrain.kernels.dispatch import VARIABLE
from snntrain.kernels.pooling import MaxPool2x2
from tests.kernels.triton_pooling import DEVICE, few_outputs, pooling_for_a_gpu
from tests.pairs import every_pair

pytestmark = [pytest.mark.gpu] if DEVICE == "cuda" else []

triton = pytest.importorskip("triton", reason="Triton is not installed")
cuda = pooling_for_a_gpu()
ORDERS = {"channels last": torch.channels_last, "contiguous": torch.contiguous_format}


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "cuda")
    few_outputs(cuda, monkeypatch)


def images(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return images of integers, so that many windows have equal pixels."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).round().to(dtype).to(DEVICE)


def assert_like_torch(x: Tensor) -> None:
    """Compare numbers and gradients with PyTorch's on a CPU; the gradient has the memory order of x."""
    x, right = x.detach().requires_grad_(), x.detach().cpu().requires_grad_()
    own, other = MaxPool2x2()(x), nn.MaxPool2d(2)(right)
    grad = torch.randn(own.shape, generator=torch.Generator().manual_seed(1)).to(own.dtype)
    assert "max_pool_2x2" in str(own.grad_fn)
    assert torch.equal(own.cpu(), other)
    (own_grad,) = torch.autograd.grad(own, x, grad.to(DEVICE))
    assert torch.equal(own_grad.cpu(), torch.autograd.grad(other, right, grad)[0])
    for order in ORDERS.values():
        assert own_grad.is_contiguous(memory_format=order) or not x.is_contiguous(memory_format=order)


@every_pair(
    pytest.mark.parametrize("order", ORDERS),
    pytest.mark.parametrize("channels", [1, 3, 6, 24]),
    pytest.mark.parametrize("size", [(2, 2), (3, 3), (6, 5), (5, 8), (4, 16)], ids=str),
)
def test_any_number_of_channels_and_any_sides(order: str, channels: int, size: tuple[int, int]) -> None:
    assert_like_torch(images(3, channels, *size).contiguous(memory_format=ORDERS[order]))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision(order: str, dtype: torch.dtype) -> None:
    assert_like_torch(images(3, 16, 5, 16, dtype=dtype).contiguous(memory_format=ORDERS[order]))


@pytest.mark.parametrize(
    "x",
    [
        images(3, 16, 8, 4)[:, :, ::2],
        images(3, 32, 4, 4).contiguous(memory_format=torch.channels_last)[:, ::2],
        images(3, 16, 4, 6).transpose(2, 3),
        images(1, 16, 4, 6).expand(3, 16, 4, 6),
        images(3 * 16 * 4 * 6 + 1)[1:].view(3, 16, 4, 6),
    ],
    ids=["gaps", "gaps in channels-last order", "transposed", "repeated", "not aligned"],
)
def test_any_order_of_memory(x: Tensor) -> None:
    assert_like_torch(x)


def test_a_gradient_that_is_one_number_repeated() -> None:
    x = images(2, 3, 5, 4).requires_grad_()
    MaxPool2x2()(x).sum().backward()
    assert x.grad is not None
    assert x.grad.sum() == 2 * 3 * 2 * 2
    assert not x.grad[:, :, 4].any()


def test_the_gradient_fills_memory_that_was_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel writes every pixel of the gradient, also those beyond the windows of an odd side."""
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *size, **named: empty(*size, **named).fill_(7))
    for order in ORDERS.values():
        assert_like_torch(images(3, 5, 7, 9).contiguous(memory_format=order))


@pytest.mark.parametrize("order", ORDERS)
def test_shapes_and_orders_are_known_without_a_gpu(order: str) -> None:
    with FakeTensorMode():
        x = torch.empty(2, 5, 7, 9, device="cuda:1", memory_format=ORDERS[order])
        pooled, winner = torch.ops.snntrain.max_pool_2x2(x)
        grad = torch.ops.snntrain.max_pool_2x2_backward(pooled, winner, 7, 9)
    assert (pooled.shape, pooled.device) == ((2, 5, 3, 4), torch.device("cuda:1"))
    assert pooled.is_contiguous(memory_format=ORDERS[order])
    assert (grad.shape, grad.stride(), grad.device) == (x.shape, x.stride(), x.device)


@pytest.mark.skipif(DEVICE == "cuda", reason="moves the interpreter's programs")
@pytest.mark.parametrize("order", ORDERS)
def test_more_than_two_to_the_31_pixels(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last programs run, in memory that no other program touches."""
    from triton.runtime.interpreter import interpreter_builder

    channels, height, width = 16, 3, 2**10 + (order == "channels last")
    total = 2**31 // (channels * height * width) + 2
    x = torch.empty(total, channels, height, width, dtype=torch.float16, memory_format=ORDERS[order])
    pooled, grad_x = torch.empty_like(x[:, :, :1, : width // 2]), torch.empty_like(x)
    winner = torch.empty_like(pooled, dtype=torch.uint8)
    x[-1] = images(channels, height, width, dtype=torch.float16)
    place, size, run = interpreter_builder.set_grid_idx, interpreter_builder.set_grid_dim, {"first": 0}
    monkeypatch.setattr(interpreter_builder, "set_grid_dim", lambda *_: size(2**31, 1, 1))
    monkeypatch.setattr(interpreter_builder, "set_grid_idx", lambda x, y, z: place(x + run["first"], y, z))
    monkeypatch.setattr(cuda, "OUTPUTS", 2**15)
    monkeypatch.setattr(cuda, "MOST_VECTORS", 2**15)

    class Last:
        """A kernel that runs only its last programs, those of the last image."""

        def __init__(self, kernel: Any) -> None:
            self.kernel = kernel

        def __getitem__(self, grid: tuple[int]) -> Any:
            programs = -(-grid[0] // total) + 1
            run["first"] = grid[0] - programs
            return self.kernel[programs,]

    for name in ("forward", "backward"):
        monkeypatch.setattr(cuda.kernels, name, Last(getattr(cuda.kernels, name)))
    cuda.forward(x, pooled, winner)
    cuda.backward(pooled, winner, grad_x)
    right = x[-1:].clone().requires_grad_()
    other = nn.functional.max_pool2d(right, 2)
    other.backward(other.detach())
    assert torch.equal(pooled[-1:], other)
    assert right.grad is not None
    assert torch.equal(grad_x[-1:], right.grad)


# ---- the real compiler -----------------------------------------------------------------------------------------------

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"


@pytest.fixture(scope="module")
def compiled_kernels() -> ModuleType:
    """Return a second copy of the kernels, decorated for the compiler."""
    if not all((TOOLS / tool).exists() for tool in ("ptxas", "cuobjdump", "nvdisasm")):
        pytest.skip("Triton's ptxas, cuobjdump and nvdisasm are not installed")
    spec = importlib.util.spec_from_file_location("pooling_for_the_compiler", str(cuda.kernels.__file__))
    assert spec is not None
    assert spec.loader is not None
    kernels = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRITON_INTERPRET", raising=False)
        spec.loader.exec_module(kernels)
    return kernels


def code(kernel: Any, dtype: str, size: tuple[int, int], channels: int, folder: Path) -> tuple[int, int, Counter[str]]:
    """Return registers and stack bytes per thread, and the number of each memory access, for an H100.

    Args:
        channels: channels per pixel in channels-last order; 1 is contiguous order.
    """
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    (height, width), outputs, most = size, 1024, 512
    together = channels if channels > 1 else gcd(width // 2, (width + 1) // 2)
    vector = gcd(together, 16 // (4 if dtype == "fp32" else 2))
    block = min(outputs // vector, most)
    fixed = {"H": height, "W": width, "INNER": channels, "VECTOR": vector, "BLOCK": block}
    kinds = {"winner": "*u8", "total": "i32"} | dict.fromkeys(fixed, "constexpr")
    signature = {name: kinds.get(name, f"*{dtype}") for name in kernel.arg_names}
    aligned = {(i,): [["tt.divisibility", 16]] for i, kind in enumerate(signature.values()) if kind[0] == "*"}
    source = ASTSource(fn=kernel, signature=signature, constexprs=fixed, attrs=aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=cuda.OPTIONS)
    (folder / "kernel.cubin").write_bytes(compiled.asm["cubin"])

    def shown(option: str) -> str:
        command = [TOOLS / "cuobjdump", option, folder / "kernel.cubin"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    registers, stack = (int(re.findall(rf"{name}:(\d+)", shown("-res-usage"))[0]) for name in ("REG", "STACK"))
    return registers, stack, Counter(re.findall(r"\b((?:LDG|STG|LDS|STS|BAR)\.?[\w.]*)", shown("-sass")))


@pytest.mark.parametrize(
    ("dtype", "size", "channels"),
    [
        ("fp32", (28, 28), 32),
        ("bf16", (28, 28), 32),
        ("fp16", (7, 7), 64),
        ("bf16", (28, 28), 1),
        ("fp32", (7, 7), 1),
        ("bf16", (14, 14), 33),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["forward", "backward"])
@pytest.mark.sample(3)
def test_it_compiles_for_a_gpu_without_spills_and_with_threads_to_spare(
    name: str, dtype: str, size: tuple[int, int], channels: int, compiled_kernels: ModuleType, tmp_path: Path
) -> None:
    registers, stack, _ = code(getattr(compiled_kernels, name), dtype, size, channels, tmp_path)
    assert stack == 0
    # So that an SM has at least 1024 threads.
    assert registers <= 64


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("size", [(28, 28), (7, 7)], ids=str)
@pytest.mark.sample(1)
def test_channels_last_images_are_read_and_written_once_in_16_bytes(
    dtype: str, size: tuple[int, int], compiled_kernels: ModuleType, tmp_path: Path
) -> None:
    vectors = 2 if dtype == "fp32" else 1
    bytes_of_winners = {"fp32": "", "bf16": ".64"}[dtype]
    _, _, accesses = code(compiled_kernels.forward, dtype, size, 64, tmp_path)
    assert accesses == {"LDG.E.128": 4 * vectors, "STG.E.128": vectors, f"STG.E{bytes_of_winners}": vectors}
    _, _, accesses = code(compiled_kernels.backward, dtype, size, 64, tmp_path)
    assert accesses == {"LDG.E.128": vectors, f"LDG.E{bytes_of_winners}": vectors, "STG.E.128": 4 * vectors}
