"""The recurrence compiled for the CPU with Numba: float32 or bfloat16 in and out, state in float32.

A block of neurons goes through all its steps while its state lies in the cache. Backward computes the potentials of the
block again from `x` before it walks back in time, so that nothing but `x` is kept for it. Products and sums are rounded
one by one and in the reference's order: in float32 the spikes are the reference's.

What is done to a row, the neurons of a block in one step, stands in a function of its own with few arrays: the compiler
vectorises a loop only where it can check at its start that no array overlaps another, and it checks few. The arrays
called `u` hold h - v_threshold. bfloat16 comes as the 16 bits that it is.

`forward` and `backward` make a kernel: a C function of a `CALL`. Each thread that runs it takes block after block until
none is left. Numba takes compiled code from its cache on disk as long as this file is unchanged: after a change of
`numba_memory` this one has to be touched.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import carray, njit, types
from numba.extending import overload

from snntrain.neuron.recurrence.numba_memory import as_bits, as_float, compiled, narrow, row, taken, widen

f32, f64 = np.float32, np.float64
ZERO, HALF, ONE, LARGEST = f32(0), f32(0.5), f32(1), np.finfo(f32).max

# Potentials of a block over all its steps, in numbers: they should stay in the second-level cache.
SCRATCH = 2**17
LARGEST_BLOCK, SMALLEST_BLOCK = 8192, 64
# Numbers in a cache line.
LINE = 16

# What a kernel is called with. Arrays come as the addresses of their first elements, 0 where there is none; `stride` is
# the distance from one step to the next, in elements, 0 where all steps are one. `x` and `grad_s` are `[T, M]`, M the
# neurons in the order of memory, and so are `s`, `h`, `v` and `grad_x`, whose steps follow each other; only where
# `constant`, `grad_x` is `[M]`. `a`, `b`, `c` and `v0` are numbers, or float32 `[M]` at `each_a` and its like.
CALL = np.dtype(
    [
        # The block that is next: a thread takes it and counts on.
        ("next", np.int64),
        *((name, np.int64) for name in ("T", "M", "block", "constant")),
        *((name, np.int64) for name in ("x", "x_stride", "each_a", "each_b", "each_c", "each_v0")),
        *((name, np.int64) for name in ("s", "v_last", "h", "v")),
        *((name, np.int64) for name in ("grad_s", "grad_s_stride", "grad_v_last")),
        *((name, np.int64) for name in ("grad_x", "grad_v0", "grad_a", "grad_b", "grad_c")),
        *((name, np.int64) for name in ("updates", "fresh")),
        *((name, f32) for name in ("a", "b", "c", "v0", "v_threshold", "v_reset", "p", "q")),
    ],
    align=True,
)
FIELDS: tuple[str, ...] = tuple(CALL.fields)


def block_size(T: int) -> int:
    """Neurons that go through `T` steps together: whole cache lines of them, so that rows begin at one."""
    return max(SMALLEST_BLOCK, min(LARGEST_BLOCK, SCRATCH // T // LINE * LINE))


def of(values, neuron):
    """The neuron's own value of an array, or the number that all have."""
    raise NotImplementedError("compiled code only")


@overload(of)
def _of(values, neuron):
    if isinstance(values, types.Array):
        return lambda values, neuron: values[neuron]
    return lambda values, neuron: values


# ---- surrogate gradients ---------------------------------------------------------------------------------------------

LOG2_E, LN2_HIGH, LN2_LOW = f32(1.44269504), f32(0.693359375), f32(-2.12194440e-4)
# Adding it rounds a float32 to a whole number, which then stands in the lowest bits.
ROUNDER = f32(1.5 * 2**23)
HALF_PI, ROOT_PI = f32(np.pi / 2), f32(np.sqrt(np.pi))


@njit(inline="always")
def exp_negative(x):
    """e^x of x <= 0 to a relative 2e-7. Unlike math.exp it is made of what a vector unit has."""
    x = max(x, f32(-87))
    shifted = x * LOG2_E + ROUNDER
    n = shifted - ROUNDER
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    series = f32(1 / 5040) * r + f32(1 / 720)
    series = series * r + f32(1 / 120)
    series = series * r + f32(1 / 24)
    series = series * r + f32(1 / 6)
    series = series * r + HALF
    series = series * r + ONE
    series = series * r + ONE
    return series * as_float(np.uint32(as_bits(shifted) << np.uint32(23)) + np.uint32(127 << 23))


@njit(inline="always")
def inverse(y):
    """`1 / y` of y > 0. What divides by it may be estimated and refined, which makes NaN of infinity."""
    return ONE / (LARGEST if y > LARGEST else y)


