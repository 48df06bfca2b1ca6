"""The recurrence compiled for the CPU with Numba: float32 or bfloat16 in and out, state in float32.

A block of neurons goes through all its steps while its state lies in the cache. Backward computes `h` of the block
again from `x` before it walks back in time, so that nothing but `x` is kept for it. Products and sums are rounded one
by one and in the reference's order: in float32 the spikes are the reference's.

In all kernels `x` is `[T, M]`, or `[1, M]` for a constant current, M the neurons in the order of memory; `lo` and `hi`
bound the neurons of one call. Coefficients and first state are a number, or an array of one a neuron. bfloat16 comes as
the 16 bits that it is.
"""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

f32 = np.float32
ZERO, HALF, ONE, TWO = f32(0), f32(0.5), f32(1), f32(2)

# Potentials of a block over all its steps, in numbers: they should stay in the second-level cache.
SCRATCH = 2**16
LARGEST_BLOCK, SMALLEST_BLOCK = 1024, 64


# ---- numbers in memory -----------------------------------------------------------------------------------------------


@intrinsic
def as_float(typing, bits):
    """The float32 of 32 bits."""
    from llvmlite import ir

    return types.float32(types.uint32), lambda _, builder, __, given: builder.bitcast(given[0], ir.FloatType())


@intrinsic
def as_bits(typing, number):
    """The 32 bits of a float32."""
    from llvmlite import ir

    return types.uint32(types.float32), lambda _, builder, __, given: builder.bitcast(given[0], ir.IntType(32))


def widen(stored):
    """float32 of a stored number: itself, or a bfloat16 given as 16 bits."""
    raise NotImplementedError("compiled code only")


@overload(widen)
def _widen(stored):
    if isinstance(stored, types.Float):
        return lambda stored: stored
    return lambda stored: as_float(np.uint32(stored) << np.uint32(16))


def narrow(number, like):
    """`number` as the array `like` stores it: itself, or the 16 bits of the nearest bfloat16, of two the even one."""
    raise NotImplementedError("compiled code only")


