"""The recurrence with two states compiled for GPUs with Triton: half or float32 in and out, states in float32.

As in `integrate_and_fire/cuda/kernels.py`, where the shared parts are: a program takes a block of neurons through all
its steps with their states in registers, loads the input of a group of steps at once, and backward computes `h` and the
second state again from `x`. The kernels must be launched with `enable_fp_fusion=False`.

GAIN to JUMP, V0 and W0 are the forms of the coefficients and first states; `coefficients` is a tuple of all six. PLACE
is the number of the second state's place, see `contract.PLACES`: 0 filters the input, 1 is subtracted from it, 2 is
added to the threshold.
"""

import triton
import triton.language as tl

from snntrain.neuron.integrate_and_fire.cuda.kernels import (
    NOTHING,
    after_reset,
    block_of,
    fed_back,
    in_time,
    later,
    load,
    load_steps,
    of,
    row,
    store,
    store_part,
    surrogate_gradient,
)


@triton.jit
def level_of(w, v_threshold, PLACE: tl.constexpr):
    """Return the threshold of a step with second state `w` before it."""
    level = v_threshold
    if PLACE == 2:
        level = v_threshold + w
    return level


@triton.jit
def drive_of(x, w, decay, inflow, PLACE: tl.constexpr):
    """Return what charges the potential, from the input and the second state before the step."""
    drive = x
    if PLACE == 0:
        drive = decay * w + inflow * x
    elif PLACE == 1:
        drive = x - w
    return drive


@triton.jit
def moved(
    x,
    v,
    w,
    coefficients,
    thresholds,
    FEEDBACK: tl.constexpr,
    INFLOW: tl.constexpr,
    PLACE: tl.constexpr,
    SOFT: tl.constexpr,
):
    """Return charged potential, its distance from the threshold, and both states after a step."""
    gain, feedback, rest, decay, inflow, jump = coefficients
    v_threshold, v_reset = thresholds
    level = level_of(w, v_threshold, PLACE)
    drive = drive_of(x, w, decay, inflow, PLACE)
    h = v + gain * fed_back(drive, feedback, v - rest, FEEDBACK)
    v_after = after_reset(h, level, v_reset, SOFT)
    w_after = drive
    if PLACE != 0:
        w_after = decay * w
        if INFLOW != NOTHING:
            w_after = w_after + inflow * (v_after - rest)
        w_after = w_after + jump * tl.where(h - level >= 0.0, 1.0, 0.0)
    return h, h - level, v_after, w_after


@triton.jit
def charged(
    xs,
    v,
    w,
    coefficients,
    thresholds,
    FEEDBACK: tl.constexpr,
    INFLOW: tl.constexpr,
    PLACE: tl.constexpr,
    SOFT: tl.constexpr,
    STEPS: tl.constexpr,
):
    """Return the charged potentials and the second states before STEPS steps, `[BLOCK]` each, and both last states."""
    hs, ws = (), ()
    for i in tl.static_range(STEPS):
        ws += (w,)
        h, _, v, w = moved(xs[i].to(tl.float32), v, w, coefficients, thresholds, FEEDBACK, INFLOW, PLACE, SOFT)
        hs += (h,)
    return hs, ws, v, w


