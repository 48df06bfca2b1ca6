"""The CPU's executor of the recurrence with two states: Numba's kernels, block by block on all of torch's threads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snntrain.kernels.cpu.caches import far
from snntrain.kernels.cpu.threads import run_on_threads, threads_for
from snntrain.kernels.cpu.vectors import WIDTH
from snntrain.neuron.integrate_and_fire.contract import Rule, number, one_each
from snntrain.neuron.integrate_and_fire.cpu.remainder import Remainder
from snntrain.neuron.two_states.contract import Coefficients, Gradients, Inputs, Outputs, Parts, Pulls
from snntrain.neuron.two_states.cpu import kernels
from snntrain.neuron.two_states.cpu.rows import LEARNS

# The kernels' record as a C structure, which is built in a third of the time of a NumPy record.
Call: Any = np.ctypeslib.as_ctypes_type(kernels.CALL)  # type: ignore[arg-type]


def forward(rule: Rule, given: Inputs, out: Outputs) -> None:
    """See `Executor`."""
    if given.neurons % WIDTH:
        cut = Remainder(given.neurons, WIDTH)
        sequences, steps = (out.s, out.h, out.v, out.w), (out.v_last, out.w_last)
        s, h, v, w = (cut.sequence(one) for one in sequences)
        v_last, w_last = (cut.step(one) for one in steps)
        pieces = zip(s, v_last, w_last, h, v, w, strict=True)
        for part, outputs in zip(_cut(cut, given), pieces, strict=True):
            forward(rule, part, Outputs(*outputs))
        for written, output in zip((s, v_last, w_last, h, v, w), out, strict=True):
            cut.write_back(written, output)
        return
    kernel = kernels.forward(_is_half(given), _each(given), rule.v_reset is None, given.place)
    block = kernels.forward_block(given.neurons, torch.get_num_threads())
    addresses = {name: _address(values) for name, values in out._asdict().items()}
    _call(kernel, rule, given, block, 2, stride=_stride(out.s), far=far(out.s), **addresses)


def backward(rule: Rule, given: Inputs, pulls: Pulls, out: Gradients, learnt: Sequence[bool]) -> Parts:
    """See `Executor`; a coefficient that all neurons share has a part per block."""
    if given.neurons % WIDTH:
        cut = Remainder(given.neurons, WIDTH)
        incoming = zip(cut.sequence(pulls.s), cut.step(pulls.v_last), cut.step(pulls.w_last), strict=True)
        written = cut.sequence(out.x), cut.step(out.v0), cut.step(out.w0)
        pieces = zip(_cut(cut, given), incoming, zip(*written, strict=True), strict=True)
        found = [backward(rule, part, Pulls(*its), Gradients(*into), learnt) for part, its, into in pieces]
        for piece, output in zip(written, out, strict=True):
            cut.write_back(piece, output)
        return [None if each[0] is None else torch.cat(each)[: given.neurons] for each in zip(*found, strict=True)]
    each, block = _each(given), kernels.backward_block(given.T)
    flags = sum(flag for flag, wanted in zip(LEARNS, learnt, strict=True) if wanted)
    kernel = kernels.backward(
        *(_is_half(given), each, rule.v_reset is None, not rule.detach_reset),
        *(given.is_constant, flags, rule.kind, given.place),
    )
    # The kernel adds to the entry of a neuron, but overwrites the entry of a block.
    parts = [_part(given.neurons, block, each) if wanted else None for wanted in learnt]
    _call(
        kernel,
        rule,
        given,
        block,
        2 * given.T + kernels.MORE_ROWS,
        p=rule.p,
        q=rule.q,
        grad_s=_address(pulls.s),
        grad_s_stride=_stride(pulls.s),
        grad_v_last=_address(pulls.v_last),
        grad_w_last=_address(pulls.w_last),
        grad_x=_address(out.x),
        stride=_stride(out.x),
        grad_v0=_address(out.v0),
        grad_w0=_address(out.w0),
        # If `x` is constant, `grad_x` has only one step, while all of `grad_s` is read.
        far=far(pulls.s if given.is_constant else out.x),
        **{f"grad_{name}": _address(part) for name, part in zip(Coefficients._fields, parts, strict=True)},
    )
    return parts


def _cut(cut: Remainder, given: Inputs) -> Iterator[Inputs]:
    """Yield the inputs of whole vectors, if there are any, and of the remaining neurons; see `remainder`."""
    xs = cut.sequence(given.x)
    # The unused places of a vector stay at rest, since from any other potential they might diverge to infinity.
    rest = 0.0 if one_each(given.coefficients.rest) else number(given.coefficients.rest)
    behind = (*[0.0] * len(given.coefficients), rest, 0.0)
    values = zip((*given.coefficients, given.v0, given.w0), behind, strict=True)
    own = [cut.step(k, unused) if one_each(k) else [k] * len(xs) for k, unused in values]
    for x, *pieces in zip(xs, *own, strict=True):
        *coefficients, v0, w0 = pieces
        yield Inputs(x, given.T, x.shape[1], given.place, Coefficients(*coefficients), v0, w0)


def _part(neurons: int, block: int, each: bool) -> Tensor:
    return torch.zeros(neurons) if each else torch.zeros(-(-neurons // block), dtype=torch.float64)


def _call(kernel: Any, rule: Rule, given: Inputs, block: int, rows: int, **more: float) -> None:
    """Run a kernel on the inputs and on `more` fields of its `CALL`, with `rows` rows of scratch memory per thread."""
    neurons, each = given.neurons, _each(given)
    threads = threads_for(-(-neurons // block))
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
    for name, values in zip(kernels.VALUES, (*given.coefficients, given.v0, given.w0), strict=True):
        if one_each(values):
            own.append(values.float())
        elif each and name in kernels.COEFFICIENTS:
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
