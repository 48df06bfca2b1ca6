"""The definition of the recurrence in plain PyTorch, for any device and dtype, with derivatives of any order.

h[t] = v[t-1] + gain (x[t] + feedback (v[t-1] - rest))
s[t] = surrogate(h[t] - v_threshold)
v[t] = (1 - s[t]) h[t] + s[t] v_reset      hard reset
       h[t] - s[t] v_threshold             soft reset (v_reset is None)

The feedback acts on the distance from rest. A neuron at rest without input therefore stays exactly there, and a slow
leak keeps its precision. A feedback that is the number 0 is left out: times an infinite potential it would give NaN.

`forward` and `backward` make the definition an executor, for tensors that compiled code does not take.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snntrain.kernels.register import recording_gradients
from snntrain.neuron.integrate_and_fire.contract import Inputs, Learnt, Parts, Rule, one_each
from snntrain.neuron.integrate_and_fire.formulas import surrogate_of

Coefficient = float | Tensor
NOTHING = torch.empty(0)
NO_MORE: dict[str, Tensor] = {}


class Trajectory(NamedTuple):
    """The spikes and states of a layer over T steps.

    Args:
        s: spikes `[T, N, *]`.
        v_last: membrane potential after the last step `[N, *]`.
        h, v: charged and reset membrane potential of each step, `[T, N, *]`, float32 at least; empty unless recorded.
        more: by name, such sequences of further states after each step, and of a `threshold` that changes.
    """

    s: Tensor
    v_last: Tensor
    h: Tensor = NOTHING
    v: Tensor = NOTHING
    more: dict[str, Tensor] = NO_MORE


def charge(v: Coefficient, x: Tensor, gain: Coefficient, feedback: Coefficient, rest: Coefficient) -> Tensor:
    """Return the charged potential `h = v + gain (x + feedback (v - rest))`, in x's shape."""
    if isinstance(feedback, Tensor) or feedback:
        x = x + feedback * (v - rest)
    return v + gain * x


def fire_and_reset(
    h: Tensor,
    v_threshold: Coefficient,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
) -> tuple[Tensor, Tensor]:
    """Return the spikes for the charged potential `h` and the potential after the reset, both in h's shape."""
    s = surrogate(h - v_threshold)
    s_d = s.detach() if detach_reset else s
    if v_reset is None:
        return s, h - s_d * v_threshold
    v = (1 - s_d) * h + s_d * v_reset
    # A spike must also reset an infinite potential, for which 0 times infinity would be NaN; and a detached reset
    # passes no gradient at all.
    return s, torch.where((s_d == 1) if detach_reset else (h == torch.inf), v_reset, v)


def integrate_and_fire(
    x: Tensor,
    T: int,
    gain: Coefficient,
    feedback: Coefficient,
    rest: Coefficient,
    v: Coefficient,
    *,
    v_threshold: Coefficient,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
    record: bool = False,
) -> Trajectory:
    """Run the recurrence over T steps; arguments as in `snntrain.neuron.integrate_and_fire.integrate_and_fire`.

    Half precision is computed in float32. `v_threshold` may be a tensor that broadcasts over a step.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    gain, feedback, rest, v = (_for_a_step(k, x, dtype) for k in (gain, feedback, rest, v))
    # As a tensor, so that the first difference from rest is rounded like all later ones.
    v = v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype)
    current = x.to(dtype)

    def step(v: Tensor, t: int) -> tuple[Tensor, Tensor, Tensor]:
        h = charge(v, current[t if len(current) > 1 else 0], gain, feedback, rest)
        return h, *fire_and_reset(h, v_threshold, v_reset, surrogate, detach_reset)

    return run(step, v, T, x.dtype, record)


def _for_a_step(value: Coefficient, x: Tensor, dtype: torch.dtype) -> Coefficient:
    """Return a coefficient or state in the dtype of the computation; a tensor of one number fits any step's shape."""
    if not isinstance(value, Tensor):
        return value
    value = value.to(dtype)
    return value.reshape(()) if value.ndim >= x.ndim and value.numel() == 1 else value


def run(
    step: Callable[[Tensor, int], tuple[Tensor, Tensor, Tensor]],
    v: Tensor,
    T: int,
    dtype: torch.dtype,
    record: bool,
) -> Trajectory:
    """Run T steps; `step` maps the potential before a step and its number to `h`, spikes and the potential after it."""
    steps = []
    for t in range(T):
        h, s, v = step(v, t)
        steps.append((s, h.detach(), v.detach()) if record else (s,))
    s, *recorded = (torch.stack(sequence) for sequence in zip(*steps, strict=True))
    h, after = recorded if record else (NOTHING, NOTHING)
    return Trajectory(s.to(dtype), v.to(dtype), h, after)


# ---- as an executor --------------------------------------------------------------------------------------------------


def by_rule(
    rule: Rule, x: Tensor, T: int, coefficients: Sequence[Coefficient], v: Coefficient, *, record: bool = False
) -> Trajectory:
    """Run the recurrence with a rule of the compiled executors; `coefficients` are gain, feedback and rest."""
    gain, feedback, rest = coefficients
    return integrate_and_fire(
        *(x, T, gain, feedback, rest, v),
        v_threshold=rule.v_threshold,
        v_reset=rule.v_reset,
        surrogate=surrogate_of(rule.kind, rule.p, rule.q),
        detach_reset=rule.detach_reset,
        record=record,
    )


def forward(
    rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None = None, v: Tensor | None = None
) -> None:
    """See `Executor`."""
    run = by_rule(rule, given.x, given.T, given.coefficients, given.v0, record=h is not None)
    for output, values in ((s, run.s), (v_last, run.v_last), (h, run.h), (v, run.v)):
        if output is not None:
            output.copy_(values)


def backward(
    rule: Rule,
    given: Inputs,
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    grad_x: Tensor,
    grad_v0: Tensor | None,
    learnt: Learnt,
) -> Parts:
    """See `Executor`."""
    shape, strides = given.x.shape[1:], given.x.stride()[1:]
    with recording_gradients():
        x = _leaf(given.x)
        own = [_leaf(k) if wanted else k for k, wanted in zip(given.coefficients, learnt, strict=True)]
        v0 = given.v0 if grad_v0 is None else _leaf(torch.as_tensor(given.v0).expand(shape))
        run = by_rule(rule, x, given.T, own, v0)
        outputs, pulls = ([run.s], [grad_s]) if grad_v_last is None else (run[:2], [grad_s, grad_v_last])
        leaves = [k for k in (x, *own, v0) if isinstance(k, Tensor) and k.requires_grad]
        found = iter(torch.autograd.grad(outputs, leaves, pulls, materialize_grads=True))
    grad_x.copy_(next(found))
    parts = [_in_memory_order(next(found), shape, strides) if wanted else None for wanted in learnt]
    if grad_v0 is not None:
        grad_v0.copy_(_in_memory_order(next(found), shape, strides))
    return Parts(*parts)


def _leaf(values: Coefficient) -> Tensor:
    """Return a leaf tensor that shares memory; a copy if it comes from inference mode, as it could not be saved."""
    assert isinstance(values, Tensor)
    return (values.clone() if values.is_inference() else values.detach()).requires_grad_()


def _in_memory_order(grad: Tensor, shape: torch.Size, strides: tuple[int, ...]) -> Tensor:
    """Return the gradient of a coefficient or state as `[M]`, or `[1]` if all neurons share it."""
    if not one_each(grad):
        return grad.reshape(1)
    parts = grad.new_empty(grad.numel())
    parts.as_strided(shape, strides).copy_(grad)
    return parts
