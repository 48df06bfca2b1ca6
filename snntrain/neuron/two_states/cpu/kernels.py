"""The recurrence with two states compiled for the CPU with Numba: float32 or bfloat16 in and out, states in float32.

As in `integrate_and_fire/cpu/kernels.py`: a block of neurons goes through all its steps while its states lie in the
cache, and backward computes the potentials and second states of the block again from `x` before it walks back in time.
In float32 the spikes equal those of the reference.

`forward` and `backward` make a kernel: a C function of a `CALL`. Each thread that runs it takes one block after another
until all are done.
"""

from functools import cache
from typing import Any

import numpy as np

from snntrain.kernels.cpu.compiled import compiled
from snntrain.kernels.cpu.numba_alone import carray
from snntrain.kernels.cpu.vectors import row_at, settle, taken, total, wide
from snntrain.neuron.integrate_and_fire.cpu.rows import begin_row, scale_row
from snntrain.neuron.integrate_and_fire.cpu.surrogates import ONE, ZERO
from snntrain.neuron.two_states.cpu.rows import FILTER, LEARNS, back_row, charge_row, fire_row, record_row

f32, f64 = np.float32, np.float64

# Neurons per block, as in `integrate_and_fire`, for twice as many states.
FORWARD_BLOCK, BACKWARD_BLOCK, SMALLEST_BLOCK = 4096, 512, 64
# The maximum of numbers that backward keeps, unless its smallest block has more.
SCRATCH = 2**20
# The rows of scratch memory of backward: 2 T, and these.
MORE_ROWS = 5

COEFFICIENTS = ("gain", "feedback", "rest", "decay", "inflow", "jump")
VALUES = (*COEFFICIENTS, "v0", "w0")

# The argument of a kernel, see `integrate_and_fire/cpu/kernels.py`. `x` and `grad_s` are `[T, M]`, where M is a
# multiple of WIDTH. `s`, `h`, `v`, `w` and `grad_x` are contiguous `[T, M]`, but `grad_x` is `[M]` if `constant`. The
# values are numbers, or float32 `[M]` at `each_gain` and so on.
CALL = np.dtype(
    [
        # The next block and the next thread: each thread takes one and adds one.
        *((name, np.int64) for name in ("block_next", "thread_next")),
        *((name, np.int64) for name in ("T", "M", "block", "far", "scratch")),
        *((name, np.int64) for name in ("x", "x_stride")),
        *((f"each_{name}", np.int64) for name in VALUES),
        *((name, np.int64) for name in ("s", "v_last", "w_last", "h", "v", "w", "stride")),
        *((name, np.int64) for name in ("grad_s", "grad_s_stride", "grad_v_last", "grad_w_last")),
        *((name, np.int64) for name in ("grad_x", "grad_v0", "grad_w0")),
        *((f"grad_{name}", np.int64) for name in COEFFICIENTS),
        *((name, f32) for name in (*VALUES, "v_threshold", "v_reset", "p", "q")),
    ],
    align=True,
)


