"""The CPU's executor: Numba's kernels, block by block on all of torch's threads."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain.kernels.cpu.caches import far
from snntrain.kernels.cpu.threads import run_on_threads, threads_for
from snntrain.kernels.cpu.vectors import WIDTH
from snntrain.neuron.integrate_and_fire.contract import Inputs, Learnt, Parts, Rule, number, one_each
from snntrain.neuron.integrate_and_fire.cpu import kernels
from snntrain.neuron.integrate_and_fire.cpu import updates as counting
from snntrain.neuron.integrate_and_fire.cpu.remainder import Remainder
from snntrain.neuron.integrate_and_fire.cpu.rows import LEARNS_FEEDBACK, LEARNS_GAIN, LEARNS_REST

FLAGS = (LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST)
# The kernels' record as a C structure, which is built in a third of the time of a NumPy record.
Call: Any = np.ctypeslib.as_ctypes_type(kernels.CALL)  # type: ignore[arg-type]


def forward(
    rule: Rule, given: Inputs, s: Tensor, v_last: Tensor, h: Tensor | None = None, v: Tensor | None = None
) -> None:
    """See `Executor`."""
    if given.neurons % WIDTH:
        cut = Remainder(given.neurons, WIDTH)
        written = (cut.sequence(s), cut.step(v_last), cut.sequence(h), cut.sequence(v))
        for part, outputs in zip(cut.inputs(given), zip(*written, strict=True), strict=True):
            forward(rule, part, *outputs)
        for pieces, output in zip(written, (s, v_last, h, v), strict=True):
            cut.write_back(pieces, output)
        return
    kernel = kernels.forward(_is_half(given), _each(given), rule.v_reset is None)
    block = kernels.forward_block(given.neurons, torch.get_num_threads())
    _call(
        *(kernel, rule, given, block, 1),
        s=_address(s),
        stride=_stride(s),
        v_last=_address(v_last),
        h=_address(h),
        v=_address(v),
        far=far(s),
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
    """See `Executor`; a coefficient that all neurons share has a part per block."""
    if given.neurons % WIDTH:
        cut = Remainder(given.neurons, WIDTH)
        tensors = (cut.sequence(grad_s), cut.step(grad_v_last), cut.sequence(grad_x), cut.step(grad_v0))
        parts_of = zip(cut.inputs(given), zip(*tensors, strict=True), strict=True)
        found = [backward(rule, part, *its, learnt) for part, its in parts_of]
        cut.write_back(tensors[2], grad_x)
        cut.write_back(tensors[3], grad_v0)
        return cut.joined(found)
    each, block = _each(given), kernels.backward_block(given.T)
    constant = given.x.shape[0] == 1 and given.T > 1
    flags = sum(flag for flag, wanted in zip(FLAGS, learnt, strict=True) if wanted)
    kernel = kernels.backward(
        _is_half(given), each, rule.v_reset is None, not rule.detach_reset, constant, flags, rule.kind
    )
    # The kernel adds to the entry of a neuron, but overwrites the entry of a block.
    parts = Parts(*(_part(given.neurons, block, each) if wanted else None for wanted in learnt))
    _call(
        *(kernel, rule, given, block, given.T + 3),
        p=rule.p,
        q=rule.q,
        grad_s=_address(grad_s),
        grad_s_stride=_stride(grad_s),
        grad_v_last=_address(grad_v_last),
        grad_x=_address(grad_x),
        stride=_stride(grad_x),
        grad_v0=_address(grad_v0),
        grad_gain=_address(parts.gain),
        grad_feedback=_address(parts.feedback),
        grad_rest=_address(parts.rest),
        # If `x` is constant, `grad_x` has only one step, while all of `grad_s` is read.
        far=far(grad_s if constant else grad_x),
    )
    return parts


def _part(neurons: int, block: int, each: bool) -> Tensor:
    return torch.zeros(neurons) if each else torch.empty(-(-neurons // block), dtype=torch.float64)


def updates(rule: Rule, given: Inputs, fresh: bool) -> int:
    """Return the number of potentials that the steps change; if `fresh`, the first step changes all."""
    if given.neurons % WIDTH:
        *whole, rest = Remainder(given.neurons, WIDTH).inputs(given)
        return sum(_updates(rule, part, fresh) for part in (*whole, rest._replace(neurons=given.neurons % WIDTH)))
    return _updates(rule, given, fresh)


def _updates(rule: Rule, given: Inputs, fresh: bool) -> int:
    kernel = counting.kernel(_is_half(given), _each(given), rule.v_reset is None)
    block = kernels.FORWARD_BLOCK
    counts = torch.zeros(-(-given.neurons // block), dtype=torch.int64)
    _call(kernel, rule, given, block, 1, updates=_address(counts), fresh=fresh)
    return int(counts.sum())


def _call(kernel: Any, rule: Rule, given: Inputs, block: int, rows: int, **more: float) -> None:
    """Run a kernel on the inputs and on `more` fields of its `CALL`, with `rows` rows of scratch memory per thread."""
    neurons, each = given.neurons, _each(given)
    blocks = -(-neurons // block)
    threads = threads_for(blocks)
    # The call holds only addresses: their arrays live as long as this function refers to them.
    scratch = torch.empty(threads * rows * block)
    call = Call(
        T=given.T,
        M=neurons,
        block=block,
        scratch=_address(scratch),
        x=_address(given.x),
        x_stride=_stride(given.x),
        v_threshold=rule.v_threshold,
        v_reset=rule.v_reset or 0.0,
        **more,
    )
    own = []
    for name in ("gain", "feedback", "rest", "v0"):
        values = getattr(given, name)
        if one_each(values):
            own.append(values.float())
        elif each and name != "v0":
            own.append(torch.full((neurons,), number(values)))
        else:
            setattr(call, name, number(values))
            continue
        setattr(call, f"each_{name}", _address(own[-1]))
    run_on_threads(kernel.address, ctypes.addressof(call), threads)


def _is_half(given: Inputs) -> bool:
    return given.x.dtype == torch.bfloat16


def _each(given: Inputs) -> bool:
    """Return whether each neuron has its own coefficients."""
    return any(map(one_each, given.coefficients))


def _address(values: Tensor | None) -> int:
    return 0 if values is None else values.data_ptr()


def _stride(sequence: Tensor) -> int:
    """Return the distance from one step to the next; 0 if all steps share one memory."""
    return sequence.stride(0) if sequence.shape[0] > 1 else 0
