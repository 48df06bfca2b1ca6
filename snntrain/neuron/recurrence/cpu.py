"""The CPU's executor: Numba's kernels on flat arrays, block by block on all of torch's threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain.neuron.recurrence import numba_kernels as kernels
from snntrain.neuron.recurrence import numba_updates as counting
from snntrain.neuron.recurrence.executor import Inputs, Parts, Rule
from snntrain.neuron.recurrence.threads import run_on_threads

ZEROS = (0,) * len(kernels.FIELDS)


def forward(rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None, v: Tensor | None) -> None:
    """See `Executor`."""
    kernel = kernels.forward(_is_half(given), _each(given), rule.v_reset is None)
    # Forward keeps nothing of a step, so that its blocks are the largest for any T.
    _call(kernel, rule, given, kernels.LARGEST_BLOCK, s=s, v_last=v_last, h=h, v=v)


def backward(
    rule: Rule,
    given: Inputs,
    grad_s: Tensor,
    grad_v_last: Tensor | None,
    grad_x: Tensor,
    grad_v0: Tensor | None,
    learnt: bool,
) -> Parts | None:
    """See `Executor`; the parts are one a neuron where a coefficient is, else one a block."""
    x, T, neurons = given.x, given.T, given.x.shape[1]
    each, block = _each(given), kernels.block_size(T)
    kernel = kernels.backward(_is_half(given), each, rule.v_reset is None, not rule.detach_reset, rule.kind)
    parts: Parts | None = None
    if learnt:
        count, dtype = (neurons, torch.float32) if each else (-(-neurons // block), torch.float64)
        parts = Parts(*torch.zeros(3, count, dtype=dtype))
    wanted = {} if parts is None else {f"grad_{name}": part for name, part in parts._asdict().items()}
    _call(
        *(kernel, rule, given, block),
        p=rule.p,
        q=rule.q,
        grad_s=grad_s.to(x.dtype),
        grad_s_stride=_stride(grad_s),
        grad_v_last=None if grad_v_last is None else grad_v_last.to(x.dtype),
        grad_x=grad_x,
        grad_v0=grad_v0,
        constant=len(x) == 1 and T > 1,
        **wanted,
    )
    return parts


def updates(rule: Rule, given: Inputs, fresh: bool) -> int:
    """How many potentials the steps change; where `fresh`, the first one changes all."""
    kernel = counting.kernel(_is_half(given), _each(given), rule.v_reset is None)
    block = kernels.LARGEST_BLOCK
    counts = torch.zeros(-(-given.x.shape[1] // block), dtype=torch.int64)
    _call(kernel, rule, given, block, updates=counts, fresh=fresh)
    return int(counts.sum())


def _call(kernel: Any, rule: Rule, given: Inputs, block: int, **more: Tensor | float | None) -> None:
    """Runs a kernel on the inputs and `more` of the fields of its `CALL`."""
    neurons, each = given.x.shape[1], _each(given)
    fields: dict[str, Tensor | float | None] = {
        "T": given.T,
        "M": neurons,
        "block": block,
        "x": given.x,
        "x_stride": _stride(given.x),
        "v_threshold": rule.v_threshold,
        "v_reset": rule.v_reset or 0.0,
        **more,
    }
    for name in ("a", "b", "c", "v0"):
        values = getattr(given, name).float()
        if values.numel() > 1 or (each and name != "v0"):
            fields[f"each_{name}"] = values.expand(neurons).contiguous()
        else:
            fields[name] = values.item()
    numbers = {key: value.data_ptr() if isinstance(value, Tensor) else value or 0 for key, value in fields.items()}
    # As one tuple: setting a field takes a fourth as long as all of them together.
    call = np.array(tuple(map(numbers.get, kernels.FIELDS, ZEROS)), kernels.CALL)
    run_on_threads(kernel.address, call.ctypes.data, -(-neurons // block))


def _is_half(given: Inputs) -> bool:
    return given.x.dtype == torch.bfloat16


def _each(given: Inputs) -> bool:
    """Whether neurons have coefficients of their own."""
    return any(values.numel() > 1 for values in (given.a, given.b, given.c))


def _stride(sequence: Tensor) -> int:
    """From one step to the next; 0 where all are one."""
    return sequence.stride(0) if len(sequence) > 1 else 0
