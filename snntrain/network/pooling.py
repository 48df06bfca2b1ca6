"""Max pooling by 2, as PyTorch has it, in a third of its time on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snntrain.neuron.library import register
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
    if x.ndim != 4 or executor.choose(x.device.type, x.dtype) != "cpu":
        return False
    if x.shape[1] % LANES or min(x.shape[2:]) < 2:
        return False
    return x.is_contiguous(memory_format=torch.channels_last)


def _forward(x: Tensor) -> tuple[Tensor, Tensor]:
    """The pooled images, and of each window the number of its greatest pixel, row by row."""
    pooled, winner = _forward_fake(x)
    _run("forward", x, {"x": x, "pooled": pooled, "winner": winner})
    return pooled, winner


def _forward_fake(x: Tensor) -> tuple[Tensor, Tensor]:
    shape = (*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)
    pooled = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    return pooled, torch.empty_like(pooled, dtype=torch.uint8)


def _backward(grad: Tensor, winner: Tensor, height: int, width: int) -> Tensor:
    grad_x = _backward_fake(grad, winner, height, width)
    _run(
        "backward",
        grad_x,
        {"x": grad_x, "pooled": grad.contiguous(memory_format=torch.channels_last), "winner": winner},
    )
    return grad_x


def _backward_fake(grad: Tensor, winner: Tensor, height: int, width: int) -> Tensor:
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


register("max_pool_2x2_backward", _backward, _backward_fake)
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
