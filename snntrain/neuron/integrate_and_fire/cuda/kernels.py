"""The recurrence compiled for GPUs with Triton: float32, bfloat16 or float16 in and out, state in float32.

A program takes a block of neurons through all its steps with their state in registers. It loads the input of several
steps at once, since only the state depends on the step before. Backward computes `h` again from `x`, so only `x` is
kept for it. Backward processes a long sequence group by group, each from the potential before its first step.

The kernels must be launched with `enable_fp_fusion=False`: the reference rounds product and sum one by one, and a fused
multiply-add can lift a neuron over the threshold. Gradients have no such edge and call `tl.fma` explicitly.

Nothing here calls `triton.language`'s own jitted functions (`tl.sum`, `tl.zeros`): with them the interpreter works only
if it was switched on before the first import of Triton.

In all kernels `x` is `[T, M]` with rows `x_stride` apart, or `[1, M]` if CONSTANT. M is the number of neurons, in
memory order. GAIN, FEEDBACK, REST and V0 are the forms of `gain`, `feedback`, `rest` and `v0`: a number, a pointer to a
number, a pointer to `[M]`, or the number 0 for no feedback. The T steps are cut into groups of STEPS; a group is loaded
at once. The last group is shorter if RAGGED.

Arguments that the helpers share are passed in tuples. `block` holds the number of a program's first neuron, the
distance of each neuron from it, and the mask of existing neurons. `coefficients` is `gain, feedback, rest`;
`thresholds` is `v_threshold, v_reset`; `shape` is `p, q` of the surrogate.
"""

import triton
import triton.language as tl

NUMBER, ONE, EACH, NOTHING = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2), tl.constexpr(3)


# ---- memory ----------------------------------------------------------------------------------------------------------


@triton.jit
def block_of(M, BLOCK: tl.constexpr):
    """Return the neurons of this program: see `block` above."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    lanes = tl.arange(0, BLOCK)
    return start, lanes, lanes < M - start


@triton.jit
def row(sequence, t, stride, block):
    """Return pointers to the neurons of a block in step `t`; a sequence may have more than 2^31 elements."""
    return sequence + (tl.cast(t, tl.int64) * stride + block[0]) + block[1]


@triton.jit
def load(pointers, here):
    """Load numbers as float32, 0 where the mask is off."""
    return tl.load(pointers, mask=here, other=0.0).to(tl.float32)


@triton.jit
def store(pointers, numbers, here):
    """Write numbers in the dtype of memory."""
    tl.store(pointers, numbers.to(pointers.dtype.element_ty), mask=here)


@triton.jit
def later(pointers, steps, stride):
    """Return pointers to the same neurons some steps later; one multiplication instead of five in `row`."""
    return pointers + tl.cast(stride, tl.int64) * steps


@triton.jit
def in_time(block, t, T, RAGGED: tl.constexpr):
    """Return the mask of a block's neurons in step `t`; it is off after the last step."""
    here = block[2]
    if RAGGED:
        # Not `here & (t < T)`: the interpreter makes no mask of a mask and a number.
        here = tl.where(t < T, here, False)
    return here


@triton.jit
def load_steps(sequence, stride, t0, T, block, SAME: tl.constexpr, STEPS: tl.constexpr, RAGGED: tl.constexpr):
    """Load STEPS steps from `t0` in the dtype of memory, 0 after the last step; if SAME, one load for all."""
    first = row(sequence, t0, stride, block)
    steps = ()
    if SAME:
        one = tl.load(first, mask=block[2], other=0.0)
        for _ in tl.static_range(STEPS):
            steps += (one,)
    else:
        for i in tl.static_range(STEPS):
            here = in_time(block, t0 + i, T, RAGGED)
            steps += (tl.load(later(first, i, stride), mask=here, other=0.0),)
    return steps


@triton.jit
def of(given, block, COMES_AS: tl.constexpr):
    """Return a coefficient in float32: a number, or `[BLOCK]`."""
    if COMES_AS == EACH:
        given = load(given + block[0] + block[1], block[2])
    elif COMES_AS == ONE:
        given = tl.load(given).to(tl.float32)
    return given


# ---- charge, fire, reset ---------------------------------------------------------------------------------------------


@triton.jit
def after_reset(h, v_threshold, v_reset, SOFT: tl.constexpr):
    """Return the potential after a step with charged potential `h`; NaN does not fire."""
    u = h - v_threshold
    return tl.where(u >= 0.0, u if SOFT else v_reset, h)


