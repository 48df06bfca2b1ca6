"""The CPU's executor: Numba's kernels, block by block on all of torch's threads."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain.neuron.recurrence import numba_kernels as kernels
from snntrain.neuron.recurrence import numba_updates as counting
from snntrain.neuron.recurrence.executor import Inputs, Parts, Rule, one_each
from snntrain.neuron.recurrence.threads import run_on_threads

# The kernels' record as a C structure, which takes a third of a NumPy record's time to make.
Call: Any = np.ctypeslib.as_ctypes_type(kernels.CALL)  # type: ignore[arg-type]


def forward(
    rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None = None, v: Tensor | None = None
) -> None:
    """See `Executor`."""
    kernel = kernels.forward(_is_half(given), _each(given), rule.v_reset is None)
    # Forward keeps nothing of a step, so that its blocks are the largest for any T.
    block = kernels.LARGEST_BLOCK
    _call(kernel, rule, given, block, s=_address(s), v_last=_address(v_last), h=_address(h), v=_address(v))


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
    each, block = _each(given), kernels.block_size(given.T)
    kernel = kernels.backward(_is_half(given), each, rule.v_reset is None, not rule.detach_reset, rule.kind)
    parts: Parts | None = None
    if learnt:
        # The kernel adds to what is a neuron's, and writes what is a block's.
        if each:
            parts = Parts(*(torch.zeros(given.neurons) for _ in range(3)))
        else:
            parts = Parts(*(torch.empty(-(-given.neurons // block), dtype=torch.float64) for _ in range(3)))
    grad_a, grad_b, grad_c = parts or (None, None, None)
    _call(
        *(kernel, rule, given, block),
        p=rule.p,
        q=rule.q,
        grad_s=_address(grad_s),
        grad_s_stride=_stride(grad_s),
        grad_v_last=_address(grad_v_last),
        grad_x=_address(grad_x),
        grad_v0=_address(grad_v0),
        grad_a=_address(grad_a),
        grad_b=_address(grad_b),
        grad_c=_address(grad_c),
        constant=given.x.shape[0] == 1 and given.T > 1,
    )
    return parts


def updates(rule: Rule, given: Inputs, fresh: bool) -> int:
    """How many potentials the steps change; where `fresh`, the first one changes all."""
    kernel = counting.kernel(_is_half(given), _each(given), rule.v_reset is None)
    block = kernels.LARGEST_BLOCK
    counts = torch.zeros(-(-given.neurons // block), dtype=torch.int64)
    _call(kernel, rule, given, block, updates=_address(counts), fresh=fresh)
    return int(counts.sum())


def _call(kernel: Any, rule: Rule, given: Inputs, block: int, **more: float) -> None:
    """Runs a kernel on the inputs and `more` of the fields of its `CALL`."""
    neurons, each = given.neurons, _each(given)
    call = Call(
        T=given.T,
        M=neurons,
        block=block,
        x=_address(given.x),
        x_stride=_stride(given.x),
        v_threshold=rule.v_threshold,
        v_reset=rule.v_reset or 0.0,
        **more,
    )
    # The call has addresses alone: their arrays live as long as they are named here.
    rows = []
    for name, values in (("a", given.a), ("b", given.b), ("c", given.c), ("v0", given.v0)):
        if one_each(values):
            rows.append(values.float())
        elif each and name != "v0":
            rows.append(torch.full((neurons,), _number(values)))
        else:
            setattr(call, name, _number(values))
            continue
        setattr(call, f"each_{name}", _address(rows[-1]))
    run_on_threads(kernel.address, ctypes.addressof(call), -(-neurons // block))


def _is_half(given: Inputs) -> bool:
    return given.x.dtype == torch.bfloat16


def _each(given: Inputs) -> bool:
    """Whether neurons have coefficients of their own."""
    return one_each(given.a) or one_each(given.b) or one_each(given.c)


def _number(values: float | Tensor) -> float:
    return values.item() if isinstance(values, Tensor) else values


def _address(values: Tensor | None) -> int:
    return 0 if values is None else values.data_ptr()


def _stride(sequence: Tensor) -> int:
    """From one step to the next; 0 where all are one."""
    return sequence.stride(0) if sequence.shape[0] > 1 else 0
