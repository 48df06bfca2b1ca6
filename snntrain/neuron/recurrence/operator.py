"""The recurrence as one operator of PyTorch: autograd, autocast and torch.compile take it as they take a convolution.

The operator `snntrain::integrate_and_fire` brings tensors into flat order, has an executor run, and keeps nothing for
its backward but its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snntrain.neuron.library import register
from snntrain.neuron.recurrence.executor import Inputs, Rule, load
from snntrain.neuron.recurrence.layout import Layout
from snntrain.neuron.recurrence.reference import Coefficient, Trajectory


def fused(
    executor: str,
    x: Tensor,
    T: int,
    a: Coefficient,
    b: Coefficient,
    c: Coefficient,
    v: Coefficient,
    rule: Rule,
    record: bool,
) -> Trajectory:
    """Has the compiled `executor` run the recurrence; the other arguments as in `integrate_and_fire`."""
    tensors = (_tensor(value) for value in (a, b, c, v))
    return Trajectory(*torch.ops.snntrain.integrate_and_fire(x, T, *tensors, executor, *rule, record))


def inputs(x: Tensor, T: int, a: Coefficient, b: Coefficient, c: Coefficient, v: Coefficient) -> Inputs:
    """The flat inputs of a compiled executor; the arguments as in `integrate_and_fire`."""
    return _flat(Layout(x), x, T, *(_tensor(value) for value in (a, b, c, v)))


def _tensor(value: Coefficient) -> Tensor:
    """A number as a tensor on the CPU, wherever the others are, so that reading it waits for no device."""
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float32)


def _forward(
    x: Tensor,
    T: int,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    v0: Tensor,
    executor: str,
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    record: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    layout = Layout(x)
    s, v_last, h, v = _outputs(layout, x, T, record)
    if layout.neurons:
        rule = Rule(v_threshold, v_reset, detach_reset, kind, p, q)
        recorded = [layout.flat(sequence) if record else None for sequence in (h, v)]
        given = _flat(layout, x, T, a, b, c, v0)
        load(executor).forward(rule, given, layout.flat(s), layout.flat_step(v_last), *recorded)
    return s, v_last, h, v


def _forward_fake(x: Tensor, T: int, *given: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _outputs(Layout(x), x, T, record=given[-1])


def _outputs(layout: Layout, x: Tensor, T: int, record: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    steps = T if record else 0
    h, v = (layout.empty(steps, x.new_empty(0, dtype=torch.float32)) for _ in range(2))
    return layout.empty(T, x), layout.empty(1, x)[0], h, v


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, T, a, b, c, v0, *rule, _record = inputs
    ctx.save_for_backward(x, a, b, c, v0)
    ctx.T, ctx.rule = T, rule
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad_s: Tensor | None, grad_v_last: Tensor | None, *_: None) -> tuple[Any, ...]:
    x, a, b, c, v0 = ctx.saved_tensors
    needs = ctx.needs_input_grad
    if grad_s is None:
        grad_s = x.new_zeros(1, *x.shape[1:]).expand(ctx.T, *x.shape[1:])
    grad_x, grad_a, grad_b, grad_c, grad_v0 = torch.ops.snntrain.integrate_and_fire_backward(
        grad_s, grad_v_last, x, ctx.T, a, b, c, v0, *ctx.rule, needs[2:5], needs[5]
    )
    grads = (grad_x, None, grad_a, grad_b, grad_c, grad_v0)
    return *(grad if needed else None for grad, needed in zip(grads, needs, strict=False)), *[None] * 8


def _backward(
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    x: Tensor,
    T: int,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    v0: Tensor,
    executor: str,
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    learnt: Sequence[bool],
    continued: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    layout = Layout(x)
    grad_x = layout.empty(len(x), x)
    nothing = grad_x, torch.zeros_like(a), torch.zeros_like(b), torch.zeros_like(c), torch.zeros_like(v0)
    if not layout.neurons:
        return nothing
    flat_grad_v0 = x.new_empty(layout.neurons, dtype=torch.float32) if continued else None
    parts = load(executor).backward(
        Rule(v_threshold, v_reset, detach_reset, kind, p, q),
        _flat(layout, x, T, a, b, c, v0),
        layout.flat(grad_s),
        None if grad_v_last is None else layout.flat_step(grad_v_last),
        layout.flat(grad_x),
        flat_grad_v0,
        any(learnt),
    )
    _, grad_a, grad_b, grad_c, grad_v0 = nothing
    if flat_grad_v0 is not None:
        grad_v0 = _summed(layout, flat_grad_v0, v0)
    if parts is not None:
        # What is not learnt may be a number on the CPU, and on the way there the host would wait for the GPU.
        grad_a, grad_b, grad_c = (
            _summed(layout, part, values) if needed else grad
            for part, values, grad, needed in zip(parts, (a, b, c), (grad_a, grad_b, grad_c), learnt, strict=True)
        )
    return grad_x, grad_a, grad_b, grad_c, grad_v0


def _flat(layout: Layout, x: Tensor, T: int, a: Tensor, b: Tensor, c: Tensor, v0: Tensor) -> Inputs:
    return Inputs(layout.flat(x), T, *(layout.flat_step(values) for values in (a, b, c, v0)))


def _summed(layout: Layout, parts: Tensor, like: Tensor) -> Tensor:
    """The gradient of a coefficient or state `like`, which was broadcast over a step, from parts of it: in float64."""
    if like.numel() == 1:
        return parts.sum(dtype=torch.float64).to(like.dtype).reshape(like.shape).to(like.device)
    return layout.unflat_step(parts).double().sum_to_size(like.shape).to(like.dtype)


def _backward_fake(grad_s: Tensor, grad_v_last: Tensor | None, x: Tensor, T: int, *given: Any) -> tuple[Tensor, ...]:
    return Layout(x).empty(len(x), x), *(torch.empty_like(values) for values in given[:4])


register("integrate_and_fire_backward", _backward, _backward_fake)
register("integrate_and_fire", _forward, _forward_fake, _differentiate, _keep)
