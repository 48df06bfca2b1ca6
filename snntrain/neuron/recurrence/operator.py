"""The recurrence as one operator of PyTorch: autograd, autocast and torch.compile take it as they take a convolution.

The operator `snntrain::integrate_and_fire` brings tensors into one order, has an executor run, and keeps nothing for
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
    given = (a, b, c, v)
    # As tensors, numbers would cost more than all else that is done here.
    tensors = [value if isinstance(value, Tensor) else None for value in given]
    numbers = [0.0 if isinstance(value, Tensor) else value for value in given]
    return Trajectory(*_integrate_and_fire(x, T, *tensors, numbers, executor, *rule, record))


def inputs(x: Tensor, T: int, a: Coefficient, b: Coefficient, c: Coefficient, v: Coefficient) -> Inputs:
    """The inputs of a compiled executor; the arguments as in `integrate_and_fire`."""
    return _ordered(Layout(x), x, T, (a, b, c, v))


def _ordered(layout: Layout, x: Tensor, T: int, given: Sequence[Coefficient]) -> Inputs:
    ordered = (layout.ordered_step(value) if isinstance(value, Tensor) else value for value in given)
    return Inputs(layout.ordered(x), T, layout.neurons, *ordered)


def _joined(tensors: Sequence[Tensor | None], numbers: Sequence[float]) -> list[Coefficient]:
    """`a`, `b`, `c` and `v0`, each a tensor, or where it is none a number."""
    return [n if tensor is None else tensor for tensor, n in zip(tensors, numbers, strict=True)]


def _forward(
    x: Tensor,
    T: int,
    a: Tensor | None,
    b: Tensor | None,
    c: Tensor | None,
    v0: Tensor | None,
    numbers: Sequence[float],
    executor: str,
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    record: bool,
) -> list[Tensor]:
    """Spikes, the last potential, and where `record` all `h` and all `v`."""
    layout = Layout(x)
    outputs = _outputs(layout, x, T, record)
    if layout.neurons:
        rule = Rule(v_threshold, v_reset, detach_reset, kind, p, q)
        load(executor).forward(rule, _ordered(layout, x, T, _joined((a, b, c, v0), numbers)), *outputs)
    return outputs


def _forward_fake(x: Tensor, T: int, *given: Any) -> list[Tensor]:
    return _outputs(Layout(x), x, T, record=given[-1])


def _outputs(layout: Layout, x: Tensor, T: int, record: bool) -> list[Tensor]:
    potentials = [layout.empty(T, x, torch.float32) for _ in range(2 * record)]
    return [layout.empty(T, x), layout.empty_step(x), *potentials]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    x, T, a, b, c, v0, *numbers_and_rule, _record = inputs
    ctx.save_for_backward(x, a, b, c, v0)
    ctx.T, ctx.numbers_and_rule = T, numbers_and_rule
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad_s: Tensor | None, grad_v_last: Tensor | None, *_: None) -> tuple[Any, ...]:
    x, *tensors = ctx.saved_tensors
    if grad_s is None:
        grad_s = x.new_zeros(1, *x.shape[1:]).expand(ctx.T, *x.shape[1:])
    _, _, *needed = ctx.needs_input_grad[:6]
    grad_x, *found = _integrate_and_fire_backward(
        grad_s, grad_v_last, x, ctx.T, *tensors, *ctx.numbers_and_rule, needed
    )
    gradients = iter(found)
    return grad_x, None, *(next(gradients) if one else None for one in needed), *[None] * 9


def _backward(
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    x: Tensor,
    T: int,
    a: Tensor | None,
    b: Tensor | None,
    c: Tensor | None,
    v0: Tensor | None,
    numbers: Sequence[float],
    executor: str,
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    needed: Sequence[bool],
) -> list[Tensor]:
    """The gradients of `x`, and of those of `a`, `b`, `c` and `v0` that are `needed`."""
    layout, tensors = Layout(x), (a, b, c, v0)
    grad_x = layout.empty(len(x), x)
    if not layout.neurons:
        return [grad_x, *(torch.zeros_like(value) for value in _chosen(tensors, needed))]
    *learnt, continued = needed
    grad_v0 = x.new_empty(layout.neurons, dtype=torch.float32) if continued else None
    parts = load(executor).backward(
        Rule(v_threshold, v_reset, detach_reset, kind, p, q),
        _ordered(layout, x, T, _joined(tensors, numbers)),
        layout.ordered(grad_s),
        None if grad_v_last is None else layout.ordered_step(grad_v_last),
        grad_x,
        grad_v0,
        any(learnt),
    )
    pieces = _chosen((*(parts or (None,) * 3), grad_v0), needed)
    return [grad_x, *(_summed(layout, *pair) for pair in zip(pieces, _chosen(tensors, needed), strict=True))]


def _chosen(values: Sequence[Tensor | None], needed: Sequence[bool]) -> list[Tensor]:
    return [value for value, one in zip(values, needed, strict=True) if one and value is not None]


def _summed(layout: Layout, parts: Tensor, like: Tensor) -> Tensor:
    """The gradient of a coefficient or state `like`, which was broadcast over a step, from parts of it: in float64."""
    if like.numel() == 1:
        total = (parts.sum(0, keepdim=True, dtype=torch.float64) if len(parts) > 1 else parts).to(like)
        return total if total.shape == like.shape else total.reshape(like.shape)
    each = parts.as_strided(layout.shape, layout.strides)
    return (each if like.shape == layout.shape else each.double().sum_to_size(like.shape)).to(like.dtype)


def _backward_fake(grad_s: Tensor, grad_v_last: Tensor | None, x: Tensor, T: int, *given: Any) -> list[Tensor]:
    return [Layout(x).empty(len(x), x), *map(torch.empty_like, _chosen(given[:4], given[-1]))]


_integrate_and_fire_backward = register("integrate_and_fire_backward", _backward, _backward_fake)
_integrate_and_fire = register("integrate_and_fire", _forward, _forward_fake, _differentiate, _keep)
