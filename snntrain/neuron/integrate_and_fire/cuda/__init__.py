"""The GPU's executor: Triton's kernels, one launch forward and one backward."""

from __future__ import annotations

import torch
from torch import Tensor

from snntrain.neuron.integrate_and_fire.contract import Inputs, Learnt, Parts, Rule, one_each
from snntrain.neuron.integrate_and_fire.cuda import kernels

# Steps per group, which are loaded at once: forward; backward with a single group; backward with several groups.
AHEAD, ALONE, GROUPED = 8, 16, 8
# Per program. Each thread has several neurons: WIDE in forward; in backward it depends on the steps, `_backward_sizes`.
THREADS, WIDE = 128, 4
# A fused multiply-add would not round as the reference does.
OPTIONS = {"num_warps": 4, "enable_fp_fusion": False}


def forward(
    rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None = None, v: Tensor | None = None
) -> None:
    """See `Executor`."""
    x, T, neurons = given.x, given.T, given.neurons
    values, comes_as = _coefficients(given)
    steps, block = _group(T, AHEAD), THREADS * WIDE
    fixed = (*comes_as, _is_constant(given), rule.v_reset is None, steps, T % steps != 0, block)
    with torch.cuda.device_of(x):
        kernels.forward[_programs(neurons, block),](
            *(x, _stride(x), *values, *_thresholds(rule), s, v_last, h, v, neurons, T, *fixed), **OPTIONS
        )


def backward(
    rule: Rule,
    given: Inputs,
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    grad_x: Tensor,
    grad_v0: Tensor | None,
    learnt: Learnt,
) -> Parts:
    """See `Executor`; a coefficient that all neurons share has a part per program."""
    x, T, neurons = given.x, given.T, given.neurons
    values, comes_as = _coefficients(given)
    steps, block = _backward_sizes(T, x.element_size(), any(learnt))
    groups = -(-T // steps)
    programs = _programs(neurons, block)

    parts = Parts(
        *(
            x.new_empty(neurons if one_each(like) else programs, dtype=torch.float32) if wanted else None
            for like, wanted in zip(given.coefficients, learnt, strict=True)
        )
    )
    starts = x.new_empty(groups - 2, neurons, dtype=torch.float32) if groups > 1 else None
    read = (x, _stride(x), *values, *_thresholds(rule), rule.p, rule.q, grad_s, _stride(grad_s), grad_v_last)
    written = (grad_x, grad_v0, *parts, starts)
    attached = not rule.detach_reset
    fixed = (*comes_as, _is_constant(given), rule.v_reset is None, attached, rule.kind, steps, T % steps != 0)
    with torch.cuda.device_of(x):
        kernels.backward[programs,](*read, *written, neurons, T, *fixed, block, **OPTIONS)
    return parts


def _coefficients(given: Inputs) -> tuple[list[float | Tensor], list[int]]:
    """Return gain, feedback, rest and `v0` as arguments of the kernels, and the form of each."""
    values, comes_as = zip(*map(_coefficient, (*given.coefficients, given.v0)), strict=True)
    no_feedback = comes_as[1] == kernels.NUMBER.value and values[1] == 0
    return list(values), [comes_as[0], kernels.NOTHING.value if no_feedback else comes_as[1], *comes_as[2:]]


def _coefficient(values: float | Tensor) -> tuple[float | Tensor, int]:
    if one_each(values):
        return values, kernels.EACH.value
    if not isinstance(values, Tensor):
        return values, kernels.NUMBER.value
    # Reading a number from the device would wait for it.
    return (values.item(), kernels.NUMBER.value) if values.device.type == "cpu" else (values, kernels.ONE.value)


def _thresholds(rule: Rule) -> tuple[float, float]:
    return rule.v_threshold, 0.0 if rule.v_reset is None else rule.v_reset


def _is_constant(given: Inputs) -> bool:
    return len(given.x) == 1 and given.T > 1


def _stride(sequence: Tensor) -> int:
    """Return the distance from one step to the next; 0 if all steps share one memory."""
    return sequence.stride(0) if len(sequence) > 1 else 0


def _backward_sizes(T: int, bytes_each: int, learns: bool) -> tuple[int, int]:
    """Return the steps per group and the neurons per program; `benchmarks.kernel_registers` shows their effect."""
    if T > GROUPED and (T > ALONE or (learns and bytes_each == 2)):
        return _group(T, GROUPED), 2 * THREADS
    # Each thread takes up to 32 bytes over all steps: with fewer steps, wider loads keep the memory busy; more bytes
    # would not fit into the registers of a thread.
    widest = next(width for width in (16, 8, 4, 2) if width * T <= 32)
    return T, THREADS * max(1, widest // bytes_each)


def _group(T: int, most: int) -> int:
    """Return the steps per group: a number that divides T, or else one for groups of about equal length."""
    return next((n for n in range(most, most // 2, -1) if T % n == 0), -(-T // -(-T // most)))


def _programs(neurons: int, block: int) -> int:
    return -(-neurons // block)
