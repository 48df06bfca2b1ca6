"""The recurrence compiled for GPUs with Triton: float32, bfloat16 or float16 in and out, state in float32.

A program takes a block of neurons through all its steps with their state in registers. It asks for the input of several
steps at once, since only the state has to wait for the step before. Backward computes `h` again from `x`, so that
nothing but `x` is kept for it; a long sequence goes chunk by chunk, from the potentials at the chunks' starts.

The kernels must be launched with `enable_fp_fusion=False`: the reference rounds product and sum one by one, and a fused
multiply-add can lift a neuron over the threshold. Gradients have no such edge and ask for `tl.fma` by name.

Nothing here calls `triton.language`'s own jitted functions (`tl.sum`, `tl.zeros`): with them the interpreter works only
where it was switched on before the first import of Triton.

In all kernels `x` is `[T, M]` with rows `x_stride` apart, or `[1, M]` where `CONSTANT`, M the neurons in the order of
memory. `gain`, `feedback`, `rest` and `v0` come as `GAIN`, `FEEDBACK`, `REST` and `V0` say: a number, a pointer to one,
a pointer to `[M]`, or the number 0 of no feedback. What the helpers share comes in tuples: `block` is the number of a
program's first neuron, the distances of all its neurons from it, and which of them there are; `coefficients` is
`gain, feedback, rest`; `thresholds` is `v_threshold, v_reset`.
"""

import triton
import triton.language as tl

NUMBER, ONE, EACH, NOTHING = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2), tl.constexpr(3)


# ---- memory ----------------------------------------------------------------------------------------------------------


@triton.jit
def block_of(M, BLOCK: tl.constexpr):
    """The neurons of this program."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    lanes = tl.arange(0, BLOCK)
    return start, lanes, lanes < M - start


@triton.jit
def row(sequence, t, stride, block):
    """Pointers to the neurons of a block in step `t`; a sequence may have more than 2^31 elements."""
    return sequence + (tl.cast(t, tl.int64) * stride + block[0]) + block[1]


@triton.jit
def in_time(block, t, T):
    """Which neurons of a block there are in step `t`: none behind the last step."""
    # Not `block[2] & (t < T)`: of a mask and a number the interpreter makes no mask.
    return tl.where(t < T, block[2], False)


@triton.jit
def load(pointers, here):
    """float32 of numbers in memory, 0 where nothing is."""
    return tl.load(pointers, mask=here, other=0.0).to(tl.float32)


@triton.jit
def store(pointers, numbers, here):
    """Numbers into memory, in its dtype."""
    tl.store(pointers, numbers.to(pointers.dtype.element_ty), mask=here)


@triton.jit
def of(given, block, COMES_AS: tl.constexpr):
    """A coefficient in float32: a number, or `[BLOCK]`."""
    if COMES_AS == EACH:
        given = load(given + block[0] + block[1], block[2])
    elif COMES_AS == ONE:
        given = tl.load(given).to(tl.float32)
    return given


# ---- charge, fire, reset ---------------------------------------------------------------------------------------------


@triton.jit
def after_reset(h, v_threshold, v_reset, SOFT: tl.constexpr):
    """The potential after a step that charged to `h`; NaN does not fire."""
    u = h - v_threshold
    return tl.where(u >= 0.0, u if SOFT else v_reset, h)


@triton.jit
def fed_back(x, feedback, from_rest, FEEDBACK: tl.constexpr):
    """The input and the feedback of the distance from rest; no feedback makes no NaN of an infinite potential."""
    if FEEDBACK != NOTHING:
        x = x + feedback * from_rest
    return x


@triton.jit
def charged(
    x,
    x_stride,
    t0,
    T,
    v,
    coefficients,
    thresholds,
    block,
    FEEDBACK: tl.constexpr,
    CONSTANT: tl.constexpr,
    SOFT: tl.constexpr,
    STEPS: tl.constexpr,
    RAGGED: tl.constexpr,
):
    """Charged potentials `h` of the STEPS steps from `t0`, `[BLOCK]` each.

    `v` is the potential before these steps. RAGGED allows for steps behind the last one, which mean nothing.
    """
    gain, feedback, rest = coefficients
    v_threshold, v_reset = thresholds
    here = block[2]
    xs = ()
    for i in tl.static_range(STEPS):
        if RAGGED:
            here = in_time(block, t0 + i, T)
        if CONSTANT:
            xs += (tl.load(row(x, 0, 0, block), mask=block[2], other=0.0),)
        else:
            xs += (tl.load(row(x, t0 + i, x_stride, block), mask=here, other=0.0),)
    hs = ()
    for i in tl.static_range(STEPS):
        h = v + gain * fed_back(xs[i].to(tl.float32), feedback, v - rest, FEEDBACK)
        hs += (h,)
        v = after_reset(h, v_threshold, v_reset, SOFT)
    return hs


@triton.jit(do_not_specialize=["T"])
def forward(
    x,
    x_stride,
    gain,
    feedback,
    rest,
    v0,
    v_threshold,
    v_reset,
    s,
    v_last,
    h_all,
    v_all,
    M,
    T,
    GAIN: tl.constexpr,
    FEEDBACK: tl.constexpr,
    REST: tl.constexpr,
    V0: tl.constexpr,
    CONSTANT: tl.constexpr,
    SOFT: tl.constexpr,
    STEPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Spikes `s` `[T, M]` and last potential `v_last` `[M]`; `h_all` and `v_all` `[T, M]` too unless they are None.

    STEPS, how many are asked for at once, divides T.
    """
    block = block_of(M, BLOCK)
    inside = block[2]
    coefficients = of(gain, block, GAIN), of(feedback, block, FEEDBACK), of(rest, block, REST)
    thresholds = v_threshold, v_reset
    v = tl.full([BLOCK], 0.0, tl.float32) + of(v0, block, V0)
    for t0 in range(0, T, STEPS):
        hs = charged(
            *(x, x_stride, t0, T, v, coefficients, thresholds, block, FEEDBACK, CONSTANT, SOFT, STEPS),
            RAGGED=False,
        )
        for i in tl.static_range(STEPS):
            v = after_reset(hs[i], v_threshold, v_reset, SOFT)
            store(row(s, t0 + i, M, block), tl.where(hs[i] - v_threshold >= 0.0, 1.0, 0.0), inside)
            if h_all is not None:
                store(row(h_all, t0 + i, M, block), hs[i], inside)
                store(row(v_all, t0 + i, M, block), v, inside)
    store(row(v_last, 0, 0, block), v, inside)


