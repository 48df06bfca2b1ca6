"""The recurrence with two states as one operator of PyTorch, which autograd, autocast and torch.compile handle.

The operator `snntrain::two_states` brings tensors into one order, runs the executor for their device and dtype, and
keeps only its inputs for its backward.
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
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.integrate_and_fire.reference import Coefficient
from snntrain.neuron.two_states import door, reference
from snntrain.neuron.two_states.contract import NAMES, Coefficients, Gradients, Inputs, Outputs, Pulls, load
from snntrain.neuron.two_states.reference import Run

# The places of the arguments of the operator that no gradient reaches: numbers, rule and `record` or `needed`.
OTHERS = 8


def fused(
    x: Tensor,
    T: int,
    place: int,
    coefficients: Coefficients,
    v: Coefficient,
    w: Coefficient,
    rule: Rule,
    record: bool,
) -> Run:
    """Run the recurrence as one operator; arguments as in `two_states`."""
    tensors, numbers = operands.split((*coefficients, v, w))
    return Run(*_two_states(x, T, place, *tensors, numbers, *rule, record))


def _ordered(layout: Layout, x: Tensor, T: int, place: int, given: Sequence[Coefficient]) -> Inputs:
    *coefficients, v0, w0 = (layout.ordered_step(value) if isinstance(value, Tensor) else value for value in given)
    return Inputs(layout.ordered(x), T, layout.neurons, place, Coefficients(*coefficients), v0, w0)


def _forward(
    x: Tensor,
    T: int,
    place: int,
    gain: Tensor | None,
    feedback: Tensor | None,
    rest: Tensor | None,
    decay: Tensor | None,
    inflow: Tensor | None,
    jump: Tensor | None,
    v0: Tensor | None,
    w0: Tensor | None,
    numbers: Sequence[float],
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    record: bool,
) -> list[Tensor]:
    """Return the spikes, the last states, and if `record` all `h`, `v` and `w`."""
    tensors = (gain, feedback, rest, decay, inflow, jump, v0, w0)
    door.check(x, T, place, tensors, numbers, kind)
    layout = Layout(x)
    outputs = _outputs(layout, x, T, record)
    if layout.neurons:
        rule = Rule(v_threshold, v_reset, detach_reset, kind, p, q)
        given = _ordered(layout, x, T, place, operands.joined(tensors, numbers))
        load(dispatch.chosen(x)).forward(rule, given, Outputs(*outputs))
    return outputs


def _forward_fake(x: Tensor, T: int, place: int, *given: Any) -> list[Tensor]:
    tensors, (numbers, _, _, _, kind, _, _, record) = given[: len(NAMES)], given[len(NAMES) :]
    door.check(x, T, place, tensors, numbers, kind)
    return _outputs(Layout(x), x, T, record)


def _outputs(layout: Layout, x: Tensor, T: int, record: bool) -> list[Tensor]:
    recorded = [layout.empty(T, x, state_dtype(x)) for _ in range(3 * record)]
    return [layout.empty(T, x), layout.empty_step(x), layout.empty_step(x), *recorded]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    x, T, place, *given = inputs
    tensors, others = given[: len(NAMES)], given[len(NAMES) :]
    ctx.save_for_backward(x, *tensors)
    ctx.T, ctx.place, ctx.numbers_and_rule = T, place, others[:-1]
    ctx.mark_non_differentiable(*output[3:])
    ctx.set_materialize_grads(False)


def _differentiate(
    ctx: Any, grad_s: Tensor | None, grad_v_last: Tensor | None, grad_w_last: Tensor | None, *_: None
) -> tuple[Any, ...]:
    x, *tensors = ctx.saved_tensors
    if grad_s is None:
        grad_s = x.new_zeros(1, *x.shape[1:]).expand(ctx.T, *x.shape[1:])
    needed = list(ctx.needs_input_grad[3 : 3 + len(NAMES)])
    grad_x, *found = _two_states_backward(
        grad_s, grad_v_last, grad_w_last, x, ctx.T, ctx.place, *tensors, *ctx.numbers_and_rule, needed
    )
    gradients = iter(found)
    return grad_x, None, None, *(next(gradients) if one else None for one in needed), *[None] * OTHERS


def _backward(
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    grad_w_last: Tensor | None,
    x: Tensor,
    T: int,
    place: int,
    gain: Tensor | None,
    feedback: Tensor | None,
    rest: Tensor | None,
    decay: Tensor | None,
    inflow: Tensor | None,
    jump: Tensor | None,
    v0: Tensor | None,
    w0: Tensor | None,
    numbers: Sequence[float],
    v_threshold: float,
    v_reset: float | None,
    detach_reset: bool,
    kind: int,
    p: float,
    q: float,
    needed: Sequence[bool],
) -> list[Tensor]:
    """Return the gradients of `x`, and of the values of `NAMES` if they are `needed`."""
    tensors = (gain, feedback, rest, decay, inflow, jump, v0, w0)
    _check_backward(grad_s, (grad_v_last, grad_w_last), x, T, place, tensors, numbers, kind, needed)
    layout = Layout(x)
    grad_x = layout.empty(len(x), x)
    if not layout.neurons:
        return [grad_x, *(torch.zeros_like(value) for value in chosen(tensors, needed))]
    *learnt, needs_v0, needs_w0 = needed
    of_states = [x.new_empty(layout.neurons, dtype=state_dtype(x)) if one else None for one in (needs_v0, needs_w0)]
    pulls = (None if grad is None else layout.ordered_step(grad) for grad in (grad_v_last, grad_w_last))
    parts = load(dispatch.chosen(x)).backward(
        Rule(v_threshold, v_reset, detach_reset, kind, p, q),
        _ordered(layout, x, T, place, operands.joined(tensors, numbers)),
        Pulls(layout.ordered(grad_s), *pulls),
        Gradients(grad_x, *of_states),
        learnt,
    )
    pieces = chosen((*parts, *of_states), needed)
    return [grad_x, *(summed(layout, *pair) for pair in zip(pieces, chosen(tensors, needed), strict=True))]


def _check_backward(
    grad_s: Tensor,
    of_states: Sequence[Tensor | None],
    x: Tensor,
    T: int,
    place: int,
    tensors: Sequence[Tensor | None],
    numbers: Sequence[float],
    kind: int,
    needed: Sequence[bool],
) -> None:
    door.check(x, T, place, tensors, numbers, kind)
    door.check_gradients(x, T, grad_s, of_states)
    door.check_needed(needed, tensors)


def _backward_fake(
    grad_s: Tensor, grad_v_last: Tensor | None, grad_w_last: Tensor | None, x: Tensor, T: int, place: int, *given: Any
) -> list[Tensor]:
    tensors, (numbers, _, _, _, kind, _, _, needed) = given[: len(NAMES)], given[len(NAMES) :]
    _check_backward(grad_s, (grad_v_last, grad_w_last), x, T, place, tensors, numbers, kind, needed)
    return [Layout(x).empty(len(x), x), *map(torch.empty_like, chosen(tensors, needed))]


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    grad_s, grad_v_last, grad_w_last, x, T, place, *given = inputs
    tensors, (*numbers_and_rule, needed) = given[: len(NAMES)], given[len(NAMES) :]
    ctx.save_for_backward(grad_s, grad_v_last, grad_w_last, x, *tensors)
    ctx.T, ctx.place, ctx.numbers_and_rule, ctx.needed = T, place, numbers_and_rule, needed


def _differentiate_backward(ctx: Any, *pulls: Tensor) -> tuple[Any, ...]:
    """Return the derivative of the gradients, from the definition, of any order."""
    gradients = operands.derivative_of_gradients(
        ctx.saved_tensors,
        lambda given: _defined_gradients(given, ctx.T, ctx.place, ctx.numbers_and_rule, ctx.needed),
        pulls,
    )
    return *gradients[:4], None, None, *gradients[4:], *[None] * OTHERS


def _defined_gradients(
    given: Sequence[Tensor | None], T: int, place: int, numbers_and_rule: Sequence[Any], needed: Sequence[bool]
) -> list[Tensor]:
    """Return the gradients that `_backward` returns, from the definition and differentiable."""
    *incoming, x = given[:4]
    tensors = given[4:]
    assert x is not None
    numbers, *rule = numbers_and_rule
    *coefficients, v0, w0 = operands.joined(tensors, numbers)
    run = reference.by_rule(Rule(*rule), x, T, place, coefficients, (v0, w0))
    pulled = [(output, grad) for output, grad in zip(run, incoming, strict=False) if grad is not None]
    outputs, gradients = zip(*pulled, strict=True)
    wanted = [x, *chosen(tensors, needed)]
    return list(torch.autograd.grad(outputs, wanted, gradients, create_graph=True, materialize_grads=True))


_two_states_backward = register(
    "two_states_backward", _backward, _backward_fake, _differentiate_backward, _keep_backward
)
_two_states = register("two_states", _forward, _forward_fake, _differentiate, _keep)
