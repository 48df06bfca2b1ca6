"""Checks of the arguments of neurons: numbers, firing rules, states and inputs are brought into one form each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def number(name: str, value: Any) -> float:
    """Return a finite number as a float, from a float, an integer, a NumPy number, or an array or tensor of one.

    Raises:
        ValueError: it is not finite.
        TypeError: it is not a number.
    """
    if isinstance(value, Tensor):
        value = value.detach()
    try:
        converted = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a number, not {_shown(value)}") from None
    if not math.isfinite(converted):
        raise ValueError(f"{name} must be a finite number, not {converted}")
    return converted


def positive(name: str, value: Any) -> float:
    """Return a positive, finite number of time steps.

    Raises:
        ValueError: it is not positive and finite.
        TypeError: it is not a number.
    """
    try:
        converted = number(name, value)
    except ValueError:
        converted = math.nan
    if not converted > 0:
        raise ValueError(f"{name} must be a positive number of time steps, not {value!r}")
    return converted


def v_threshold(value: Any) -> float | Tensor:
    """Return a finite number, or a floating-point tensor that is learnt or has one number per neuron."""
    if isinstance(value, Tensor) and (value.requires_grad or value.numel() > 1):
        if not value.is_floating_point():
            raise TypeError(f"v_threshold must be a number or a floating-point tensor, not {_shown(value)}")
        return value
    try:
        return number("v_threshold", value)
    except ValueError as error:
        raise ValueError(
            f"{error}; for neurons that never spike give one that no potential reaches, such as 1e9"
        ) from None


def v_reset(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, Tensor) and value.requires_grad:
        raise TypeError("v_reset cannot be learnt: give a number, or None for a soft reset")
    return None if value is None else number("v_reset", value)


def step_mode(value: Any) -> str:
    """Return the step mode, 's' or 'm'."""
    if value not in ("s", "m"):
        raise ValueError(f"step_mode must be 's' (one step) or 'm' (all steps at once), not {value!r}")
    return str(value)


def surrogate_function(value: Any) -> Callable[[Tensor], Tensor]:
    """Return a callable that is not a class."""
    if isinstance(value, type):
        raise TypeError(f"surrogate_function must be an instance, {value.__name__}(), not the class {value.__name__}")
    if not callable(value):
        raise TypeError(f"surrogate_function must be callable, such as surrogate.ATan(), not {_shown(value)}")
    return value  # type: ignore[no-any-return]


def state(name: str, value: Any) -> float | Tensor:
    """Return a state, such as the membrane potential `v`: a number or a tensor."""
    if type(value) in (Tensor, float):
        return value  # type: ignore[no-any-return]
    if isinstance(value, nn.Parameter):
        raise TypeError(
            f"{name} is a state and cannot be a parameter; to learn where it starts, register the parameter under "
            f"another name and set {name} to parameter.expand(<shape of a batch>) before the first step"
        )
    if isinstance(value, Tensor | float):
        return value
    return number(name, value)


def check_input(x: Any) -> None:
    """Check that an input current is a dense tensor of real numbers.

    Raises:
        ValueError: it is complex, or sparse.
        TypeError: it is not a tensor.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"the input must be a tensor, not {_shown(x)}")
    if x.is_complex():
        raise ValueError(f"the input must be real, not {x.dtype}: give .real, .abs() or torch.view_as_real(…)")
    if x.layout is not torch.strided:
        raise ValueError(f"the input must be dense, not of layout {x.layout}: give .to_dense()")


def is_left_over(v: Tensor) -> bool:
    """Return whether a state belongs to a transform of `torch.func` that has ended."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(v)
    return wrapped and not torch._C._are_functorch_transforms_active()


def shown(values: float | Tensor) -> str:
    """Return a number, or the range of several numbers, as text for `repr`."""
    if not isinstance(values, Tensor):
        return str(values)
    if values.is_meta:
        return f"? {list(values.shape)}"
    least, most = (f"{bound.item():.4g}" for bound in values.detach().aminmax())
    return least if values.numel() == 1 else f"{least} to {most} {list(values.shape)}"


def _shown(value: Any) -> str:
    return f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else repr(value)
