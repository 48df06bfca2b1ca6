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
NOTHING = torch.empty(0)


class Trajectory(NamedTuple):
    """What a neuron did over T steps.

    Args:
        s: spikes `[T, N, *]`.
        v_last: membrane potential after the last step `[N, *]`.
        h, v: charged and reset membrane potential of each step, `[T, N, *]`, float32 at least; empty unless asked for.
    """

    s: Tensor
    v_last: Tensor
    h: Tensor = NOTHING
    v: Tensor = NOTHING


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
    T: int,
    a: Coefficient,
    b: Coefficient,
    c: Coefficient,
    v: Coefficient,
    *,
    v_threshold: float,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
    record: bool = False,
) -> Trajectory:
    """Runs the recurrence over T steps; arguments as in `snntrain.neuron.recurrence.integrate_and_fire`.

    Half-precision input is computed in float32.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    a, b, c, v = (k.to(dtype) if isinstance(k, Tensor) else k for k in (a, b, c, v))
    drive = b * x.to(dtype) + c

    def step(v: Coefficient, t: int) -> tuple[Tensor, Tensor, Tensor]:
        h = a * v + drive[t if len(drive) > 1 else 0]
        return h, *fire_and_reset(h, v_threshold, v_reset, surrogate, detach_reset)

    return run(step, v, T, x.dtype, record)


def run(
    step: Callable[[Coefficient, int], tuple[Tensor, Tensor, Tensor]],
    v: Coefficient,
    T: int,
    dtype: torch.dtype,
    record: bool,
) -> Trajectory:
    """T steps, each from the potential before it and its number to `h`, spikes and the potential after it."""
    steps = []
    for t in range(T):
        h, s, v = step(v, t)
        steps.append((s, h.detach(), v.detach()) if record else (s,))
    s, *recorded = (torch.stack(sequence) for sequence in zip(*steps, strict=True))
    return Trajectory(s.to(dtype), torch.as_tensor(v).to(dtype), *recorded)
