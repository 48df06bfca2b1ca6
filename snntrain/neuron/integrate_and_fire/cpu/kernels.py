"""The recurrence compiled for the CPU with Numba: float32 or bfloat16 in and out, state in float32.

A block of neurons goes through all its steps, row by row (`rows.py`), while its state lies in the cache. Backward
computes the potentials of the block again from `x` before it walks back in time, so only `x` is kept for it. In float32
the spikes equal those of the reference.

`forward` and `backward` make a kernel: a C function of a `CALL`. Each thread that runs it takes one block after another
until all are done.
"""

from functools import cache
from typing import Any

import numpy as np

from snntrain.kernels.cpu.compiled import compiled
from snntrain.kernels.cpu.numba_alone import carray
from snntrain.kernels.cpu.vectors import row_at, settle, taken, total, wide
from snntrain.neuron.integrate_and_fire.cpu.rows import (
    LEARNS_FEEDBACK,
    LEARNS_GAIN,
    LEARNS_REST,
    back_row,
    begin_row,
    charge_row,
    fire_row,
    record_row,
    scale_row,
)
from snntrain.neuron.integrate_and_fire.cpu.surrogates import ONE, ZERO

f32, f64 = np.float32, np.float64

# Neurons per block. Memory is fastest with long rows; backward keeps the potentials of all steps, which must fit into
# the cache.
FORWARD_BLOCK, BACKWARD_BLOCK, SMALLEST_BLOCK = 8192, 1024, 64
# The maximum of numbers that backward keeps, unless its smallest block has more.
SCRATCH = 2**20

# The argument of a kernel. Arrays are passed as the addresses of their first elements, 0 for no array. A stride is the
# distance from one step to the next, in elements; it is 0 if all steps share one memory. `x` and `grad_s` are `[T, M]`,
# where M is the number of neurons, a multiple of WIDTH, in memory order. `s`, `h`, `v` and `grad_x` are contiguous
# `[T, M]`, but `grad_x` is `[M]` if `constant`. `gain`, `feedback`, `rest` and `v0` are numbers, or float32 `[M]` at
# `each_gain` and so on. `far` is -1 if sequences do not stay in the caches, else 0. `scratch` holds the rows of each
# thread.
CALL = np.dtype(
    [
        # The next block and the next thread: each thread takes one and adds one.
        *((name, np.int64) for name in ("block_next", "thread_next")),
        *((name, np.int64) for name in ("T", "M", "block", "far", "scratch")),
        *((name, np.int64) for name in ("x", "x_stride")),
        *((name, np.int64) for name in ("each_gain", "each_feedback", "each_rest", "each_v0")),
        *((name, np.int64) for name in ("s", "v_last", "h", "v", "stride")),
        *((name, np.int64) for name in ("grad_s", "grad_s_stride", "grad_v_last")),
        *((name, np.int64) for name in ("grad_x", "grad_v0", "grad_gain", "grad_feedback", "grad_rest")),
        *((name, np.int64) for name in ("updates", "fresh")),
        *((name, f32) for name in ("gain", "feedback", "rest", "v0", "v_threshold", "v_reset", "p", "q")),
    ],
    align=True,
)


