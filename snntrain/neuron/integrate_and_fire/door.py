"""Checks of the operators, because compiled code accesses memory as the arguments describe it.

Every path to the kernels goes through these checks: a neuron, a direct call of `torch.ops.snntrain`, and the shapes
that tracing propagates.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from snntrain.neuron.integrate_and_fire.formulas import KINDS

NAMES = ("gain", "feedback", "rest", "v")
STRIDED = torch.strided


def check(x: Tensor, T: int, tensors: Sequence[Tensor | None], numbers: Sequence[float], kind: int) -> None:
    """Check the arguments of forward and backward.

    Args:
        x: `[T, N, *]` or `[1, N, *]`.
        T: number of steps.
        tensors: gain, feedback, rest and the potential before the first step; None if it is a number.
        numbers: the same four as numbers; unused if there is a tensor.
        kind: index of the surrogate in `formulas.KINDS`.

    Raises:
        ValueError: an argument does not fit; the message has what was given and what is allowed.
    """
    shape, device = x.shape, x.device
    if not shape or T < 1 or (shape[0] != T and shape[0] != 1):
        raise ValueError(f"the input must be [T, N, *] or [1, N, *] with T={T} steps, at least 1, not {list(shape)}")
    if not x.dtype.is_floating_point or x.layout is not STRIDED:
        raise ValueError(f"the input must be a dense floating-point tensor, not {x.dtype} of layout {x.layout}")
    if not 0 <= kind < len(KINDS):
        raise ValueError(f"there is no surrogate {kind}, only 0 to {len(KINDS) - 1}")
    if len(tensors) != len(NAMES) or len(numbers) != len(NAMES):
        raise ValueError(f"numbers must be {len(NAMES)}, one for each of {', '.join(NAMES)}, not {len(numbers)}")
    for name, values in zip(NAMES, tensors, strict=True):
        if values is not None:
            check_for_a_step(name, values, shape[1:], device)


def check_gradients(x: Tensor, T: int, grad_s: Tensor, grad_v_last: Tensor | None) -> None:
    """Check the incoming gradients of the spikes `[T, N, *]` and of the last potential `[N, *]`.

    Raises:
        ValueError: as `check`.
    """
    step = x.shape[1:]
    check_like("the gradient of the spikes", grad_s, (T, *step), x)
    if grad_v_last is not None:
        check_like("the gradient of the last potential", grad_v_last, step, x)


def check_needed(needed: Sequence[bool], tensors: Sequence[Tensor | None]) -> None:
    """Check that only gradients of tensors are wanted.

    Raises:
        ValueError: as `check`.
    """
    if len(needed) != len(NAMES) or (True in needed and _wants_none(needed, tensors)):
        raise ValueError(f"needed must have a truth value for each of {', '.join(NAMES)}, True only for tensors")


def _wants_none(needed: Sequence[bool], tensors: Sequence[Tensor | None]) -> bool:
    return any(one and values is None for one, values in zip(needed, tensors, strict=True))


def check_for_a_step(name: str, values: Tensor, step: Sequence[int], device: torch.device) -> None:
    """Check a coefficient or state: one real number, or a tensor that broadcasts over a step.

    Raises:
        ValueError: as `check`.
    """
    if not values.dtype.is_floating_point or values.layout is not STRIDED:
        raise ValueError(f"{name} must be a dense floating-point tensor, not {values.dtype} of layout {values.layout}")
    shape = values.shape
    if values.numel() == 1:
        # The host reads a number on a CPU, for any device.
        if values.device == device or values.device.type == "cpu":
            return
    elif values.device == device:
        back = len(step) - len(shape)
        if back >= 0 and all(own == 1 or own == size for own, size in zip(shape, step[back:], strict=True)):
            return
    raise ValueError(
        f"{name} must be a number or broadcast over a step of shape {list(step)} on {device}, "
        f"not {list(shape)} on {values.device}"
    )


def check_like(name: str, values: Tensor, shape: Sequence[int], x: Tensor) -> None:
    """Check a gradient: it has a given shape, and the dtype and device of the input `x`.

    Raises:
        ValueError: as `check`.
    """
    fits = values.shape == shape and values.dtype == x.dtype and values.layout is STRIDED
    if not fits or values.device != x.device:
        raise ValueError(
            f"{name} must be {list(shape)}, {x.dtype} on {x.device}, not {list(values.shape)}, {values.dtype} of "
            f"layout {values.layout} on {values.device}"
        )