@overload(narrow)
def _narrow(number, like):
    if isinstance(like.dtype, types.Float):
        return lambda number, like: number

    def rounded(number, like):
        bits = as_bits(number)
        upper = np.uint32(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
        return np.uint16(upper) if number == number else np.uint16(0x7FC0)

    return rounded


def of(values, neuron):
    """The neuron's own value of an array, or the number that all have."""
    raise NotImplementedError("compiled code only")


@overload(of)
def _of(values, neuron):
    if isinstance(values, types.Array):
        return lambda values, neuron: widen(values[neuron])
    return lambda values, neuron: values


# ---- surrogate gradients ---------------------------------------------------------------------------------------------

LOG2_E, LN2_HIGH, LN2_LOW = f32(1.44269504), f32(0.693359375), f32(-2.12194440e-4)
# Adding it rounds a float32 to a whole number, which then stands in the lowest bits.
ROUNDER = f32(1.5 * 2**23)


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


@njit
def surrogate_gradients(h, n, v_threshold, kind, p, q, out):
    """The gradient of surrogate `KINDS[kind]` at h - v_threshold of `n` neurons, in float32.

    A loop a surrogate: a branch inside the loop would keep it from being vectorised.
    """
    if kind == 0:  # PiecewiseQuadratic
        for i in range(n):
            out[i] = max(ZERO, p - p * p * abs(h[i] - v_threshold))
    elif kind == 1:  # PiecewiseExp
        for i in range(n):
            out[i] = HALF * p * exp_negative(-p * abs(h[i] - v_threshold))
    elif kind == 2:  # Sigmoid
        for i in range(n):
            e = exp_negative(-p * abs(h[i] - v_threshold))
            out[i] = p * e / ((ONE + e) * (ONE + e))
    elif kind == 3:  # SoftSign
        for i in range(n):
            y = ONE + p * abs(h[i] - v_threshold)
            out[i] = HALF * p / (y * y)
    elif kind == 4:  # ATan
        for i in range(n):
            y = f32(np.pi / 2) * p * (h[i] - v_threshold)
            out[i] = HALF * p / (ONE + y * y)
    elif kind == 5:  # NonzeroSignLogAbs
        for i in range(n):
            out[i] = ONE / (ONE / p + abs(h[i] - v_threshold))
    elif kind == 6:  # Erf
        for i in range(n):
            y = p * (h[i] - v_threshold)
            out[i] = p / f32(np.sqrt(np.pi)) * exp_negative(-y * y)
    elif kind == 7:  # PiecewiseLeakyReLU
        for i in range(n):
            out[i] = HALF / p if abs(h[i] - v_threshold) <= p else q
    elif kind == 8:  # SuperSpike
        for i in range(n):
            y = ONE + p * abs(h[i] - v_threshold)
            out[i] = ONE / (y * y)
    else:  # Rectangle
        for i in range(n):
            out[i] = p if abs(h[i] - v_threshold) <= HALF / p else ZERO


# ---- the recurrence --------------------------------------------------------------------------------------------------


@njit(inline="always")
def after_reset(h, v_threshold, v_reset, soft):
    """The potential after a step whose charged potential was `h`."""
    down = h - v_threshold if soft else v_reset
    return down if h - v_threshold >= ZERO else h


@njit
def block_size(T):
    """Neurons that go through `T` steps together: a power of two, so that it divides every larger block."""
    size = LARGEST_BLOCK
    while size > SMALLEST_BLOCK and size * T > SCRATCH:
        size //= 2
    return size


@njit
def total(values, n):
    """The sum of the first `n` values, which it overwrites: by halves, as exact as it is fast, in a fixed order."""
    while n > 1:
        half = (n + 1) // 2
        for i in range(n - half):
            values[i] += values[half + i]
        n = half
    return values[0]


@njit(nogil=True, cache=True, error_model="numpy")
def forward(
    x,
    a,
    b,
    c,
    v0,
    v_threshold,
    v_reset,
    soft,
    s,
    v_last,
    h_all,
    v_all,
    lo,
    hi,
):
    """Spikes `s` `[T, M]` and last potential `v_last` `[M]`; `h_all` and `v_all` too unless they are empty."""
    T, constant, record = len(s), len(x) == 1, len(h_all) > 0
    v = np.empty(LARGEST_BLOCK, f32)
    for start in range(lo, hi, LARGEST_BLOCK):
        n = min(LARGEST_BLOCK, hi - start)
        for i in range(n):
            v[i] = of(v0, start + i)
        for t in range(T):
            x_t, s_t = x[0 if constant else t, start : start + n], s[t, start : start + n]
            if record:
                h_t, v_t = h_all[t, start : start + n], v_all[t, start : start + n]
                for i in range(n):
                    h = of(a, start + i) * v[i] + (of(b, start + i) * widen(x_t[i]) + of(c, start + i))
                    h_t[i] = h
                    v_t[i] = after_reset(h, v_threshold, v_reset, soft)
            for i in range(n):
                h = of(a, start + i) * v[i] + (of(b, start + i) * widen(x_t[i]) + of(c, start + i))
                s_t[i] = narrow(ONE if h - v_threshold >= ZERO else ZERO, s)
                v[i] = after_reset(h, v_threshold, v_reset, soft)
        for i in range(n):
            v_last[start + i] = narrow(v[i], v_last)


@njit(nogil=True, cache=True, error_model="numpy")
def backward(
    x,
    a,
    b,
    c,
    v0,
    v_threshold,
    v_reset,
    soft,
    kind,
    p,
    q,
    attached,
    T,
    grad_s,
    grad_v_last,
    grad_x,
    grad_v0,
    grad_a,
    grad_b,
    grad_c,
    lo,
    hi,
):
    """Gradients `grad_x` of x's shape, and unless they are empty `grad_v0` `[M]` and `grad_a`, `grad_b`, `grad_c`.

    Those of the coefficients are `[M]`, or else a sum a block.

    `attached` is 1 where the reset takes part in the gradient, else 0. `grad_s` is `[T, M]` or, alike in all steps,
    `[1, M]`; `grad_v_last` is `[M]` or empty.
    """
    constant, alike, learnt = len(x) == 1 and T > 1, len(grad_s) == 1, len(grad_a) > 0
    by_neuron = len(grad_a) == x.shape[1]
    size = block_size(T)
    h_all = np.empty((T, size), f32)
    v, slope = np.empty(size, f32), np.empty(size, f32)
    sum_x, sum_a, sum_b, sum_c = np.empty(size, f32), np.empty(size, f32), np.empty(size, f32), np.empty(size, f32)
    for start in range(lo, hi, size):
        n = min(size, hi - start)
        for i in range(n):
            v[i] = of(v0, start + i)
        for t in range(T):
            x_t, h_t = x[0 if constant else t, start : start + n], h_all[t]
            for i in range(n):
                h = of(a, start + i) * v[i] + (of(b, start + i) * widen(x_t[i]) + of(c, start + i))
                h_t[i] = h
                v[i] = after_reset(h, v_threshold, v_reset, soft)
        # From here on v holds the gradient of the potential after the step.
        for i in range(n):
            v[i] = ZERO
            sum_x[i] = ZERO
        if len(grad_v_last) > 0:
            for i in range(n):
                v[i] = widen(grad_v_last[start + i])
        if learnt:
            for i in range(n):
                sum_a[i] = ZERO
                sum_b[i] = ZERO
                sum_c[i] = ZERO
        for t in range(T - 1, -1, -1):
            h_t, g_t = h_all[t], grad_s[0 if alike else t, start : start + n]
            surrogate_gradients(h_t, n, v_threshold, kind, p, q, slope)
            if soft:
                for i in range(n):
                    slope_v = ONE - attached * v_threshold * slope[i]
                    slope[i] = widen(g_t[i]) * slope[i] + v[i] * slope_v
            else:
                for i in range(n):
                    stayed = ZERO if h_t[i] - v_threshold >= ZERO else ONE
                    slope_v = stayed + attached * (v_reset - h_t[i]) * slope[i]
                    slope[i] = widen(g_t[i]) * slope[i] + v[i] * slope_v
            # From here on slope holds the gradient of h.
            if learnt:
                # A loop each: with more arrays at once the compiler gives up vectorising.
                x_t, h_before = x[0 if constant else t, start : start + n], h_all[max(t - 1, 0)]
                if t > 0:
                    for i in range(n):
                        sum_a[i] += slope[i] * after_reset(h_before[i], v_threshold, v_reset, soft)
                else:
                    for i in range(n):
                        sum_a[i] += slope[i] * of(v0, start + i)
                for i in range(n):
                    sum_b[i] += slope[i] * widen(x_t[i])
                for i in range(n):
                    sum_c[i] += slope[i]
            if constant:
                for i in range(n):
                    sum_x[i] += of(b, start + i) * slope[i]
            else:
                gx_t = grad_x[t, start : start + n]
                for i in range(n):
                    gx_t[i] = narrow(of(b, start + i) * slope[i], grad_x)
            for i in range(n):
                v[i] = of(a, start + i) * slope[i]
        if constant:
            for i in range(n):
                grad_x[0, start + i] = narrow(sum_x[i], grad_x)
        if learnt and by_neuron:
            grad_a[start : start + n] = sum_a[:n]
            grad_b[start : start + n] = sum_b[:n]
            grad_c[start : start + n] = sum_c[:n]
        elif learnt:
            grad_a[start // size] = total(sum_a, n)
            grad_b[start // size] = total(sum_b, n)
            grad_c[start // size] = total(sum_c, n)
        if len(grad_v0) > 0:
            for i in range(n):
                grad_v0[start + i] = v[i]
