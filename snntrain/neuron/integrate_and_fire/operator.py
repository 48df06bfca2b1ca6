"""The recurrence as one operator of PyTorch, which autograd, autocast and torch.compile handle like a convolution.

The operator `snntrain::integrate_and_fire` brings tensors into one order, runs the executor for their device and dtype,
and keeps only its inputs for its backward. Its arguments name no executor, so a program that was exported on one device
runs on any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snntrain.kernels import dispatch, operands
from snntrain.kernels.layout import Layout
from snntrain.kernels.operands import chosen, state_dtype, summed
from snntrain.kernels.register import register
from snntrain.neuron.integrate_and_fire import door, reference
from snntrain.neuron.integrate_and_fire.contract import Inputs, Learnt, Rule, load
from snntrain.neuron.integrate_and_fire.reference import Coefficient, Trajectory


def fused(
    x: Tensor,
    T: int,
    gain: Coefficient,
    feedback: Coefficient,
    rest: Coefficient,
    v: Coefficient,
    rule: Rule,
    record: bool,
) -> Trajectory:
    """Run the recurrence as one operator; arguments as in `integrate_and_fire`."""
    tensors, numbers = operands.split((gain, feedback, rest, v))
    return Trajectory(*forward(x, T, *tensors, numbers, *rule, record))


def inputs(x: Tensor, T: int, gain: Coefficient, feedback: Coefficient, rest: Coefficient, v: Coefficient) -> Inputs:
    """Return the inputs of an executor; arguments as in `integrate_and_fire`."""
    return _ordered(Layout(x), x, T, (gain, feedback, rest, v))


def _ordered(layout: Layout, x: Tensor, T: int, given: Sequence[Coefficient]) -> Inputs:
    ordered = (layout.ordered_step(value) if isinstance(value, Tensor) else value for value in given)
    return Inputs(layout.ordered(x), T, layout.neurons, *ordered)


def _forward(
    x: Tensor,
    T: int,
    gain: Tensor | None,
    feedback: Tensor | None,
    rest: Tensor | None,
    v0: Tensor | None,
    numbers: Sequence[float],
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    record: bool,
) -> list[Tensor]:
    """Return the spikes, the last potential, and if `record` all `h` and all `v`."""
    tensors = (gain, feedback, rest, v0)
    door.check(x, T, tensors, numbers, kind)
    layout = Layout(x)
    outputs = _outputs(layout, x, T, record)
    if layout.neurons:
        rule = Rule(v_threshold, v_reset, detach_reset, kind, p, q)
        load(dispatch.chosen(x)).forward(rule, _ordered(layout, x, T, operands.joined(tensors, numbers)), *outputs)
    return outputs


def _forward_fake(x: Tensor, T: int, *given: Any) -> list[Tensor]:
    tensors, (numbers, _, _, _, kind, _, _, record) = given[:4], given[4:]
    door.check(x, T, tensors, numbers, kind)
    return _outputs(Layout(x), x, T, record)


def _outputs(layout: Layout, x: Tensor, T: int, record: bool) -> list[Tensor]:
    potentials = [layout.empty(T, x, state_dtype(x)) for _ in range(2 * record)]
    return [layout.empty(T, x), layout.empty_step(x), *potentials]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    x, T, gain, feedback, rest, v0, *numbers_and_rule, _record = inputs
    ctx.save_for_backward(x, gain, feedback, rest, v0)
    ctx.T, ctx.numbers_and_rule = T, numbers_and_rule
    ctx.mark_non_differentiable(*output[2:])
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad_s: Tensor | None, grad_v_last: Tensor | None, *_: None) -> tuple[Any, ...]:
    x, *tensors = ctx.saved_tensors
    if grad_s is None:
        grad_s = x.new_zeros(1, *x.shape[1:]).expand(ctx.T, *x.shape[1:])
    _, _, *needed = ctx.needs_input_grad[:6]
    grad_x, *found = backward(grad_s, grad_v_last, x, ctx.T, *tensors, *ctx.numbers_and_rule, needed)
    gradients = iter(found)
    return grad_x, None, *(next(gradients) if one else None for one in needed), *[None] * 8


def _backward(
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    x: Tensor,
    T: int,
    gain: Tensor | None,
    feedback: Tensor | None,
    rest: Tensor | None,
    v0: Tensor | None,
    numbers: Sequence[float],
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    needed: Sequence[bool],
) -> list[Tensor]:
    """Return the gradients of `x`, and of gain, feedback, rest and `v0` if they are `needed`."""
    tensors = (gain, feedback, rest, v0)
    _check_backward(grad_s, grad_v_last, x, T, tensors, numbers, kind, needed)
    layout = Layout(x)
    grad_x = layout.empty(len(x), x)
    if not layout.neurons:
        return [grad_x, *(torch.zeros_like(value) for value in chosen(tensors, needed))]
    *learnt, continued = needed
    grad_v0 = x.new_empty(layout.neurons, dtype=state_dtype(x)) if continued else None
    parts = load(dispatch.chosen(x)).backward(
        Rule(v_threshold, v_reset, detach_reset, kind, p, q),
        _ordered(layout, x, T, operands.joined(tensors, numbers)),
        layout.ordered(grad_s),
        None if grad_v_last is None else layout.ordered_step(grad_v_last),
        grad_x,
        grad_v0,
        Learnt(*learnt),
    )
    pieces = chosen((*parts, grad_v0), needed)
    return [grad_x, *(summed(layout, *pair) for pair in zip(pieces, chosen(tensors, needed), strict=True))]


def _check_backward(
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    x: Tensor,
    T: int,
    tensors: Sequence[Tensor | None],
    numbers: Sequence[float],
    kind: int,
    needed: Sequence[bool],
) -> None:
    door.check(x, T, tensors, numbers, kind)
    door.check_gradients(x, T, grad_s, grad_v_last)
    door.check_needed(needed, tensors)


def _backward_fake(grad_s: Tensor, grad_v_last: Tensor | None, x: Tensor, T: int, *given: Any) -> list[Tensor]:
    tensors, (numbers, _, _, _, kind, _, _, needed) = given[:4], given[4:]
    _check_backward(grad_s, grad_v_last, x, T, tensors, numbers, kind, needed)
    return [Layout(x).empty(len(x), x), *map(torch.empty_like, chosen(tensors, needed))]


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    grad_s, grad_v_last, x, T, gain, feedback, rest, v0, *numbers_and_rule, needed = inputs
    ctx.save_for_backward(grad_s, grad_v_last, x, gain, feedback, rest, v0)
    ctx.T, ctx.numbers_and_rule, ctx.needed = T, numbers_and_rule, needed


def _differentiate_backward(ctx: Any, *pulls: Tensor) -> tuple[Any, ...]:
    """Return the derivative of the gradients, from the definition, of any order."""
    grad_s, grad_v_last, x, *others = operands.derivative_of_gradients(
        ctx.saved_tensors, lambda given: _defined_gradients(given, ctx.T, ctx.numbers_and_rule, ctx.needed), pulls
    )
    return grad_s, grad_v_last, x, None, *others, *[None] * 8


def _defined_gradients(
    given: Sequence[Tensor | None], T: int, numbers_and_rule: Sequence[Any], needed: Sequence[bool]
) -> list[Tensor]:
    """Return the gradients that `_backward` returns, from the definition and differentiable."""
    grad_s, grad_v_last, x, *tensors = given
    assert x is not None
    numbers, *rule = numbers_and_rule
    *coefficients, v0 = operands.joined(tensors, numbers)
    run = reference.by_rule(Rule(*rule), x, T, coefficients, v0)
    pulled = [(run.s, grad_s), *([] if grad_v_last is None else [(run.v_last, grad_v_last)])]
    outputs, gradients = zip(*pulled, strict=True)
    wanted = [x, *chosen(tensors, needed)]
    return list(torch.autograd.grad(outputs, wanted, gradients, create_graph=True, materialize_grads=True))


backward = register("integrate_and_fire_backward", _backward, _backward_fake, _differentiate_backward, _keep_backward)
forward = register("integrate_and_fire", _forward, _forward_fake, _differentiate, _keep)