@triton.jit
def fed_back(x, feedback, from_rest, FEEDBACK: tl.constexpr):
    """Return the input plus the feedback; without feedback an infinite potential stays and does not become NaN."""
    if FEEDBACK != NOTHING:
        x = x + feedback * from_rest
    return x


@triton.jit
def charged(xs, v, coefficients, thresholds, FEEDBACK: tl.constexpr, SOFT: tl.constexpr, STEPS: tl.constexpr):
    """Return the charged potentials `h` of STEPS steps, `[BLOCK]` each, from their input and the potential before."""
    gain, feedback, rest = coefficients
    v_threshold, v_reset = thresholds
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
    RAGGED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write spikes `s` `[T, M]` and the last potential `v_last` `[M]`; unless None, `h_all` and `v_all` `[T, M]`."""
    block = block_of(M, BLOCK)
    coefficients = of(gain, block, GAIN), of(feedback, block, FEEDBACK), of(rest, block, REST)
    thresholds = v_threshold, v_reset
    v = tl.full([BLOCK], 0.0, tl.float32) + of(v0, block, V0)
    for t0 in range(0, T, STEPS):
        xs = load_steps(x, x_stride, t0, T, block, CONSTANT, STEPS, RAGGED)
        hs = charged(xs, v, coefficients, thresholds, FEEDBACK, SOFT, STEPS)
        first = row(s, t0, M, block)
        for i in tl.static_range(STEPS):
            here = in_time(block, t0 + i, T, RAGGED)
            v_after = after_reset(hs[i], v_threshold, v_reset, SOFT)
            store(later(first, i, M), tl.where(hs[i] - v_threshold >= 0.0, 1.0, 0.0), here)
            if h_all is not None:
                store(row(h_all, t0 + i, M, block), hs[i], here)
                store(row(v_all, t0 + i, M, block), v_after, here)
            v = tl.where(t0 + i < T, v_after, v) if RAGGED else v_after
    store(row(v_last, 0, 0, block), v, block[2])


# ---- backward --------------------------------------------------------------------------------------------------------


@triton.jit
def exp(rate, y):
    """Return `e^(rate y)` for a number and `[BLOCK]`; a GPU has only powers of 2, so log2(e) is multiplied once."""
    return tl.exp2((1.4426950408889634 * rate) * y)


@triton.jit
def inverse(y):
    """Return `1 / y` for y > 0; on a GPU the rounded division takes five times as many instructions."""
    root = tl.rsqrt(y)
    return root * root


@triton.jit
def surrogate_gradient(u, p, q, KIND: tl.constexpr):
    """Return the gradient of the surrogate `formulas.KINDS[KIND]` with shape `p` and `q` at `u = h - v_threshold`."""
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
    elif KIND == 9:  # Rectangle
        slope = tl.where(p * tl.abs(u) <= 0.5, p, 0.0)
    elif KIND == 10:  # LeakyKReLU
        slope = tl.where(u < 0.0, p, q)
    elif KIND == 11:  # LogTailedReLU
        slope = tl.where(u <= 0.0, p, inverse(tl.where(u > 1.0, u, 1.0)))
    elif KIND == 12:  # S2NN
        e = exp(-p, tl.abs(u))
        slope = tl.where(u < 0.0, p * e * inverse((1.0 + e) * (1.0 + e)), q * inverse(1.0 + tl.abs(u)))
    else:  # DeterministicPass
        slope = tl.where(u == u, 1.0, u)
    return slope


@triton.jit
def grad_of_charged(
    h, grad_s, grad_v, thresholds, shape, SOFT: tl.constexpr, ATTACHED: tl.constexpr, KIND: tl.constexpr
):
    """Return the gradient of `h` from the gradients of its spike and of the potential after the reset.

    If ATTACHED, the potential after the reset depends on the spike too.
    """
    v_threshold, v_reset = thresholds
    p, q = shape
    u = h - v_threshold
    through, past = grad_s, grad_v
    if SOFT:
        if ATTACHED:
            through = tl.fma(grad_v, -v_threshold, through)
    else:
        if ATTACHED:
            through = tl.fma(grad_v, v_reset - h, through)
        past = tl.where(u >= 0.0, 0.0, grad_v)
    return tl.fma(through, surrogate_gradient(u, p, q, KIND), past)


@triton.jit
def walk_back(
    x,
    x_stride,
    t0,
    T,
    v,
    coefficients,
    thresholds,
    shape,
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
):
    """Walk from the gradient of the potential after the group at `t0` back to the gradient of `v`, the one before it.

    Writes `grad_x` of the group, or adds it to `sums` if CONSTANT. Adds the gradients of the learnt coefficients.
    """
    gain, feedback, rest = coefficients
    v_threshold, v_reset = thresholds
    sum_gain, sum_feedback, sum_rest, sum_x = sums
    xs = load_steps(x, x_stride, t0, T, block, CONSTANT, STEPS, RAGGED)
    grads = load_steps(grad_s, grad_s_stride, t0, T, block, False, STEPS, RAGGED)
    # Only h is kept for the way back; the rest is computed from it again: also keeping u or v would double the
    # registers.
    hs = charged(xs, v, coefficients, thresholds, FEEDBACK, SOFT, STEPS)
    if not CONSTANT:
        first = row(grad_x, t0, M, block)
    for i in tl.static_range(STEPS - 1, -1, -1):
        grad_h = grad_of_charged(hs[i], grads[i].to(tl.float32), grad_v, thresholds, shape, SOFT, ATTACHED, KIND)
        v_before = v
        if i > 0:
            v_before = after_reset(hs[i - 1], v_threshold, v_reset, SOFT)
        from_rest = v_before - rest
        if RAGGED:
            grad_v = tl.where(t0 + i < T, grad_h, grad_v)
            grad_h = tl.where(t0 + i < T, grad_h, 0.0)
            from_rest = tl.where(t0 + i < T, from_rest, 0.0)
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
            store(later(first, i, M), gain * grad_h, in_time(block, t0 + i, T, RAGGED))
    return grad_v, (sum_gain, sum_feedback, sum_rest, sum_x)


@triton.jit
def add(left, right):
    return left + right


@triton.jit
def store_part(parts, numbers, block, COMES_AS: tl.constexpr):
    """Write the gradients of a coefficient: one per neuron if it has a number per neuron, else their sum."""
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
    BLOCK: tl.constexpr,
):
    """Write the gradient `grad_x` in x's shape; unless None, also `grad_v0` `[M]` and the `parts` of the coefficients.

    `starts` is None if one group takes all steps. Else it is `[groups - 2, M]`, for the potential before each group.
    The first group needs no entry, as it starts from `v0`, nor does the last, which is processed next.
    """
    LEARNS_GAIN: tl.constexpr = parts_gain is not None
    LEARNS_FEEDBACK: tl.constexpr = parts_feedback is not None
    LEARNS_REST: tl.constexpr = parts_rest is not None
    block = block_of(M, BLOCK)
    inside = block[2]
    coefficients = of(gain, block, GAIN), of(feedback, block, FEEDBACK), of(rest, block, REST)
    thresholds, shape = (v_threshold, v_reset), (p, q)
    zero = tl.full([BLOCK], 0.0, tl.float32)
    v0s = zero + of(v0, block, V0)
    v = v0s
    grad_v = zero
    if grad_v_last is not None:
        grad_v = load(row(grad_v_last, 0, 0, block), inside)
    sums = zero, zero, zero, zero
    if starts is None:
        grad_v, sums = walk_back(
            *(x, x_stride, 0, T, v, coefficients, thresholds, shape),
            *(grad_s, grad_s_stride, grad_x, M, grad_v, sums, block),
            *(FEEDBACK, CONSTANT, SOFT, ATTACHED, KIND, LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST, STEPS, RAGGED),
        )
    else:
        last = (T + STEPS - 1) // STEPS - 1
        for group in range(last):
            xs = load_steps(x, x_stride, group * STEPS, T, block, CONSTANT, STEPS, False)
            hs = charged(xs, v, coefficients, thresholds, FEEDBACK, SOFT, STEPS)
            v = after_reset(hs[STEPS - 1], v_threshold, v_reset, SOFT)
            if group < last - 1:
                store(row(starts, group, M, block), v, inside)
        # Another thread of the program may read values that this thread wrote.
        tl.debug_barrier()
        for back in range(last + 1):
            group = last - back
            grad_v, sums = walk_back(
                *(x, x_stride, group * STEPS, T, v, coefficients, thresholds, shape),
                *(grad_s, grad_s_stride, grad_x, M, grad_v, sums, block),
                *(FEEDBACK, CONSTANT, SOFT, ATTACHED, KIND, LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST, STEPS, RAGGED),
            )
            v = v0s
            if group > 1:
                v = load(row(starts, group - 2, M, block), inside)
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
