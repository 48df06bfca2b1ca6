"""Max pooling by 2 equals PyTorch's: the same numbers and gradients to the bit, in any layout, by either executor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from snntrain.kernels.cpu import caches
from snntrain.kernels.dispatch import VARIABLE
from snntrain.kernels.pooling import MaxPool2x2, door
from snntrain.kernels.pooling.door import LANES
from tests.kernels.triton_pooling import DEVICE, few_outputs, pooling_for_a_gpu
from tests.pairs import every_pair

pytestmark = [pytest.mark.gpu] if DEVICE == "cuda" else []

half_and_full = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)


@pytest.fixture(params=["cpu", "cuda"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the executor of the pooling; without a GPU, the GPU's kernels run in Triton's interpreter."""
    name = str(request.param)
    if name == "cpu":
        pytest.importorskip("numba")
    else:
        few_outputs(pooling_for_a_gpu(), monkeypatch)
    monkeypatch.setenv(VARIABLE, name)
    return name


def images(*shape: int, dtype: torch.dtype = torch.float32, spikes: bool = False, executor: str = "cpu") -> Tensor:
    """Return images in channels-last order; spikes have equal pixels in most windows."""
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x = ((drawn > 0.5) if spikes else drawn).to(dtype).to(DEVICE if executor == "cuda" else "cpu")
    return x.contiguous(memory_format=torch.channels_last).requires_grad_()


def assert_like_torch(x: Tensor) -> None:
    """Compare numbers and gradients with PyTorch's on a CPU."""
    right = x.detach().cpu().requires_grad_()
    own, other = MaxPool2x2()(x), nn.MaxPool2d(2)(right)
    grad = torch.randn(own.shape, generator=torch.Generator().manual_seed(1)).to(own.dtype)
    torch.testing.assert_close(own.cpu(), other, rtol=0, atol=0, equal_nan=True)
    (own_grad,) = torch.autograd.grad(own, x, grad.to(x.device))
    (other_grad,) = torch.autograd.grad(other, right, grad)
    torch.testing.assert_close(own_grad.cpu(), other_grad, rtol=0, atol=0)


def uses_compiled_code(x: Tensor) -> bool:
    return "max_pool_2x2" in str(MaxPool2x2()(x).grad_fn)


@every_pair(
    half_and_full,
    pytest.mark.parametrize("spikes", [False, True], ids=["numbers", "spikes"]),
    pytest.mark.parametrize("size", [(2, 2), (3, 2), (2, 3), (7, 9), (8, 8)], ids=str),
    pytest.mark.parametrize("channels", [LANES, 3 * LANES]),
)
@pytest.mark.sample(8)
def test_channels_last_images(
    dtype: torch.dtype, spikes: bool, size: tuple[int, int], channels: int, executor: str
) -> None:
    x = images(2, channels, *size, dtype=dtype, spikes=spikes, executor=executor)
    assert uses_compiled_code(x)
    assert_like_torch(x)