# ---- backward --------------------------------------------------------------------------------------------------------


@triton.jit
def exp(rate, y):
    """`e^(rate y)` of a number and `[BLOCK]`; the GPU has powers of 2 only, and the product with log2(e) once."""
    return tl.exp2((1.4426950408889634 * rate) * y)


@triton.jit
def inverse(y):
    """`1 / y` of y > 0; on a GPU the rounded division takes five times as many instructions."""
    root = tl.rsqrt(y)
    return root * root


@triton.jit
def surrogate_gradient(u, p, q, KIND: tl.constexpr):
    """The gradient of surrogate `formulas.KINDS[KIND]` with shape `p` and `q` at `u = h - v_threshold`."""
    if KIND == 0:  # PiecewiseQuadratic
        slope = p - p * p * tl.abs(u)
        slope = tl.where(slope < 0.0, 0.0, slope)
    elif KIND == 1:  # PiecewiseExp
        slope = 0.5 * p * exp(-p, tl.abs(u))
    elif KIND == 2:  # Sigmoid
        e = exp(-p, tl.abs(u))
        slope = p * e * inverse((1.0 + e) * (1.0 + e))
    elif KIND == 3:  # SoftSign
        y = 1.0 + p * tl.abs(u)
        slope = 0.5 * p * inverse(y * y)
    elif KIND == 4:  # ATan
        y = 1.5707963267948966 * p * u
        slope = 0.5 * p * inverse(1.0 + y * y)
    elif KIND == 5:  # NonzeroSignLogAbs
        slope = inverse(1.0 / p + tl.abs(u))
    elif KIND == 6:  # Erf
        slope = 0.5641895835477563 * p * exp(-p * p, u * u)
    elif KIND == 7:  # PiecewiseLeakyReLU
        slope = tl.where(tl.abs(u) <= p, 0.5 / p, q)
    elif KIND == 8:  # SuperSpike
        y = 1.0 + p * tl.abs(u)
        slope = inverse(y * y)
    else:  # Rectangle
        slope = tl.where(p * tl.abs(u) <= 0.5, p, 0.0)
    return slope


