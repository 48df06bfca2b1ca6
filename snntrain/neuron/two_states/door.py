"""Checks of the operators with two states, because compiled code accesses memory as the arguments describe it.

Every path to the kernels goes through these checks: a neuron, a direct call of `torch.ops.snntrain`, and the shapes
that tracing propagates.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from snntrain.neuron.integrate_and_fire.door import STRIDED, check_for_a_step, check_like
from snntrain.neuron.integrate_and_fire.formulas import KINDS
from snntrain.neuron.two_states.contract import NAMES, PLACES


def check(x: Tensor, T: int, place: int, tensors: Sequence[Tensor | None], numbers: Sequence[float], kind: int) -> None:
    """Check the arguments of forward and backward.

    Args:
        x: `[T, N, *]` or `[1, N, *]`.
        T: number of steps.
        place: index in `PLACES`.
        tensors: the values of `NAMES`; None if it is a number.
        numbers: the same as numbers; unused if there is a tensor.
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
    if not 0 <= place < len(PLACES):
        raise ValueError(f"there is no place {place} of the second state, only 0 to {len(PLACES) - 1}")
    if len(tensors) != len(NAMES) or len(numbers) != len(NAMES):
        raise ValueError(f"numbers must be {len(NAMES)}, one for each of {', '.join(NAMES)}, not {len(numbers)}")
    for name, values in zip(NAMES, tensors, strict=True):
        if values is not None:
            check_for_a_step(name, values, shape[1:], device)


def check_gradients(x: Tensor, T: int, grad_s: Tensor, of_states: Sequence[Tensor | None]) -> None:
    """Check the incoming gradients of the spikes `[T, N, *]` and of the last states `[N, *]`.

    Raises:
        ValueError: as `check`.
    """
    step = x.shape[1:]
    check_like("the gradient of the spikes", grad_s, (T, *step), x)
    for name, values in zip(("v", "w"), of_states, strict=True):
        if values is not None:
            check_like(f"the gradient of the last {name}", values, step, x)


def check_needed(needed: Sequence[bool], tensors: Sequence[Tensor | None]) -> None:
    """Check that only gradients of tensors are wanted.

    Raises:
        ValueError: as `check`.
    """
    fits = len(needed) == len(NAMES)
    if not fits or any(one and values is None for one, values in zip(needed, tensors, strict=True)):
        raise ValueError(f"needed must have a truth value for each of {', '.join(NAMES)}, True only for tensors")
