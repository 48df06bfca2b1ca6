"""Operands that are a tensor or a number: the coefficients and states of a recurrence, which broadcast over a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from snntrain.kernels.layout import Layout


def split(operands: Sequence[float | Tensor]) -> tuple[list[Tensor | None], list[float]]:
    """Return the tensors and the numbers of the operands, as an operator takes them; None or 0 in the other's place."""
    # Turning numbers into tensors would cost more than a short operator itself.
    tensors = [one if isinstance(one, Tensor) else None for one in operands]
    return tensors, [0.0 if isinstance(one, Tensor) else one for one in operands]


def joined(tensors: Sequence[Tensor | None], numbers: Sequence[float]) -> list[float | Tensor]:
    """Return the operands of their `split`."""
    return [number if tensor is None else tensor for tensor, number in zip(tensors, numbers, strict=True)]


def chosen(values: Sequence[Tensor | None], needed: Sequence[bool]) -> list[Tensor]:
    """Return those values that are tensors and needed."""
    return [value for value, one in zip(values, needed, strict=True) if one and value is not None]


def state_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype in which the states of the input `x` are computed: float32 at least."""
    return torch.promote_types(x.dtype, torch.float32)


def summed(layout: Layout, parts: Tensor, like: Tensor) -> Tensor:
    """Return the gradient of an operand `like` that was broadcast over a step: the float64 sum of its parts."""
    if like.numel() == 1:
        total = (parts.sum(0, keepdim=True, dtype=torch.float64) if len(parts) > 1 else parts).to(like)
        return total if total.shape == like.shape else total.reshape(like.shape)
    each = parts.as_strided(layout.shape, layout.strides)
    return (each if like.shape == layout.shape else each.double().sum_to_size(like.shape)).to(like.dtype)


def derivative_of_gradients(
    saved: Sequence[Tensor | None],
    gradients: Callable[[list[Tensor | None]], Sequence[Tensor]],
    pulls: Sequence[Tensor],
) -> list[Tensor | None]:
    """Return the derivative of the gradients that an operator returned, of any order.

    Args:
        saved: the tensors on which the gradients depend.
        gradients: computes them again, differentiable.
        pulls: the gradients of the gradients.
    """
    once_more = torch.is_grad_enabled()
    with torch.enable_grad():
        # Aliases, so that the derivative ends at them: an incoming gradient may itself depend on the input. Tensors
        # that require no gradient are included, since their gradients are among the results.
        given = [k if k is None else k.view_as(k) if k.requires_grad else k.detach().requires_grad_() for k in saved]
        wanted = [k for k in given if k is not None]
        found = torch.autograd.grad(gradients(given), wanted, pulls, create_graph=once_more, allow_unused=True)
    each = iter(found)
    return [None if k is None else next(each) for k in given]