@triton.jit
def walk_back(
    x,
    x_stride,
    t0,
    T,
    v,
    coefficients,
    thresholds,
    p,
    q,
    grad_s,
    grad_s_stride,
    grad_x,
    M,
    grad_v,
    sums,
    block,
    FEEDBACK: tl.constexpr,
    CONSTANT: tl.constexpr,
    SOFT: tl.constexpr,
    ATTACHED: tl.constexpr,
    KIND: tl.constexpr,
    LEARNS_GAIN: tl.constexpr,
    LEARNS_FEEDBACK: tl.constexpr,
    LEARNS_REST: tl.constexpr,
    STEPS: tl.constexpr,
    RAGGED: tl.constexpr,
    GROUP: tl.constexpr,
):
    """From the gradient of the potential after STEPS steps from `t0` to that of `v`, the potential before them.

    Writes `grad_x` of these steps, or adds it up where CONSTANT; adds up the gradients of the learnt coefficients.
    """
    gain, feedback, rest = coefficients
    v_threshold, v_reset = thresholds
    sum_gain, sum_feedback, sum_rest, sum_x = sums
    here = block[2]
    # Only h is kept over the way back, and u = h - v_threshold taken from it: both would be twice the registers.
    hs = charged(
        *(x, x_stride, t0, T, v, coefficients, thresholds, block, FEEDBACK, CONSTANT, SOFT, STEPS, RAGGED),
    )
    for first in tl.static_range((STEPS - 1) // GROUP * GROUP, -1, -GROUP):
        grads, xs = (), ()
        for i in tl.static_range(GROUP):
            if first + i < STEPS:
                t = t0 + first + i
                if RAGGED:
                    here = in_time(block, t, T)
                grads += (tl.load(row(grad_s, t, grad_s_stride, block), mask=here, other=0.0),)
                if LEARNS_GAIN:
                    # Asked for again rather than kept: it comes from the cache, and registers are scarcer.
                    xs += (tl.load(row(x, 0 if CONSTANT else t, x_stride, block), mask=here, other=0.0),)
        for i in tl.static_range(GROUP - 1, -1, -1):
            if first + i < STEPS:
                t, h = t0 + first + i, hs[first + i]
                u = h - v_threshold
                # The gradient of h comes through the spike, and past it; the reset is the spike's if ATTACHED.
                through, past = grads[i].to(tl.float32), grad_v
                if SOFT:
                    if ATTACHED:
                        through = tl.fma(grad_v, -v_threshold, through)
                else:
                    if ATTACHED:
                        through = tl.fma(grad_v, v_reset - h, through)
                    past = tl.where(u >= 0.0, 0.0, grad_v)
                grad_h = tl.fma(through, surrogate_gradient(u, p, q, KIND), past)
                v_before = v
                if first + i > 0:
                    v_before = after_reset(hs[first + i - 1], v_threshold, v_reset, SOFT)
                from_rest = v_before - rest
                if RAGGED:
                    here = in_time(block, t, T)
                    grad_h = tl.where(t < T, grad_h, 0.0)
                    from_rest = tl.where(t < T, from_rest, 0.0)
                    grad_v = tl.where(t < T, grad_h, grad_v)
                else:
                    grad_v = grad_h
                if FEEDBACK != NOTHING:
                    grad_v = tl.fma(grad_h, gain * feedback, grad_v)
                if LEARNS_GAIN:
                    sum_gain = tl.fma(grad_h, fed_back(xs[i].to(tl.float32), feedback, from_rest, FEEDBACK), sum_gain)
                if LEARNS_FEEDBACK:
                    sum_feedback = tl.fma(grad_h, from_rest, sum_feedback)
                if LEARNS_REST:
                    sum_rest += grad_h
                if CONSTANT:
                    sum_x = tl.fma(grad_h, gain, sum_x)
                else:
                    store(row(grad_x, t, M, block), gain * grad_h, here)
    return grad_v, (sum_gain, sum_feedback, sum_rest, sum_x)


@triton.jit
def add(left, right):
    return left + right


@triton.jit
def store_part(parts, numbers, block, COMES_AS: tl.constexpr):
    """The gradients of a coefficient in a block: one a neuron where it has one a neuron, else their sum."""
    if COMES_AS == EACH:
        store(row(parts, 0, 0, block), numbers, block[2])
    else:
        tl.store(parts + tl.program_id(0), tl.reduce(tl.where(block[2], numbers, 0.0), 0, add))


@triton.jit(do_not_specialize=["T"])
def backward(
    x,
    x_stride,
    gain,
    feedback,
    rest,
    v0,
    v_threshold,
    v_reset,
    p,
    q,
    grad_s,
    grad_s_stride,
    grad_v_last,
    grad_x,
    grad_v0,
    parts_gain,
    parts_feedback,
    parts_rest,
    starts,
    M,
    T,
    GAIN: tl.constexpr,
    FEEDBACK: tl.constexpr,
    REST: tl.constexpr,
    V0: tl.constexpr,
    CONSTANT: tl.constexpr,
    SOFT: tl.constexpr,
    ATTACHED: tl.constexpr,
    KIND: tl.constexpr,
    STEPS: tl.constexpr,
    RAGGED: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Gradients `grad_x` of x's shape, and unless they are None `grad_v0` `[M]` and the coefficients' `parts`.

    A chunk is STEPS steps. Where there is more than one, `starts` `[chunks, M]` takes the potentials before each, and
    RAGGED tells that the last one is shorter. GROUP is how many steps' `grad_s` is asked for at once.
    """
    LEARNS_GAIN: tl.constexpr = parts_gain is not None
    LEARNS_FEEDBACK: tl.constexpr = parts_feedback is not None
    LEARNS_REST: tl.constexpr = parts_rest is not None
    block = block_of(M, BLOCK)
    inside = block[2]
    coefficients = of(gain, block, GAIN), of(feedback, block, FEEDBACK), of(rest, block, REST)
    thresholds = v_threshold, v_reset
    zero = tl.full([BLOCK], 0.0, tl.float32)
    v = zero + of(v0, block, V0)
    grad_v = zero
    if grad_v_last is not None:
        grad_v = load(row(grad_v_last, 0, 0, block), inside)
    sums = zero, zero, zero, zero
    if starts is None:
        grad_v, sums = walk_back(
            *(x, x_stride, 0, T, v, coefficients, thresholds, p, q),
            *(grad_s, grad_s_stride, grad_x, M, grad_v, sums, block),
            *(FEEDBACK, CONSTANT, SOFT, ATTACHED, KIND, LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST),
            *(STEPS, RAGGED, GROUP),
        )
    else:
        chunks = (T + STEPS - 1) // STEPS
        for chunk in range(chunks):
            store(row(starts, chunk, M, block), v, inside)
            if chunk < chunks - 1:
                hs = charged(
                    *(x, x_stride, chunk * STEPS, T, v, coefficients, thresholds, block),
                    *(FEEDBACK, CONSTANT, SOFT, STEPS, False),
                )
                v = after_reset(hs[STEPS - 1], v_threshold, v_reset, SOFT)
        # Another thread of the program may read what this one wrote.
        tl.debug_barrier()
        for back in range(chunks):
            chunk = chunks - 1 - back
            v = load(row(starts, chunk, M, block), inside)
            grad_v, sums = walk_back(
                *(x, x_stride, chunk * STEPS, T, v, coefficients, thresholds, p, q),
                *(grad_s, grad_s_stride, grad_x, M, grad_v, sums, block),
                *(FEEDBACK, CONSTANT, SOFT, ATTACHED, KIND, LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST),
                *(STEPS, RAGGED, GROUP),
            )
    sum_gain, sum_feedback, sum_rest, sum_x = sums
    if CONSTANT:
        store(row(grad_x, 0, 0, block), sum_x, inside)
    if grad_v0 is not None:
        store(row(grad_v0, 0, 0, block), grad_v, inside)
    if LEARNS_GAIN:
        store_part(parts_gain, sum_gain, block, GAIN)
    if LEARNS_FEEDBACK:
        store_part(parts_feedback, coefficients[0] * sum_feedback, block, FEEDBACK)
    if LEARNS_REST:
        store_part(parts_rest, -coefficients[0] * coefficients[1] * sum_rest, block, REST)