@triton.jit(do_not_specialize=["T"])
def forward(
    x,
    x_stride,
    gain,
    feedback,
    rest,
    decay,
    inflow,
    jump,
    v0,
    w0,
    v_threshold,
    v_reset,
    s,
    v_last,
    w_last,
    h_all,
    v_all,
    w_all,
    M,
    T,
    GAIN: tl.constexpr,
    FEEDBACK: tl.constexpr,
    REST: tl.constexpr,
    DECAY: tl.constexpr,
    INFLOW: tl.constexpr,
    JUMP: tl.constexpr,
    V0: tl.constexpr,
    W0: tl.constexpr,
    CONSTANT: tl.constexpr,
    PLACE: tl.constexpr,
    SOFT: tl.constexpr,
    STEPS: tl.constexpr,
    RAGGED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write spikes `s` `[T, M]` and the last states `[M]`; unless None, `h_all`, `v_all` and `w_all` `[T, M]`."""
    block = block_of(M, BLOCK)
    coefficients = (
        of(gain, block, GAIN),
        of(feedback, block, FEEDBACK),
        of(rest, block, REST),
        of(decay, block, DECAY),
        of(inflow, block, INFLOW),
        of(jump, block, JUMP),
    )
    thresholds = v_threshold, v_reset
    v = tl.full([BLOCK], 0.0, tl.float32) + of(v0, block, V0)
    w = tl.full([BLOCK], 0.0, tl.float32) + of(w0, block, W0)
    for t0 in range(0, T, STEPS):
        xs = load_steps(x, x_stride, t0, T, block, CONSTANT, STEPS, RAGGED)
        first = row(s, t0, M, block)
        for i in tl.static_range(STEPS):
            here = in_time(block, t0 + i, T, RAGGED)
            h, over, v_after, w_after = moved(
                xs[i].to(tl.float32), v, w, coefficients, thresholds, FEEDBACK, INFLOW, PLACE, SOFT
            )
            store(later(first, i, M), tl.where(over >= 0.0, 1.0, 0.0), here)
            if h_all is not None:
                store(row(h_all, t0 + i, M, block), h, here)
                store(row(v_all, t0 + i, M, block), v_after, here)
                store(row(w_all, t0 + i, M, block), w_after, here)
            v = tl.where(t0 + i < T, v_after, v) if RAGGED else v_after
            w = tl.where(t0 + i < T, w_after, w) if RAGGED else w_after
    store(row(v_last, 0, 0, block), v, block[2])
    store(row(w_last, 0, 0, block), w, block[2])


@triton.jit
def walk_back(
    x,
    x_stride,
    t0,
    T,
    states,
    coefficients,
    thresholds,
    shape,
    grad_s,
    grad_s_stride,
    grad_x,
    M,
    grad_v,
    grad_w,
    sums,
    block,
    FEEDBACK: tl.constexpr,
    INFLOW: tl.constexpr,
    CONSTANT: tl.constexpr,
    PLACE: tl.constexpr,
    SOFT: tl.constexpr,
    ATTACHED: tl.constexpr,
    KIND: tl.constexpr,
    LEARNS_GAIN: tl.constexpr,
    LEARNS_FEEDBACK: tl.constexpr,
    LEARNS_REST: tl.constexpr,
    LEARNS_DECAY: tl.constexpr,
    LEARNS_INFLOW: tl.constexpr,
    LEARNS_JUMP: tl.constexpr,
    STEPS: tl.constexpr,
    RAGGED: tl.constexpr,
):
    """Walk from the gradients of the states after the group at `t0` back to those of the states before it.

    Writes `grad_x` of the group, or adds it to `sums` if CONSTANT. Adds the gradients of the learnt coefficients.
    """
    gain, feedback, rest, decay, inflow, jump = coefficients
    v_threshold, v_reset = thresholds
    p, q = shape
    v, w = states
    sum_gain, sum_feedback, sum_rest, sum_decay, sum_inflow, sum_jump, sum_x = sums
    xs = load_steps(x, x_stride, t0, T, block, CONSTANT, STEPS, RAGGED)
    grads = load_steps(grad_s, grad_s_stride, t0, T, block, False, STEPS, RAGGED)
    hs, ws, _, _ = charged(xs, v, w, coefficients, thresholds, FEEDBACK, INFLOW, PLACE, SOFT, STEPS)
    if not CONSTANT:
        first = row(grad_x, t0, M, block)
    for i in tl.static_range(STEPS - 1, -1, -1):
        level = level_of(ws[i], v_threshold, PLACE)
        over = hs[i] - level
        through, reset = grads[i].to(tl.float32), grad_v
        if PLACE != 0:
            through = through + grad_w * jump
            if INFLOW != NOTHING:
                reset = reset + grad_w * inflow
        past = reset
        if SOFT:
            if ATTACHED:
                through = through - reset * level
        else:
            if ATTACHED:
                through = through + reset * (v_reset - hs[i])
            past = tl.where(over >= 0.0, 0.0, reset)
        of_distance = through * surrogate_gradient(over, p, q, KIND)
        grad_h = of_distance + past
        flow = grad_w
        if PLACE == 0:
            flow = tl.fma(grad_h, gain, grad_w)
        if RAGGED:
            grad_h = tl.where(t0 + i < T, grad_h, 0.0)
            flow = tl.where(t0 + i < T, flow, 0.0)
        back_w = flow * decay
        if PLACE == 1:
            back_w = back_w - grad_h * gain
        elif PLACE == 2:
            back_w = back_w - of_distance
            if SOFT:
                back_w = back_w - tl.where(over >= 0.0, reset, 0.0)
        back_v = grad_h
        if FEEDBACK != NOTHING:
            back_v = tl.fma(grad_h, gain * feedback, grad_h)
        v_before = v
        if i > 0:
            v_before = after_reset(hs[i - 1], level_of(ws[i - 1], v_threshold, PLACE), v_reset, SOFT)
        current = xs[i].to(tl.float32)
        if LEARNS_GAIN:
            drive = drive_of(current, ws[i], decay, inflow, PLACE)
            one = grad_h * fed_back(drive, feedback, v_before - rest, FEEDBACK)
            sum_gain += tl.where(t0 + i < T, one, 0.0) if RAGGED else one
        if LEARNS_FEEDBACK:
            one = grad_h * (v_before - rest)
            sum_feedback += tl.where(t0 + i < T, one, 0.0) if RAGGED else one
        if LEARNS_REST:
            # Without the common factor -1.
            sum_rest += grad_h * (gain * feedback)
            if PLACE != 0:
                sum_rest += flow * inflow
        if LEARNS_DECAY:
            one = flow * ws[i]
            sum_decay += tl.where(t0 + i < T, one, 0.0) if RAGGED else one
        if LEARNS_INFLOW:
            one = flow * current
            if PLACE != 0:
                one = flow * (after_reset(hs[i], level, v_reset, SOFT) - rest)
            sum_inflow += tl.where(t0 + i < T, one, 0.0) if RAGGED else one
        if LEARNS_JUMP and PLACE != 0:
            sum_jump += tl.where(over >= 0.0, flow, 0.0)
        scaled = flow * inflow if PLACE == 0 else grad_h * gain
        if CONSTANT:
            sum_x += scaled
        else:
            store(later(first, i, M), scaled, in_time(block, t0 + i, T, RAGGED))
        grad_v = tl.where(t0 + i < T, back_v, grad_v) if RAGGED else back_v
        grad_w = tl.where(t0 + i < T, back_w, grad_w) if RAGGED else back_w
    return grad_v, grad_w, (sum_gain, sum_feedback, sum_rest, sum_decay, sum_inflow, sum_jump, sum_x)


@triton.jit(do_not_specialize=["T"])
def backward(
    x,
    x_stride,
    gain,
    feedback,
    rest,
    decay,
    inflow,
    jump,
    v0,
    w0,
    v_threshold,
    v_reset,
    p,
    q,
    grad_s,
    grad_s_stride,
    grad_v_last,
    grad_w_last,
    grad_x,
    grad_v0,
    grad_w0,
    parts_gain,
    parts_feedback,
    parts_rest,
    parts_decay,
    parts_inflow,
    parts_jump,
    starts,
    M,
    T,
    GAIN: tl.constexpr,
    FEEDBACK: tl.constexpr,
    REST: tl.constexpr,
    DECAY: tl.constexpr,
    INFLOW: tl.constexpr,
    JUMP: tl.constexpr,
    V0: tl.constexpr,
    W0: tl.constexpr,
    CONSTANT: tl.constexpr,
    PLACE: tl.constexpr,
    SOFT: tl.constexpr,
    ATTACHED: tl.constexpr,
    KIND: tl.constexpr,
    STEPS: tl.constexpr,
    RAGGED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the gradient `grad_x` in x's shape; unless None, also those of the first states and the `parts`.

    `starts` is `[groups - 1, 2, M]`, for both states before each group but the first, which starts from `v0` and `w0`.
    """
    LEARNS_GAIN: tl.constexpr = parts_gain is not None
    LEARNS_FEEDBACK: tl.constexpr = parts_feedback is not None
    LEARNS_REST: tl.constexpr = parts_rest is not None
    LEARNS_DECAY: tl.constexpr = parts_decay is not None
    LEARNS_INFLOW: tl.constexpr = parts_inflow is not None
    LEARNS_JUMP: tl.constexpr = parts_jump is not None
    block = block_of(M, BLOCK)
    inside = block[2]
    coefficients = (
        of(gain, block, GAIN),
        of(feedback, block, FEEDBACK),
        of(rest, block, REST),
        of(decay, block, DECAY),
        of(inflow, block, INFLOW),
        of(jump, block, JUMP),
    )
    thresholds, shape = (v_threshold, v_reset), (p, q)
    zero = tl.full([BLOCK], 0.0, tl.float32)
    v0s, w0s = zero + of(v0, block, V0), zero + of(w0, block, W0)
    grad_v, grad_w = zero, zero
    if grad_v_last is not None:
        grad_v = load(row(grad_v_last, 0, 0, block), inside)
    if grad_w_last is not None:
        grad_w = load(row(grad_w_last, 0, 0, block), inside)
    sums = zero, zero, zero, zero, zero, zero, zero
    v, w = v0s, w0s
    last = (T + STEPS - 1) // STEPS - 1
    if starts is not None:
        for group in range(last):
            xs = load_steps(x, x_stride, group * STEPS, T, block, CONSTANT, STEPS, False)
            _, _, v, w = charged(xs, v, w, coefficients, thresholds, FEEDBACK, INFLOW, PLACE, SOFT, STEPS)
            store(row(starts, 2 * group, M, block), v, inside)
            store(row(starts, 2 * group + 1, M, block), w, inside)
        # Another thread of the program may read values that this thread wrote.
        tl.debug_barrier()
    for back in range(last + 1):
        group = last - back
        v, w = v0s, w0s
        if starts is not None:  # noqa: SIM102 - only the outer condition is known to the compiler
            if group > 0:
                v = load(row(starts, 2 * (group - 1), M, block), inside)
                w = load(row(starts, 2 * (group - 1) + 1, M, block), inside)
        grad_v, grad_w, sums = walk_back(
            *(x, x_stride, group * STEPS, T, (v, w), coefficients, thresholds, shape),
            *(grad_s, grad_s_stride, grad_x, M, grad_v, grad_w, sums, block),
            *(FEEDBACK, INFLOW, CONSTANT, PLACE, SOFT, ATTACHED, KIND),
            *(LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST, LEARNS_DECAY, LEARNS_INFLOW, LEARNS_JUMP),
            *(STEPS, RAGGED),
        )
    sum_gain, sum_feedback, sum_rest, sum_decay, sum_inflow, sum_jump, sum_x = sums
    if CONSTANT:
        store(row(grad_x, 0, 0, block), sum_x, inside)
    if grad_v0 is not None:
        store(row(grad_v0, 0, 0, block), grad_v, inside)
    if grad_w0 is not None:
        store(row(grad_w0, 0, 0, block), grad_w, inside)
    if LEARNS_GAIN:
        store_part(parts_gain, sum_gain, block, GAIN)
    if LEARNS_FEEDBACK:
        store_part(parts_feedback, coefficients[0] * sum_feedback, block, FEEDBACK)
    if LEARNS_REST:
        store_part(parts_rest, -sum_rest, block, REST)
    if LEARNS_DECAY:
        store_part(parts_decay, sum_decay, block, DECAY)
    if LEARNS_INFLOW:
        store_part(parts_inflow, sum_inflow, block, INFLOW)
    if LEARNS_JUMP:
        store_part(parts_jump, sum_jump, block, JUMP)
