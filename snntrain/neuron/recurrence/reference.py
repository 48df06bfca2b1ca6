"""The definition of the recurrence, in plain PyTorch: any device, any dtype, derivatives of any order.

h[t] = a v[t-1] + b x[t] + c
s[t] = surrogate(h[t] - v_threshold)
v[t] = (1 - s[t]) h[t] + s[t] v_reset      hard reset
       h[t] - s[t] v_threshold             soft reset (v_reset is None)
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Coefficient = float | Tensor


class Trajectory(NamedTuple):
    """What a neuron did over T steps, each `[T, N, *]`: spikes, charged and reset membrane potential."""

    s: Tensor
    h: Tensor
    v: Tensor


def fire_and_reset(
    h: Tensor,
    v_threshold: float,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
) -> tuple[Tensor, Tensor]:
    """Spikes of the charged potential `h` and the potential after the reset, both of h's shape."""
    s = surrogate(h - v_threshold)
    s_d = s.detach() if detach_reset else s
    if v_reset is None:
        return s, h - s_d * v_threshold
    return s, (1 - s_d) * h + s_d * v_reset


def integrate_and_fire(
    x: Tensor,
    a: Coefficient,
    b: Coefficient,
    c: Coefficient,
    v: float | Tensor,
    *,
    v_threshold: float,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
) -> Trajectory:
    """Runs the recurrence over all steps of `x` and returns its whole trajectory.

    Args:
        x: input current `[T, N, *]`. Half-precision input is computed in float32.
        a, b, c: coefficients of the charge, floats or tensors that broadcast over `[N, *]`.
        v: membrane potential before the first step, a float or `[N, *]`.

    Returns:
        `s`, `h`, `v`, each `[T, N, *]` in the dtype computed in.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    a, b, c = (k.to(dtype) if isinstance(k, Tensor) else k for k in (a, b, c))
    v = v.to(dtype) if isinstance(v, Tensor) else v
    drive = b * x.to(dtype) + c
    steps = []
    for drive_t in drive.unbind(0):
        h = a * v + drive_t
        s, v = fire_and_reset(h, v_threshold, v_reset, surrogate, detach_reset)
        steps.append((s, h, v))
    return Trajectory(*(torch.stack(sequence) for sequence in zip(*steps, strict=True)))