def logistic(u, p, q):
    e = exp_negative(-p * abs(u))
    return p * e * inverse((ONE + e) * (ONE + e))


def inverse_square(u, p, q):
    y = ONE + p * abs(u)
    return inverse(y * y)


def cauchy(u, p, q):
    y = HALF_PI * p * u
    return HALF * p * inverse(ONE + y * y)


# In the order of `formulas.KINDS`.
GRADIENTS: tuple[Callable[..., Any], ...] = (
    lambda u, p, q: max(ZERO, p - p * p * abs(u)),  # PiecewiseQuadratic
    lambda u, p, q: HALF * p * exp_negative(-p * abs(u)),  # PiecewiseExp
    logistic,  # Sigmoid
    lambda u, p, q: HALF * p * inverse((ONE + p * abs(u)) * (ONE + p * abs(u))),  # SoftSign
    cauchy,  # ATan
    lambda u, p, q: inverse(ONE / p + abs(u)),  # NonzeroSignLogAbs
    lambda u, p, q: p / ROOT_PI * exp_negative(-(p * u) * (p * u)),  # Erf
    lambda u, p, q: HALF / p if abs(u) <= p else q,  # PiecewiseLeakyReLU
    inverse_square,  # SuperSpike
    lambda u, p, q: p if abs(u) <= HALF / p else ZERO,  # Rectangle
)


def surrogate_gradient(kind, u, p, q):
    """The gradient of surrogate `KINDS[kind]` with shape `p` and `q`; `kind` is a constant of the compiled code."""
    raise NotImplementedError("compiled code only")


@overload(surrogate_gradient, prefer_literal=True, inline="always")
def _surrogate_gradient(kind, u, p, q):
    gradient = njit(inline="always")(GRADIENTS[kind.literal_value])
    return lambda kind, u, p, q: gradient(u, p, q)


# ---- rows ------------------------------------------------------------------------------------------------------------


@njit(inline="always")
def after_reset(h, u, v_reset, soft):
    """The potential after a step that charged to `h = v_threshold + u`; NaN does not fire."""
    down = u if soft else v_reset
    return down if u >= ZERO else h


