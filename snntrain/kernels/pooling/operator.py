"""Max pooling by 2 as one operator of PyTorch, `snntrain::max_pool_2x2`.

It keeps the number of each window's greatest pixel: 0 or 1 in the upper row, 2 or 3 in the lower one. The operator
chooses its executor by the tensors when it runs; plain PyTorch pools images that compiled code does not take.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.kernels.pooling import door
from snntrain.kernels.register import register


class Pooling(Protocol):
    """The pooling of an executor, on tensors in one memory order, contiguous or channels-last.

    Compiled code of the CPU takes only channels-last order.
    """

    def forward(self, x: Tensor, pooled: Tensor, winner: Tensor) -> None:
        """Write the greatest pixel of each window and its number in the window, both `[N, C, H // 2, W // 2]`."""

    def backward(self, grad: Tensor, winner: Tensor, grad_x: Tensor) -> None:
        """Write all of the images' gradient `[N, C, H, W]` from the gradient of the pooled images."""


def pool(x: Tensor) -> Tensor:
    """Pool images `[N, C, H, W]`."""
    pooled, _ = _max_pool_2x2(x)
    return cast(Tensor, pooled)


@cache
def _load(executor: str) -> Pooling:
    """Return the pooling of an executor; its compiler is imported at the first use."""
    return cast(Pooling, import_module(f"snntrain.kernels.pooling.{executor}"))


def _serving(like: Tensor, height: int, width: int) -> Pooling:
    """Return the pooling for images of a size, with the batch, channels, dtype, device and order of `like`."""
    executor = dispatch.chosen(like)
    return _load(executor if door.serves(executor, like, height, width) else "reference")


def _order(x: Tensor) -> torch.memory_format:
    """Return the memory order in which images, or the result of their pooling, are computed."""
    return torch.channels_last if door.is_channels_last(x) else torch.contiguous_format


def _forward(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pooled images, and the number of each window's greatest pixel."""
    pooled, winner = _forward_fake(x)
    if x.numel():
        _serving(x, *x.shape[2:]).forward(x.contiguous(memory_format=_order(x)), pooled, winner)
    return pooled, winner


def _forward_fake(x: Tensor) -> tuple[Tensor, Tensor]:
    door.check(x)
    images, channels, height, width = x.shape
    pooled = torch.empty(
        *(images, channels, height // 2, width // 2), dtype=x.dtype, device=x.device, memory_format=_order(x)
    )
    return pooled, torch.empty_like(pooled, dtype=torch.uint8)


def _backward(grad: Tensor, winner: Tensor, height: int, width: int) -> Tensor:
    grad_x = _backward_fake(grad, winner, height, width)
    if grad.numel():
        order = _order(winner)
        _serving(grad_x, height, width).backward(
            grad.contiguous(memory_format=order), winner.contiguous(memory_format=order), grad_x
        )
    return grad_x


def _backward_fake(grad: Tensor, winner: Tensor, height: int, width: int) -> Tensor:
    door.check_gradient(grad, winner, height, width)
    return torch.empty(
        *(*grad.shape[:2], height, width), dtype=grad.dtype, device=grad.device, memory_format=_order(winner)
    )


def _keep(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
    (x,) = inputs
    ctx.save_for_backward(output[1])
    ctx.size = x.shape[2:]
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad: Tensor | None, _: None) -> Tensor | None:
    return None if grad is None else _max_pool_2x2_backward(grad, ctx.saved_tensors[0], *ctx.size)


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[1])


def _differentiate_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    """Return the derivative of the gradient: the values at the greatest pixel of each window."""
    (winner,) = ctx.saved_tensors
    height, width = winner.shape[2:]
    windows = grad[:, :, : 2 * height, : 2 * width].unflatten(3, (width, 2)).unflatten(2, (height, 2))
    pixels = windows.transpose(3, 4).flatten(4)
    return pixels.gather(4, winner.long().unsqueeze(4)).squeeze(4), None, None, None


_max_pool_2x2_backward = register(
    "max_pool_2x2_backward", _backward, _backward_fake, _differentiate_backward, _keep_backward
)
_max_pool_2x2 = register("max_pool_2x2", _forward, _forward_fake, _differentiate, _keep)