@half_and_full
@pytest.mark.parametrize("size", [(4, 4), (5, 7)], ids=str)
def test_gradients_that_go_past_the_caches(
    dtype: torch.dtype, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(caches, "FAR", 0)
    x = images(5, 2 * LANES, *size, dtype=dtype)
    assert caches.far(x) == -1
    assert_like_torch(x)


@half_and_full
def test_nan_and_infinity_pass_through(dtype: torch.dtype, executor: str) -> None:
    x = images(2, LANES, 4, 4, dtype=dtype, executor=executor).detach()
    x[0, :, 1, 0], x[0, :, 0, 2], x[1, 0, 0, 0], x[1, 1] = torch.nan, torch.nan, torch.inf, -torch.inf
    x[1, 2, :2, :2] = torch.nan
    assert_like_torch(x.requires_grad_())


@pytest.mark.parametrize(
    "x",
    [
        images(2, LANES, 4, 4).detach().contiguous(),
        images(2, LANES + 1, 4, 4).detach(),
        images(2, LANES, 4, 4).detach().double(),
        images(2, LANES, 4, 4).detach()[0],
        images(2, LANES, 8, 4).detach()[:, :, ::2],
    ],
    ids=["channels first", "channels that fill no vector", "float64", "no batch", "gaps"],
)
def test_other_images_on_a_cpu_are_pooled_by_torch(x: Tensor) -> None:
    assert not uses_compiled_code(x.requires_grad_())
    assert_like_torch(x)


def test_a_batch_of_no_images_passes(executor: str) -> None:
    x = images(0, LANES, 4, 4, executor=executor)
    MaxPool2x2()(x).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


def test_an_image_too_small_is_torchs_error(executor: str) -> None:
    with pytest.raises(RuntimeError, match="too small"):
        MaxPool2x2()(images(2, LANES, 1, 4, executor=executor))


@half_and_full
@pytest.mark.sample(2)
def test_the_operator_keeps_torchs_rules(dtype: torch.dtype, executor: str) -> None:
    x = images(2, LANES, 4, 4, dtype=dtype, executor=executor)
    torch.library.opcheck(torch.ops.snntrain.max_pool_2x2.default, (x,))


def test_it_compiles_without_a_graph_break(executor: str) -> None:
    x, counter = images(2, LANES, 4, 4, executor=executor), CompileCounter()
    pooled = torch.compile(MaxPool2x2(), backend=counter, fullgraph=True)(x)
    assert counter.frame_count == 1
    assert torch.equal(pooled, MaxPool2x2()(x))


@pytest.mark.slow
def test_processes_that_compile_at_the_same_time_keep_their_kernels_apart(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = "from snntrain.kernels.pooling.cpu.kernels import forward; forward({})"
    for half in (True, False):
        subprocess.run([sys.executable, "-c", command.format(half)], env=environment, check=True)
    # With a shared index, the last writer would point to the code of the other.
    assert len(list(tmp_path.rglob("*.nbi"))) == len(list(tmp_path.rglob("*.nbc"))) == 2


def test_one_byte_per_output_is_kept_for_backward(executor: str) -> None:
    kept: list[int] = []
    x = images(4, LANES, 8, 8, executor=executor)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
        pooled = MaxPool2x2()(x)
    assert sum(kept) == pooled.numel()


WINNERS = torch.zeros(2, LANES, 2, 2, dtype=torch.uint8)


@pytest.mark.parametrize(
    "call",
    [
        lambda pool, back: pool(torch.zeros(2, LANES, 4)),
        lambda pool, back: pool(torch.zeros(2, LANES, 1, 4)),
        lambda pool, back: pool(torch.zeros(2, LANES, 4, 4, dtype=torch.int64)),
        lambda pool, back: pool(torch.zeros(2, LANES, 4, 4).to_sparse()),
        lambda pool, back: back(torch.zeros(2, LANES, 2, 2), WINNERS[..., :1], 4, 4),
        lambda pool, back: back(torch.zeros(2, LANES, 2, 2), WINNERS, 40, 4),
        lambda pool, back: back(torch.zeros(2, LANES, 2, 2), WINNERS.float(), 4, 4),
        lambda pool, back: back(torch.zeros(2, LANES, 2, 2), WINNERS.to("meta"), 4, 4),
        lambda pool, back: back(torch.zeros(2, LANES, 2, 2).long(), WINNERS, 4, 4),
        lambda pool, back: back(torch.zeros(2, LANES, 0, 2), WINNERS[..., :0, :], 1, 4),
    ],
)
def test_a_direct_call_that_does_not_fit_is_refused(call: Callable[[Any, Any], Any], executor: str) -> None:
    with pytest.raises(ValueError, match="must"):
        call(torch.ops.snntrain.max_pool_2x2, torch.ops.snntrain.max_pool_2x2_backward)


@pytest.mark.parametrize(
    "x",
    [
        images(2, LANES - 1, 5, 4).detach(),
        images(2, LANES, 4, 7).detach().contiguous(),
        images(2, LANES, 4, 4).detach().half(),
        images(2, LANES, 5, 7).detach().double(),
    ],
    ids=["channels that fill no vector", "channels first", "float16", "float64"],
)
def test_a_direct_call_without_compiled_code_runs_in_plain_pytorch(x: Tensor) -> None:
    own, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    pooled, _ = torch.ops.snntrain.max_pool_2x2(own)
    expected = nn.functional.max_pool2d(other, 2)
    assert torch.equal(pooled, expected)
    grad = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1)).to(pooled.dtype)
    assert torch.equal(*(torch.autograd.grad(y, leaf, grad)[0] for y, leaf in ((pooled, own), (expected, other))))


def test_rows_too_long_for_32_bits_are_not_served_by_the_kernels_of_a_gpu() -> None:
    assert not door.serves("cuda", torch.empty(1, 2**15, 2, 2**14, device="meta"), 2, 2**14)
    assert door.serves("cuda", torch.empty(1, 2**14, 2, 2**14, device="meta"), 2, 2**14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_an_exported_program_runs_by_any_executor(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    x = images(2, LANES, 5, 6, dtype=dtype).detach()
    exported = torch.export.export(MaxPool2x2(), (x,))
    (call,) = (node for node in exported.graph.nodes if "snntrain" in str(node.target))
    assert not any(isinstance(argument, str) for argument in (*call.args, *call.kwargs.values()))
    other = images(2, LANES, 5, 6, dtype=dtype, spikes=True).detach()
    found = []
    for name in ("reference", "cpu"):
        monkeypatch.setenv(VARIABLE, name)
        found.append(exported.module()(other))
    assert torch.equal(*found)


@pytest.mark.parametrize("size", [(4, 6), (5, 7)], ids=str)
def test_a_direct_call_takes_any_order_of_memory(size: tuple[int, int], executor: str) -> None:
    pool, back = torch.ops.snntrain.max_pool_2x2, torch.ops.snntrain.max_pool_2x2_backward
    x = images(3, LANES, *size, executor=executor).detach()
    for ordered in (x, x.contiguous(), x.transpose(2, 3).contiguous().transpose(2, 3)):
        pooled, winner = pool(ordered)
        assert torch.equal(pooled, nn.functional.max_pool2d(x, 2))
        grad = back(pooled.contiguous(), winner.contiguous(), *size)
        assert torch.equal(grad, back(pooled, winner, *size))


@pytest.mark.parametrize("size", [(4, 6), (5, 7)], ids=str)
def test_the_gradient_of_a_gradient_is_that_of_pytorch(size: tuple[int, int], executor: str) -> None:
    found = []
    for pool in (MaxPool2x2(), nn.MaxPool2d(2)):
        x = images(3, LANES, *size, executor=executor)
        (slope,) = torch.autograd.grad(pool(x).pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), x)[0])
    torch.testing.assert_close(*found)
    assert found[0].abs().max() > 0


def test_transforms_of_torch_func_use_pytorch(executor: str) -> None:
    x = images(3, LANES, 4, 4, executor=executor).detach()
    own, other = (
        torch.func.grad(lambda x, pool=pool: pool(x).pow(2).sum())(x) for pool in (MaxPool2x2(), nn.MaxPool2d(2))
    )
    assert torch.equal(own, other)
    many = torch.stack([x, x + 1])
    assert torch.equal(torch.func.vmap(MaxPool2x2())(many), torch.stack([MaxPool2x2()(x), MaxPool2x2()(x + 1)]))