@njit
def rows_of(size, count):
    """Memory for `count` rows of a block, from the start of a cache line: vectors across two lines are slow."""
    memory = np.empty(count * size + LINE, f32)
    start = -(memory.ctypes.data // 4) % LINE
    return memory[start : start + count * size].reshape(count, size)


@njit
def fill(row, value):
    for i in range(len(row)):
        row[i] = value


@njit
def begin_row(address, value, start, dtype, into):
    """The numbers from `start` behind an address, or `value` where that is 0."""
    if address == 0:
        fill(into, value)
        return
    stored = row(address, start, len(into), dtype)
    for i in range(len(into)):
        into[i] = widen(stored[i])


@njit
def scale_row(row, factor, into):
    """The products with a number, or with one each, in the dtype of `into`."""
    for i in range(len(row)):
        into[i] = narrow(of(factor, i) * row[i], into)


@njit
def drive_row(x, b, c, drive):
    """`b x + c` where each neuron has its own."""
    for i in range(len(drive)):
        drive[i] = b[i] * widen(x[i]) + c[i]


@njit
def fire_row(x, a, b, c, v, v_threshold, v_reset, soft, s):
    """One step of `v`, and its spikes."""
    for i in range(len(v)):
        h = of(a, i) * v[i] + (b * widen(x[i]) + c)
        u = h - v_threshold
        s[i] = narrow(ONE if u >= ZERO else ZERO, s)
        v[i] = after_reset(h, u, v_reset, soft)


@njit
def charge_row(x, a, b, c, v, v_threshold, v_reset, soft, u):
    """One step of `v`, and `u`."""
    for i in range(len(v)):
        h = of(a, i) * v[i] + (b * widen(x[i]) + c)
        u[i] = h - v_threshold
        v[i] = after_reset(h, u[i], v_reset, soft)


@njit
def record_row(x, a, b, c, v, v_threshold, v_reset, soft, h, v_after):
    """The potentials of the step that `v` stands before."""
    for i in range(len(v)):
        h[i] = of(a, i) * v[i] + (b * widen(x[i]) + c)
        v_after[i] = after_reset(h[i], h[i] - v_threshold, v_reset, soft)


def back_row(kind, soft, attached, u, grad_s, decay, b, v_threshold, v_reset, p, q, grad_h, grad_x):
    """One step back: from `grad_h` of the step behind to that of this step, and `grad_x`.

    `decay` times `grad_h` is the gradient of the potential after this step.
    """
    raise NotImplementedError("compiled code only")


@overload(back_row, prefer_literal=True, jit_options={"fastmath": {"contract"}})
def _back_row(kind, soft, attached, u, grad_s, decay, b, v_threshold, v_reset, p, q, grad_h, grad_x):
    KIND, SOFT, ATTACHED = kind.literal_value, soft.literal_value, attached.literal_value

    def back(kind, soft, attached, u, grad_s, decay, b, v_threshold, v_reset, p, q, grad_h, grad_x):
        for i in range(len(u)):
            # The gradient of h comes through the spike, and past it; the reset is the spike's if ATTACHED.
            grad_v = decay * grad_h[i]
            through, past = widen(grad_s[i]), grad_v
            if SOFT:
                if ATTACHED:
                    through -= grad_v * v_threshold
            else:
                if ATTACHED:
                    through += grad_v * (v_reset - v_threshold - u[i])
                past = ZERO if u[i] >= ZERO else grad_v
            grad = through * surrogate_gradient(KIND, u[i], p, q) + past
            grad_h[i] = grad
            grad_x[i] = narrow(of(b, i) * grad, grad_x)

    return back


@njit
def add_product(row, others, total):
    """Adds the products of two rows to a row."""
    for i in range(len(total)):
        total[i] += row[i] * widen(others[i])


@njit
def add_row(row, total):
    for i in range(len(total)):
        total[i] += row[i]


@njit
def state_row(u, v_threshold, v_reset, soft, v):
    """The potential after a step that charged to `u`."""
    for i in range(len(v)):
        v[i] = after_reset(v_threshold + u[i], u[i], v_reset, soft)


@njit(fastmath={"reassoc", "contract"})
def sums_row(grad_h, before, charged, v_threshold, v_reset, soft, x):
    """Sums of `grad_h` times the potential before the step, of `grad_h x` and of `grad_h`: parts of a, b and c.

    `before` holds these potentials, or where `charged` the `u` of the step before. Each sum is made in as many parts as
    a vector has numbers.
    """
    sum_a, sum_b, sum_c = 0.0, 0.0, 0.0
    for i in range(len(grad_h)):
        v = after_reset(v_threshold + before[i], before[i], v_reset, soft) if charged else before[i]
        grad = f64(grad_h[i])
        sum_a += grad * f64(v)
        sum_b += grad * f64(widen(x[i]))
        sum_c += grad
    return sum_a, sum_b, sum_c


# ---- kernels ---------------------------------------------------------------------------------------------------------


@cache
def forward(half: bool, each: bool, soft: bool) -> Any:
    """The kernel that writes `s` and `v_last`, and float32 `h` and `v` where there are any.

    Args:
        half: sequences are bfloat16, not float32.
        each: neurons have `a`, `b` and `c` of their own.
        soft: there is no `v_reset`.
    """
    STORED, EACH, SOFT = np.uint16 if half else f32, each, soft

    def kernel(call):
        given = carray(call, 1)[0]
        size, M, v_threshold, v_reset = given.block, given.M, given.v_threshold, given.v_reset
        a, b, c = given.a, given.b, given.c
        scratch = rows_of(size, 2)
        while True:
            start = taken(call) * size
            if start >= M:
                break
            n = min(size, M - start)
            v, current = scratch[0, :n], scratch[1, :n]
            begin_row(given.each_v0, given.v0, start, f32, v)
            for t in range(given.T):
                x = row(given.x, t * given.x_stride + start, n, STORED)
                s = row(given.s, t * M + start, n, STORED)
                if EACH:
                    drive_row(x, row(given.each_b, start, n, f32), row(given.each_c, start, n, f32), current)
                    each_a = row(given.each_a, start, n, f32)
                    if given.h != 0:
                        h, after = row(given.h, t * M + start, n, f32), row(given.v, t * M + start, n, f32)
                        record_row(current, each_a, ONE, ZERO, v, v_threshold, v_reset, SOFT, h, after)
                    fire_row(current, each_a, ONE, ZERO, v, v_threshold, v_reset, SOFT, s)
                else:
                    if given.h != 0:
                        h, after = row(given.h, t * M + start, n, f32), row(given.v, t * M + start, n, f32)
                        record_row(x, a, b, c, v, v_threshold, v_reset, SOFT, h, after)
                    fire_row(x, a, b, c, v, v_threshold, v_reset, SOFT, s)
            scale_row(v, ONE, row(given.v_last, start, n, STORED))

    return compiled(kernel, CALL, f"forward-{STORED.__name__}-{EACH}-{SOFT}")


@cache
def backward(half: bool, each: bool, soft: bool, attached: bool, kind: int) -> Any:
    """The kernel that writes `grad_x`, and, where they are wanted, `grad_v0` and the coefficients' gradients.

    `grad_v0` is float32 `[M]`. `grad_a`, `grad_b` and `grad_c` are added to float32 `[M]` where `each`, else they are
    float64, a sum a block.

    Args:
        half, each, soft: as in `forward`.
        attached: the reset takes part in the gradient.
        kind: the surrogate, see `formulas.KINDS`.
    """
    STORED, EACH, SOFT, ATTACHED, KIND = np.uint16 if half else f32, each, soft, attached, kind

    def kernel(call):
        given = carray(call, 1)[0]
        size, T, M, v_threshold, v_reset = given.block, given.T, given.M, given.v_threshold, given.v_reset
        a, b, c, p, q = given.a, given.b, given.c, given.p, given.q
        us, scratch = rows_of(size, T), rows_of(size, 4)
        while True:
            block = taken(call)
            start = block * size
            if start >= M:
                break
            n = min(size, M - start)
            v, current, grad_h, sum_h = scratch[0, :n], scratch[1, :n], scratch[2, :n], scratch[3, :n]
            begin_row(given.each_v0, given.v0, start, f32, v)
            for t in range(T):
                x = row(given.x, t * given.x_stride + start, n, STORED)
                if EACH:
                    drive_row(x, row(given.each_b, start, n, f32), row(given.each_c, start, n, f32), current)
                    each_a = row(given.each_a, start, n, f32)
                    charge_row(current, each_a, ONE, ZERO, v, v_threshold, v_reset, SOFT, us[t, :n])
                else:
                    charge_row(x, a, b, c, v, v_threshold, v_reset, SOFT, us[t, :n])
            begin_row(given.grad_v_last, ZERO, start, STORED, grad_h)
            fill(sum_h, ZERO)
            total_a, total_b, total_c = 0.0, 0.0, 0.0
            for t in range(T - 1, -1, -1):
                # What `grad_h` of the step behind is multiplied by on its way through the state.
                decay = ONE if EACH or t == T - 1 else a
                if EACH and t < T - 1:
                    scale_row(grad_h, row(given.each_a, start, n, f32), grad_h)
                own_b = row(given.each_b, start, n, f32) if EACH else b
                u, grad_s = us[t, :n], row(given.grad_s, t * given.grad_s_stride + start, n, STORED)
                if given.constant != 0:
                    back_row(KIND, SOFT, ATTACHED, u, grad_s, decay, b, v_threshold, v_reset, p, q, grad_h, current)
                    add_row(grad_h, sum_h)
                else:
                    grad_x = row(given.grad_x, t * M + start, n, STORED)
                    back_row(KIND, SOFT, ATTACHED, u, grad_s, decay, own_b, v_threshold, v_reset, p, q, grad_h, grad_x)
                if given.grad_a != 0:
                    x = row(given.x, t * given.x_stride + start, n, STORED)
                    if t == 0:
                        begin_row(given.each_v0, given.v0, start, f32, v)
                    if EACH:
                        if t > 0:
                            state_row(us[t - 1, :n], v_threshold, v_reset, SOFT, v)
                        add_product(grad_h, v, row(given.grad_a, start, n, f32))
                        add_product(grad_h, x, row(given.grad_b, start, n, f32))
                        add_row(grad_h, row(given.grad_c, start, n, f32))
                    else:
                        before = us[t - 1, :n] if t > 0 else v
                        sums = sums_row(grad_h, before, t > 0, v_threshold, v_reset, SOFT, x)
                        total_a, total_b, total_c = total_a + sums[0], total_b + sums[1], total_c + sums[2]
            if given.constant != 0:
                scale_row(sum_h, row(given.each_b, start, n, f32) if EACH else b, row(given.grad_x, start, n, STORED))
            if given.grad_v0 != 0:
                scale_row(grad_h, row(given.each_a, start, n, f32) if EACH else a, row(given.grad_v0, start, n, f32))
            if given.grad_a != 0 and not EACH:
                row(given.grad_a, block, 1, f64)[0] = total_a
                row(given.grad_b, block, 1, f64)[0] = total_b
                row(given.grad_c, block, 1, f64)[0] = total_c

    return compiled(kernel, CALL, f"backward-{STORED.__name__}-{EACH}-{SOFT}-{ATTACHED}-{KIND}")
