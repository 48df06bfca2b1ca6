"""The recurrence with a learnt threshold that all neurons share, compiled on a CPU.

The compiled code takes the threshold as a number, and finds the gradient of the input. The gradient of the threshold
follows from that one: with `g[t]` the gradient of the charged potential, that is the gradient of the input divided by
the gain, and `a[t] = (1 + gain feedback) g[t+1]` the gradient of the potential after the step,

g[t] = (gradient through the spike) + a[t]              soft reset
       (gradient through the spike) + (1 - s[t]) a[t]   hard reset

The threshold has the gradient through the spike with a minus sign, and for a soft reset also `-s[t] a[t]`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snntrain.kernels.operands import chosen, joined, split
from snntrain.neuron.integrate_and_fire import reference
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.integrate_and_fire.formulas import surrogate_of
from snntrain.neuron.integrate_and_fire.operator import backward, forward
from snntrain.neuron.integrate_and_fire.reference import Coefficient, Trajectory


def with_learnt_threshold(
    x: Tensor, T: int, coefficients: list[Coefficient], threshold: Tensor, rule: Rule, record: bool
) -> Trajectory:
    """Run the recurrence; `coefficients` are gain, feedback, rest and `v`, and the threshold of `rule` is not used."""
    # Each step needs its own gradient, unrounded.
    wide = x.expand(T, *x.shape[1:]).to(torch.promote_types(x.dtype, torch.float32))
    tensors, numbers = split(coefficients)
    run = Trajectory(*_Learnt.apply(wide, threshold, *tensors, numbers, rule, record))
    return run if x.dtype == wide.dtype else run._replace(s=run.s.to(x.dtype), v_last=run.v_last.to(x.dtype))


class _Learnt(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        threshold: Tensor,
        gain: Tensor | None,
        feedback: Tensor | None,
        rest: Tensor | None,
        v0: Tensor | None,
        numbers: list[float],
        rule: Rule,
        record: bool,
    ) -> tuple[Tensor, ...]:
        ctx.rule, ctx.numbers = rule._replace(v_threshold=threshold.item()), numbers
        outputs = forward(x, len(x), gain, feedback, rest, v0, numbers, *ctx.rule, record)
        ctx.save_for_backward(x, threshold, gain, feedback, rest, v0, outputs[0])
        ctx.mark_non_differentiable(*outputs[2:])
        ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, grad_s: Tensor | None, grad_v_last: Tensor | None, *_: None) -> tuple[Any, ...]:
        x, threshold, *tensors, s = ctx.saved_tensors
        grad_s = torch.zeros_like(s) if grad_s is None else grad_s
        needed = list(ctx.needs_input_grad[2:6])
        if torch.is_grad_enabled():
            # A gradient that is differentiated again comes from the definition.
            grad_x, grad_threshold, *found = _defined(ctx, x, threshold, tensors, grad_s, grad_v_last, needed)
        else:
            grad_x, *found = backward(grad_s, grad_v_last, x, len(x), *tensors, ctx.numbers, *ctx.rule, needed)
            gain, feedback, *_others = joined(tensors, ctx.numbers)
            grad_threshold = _of_threshold(grad_x, s, grad_v_last, gain, feedback)
            grad_threshold = grad_threshold.to(threshold.dtype).reshape(threshold.shape)
        gradients = iter(found)
        return grad_x, grad_threshold, *(next(gradients) if one else None for one in needed), None, None, None


def _of_threshold(
    grad_x: Tensor, s: Tensor, grad_v_last: Tensor | None, gain: Coefficient, feedback: Coefficient
) -> Tensor:
    grad_h = grad_x / gain
    after = torch.empty_like(grad_h)
    torch.mul(grad_h[1:], 1 + gain * feedback, out=after[:-1])
    after[-1] = 0.0 if grad_v_last is None else grad_v_last
    # Both resets: what passes by the spike or is subtracted by it adds up to (1 - s) a.
    return (after.addcmul_(after, s, value=-1).sum(dtype=torch.float64) - grad_h.sum(dtype=torch.float64)).float()


def _defined(
    ctx: Any,
    x: Tensor,
    threshold: Tensor,
    tensors: list[Tensor | None],
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    needed: list[bool],
) -> list[Tensor]:
    """Return the gradients of the input, the threshold and the `needed` coefficients, differentiable."""
    rule = ctx.rule
    # Aliases, so that the derivative ends at them.
    x, threshold = x.view_as(x), threshold.view_as(threshold)
    given = [None if one is None else one.view_as(one) for one in tensors]
    gain, feedback, rest, v = joined(given, ctx.numbers)
    run = reference.integrate_and_fire(
        *(x, len(x), gain, feedback, rest, v),
        v_threshold=threshold,
        v_reset=rule.v_reset,
        surrogate=surrogate_of(rule.kind, rule.p, rule.q),
        detach_reset=rule.detach_reset,
    )
    pulled = [(run.s, grad_s), *([] if grad_v_last is None else [(run.v_last, grad_v_last)])]
    outputs, gradients = zip(*pulled, strict=True)
    leaves = [x, threshold, *chosen(given, needed)]
    leaves = [one if one.requires_grad else one.requires_grad_() for one in leaves]
    return list(torch.autograd.grad(outputs, leaves, gradients, create_graph=True, materialize_grads=True))