def forward_block(neurons: int, threads: int) -> int:
    """Return the neurons per block: rows begin at a cache line, and all threads have work."""
    share = -(-neurons // (threads * SMALLEST_BLOCK)) * SMALLEST_BLOCK
    return max(BACKWARD_BLOCK, min(FORWARD_BLOCK, share))


def backward_block(T: int) -> int:
    """Return the neurons per block for the backward pass through T steps."""
    return max(SMALLEST_BLOCK, min(BACKWARD_BLOCK, SCRATCH // (2 * T) // SMALLEST_BLOCK * SMALLEST_BLOCK))


@cache
def forward(half: bool, each: bool, soft: bool, place: int) -> Any:
    """Return the kernel that writes `s`, `v_last`, `w_last`, and float32 `h`, `v` and `w` if they are given.

    Args:
        half: sequences are bfloat16, not float32.
        each: each neuron has its own coefficients.
        soft: `v_reset` is absent.
        place: number of the second state's place.
    """
    STORED, EACH, SOFT, PLACE = np.uint16 if half else f32, each, soft, place

    def kernel(call):
        given = carray(call, 1)[0]
        size, T, M, rule = given.block, given.T, given.M, (given.v_threshold, given.v_reset, given.p, given.q)
        far, stride, scratch = given.far, given.stride, given.scratch + 4 * taken(call, 1) * size * 2
        v, w = row_at(scratch, 0, f32), row_at(scratch, size, f32)
        while True:
            start = taken(call, 0) * size
            if start >= M:
                break
            n = min(size, M - start)
            coefficients = (
                row_at(given.each_gain, start, f32) if EACH else given.gain,
                row_at(given.each_feedback, start, f32) if EACH else given.feedback,
                row_at(given.each_rest, start, f32) if EACH else given.rest,
                row_at(given.each_decay, start, f32) if EACH else given.decay,
                row_at(given.each_inflow, start, f32) if EACH else given.inflow,
                row_at(given.each_jump, start, f32) if EACH else given.jump,
            )
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            begin_row(given.each_w0, given.w0, start, n, f32, w)
            for t in range(T):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                following = row_at(given.x, min(t + 1, T - 1) * given.x_stride + start, STORED)
                place = t * stride + start
                if given.h != 0:
                    h, v_after = row_at(given.h, place, f32), row_at(given.v, place, f32)
                    w_after = row_at(given.w, place, f32)
                    record_row(PLACE, SOFT, rule, coefficients, n, x, v, w, h, v_after, w_after)
                s = row_at(given.s, place, STORED)
                fire_row(PLACE, SOFT, rule, coefficients, far, n, x, following, v, w, s)
            scale_row(v, ONE, n, row_at(given.v_last, start, STORED))
            scale_row(w, ONE, n, row_at(given.w_last, start, STORED))
        settle()

    return compiled(kernel, CALL, f"forward-{STORED.__name__}-{EACH}-{SOFT}-{PLACE}")


@cache
def backward(
    half: bool, each: bool, soft: bool, attached: bool, constant: bool, learnt: int, kind: int, place: int
) -> Any:
    """Return the kernel that writes `grad_x`, the given gradients of states, and those of the learnt coefficients.

    `grad_v0` and `grad_w0` are float32 `[M]`. If `each`, the kernel adds `grad_gain` and so on to float32 `[M]`; else
    it writes them as float64, one sum per block.

    Args:
        half, each, soft, place: as in `forward`.
        attached: the reset takes part in the gradient.
        constant: `x` is the same in all steps, and `grad_x` has one step.
        learnt: the wanted gradients, as a sum of `rows.LEARNS`.
        kind: the surrogate, see `formulas.KINDS`.
    """
    STORED, EACH, SOFT, ATTACHED = np.uint16 if half else f32, each, soft, attached
    CONSTANT, LEARNT, KIND, PLACE, FILTERS = constant, learnt, kind, place, place == FILTER
    GAIN, FEEDBACK, REST, DECAY, INFLOW, JUMP = (bool(learnt & flag) for flag in LEARNS)

    def kernel(call):
        given = carray(call, 1)[0]
        size, T, M, rule = given.block, given.T, given.M, (given.v_threshold, given.v_reset, given.p, given.q)
        far, stride = given.far, given.stride
        scratch = given.scratch + 4 * taken(call, 1) * size * (2 * T + MORE_ROWS)
        v, grad_v, grad_w = row_at(scratch, 0, f32), row_at(scratch, size, f32), row_at(scratch, 2 * size, f32)
        sum_x = row_at(scratch, 3 * size, f32) if CONSTANT else None
        # The charged potentials of all steps, and the second states before and after each.
        hs, ws = scratch + 4 * 4 * size, scratch + 4 * (4 + T) * size
        while True:
            block = taken(call, 0)
            start = block * size
            if start >= M:
                break
            n = min(size, M - start)
            coefficients = (
                row_at(given.each_gain, start, f32) if EACH else given.gain,
                row_at(given.each_feedback, start, f32) if EACH else given.feedback,
                row_at(given.each_rest, start, f32) if EACH else given.rest,
                row_at(given.each_decay, start, f32) if EACH else given.decay,
                row_at(given.each_inflow, start, f32) if EACH else given.inflow,
                row_at(given.each_jump, start, f32) if EACH else given.jump,
            )
            last = row_at(given.grad_s, (T - 1) * given.grad_s_stride + start, STORED)
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            begin_row(given.each_w0, given.w0, start, n, f32, row_at(ws, 0, f32))
            for t in range(T):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                following = row_at(given.x, (t + 1) * given.x_stride + start, STORED) if t < T - 1 else last
                h, w, w_after = row_at(hs, t * size, f32), row_at(ws, t * size, f32), row_at(ws, (t + 1) * size, f32)
                charge_row(PLACE, SOFT, rule, coefficients, far, n, x, following, v, w, h, w_after)
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            begin_row(given.grad_v_last, ZERO, start, n, STORED, grad_v)
            begin_row(given.grad_w_last, ZERO, start, n, STORED, grad_w)
            if CONSTANT:
                begin_row(0, ZERO, start, n, f32, sum_x)
            if EACH:
                sums = (
                    row_at(given.grad_gain, start, f32),
                    row_at(given.grad_feedback, start, f32),
                    row_at(given.grad_rest, start, f32),
                    row_at(given.grad_decay, start, f32),
                    row_at(given.grad_inflow, start, f32),
                    row_at(given.grad_jump, start, f32),
                )
            else:
                sums = wide(ZERO), wide(ZERO), wide(ZERO), wide(ZERO), wide(ZERO), wide(ZERO)
            for t in range(T - 1, -1, -1):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                grad_s = row_at(given.grad_s, t * given.grad_s_stride + start, STORED)
                following = row_at(given.grad_s, max(t - 1, 0) * given.grad_s_stride + start, STORED)
                grad_x = row_at(given.grad_x, t * stride + start, STORED)
                h, before = row_at(hs, t * size, f32), row_at(hs, (t - 1) * size, f32) if t > 0 else v
                w, w_after = row_at(ws, t * size, f32), row_at(ws, (t + 1) * size, f32)
                w_earlier = row_at(ws, max(t - 1, 0) * size, f32)
                read = x, h, before, w_earlier, w, w_after, grad_s, following
                written = grad_v, grad_w, grad_x, sum_x
                sums = back_row(
                    PLACE, KIND, SOFT, ATTACHED, LEARNT, rule, coefficients, far, n, t == 0, read, written, sums
                )
            if CONSTANT:
                factor = coefficients[4] if FILTERS else coefficients[0]
                scale_row(sum_x, factor, n, row_at(given.grad_x, start, STORED))
            if given.grad_v0 != 0:
                scale_row(grad_v, ONE, n, row_at(given.grad_v0, start, f32))
            if given.grad_w0 != 0:
                scale_row(grad_w, ONE, n, row_at(given.grad_w0, start, f32))
            if not EACH:
                if GAIN:
                    row_at(given.grad_gain, block, f64)[0] = total(sums[0])
                if FEEDBACK:
                    row_at(given.grad_feedback, block, f64)[0] = total(sums[1])
                if REST:
                    row_at(given.grad_rest, block, f64)[0] = total(sums[2])
                if DECAY:
                    row_at(given.grad_decay, block, f64)[0] = total(sums[3])
                if INFLOW:
                    row_at(given.grad_inflow, block, f64)[0] = total(sums[4])
                if JUMP:
                    row_at(given.grad_jump, block, f64)[0] = total(sums[5])
        settle()

    variant = f"backward-{STORED.__name__}-{EACH}-{SOFT}-{ATTACHED}-{CONSTANT}-{LEARNT}-{KIND}-{PLACE}"
    return compiled(kernel, CALL, variant)