def forward_block(neurons: int, threads: int) -> int:
    """Return the neurons per block: rows begin at a cache line, and all threads have work."""
    share = -(-neurons // (threads * SMALLEST_BLOCK)) * SMALLEST_BLOCK
    return max(BACKWARD_BLOCK, min(FORWARD_BLOCK, share))


def backward_block(T: int) -> int:
    """Return the neurons per block for the backward pass through T steps."""
    return max(SMALLEST_BLOCK, min(BACKWARD_BLOCK, SCRATCH // T // SMALLEST_BLOCK * SMALLEST_BLOCK))


@cache
def forward(half: bool, each: bool, soft: bool) -> Any:
    """Return the kernel that writes `s` and `v_last`, and float32 `h` and `v` if they are given.

    Args:
        half: sequences are bfloat16, not float32.
        each: each neuron has its own coefficients.
        soft: `v_reset` is absent.
    """
    STORED, EACH, SOFT = np.uint16 if half else f32, each, soft

    def kernel(call):
        given = carray(call, 1)[0]
        size, T, M, rule = given.block, given.T, given.M, (given.v_threshold, given.v_reset, given.p, given.q)
        far, stride, v = given.far, given.stride, row_at(given.scratch, taken(call, 1) * size, f32)
        while True:
            start = taken(call, 0) * size
            if start >= M:
                break
            n = min(size, M - start)
            gain = row_at(given.each_gain, start, f32) if EACH else given.gain
            feedback = row_at(given.each_feedback, start, f32) if EACH else given.feedback
            rest = row_at(given.each_rest, start, f32) if EACH else given.rest
            coefficients = gain, feedback, rest
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            for t in range(T):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                following = row_at(given.x, min(t + 1, T - 1) * given.x_stride + start, STORED)
                if given.h != 0:
                    h, after = row_at(given.h, t * stride + start, f32), row_at(given.v, t * stride + start, f32)
                    record_row(SOFT, rule, coefficients, n, x, v, h, after)
                s = row_at(given.s, t * stride + start, STORED)
                fire_row(SOFT, rule, coefficients, far, n, x, following, v, s)
            scale_row(v, ONE, n, row_at(given.v_last, start, STORED))
        settle()

    return compiled(kernel, CALL, f"forward-{STORED.__name__}-{EACH}-{SOFT}")


@cache
def backward(half: bool, each: bool, soft: bool, attached: bool, constant: bool, learnt: int, kind: int) -> Any:
    """Return the kernel that writes `grad_x`, `grad_v0` if it is given, and the gradients of the learnt coefficients.

    `grad_v0` is float32 `[M]`. If `each`, the kernel adds `grad_gain` and so on to float32 `[M]`; else it writes them
    as float64, one sum per block.

    Args:
        half, each, soft: as in `forward`.
        attached: the reset takes part in the gradient.
        constant: `x` is the same in all steps, and `grad_x` has one step.
        learnt: the wanted gradients, as a sum of `LEARNS_GAIN` and so on.
        kind: the surrogate, see `formulas.KINDS`.
    """
    STORED, EACH, SOFT, ATTACHED = np.uint16 if half else f32, each, soft, attached
    CONSTANT, LEARNT, KIND = constant, learnt, kind
    GAIN, FEEDBACK, REST = (bool(learnt & flag) for flag in (LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST))

    def kernel(call):
        given = carray(call, 1)[0]
        size, T, M, rule = given.block, given.T, given.M, (given.v_threshold, given.v_reset, given.p, given.q)
        far, stride, scratch = given.far, given.stride, given.scratch + 4 * taken(call, 1) * size * (T + 3)
        v, grad_v = row_at(scratch, 0, f32), row_at(scratch, size, f32)
        sum_h, hs = row_at(scratch, 2 * size, f32) if CONSTANT else None, scratch + 4 * 3 * size
        while True:
            block = taken(call, 0)
            start = block * size
            if start >= M:
                break
            n = min(size, M - start)
            gain = row_at(given.each_gain, start, f32) if EACH else given.gain
            feedback = row_at(given.each_feedback, start, f32) if EACH else given.feedback
            rest = row_at(given.each_rest, start, f32) if EACH else given.rest
            coefficients = gain, feedback, rest
            last = row_at(given.grad_s, (T - 1) * given.grad_s_stride + start, STORED)
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            for t in range(T):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                following = row_at(given.x, (t + 1) * given.x_stride + start, STORED) if t < T - 1 else last
                h = row_at(hs, t * size, f32)
                charge_row(SOFT, rule, coefficients, far, n, x, following, v, h)
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            begin_row(given.grad_v_last, ZERO, start, n, STORED, grad_v)
            if CONSTANT:
                begin_row(0, ZERO, start, n, f32, sum_h)
            if EACH:
                sums = (
                    row_at(given.grad_gain, start, f32),
                    row_at(given.grad_feedback, start, f32),
                    row_at(given.grad_rest, start, f32),
                )
            else:
                sums = wide(ZERO), wide(ZERO), wide(ZERO)
            for t in range(T - 1, -1, -1):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                grad_s = row_at(given.grad_s, t * given.grad_s_stride + start, STORED)
                following = row_at(given.grad_s, max(t - 1, 0) * given.grad_s_stride + start, STORED)
                grad_x = row_at(given.grad_x, t * stride + start, STORED)
                h, before = row_at(hs, t * size, f32), row_at(hs, (t - 1) * size, f32) if t > 0 else v
                read, written = (x, h, before, grad_s, following), (grad_v, grad_x, sum_h)
                sums = back_row(KIND, SOFT, ATTACHED, LEARNT, rule, coefficients, far, n, t == 0, read, written, sums)
            if CONSTANT:
                scale_row(sum_h, gain, n, row_at(given.grad_x, start, STORED))
            if given.grad_v0 != 0:
                scale_row(grad_v, ONE, n, row_at(given.grad_v0, start, f32))
            if not EACH:
                # Multiply by the factors that all neurons share.
                if GAIN:
                    row_at(given.grad_gain, block, f64)[0] = total(sums[0])
                if FEEDBACK:
                    row_at(given.grad_feedback, block, f64)[0] = f64(gain) * total(sums[1])
                if REST:
                    row_at(given.grad_rest, block, f64)[0] = -f64(gain) * f64(feedback) * total(sums[2])
        settle()

    variant = f"backward-{STORED.__name__}-{EACH}-{SOFT}-{ATTACHED}-{CONSTANT}-{LEARNT}-{KIND}"
    return compiled(kernel, CALL, variant)
