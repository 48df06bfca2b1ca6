"""The GPU's executor of the recurrence with two states: Triton's kernels, one launch forward and one backward."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from snntrain.neuron.integrate_and_fire.contract import Rule, one_each
from snntrain.neuron.two_states.contract import FILTER, Gradients, Inputs, Outputs, Parts, Pulls
from snntrain.neuron.two_states.cuda import kernels

# Steps per group, which are loaded at once: forward; backward, where both states of each step are kept.
AHEAD, GROUPED = 8, 8
# Per program; each thread has several neurons in forward.
THREADS, WIDE = 128, 4
# A fused multiply-add would not round as the reference does.
OPTIONS = {"num_warps": 4, "enable_fp_fusion": False}
# The forms of a coefficient, as `integrate_and_fire/cuda/kernels.py` has them.
NUMBER, ONE, EACH, NOTHING = range(4)
# Places in `contract.NAMES` of coefficients that are left out if they are the number 0.
FEEDBACK, INFLOW = 1, 4


def forward(rule: Rule, given: Inputs, out: Outputs) -> None:
    """See `Executor`."""
    x, T, neurons = given.x, given.T, given.neurons
    values, comes_as = _values(given)
    steps, block = _group(T, AHEAD), THREADS * WIDE
    fixed = (*comes_as, given.is_constant, given.place, rule.v_reset is None, steps, T % steps != 0, block)
    with torch.cuda.device_of(x):
        kernels.forward[_programs(neurons, block),](
            *(x, _stride(x), *values, *_thresholds(rule), *out, neurons, T, *fixed), **OPTIONS
        )


def backward(rule: Rule, given: Inputs, pulls: Pulls, out: Gradients, learnt: Sequence[bool]) -> Parts:
    """See `Executor`; a coefficient that all neurons share has a part per program."""
    x, T, neurons = given.x, given.T, given.neurons
    values, comes_as = _values(given)
    steps, block = _group(T, GROUPED), THREADS * (2 if T <= GROUPED and x.element_size() == 2 else 1)
    groups, programs = -(-T // steps), _programs(neurons, block)
    parts = [
        x.new_empty(neurons if one_each(like) else programs, dtype=torch.float32) if wanted else None
        for like, wanted in zip(given.coefficients, learnt, strict=True)
    ]
    starts = x.new_empty(groups - 1, 2, neurons, dtype=torch.float32) if groups > 1 else None
    read = (x, _stride(x), *values, *_thresholds(rule), rule.p, rule.q)
    incoming = (pulls.s, _stride(pulls.s), pulls.v_last, pulls.w_last)
    attached = not rule.detach_reset
    fixed = (*comes_as, given.is_constant, given.place, rule.v_reset is None, attached, rule.kind, steps)
    with torch.cuda.device_of(x):
        kernels.backward[programs,](
            *(*read, *incoming, *out, *parts, starts, neurons, T, *fixed, T % steps != 0, block), **OPTIONS
        )
    return parts


def _values(given: Inputs) -> tuple[list[float | Tensor], list[int]]:
    """Return coefficients and first states as arguments of the kernels, and the form of each."""
    values, forms = map(list, zip(*map(_value, (*given.coefficients, given.v0, given.w0)), strict=True))
    for place in (FEEDBACK,) if given.place == FILTER else (FEEDBACK, INFLOW):
        if forms[place] == NUMBER and values[place] == 0:
            forms[place] = NOTHING
    return values, forms


def _value(value: float | Tensor) -> tuple[float | Tensor, int]:
    if one_each(value):
        return value, EACH
    if not isinstance(value, Tensor):
        return value, NUMBER
    # Reading a number from the device would wait for it.
    return (value.item(), NUMBER) if value.device.type == "cpu" else (value, ONE)


def _thresholds(rule: Rule) -> tuple[float, float]:
    return rule.v_threshold, 0.0 if rule.v_reset is None else rule.v_reset


def _stride(sequence: Tensor) -> int:
    """Return the distance from one step to the next; 0 if all steps share one memory."""
    return sequence.stride(0) if len(sequence) > 1 else 0


def _group(T: int, most: int) -> int:
    """Return the steps per group: a number that divides T, or else one for groups of about equal length."""
    return next((n for n in range(most, most // 2, -1) if T % n == 0), -(-T // -(-T // most)))


def _programs(neurons: int, block: int) -> int:
    return -(-neurons // block)
