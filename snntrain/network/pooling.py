"""Max pooling by 2, as PyTorch has it, in a third of its time on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snntrain.neuron.library import is_transformed, register
from snntrain.neuron.recurrence import executor
from snntrain.neuron.recurrence.caches import far
from snntrain.neuron.recurrence.threads import run_on_threads, threads_for

# Channels are computed so many at a time.
LANES = 16


class MaxPool2x2(nn.MaxPool2d):
    """`nn.MaxPool2d(2)`: `[N, C, H, W]` to `[N, C, H // 2, W // 2]`.

    Images that lie on a CPU in channels-last order go through compiled code, which keeps a byte an output for the
    backward pass; PyTorch keeps eight, and fills the gradient twice. All others go PyTorch's way. The same numbers come
    out: of equal pixels the first gets the gradient, NaN passes through.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor
        if _is_for_compiled_code(x):
            pooled, _ = torch.ops.snntrain.max_pool_2x2(x)
        else:
            pooled = super().forward(x)
        return pooled


def _is_for_compiled_code(x: Tensor) -> bool:
    if executor.choose(x.device.type, x.dtype) != "cpu" or is_transformed() or not _fits(x):
        return False
    return x.is_contiguous(memory_format=torch.channels_last)


def _fits(x: Tensor) -> bool:
    """Whether compiled code can take images, once they are in channels-last order."""
    if x.ndim != 4 or x.layout is not torch.strided or x.dtype not in executor.DTYPES["cpu"]:
        return False
    return x.shape[1] % LANES == 0 and min(x.shape[2:]) >= 2 and x.device.type in ("cpu", "meta")


def _check(x: Tensor) -> None:
    if not _fits(x):
        raise ValueError(
            f"images must be [N, C, H, W], float32 or bfloat16 on a CPU, C a multiple of {LANES}, H and W at least 2, "
            f"not {list(x.shape)}, {x.dtype} on {x.device}"
        )


def _check_backward(grad: Tensor, winner: Tensor, height: int, width: int) -> None:
    dense = grad.layout is winner.layout is torch.strided and grad.device == winner.device
    if not dense or grad.dtype not in executor.DTYPES["cpu"] or winner.dtype != torch.uint8:
        raise ValueError(f"grad and winner must be dense on one CPU, not {grad.dtype} and {winner.dtype}")
    if grad.ndim != 4 or grad.shape != winner.shape or grad.shape[2:] != (height // 2, width // 2):
        raise ValueError(
            f"grad and winner must both be [N, C, {height // 2}, {width // 2}], not {list(grad.shape)} and "
            f"{list(winner.shape)}"
        )
    if grad.shape[1] % LANES or min(height, width) < 2:
        raise ValueError(
            f"C must be a multiple of {LANES}, height and width at least 2, not {[*grad.shape[1:], width]}"
        )


def _forward(x: Tensor) -> tuple[Tensor, Tensor]:
    """The pooled images, and of each window the number of its greatest pixel, row by row."""
    pooled, winner = _forward_fake(x)
    ordered = x.contiguous(memory_format=torch.channels_last)
    _run("forward", ordered, {"x": ordered, "pooled": pooled, "winner": winner})
    return pooled, winner


def _forward_fake(x: Tensor) -> tuple[Tensor, Tensor]:
    _check(x)
    shape = (*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)
    pooled = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    return pooled, torch.empty_like(pooled, dtype=torch.uint8)


def _backward(grad: Tensor, winner: Tensor, height: int, width: int) -> Tensor:
    grad_x = _backward_fake(grad, winner, height, width)
    _run(
        "backward",
        grad_x,
        {
            "x": grad_x,
            "pooled": grad.contiguous(memory_format=torch.channels_last),
            "winner": winner.contiguous(memory_format=torch.channels_last),
        },
    )
    return grad_x


def _backward_fake(grad: Tensor, winner: Tensor, height: int, width: int) -> Tensor:
    _check_backward(grad, winner, height, width)
    return torch.empty(
        (*grad.shape[:2], height, width), dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last
    )


def _keep(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])
    ctx.size = inputs[0].shape[2:]
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad: Tensor | None, _: None) -> Tensor | None:
    if grad is None:
        return None
    grad_x: Tensor = torch.ops.snntrain.max_pool_2x2_backward(grad, ctx.saved_tensors[0], *ctx.size)
    return grad_x


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[1])


def _differentiate_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    """The gradient's own: of each window the number where the greatest pixel was."""
    (winner,) = ctx.saved_tensors
    height, width = winner.shape[2:]
    windows = grad[:, :, : 2 * height, : 2 * width].unflatten(3, (width, 2)).unflatten(2, (height, 2))
    pixels = windows.transpose(3, 4).flatten(4)
    return pixels.gather(4, winner.long().unsqueeze(4)).squeeze(4), None, None, None


register("max_pool_2x2_backward", _backward, _backward_fake, _differentiate_backward, _keep_backward)
register("max_pool_2x2", _forward, _forward_fake, _differentiate, _keep)


def _run(direction: str, x: Tensor, arrays: dict[str, Tensor]) -> None:
    """Runs the kernel of a direction on images of the shape and dtype of `x`."""
    from snntrain.network import pooling_kernels as kernels  # Numba is imported at the first use.

    images, channels, height, width = x.shape
    call = np.zeros((), kernels.CALL)
    sizes = {"images": images, "channels": channels, "height": height, "width": width, "far": far(x)}
    for name, value in sizes.items():
        call[name] = value
    for name, tensor in arrays.items():
        call[name] = tensor.data_ptr()
    kernel = getattr(kernels, direction)(x.dtype == torch.bfloat16)
    run_on_threads(kernel.address, call.ctypes.data, threads_for(images))
