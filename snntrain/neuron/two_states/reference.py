"""The definition of the recurrence with two states in plain PyTorch, for any device and dtype, of any derivative.

The second state `w` acts in one of three places.

filter: it is the input, filtered.
    w[t] = decay w[t-1] + inflow x[t]
    h[t] = v[t-1] + gain (w[t] + feedback (v[t-1] - rest))
    s[t] = surrogate(h[t] - v_threshold)

current: it is subtracted from the input.
    h[t] = v[t-1] + gain (x[t] - w[t-1] + feedback (v[t-1] - rest))
    s[t] = surrogate(h[t] - v_threshold)
    w[t] = decay w[t-1] + inflow (v[t] - rest) + jump s[t]

threshold: it is added to the threshold.
    h[t] = v[t-1] + gain (x[t] + feedback (v[t-1] - rest))
    s[t] = surrogate(h[t] - (v_threshold + w[t-1]))
    w[t] = decay w[t-1] + inflow (v[t] - rest) + jump s[t]

In all places, with the threshold of the step:
    v[t] = (1 - s[t]) h[t] + s[t] v_reset      hard reset
           h[t] - s[t] threshold               soft reset (v_reset is None)

An adaptation follows the potential after the reset: the symplectic Euler step of Baronig et al. (2024). `detach_reset`
concerns the reset alone: the spike of the term `jump s[t]` always has its gradient. A feedback or an inflow of the
potential that is the number 0 is left out: times an infinite potential it would give NaN.

`forward` and `backward` make the definition an executor, for tensors that compiled code does not take.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snntrain.kernels.register import recording_gradients
from snntrain.neuron.integrate_and_fire.contract import Rule, one_each
from snntrain.neuron.integrate_and_fire.formulas import surrogate_of
from snntrain.neuron.integrate_and_fire.reference import Coefficient, charge, fire_and_reset
from snntrain.neuron.two_states.contract import (
    FILTER,
    THRESHOLD,
    Coefficients,
    Gradients,
    Inputs,
    Outputs,
    Parts,
    Pulls,
)

NOTHING = torch.empty(0)


class Run(NamedTuple):
    """The spikes and states of a layer over T steps.

    Args:
        s: spikes `[T, N, *]`.
        v_last, w_last: states after the last step `[N, *]`.
        h, v, w: charged potential and states after each step, `[T, N, *]`, float32 at least; empty unless recorded.
    """

    s: Tensor
    v_last: Tensor
    w_last: Tensor
    h: Tensor = NOTHING
    v: Tensor = NOTHING
    w: Tensor = NOTHING


def filtered(w: Coefficient, x: Tensor, k: Coefficients) -> Tensor:
    """Return the second state after an input `x`, of which it is the filter."""
    return k.decay * w + k.inflow * x


def adapted(w: Coefficient, v: Tensor, s: Tensor, k: Coefficients) -> Tensor:
    """Return the second state after a step with spikes `s` and potential `v` after the reset."""
    moved = k.decay * w
    if isinstance(k.inflow, Tensor) or k.inflow:
        moved = moved + k.inflow * (v - k.rest)
    return moved + k.jump * s


def two_states(
    x: Tensor,
    T: int,
    place: int,
    coefficients: Coefficients,
    v: Coefficient,
    w: Coefficient,
    *,
    v_threshold: Coefficient,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
    record: bool = False,
) -> Run:
    """Run the recurrence over T steps; arguments as in `snntrain.neuron.two_states.two_states`.

    Half precision is computed in float32. `v_threshold` may be a tensor that broadcasts over a step.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    k = Coefficients(*(_for_a_step(value, x, dtype) for value in coefficients))
    v, w = (_begun(value, x, dtype) for value in (v, w))
    current = x.to(dtype)
    steps = []
    for t in range(T):
        x_t, threshold = current[t if len(current) > 1 else 0], v_threshold
        if place == FILTER:
            w = filtered(w, x_t, k)
            x_t = w
        elif place == THRESHOLD:
            threshold = v_threshold + w
        else:
            x_t = x_t - w
        h = charge(v, x_t, k.gain, k.feedback, k.rest)
        s, v = fire_and_reset(h, threshold, v_reset, surrogate, detach_reset)
        if place != FILTER:
            w = adapted(w, v, s, k)
        steps.append((s, h.detach(), v.detach(), w.detach()) if record else (s,))
    s, *recorded = (torch.stack(sequence) for sequence in zip(*steps, strict=True))
    return Run(s.to(x.dtype), v.to(x.dtype), w.to(x.dtype), *recorded)


def _for_a_step(value: Coefficient, x: Tensor, dtype: torch.dtype) -> Coefficient:
    """Return a coefficient or state in the dtype of the computation; a tensor of one number fits any step's shape."""
    if not isinstance(value, Tensor):
        return value
    value = value.to(dtype)
    return value.reshape(()) if value.ndim >= x.ndim and value.numel() == 1 else value


def _begun(value: Coefficient, x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a state before the first step as a tensor, so that all steps round alike."""
    value = _for_a_step(value, x, dtype)
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=dtype, device=x.device)


# ---- as an executor --------------------------------------------------------------------------------------------------


def by_rule(
    rule: Rule,
    x: Tensor,
    T: int,
    place: int,
    coefficients: Sequence[Coefficient],
    states: Sequence[Coefficient],
    *,
    record: bool = False,
) -> Run:
    """Run the recurrence with a rule of the compiled executors."""
    v, w = states
    return two_states(
        *(x, T, place, Coefficients(*coefficients), v, w),
        v_threshold=rule.v_threshold,
        v_reset=rule.v_reset,
        surrogate=surrogate_of(rule.kind, rule.p, rule.q),
        detach_reset=rule.detach_reset,
        record=record,
    )


def forward(rule: Rule, given: Inputs, out: Outputs) -> None:
    """See `Executor`."""
    states = given.v0, given.w0
    run = by_rule(rule, given.x, given.T, given.place, given.coefficients, states, record=out.h is not None)
    for output, values in zip(out, run, strict=True):
        if output is not None:
            output.copy_(values)


def backward(rule: Rule, given: Inputs, pulls: Pulls, out: Gradients, learnt: Sequence[bool]) -> Parts:
    """See `Executor`."""
    shape, strides = given.x.shape[1:], given.x.stride()[1:]
    with recording_gradients():
        x = _leaf(given.x)
        own = [_leaf(k) if wanted else k for k, wanted in zip(given.coefficients, learnt, strict=True)]
        states = [
            value if gradient is None else _leaf(torch.as_tensor(value).expand(shape))
            for value, gradient in ((given.v0, out.v0), (given.w0, out.w0))
        ]
        run = by_rule(rule, x, given.T, given.place, own, states)
        pulled = [(output, pull) for output, pull in zip(run, pulls, strict=False) if pull is not None]
        leaves = [k for k in (x, *own, *states) if isinstance(k, Tensor) and k.requires_grad]
        outputs, gradients = zip(*pulled, strict=True)
        found = iter(torch.autograd.grad(outputs, leaves, gradients, materialize_grads=True))
    out.x.copy_(next(found))
    parts = [_in_memory_order(next(found), shape, strides) if wanted else None for wanted in learnt]
    for gradient in (out.v0, out.w0):
        if gradient is not None:
            gradient.copy_(_in_memory_order(next(found), shape, strides))
    return parts


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
