"""A count of the potentials that each step changes, on the CPU while the recurrence runs; it keeps no potentials.

The potentials equal those of `kernels.py`, as they are computed by the same functions.
"""

from functools import cache
from typing import Any

import numpy as np

from snntrain.kernels.cpu.compiled import compiled
from snntrain.kernels.cpu.numba_alone import carray, njit
from snntrain.kernels.cpu.vectors import WIDTH, first, load, row_at, store, taken, total, where, wide
from snntrain.neuron.integrate_and_fire.cpu.kernels import CALL, f32
from snntrain.neuron.integrate_and_fire.cpu.rows import after_reset, begin_row, charged
from snntrain.neuron.integrate_and_fire.cpu.surrogates import ONE, ZERO


@njit
def change_row(soft, rule, coefficients, n, x, v):
    """Move `v` by one step, and return how many of its first n numbers changed."""
    v_threshold, v_reset, _, _ = rule
    changed = wide(ZERO)
    for i in range(0, n, WIDTH):
        before, h = load(v, i), charged(x, coefficients, v, i)
        after = after_reset(h, h - v_threshold, v_reset, soft)
        store(v, i, after)
        changed = changed + wide(first(where(after != before, ONE, ZERO), n - i))
    return int(total(changed))


@cache
def kernel(half: bool, each: bool, soft: bool) -> Any:
    """Return the kernel that writes the count of each block to `updates`; if `fresh`, the first step changes all.

    Args:
        half, each, soft: as in `kernels.forward`.
    """
    STORED, EACH, SOFT = np.uint16 if half else f32, each, soft

    def count(call):
        given = carray(call, 1)[0]
        size, M, rule = given.block, given.M, (given.v_threshold, given.v_reset, given.p, given.q)
        v = row_at(given.scratch, taken(call, 1) * size, f32)
        while True:
            block = taken(call, 0)
            start = block * size
            if start >= M:
                break
            n = min(size, M - start)
            gain = row_at(given.each_gain, start, f32) if EACH else given.gain
            feedback = row_at(given.each_feedback, start, f32) if EACH else given.feedback
            rest = row_at(given.each_rest, start, f32) if EACH else given.rest
            begin_row(given.each_v0, given.v0, start, n, f32, v)
            updates = 0
            for t in range(given.T):
                x = row_at(given.x, t * given.x_stride + start, STORED)
                changed = change_row(SOFT, rule, (gain, feedback, rest), n, x, v)
                updates += n if t == 0 and given.fresh != 0 else changed
            row_at(given.updates, block, np.int64)[0] = updates

    return compiled(count, CALL, f"updates-{STORED.__name__}-{EACH}-{SOFT}")
