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

from snntrain.kernels import dispatch
from snntrain.kernels.layout import Layout
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
    given = (gain, feedback, rest, v)
    # Turning numbers into tensors would cost more than the rest of this function.
    tensors = [value if isinstance(value, Tensor) else None for value in given]
    numbers = [0.0 if isinstance(value, Tensor) else value for value in given]
    return Trajectory(*forward(x, T, *tensors, numbers, *rule, record))


def inputs(x: Tensor, T: int, gain: Coefficient, feedback: Coefficient, rest: Coefficient, v: Coefficient) -> Inputs:
    """Return the inputs of an executor; arguments as in `integrate_and_fire`."""
    return _ordered(Layout(x), x, T, (gain, feedback, rest, v))


def _ordered(layout: Layout, x: Tensor, T: int, given: Sequence[Coefficient]) -> Inputs:
    ordered = (layout.ordered_step(value) if isinstance(value, Tensor) else value for value in given)
    return Inputs(layout.ordered(x), T, layout.neurons, *ordered)


def joined(tensors: Sequence[Tensor | None], numbers: Sequence[float]) -> list[Coefficient]:
    """Return gain, feedback, rest and `v0`, each as its tensor, or as its number if it has no tensor."""
    return [n if tensor is None else tensor for tensor, n in zip(tensors, numbers, strict=True)]


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
        load(dispatch.chosen(x)).forward(rule, _ordered(layout, x, T, joined(tensors, numbers)), *outputs)
    return outputs


def _forward_fake(x: Tensor, T: int, *given: Any) -> list[Tensor]:
    tensors, (numbers, _, _, _, kind, _, _, record) = given[:4], given[4:]
    door.check(x, T, tensors, numbers, kind)
    return _outputs(Layout(x), x, T, record)


def _outputs(layout: Layout, x: Tensor, T: int, record: bool) -> list[Tensor]:
    potentials = [layout.empty(T, x, _computed_in(x)) for _ in range(2 * record)]
    return [layout.empty(T, x), layout.empty_step(x), *potentials]


def _computed_in(x: Tensor) -> torch.dtype:
    """Return the dtype of the state during the run."""
    return torch.promote_types(x.dtype, torch.float32)


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
        return [grad_x, *(torch.zeros_like(value) for value in _chosen(tensors, needed))]
    *learnt, continued = needed
    grad_v0 = x.new_empty(layout.neurons, dtype=_computed_in(x)) if continued else None
    parts = load(dispatch.chosen(x)).backward(
        Rule(v_threshold, v_reset, detach_reset, kind, p, q),
        _ordered(layout, x, T, joined(tensors, numbers)),
        layout.ordered(grad_s),
        None if grad_v_last is None else layout.ordered_step(grad_v_last),
        grad_x,
        grad_v0,
        Learnt(*learnt),
    )
    pieces = _chosen((*parts, grad_v0), needed)
    return [grad_x, *(_summed(layout, *pair) for pair in zip(pieces, _chosen(tensors, needed), strict=True))]


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


def _chosen(values: Sequence[Tensor | None], needed: Sequence[bool]) -> list[Tensor]:
    return [value for value, one in zip(values, needed, strict=True) if one and value is not None]


def _summed(layout: Layout, parts: Tensor, like: Tensor) -> Tensor:
    """Return the gradient of a coefficient or state `like` that was broadcast over a step: the float64 sum of parts."""
    if like.numel() == 1:
        total = (parts.sum(0, keepdim=True, dtype=torch.float64) if len(parts) > 1 else parts).to(like)
        return total if total.shape == like.shape else total.reshape(like.shape)
    each = parts.as_strided(layout.shape, layout.strides)
    return (each if like.shape == layout.shape else each.double().sum_to_size(like.shape)).to(like.dtype)


def _backward_fake(grad_s: Tensor, grad_v_last: Tensor | None, x: Tensor, T: int, *given: Any) -> list[Tensor]:
    tensors, (numbers, _, _, _, kind, _, _, needed) = given[:4], given[4:]
    _check_backward(grad_s, grad_v_last, x, T, tensors, numbers, kind, needed)
    return [Layout(x).empty(len(x), x), *map(torch.empty_like, _chosen(tensors, needed))]


def _keep_backward(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    grad_s, grad_v_last, x, T, gain, feedback, rest, v0, *numbers_and_rule, needed = inputs
    ctx.save_for_backward(grad_s, grad_v_last, x, gain, feedback, rest, v0)
    ctx.T, ctx.numbers_and_rule, ctx.needed = T, numbers_and_rule, needed


def _differentiate_backward(ctx: Any, *pulls: Tensor) -> tuple[Any, ...]:
    """Return the derivative of the gradients, from the definition, of any order."""
    saved, once_more = ctx.saved_tensors, torch.is_grad_enabled()
    with torch.enable_grad():
        # Aliases, so that the derivative ends at them: an incoming gradient may itself depend on the input. Tensors
        # that require no gradient are included, since their gradients are among the results.
        given = [k if k is None else k.view_as(k) if k.requires_grad else k.detach().requires_grad_() for k in saved]
        found = _defined_gradients(given, ctx.T, ctx.numbers_and_rule, ctx.needed)
        wanted = [k for k in given if k is not None]
        seconds = iter(torch.autograd.grad(found, wanted, pulls, create_graph=once_more, allow_unused=True))
    grad_s, grad_v_last, x, *others = (None if k is None else next(seconds) for k in given)
    return grad_s, grad_v_last, x, None, *others, *[None] * 8


def _defined_gradients(
    given: Sequence[Tensor | None], T: int, numbers_and_rule: Sequence[Any], needed: Sequence[bool]
) -> list[Tensor]:
    """Return the gradients that `_backward` returns, from the definition and differentiable."""
    grad_s, grad_v_last, x, *tensors = given
    assert x is not None
    numbers, *rule = numbers_and_rule
    *coefficients, v0 = joined(tensors, numbers)
    run = reference.by_rule(Rule(*rule), x, T, coefficients, v0)
    pulled = [(run.s, grad_s), *([] if grad_v_last is None else [(run.v_last, grad_v_last)])]
    outputs, gradients = zip(*pulled, strict=True)
    wanted = [x, *_chosen(tensors, needed)]
    return list(torch.autograd.grad(outputs, wanted, gradients, create_graph=True, materialize_grads=True))


backward = register("integrate_and_fire_backward", _backward, _backward_fake, _differentiate_backward, _keep_backward)
forward = register("integrate_and_fire", _forward, _forward_fake, _differentiate, _keep)
