"""How many potentials each step changes, counted on the CPU while the recurrence runs: nothing of it is kept.

The potentials are those that `numba_kernels.backward` computes again, by the same rows. After a change of these this
file has to be touched, or Numba takes the old ones from its cache.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import carray, njit

from snntrain.neuron.recurrence.numba_kernels import CALL, ONE, ZERO, begin_row, charge_row, drive_row, f32, rows_of
from snntrain.neuron.recurrence.numba_memory import compiled, row, taken


@njit
def differing(v, before):
    """How many numbers of two rows are not the same."""
    count = np.int32(0)
    for i in range(len(v)):
        count += np.int32(v[i] != before[i])
    return count


@njit
def copy_row(row, into):
    for i in range(len(into)):
        into[i] = row[i]


@cache
def kernel(half: bool, each: bool, soft: bool) -> Any:
    """The kernel that writes the sum of each block to `updates`; where `fresh`, the first step changes all.

    Args:
        half, each, soft: as in `numba_kernels.forward`.
    """
    STORED, EACH, SOFT = np.uint16 if half else f32, each, soft

    def count(call):
        given = carray(call, 1)[0]
        size, M, v_threshold, v_reset = given.block, given.M, given.v_threshold, given.v_reset
        a, b, c = given.a, given.b, given.c
        scratch = rows_of(size, 4)
        while True:
            block = taken(call)
            start = block * size
            if start >= M:
                break
            n = min(size, M - start)
            v, before, u, current = scratch[0, :n], scratch[1, :n], scratch[2, :n], scratch[3, :n]
            begin_row(given.each_v0, given.v0, start, f32, v)
            total = 0
            for t in range(given.T):
                x = row(given.x, t * given.x_stride + start, n, STORED)
                copy_row(v, before)
                if EACH:
                    drive_row(x, row(given.each_b, start, n, f32), row(given.each_c, start, n, f32), current)
                    each_a = row(given.each_a, start, n, f32)
                    charge_row(current, each_a, ONE, ZERO, v, v_threshold, v_reset, SOFT, u)
                else:
                    charge_row(x, a, b, c, v, v_threshold, v_reset, SOFT, u)
                total += n if t == 0 and given.fresh != 0 else differing(v, before)
            row(given.updates, block, 1, np.int64)[0] = total

    return compiled(count, CALL, f"updates-{STORED.__name__}-{EACH}-{SOFT}")
