"""One step of the compiled recurrence on a CPU, for a row: the neurons of a block.

Functions process the `n` numbers of rows (`kernels/cpu/vectors.py`) vector by vector; `i` is the first number of a
vector. `coefficients` are gain, feedback and rest: numbers that all neurons share, or rows with a number per neuron.
`rule` is v_threshold, v_reset and the surrogate's p and q; `soft` means that v_reset is absent. If `far` is -1, rows do
not stay in the caches: they are prefetched, and written past the caches. Else `far` is 0.

Forward rounds products and sums one by one, in the order of the reference.
"""

from snntrain.kernels.cpu.numba_alone import njit, overload, types
from snntrain.kernels.cpu.vectors import WIDTH, ask, load, put, row_at, spread, store, where, wide
from snntrain.neuron.integrate_and_fire.cpu.surrogates import ONE, ZERO, surrogate_gradient

# Distance at which memory is prefetched ahead of the computation, in numbers.
AHEAD = 512
# The coefficients that a layer learns, flags of `learnt`.
LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST = 1, 2, 4
# Number of products that are summed in float32, before these sums are summed in float64.
SUMMED = 16 * WIDTH


def of(values, i):
    """Return the values of a vector of neurons, or the number that all neurons share."""
    raise NotImplementedError("compiled code only")


@overload(of, inline="always")
def _of(values, i):
    if isinstance(values, types.CPointer):
        return lambda values, i: load(values, i)
    return lambda values, i: values


@njit(inline="always")
def ask_ahead(row, following, i, n):
    """Prefetch the memory that is read AHEAD numbers later, in this row or in the one that follows it."""
    if i + AHEAD < n:
        ask(row, i + AHEAD)
    else:
        ask(following, i + AHEAD - n)


@njit(inline="always")
def add(row, i, vector):
    """Add a vector to the numbers of a row."""
    store(row, i, load(row, i) + vector)


@njit
def begin_row(address, value, start, n, dtype, into):
    """Write the numbers from `start` after an address, or `value` if the address is 0."""
    for i in range(0, n, WIDTH):
        if address == 0:
            store(into, i, value)
        else:
            store(into, i, load(row_at(address, start, dtype), i))


@njit
def scale_row(row, factor, n, into):
    """Write the products with a factor, one for all neurons or one per neuron, in the dtype of `into`."""
    for i in range(0, n, WIDTH):
        store(into, i, of(factor, i) * load(row, i))


def fed_back(x, feedback, from_rest):
    """Return the input plus the feedback of the distance from rest; a feedback that is the number 0 is left out."""
    raise NotImplementedError("compiled code only")


@overload(fed_back, inline="always")
def _fed_back(x, feedback, from_rest):
    if isinstance(feedback, types.Float):
        return lambda x, feedback, from_rest: x if feedback == ZERO else x + feedback * from_rest
    return lambda x, feedback, from_rest: x + feedback * from_rest


@njit(inline="always")
def charged(x, coefficients, v, i):
    """Return the charged potential."""
    gain, feedback, rest = coefficients
    before = load(v, i)
    return before + of(gain, i) * fed_back(load(x, i), of(feedback, i), before - of(rest, i))


@njit(inline="always")
def after_reset(h, u, v_reset, soft):
    """Return the potential after a step with charged potential `h` and `u = h - v_threshold`; NaN does not fire."""
    if soft:
        return where(u >= ZERO, u, h)
    return where(u >= ZERO, v_reset, h)


@njit
def fire_row(soft, rule, coefficients, far, n, x, following, v, s):
    """Move `v` by one step, and write the spikes."""
    v_threshold, v_reset, _, _ = rule
    for i in range(0, n, WIDTH):
        if far != 0:
            ask_ahead(x, following, i, n)
        h = charged(x, coefficients, v, i)
        u = h - v_threshold
        put(s, i, where(u >= ZERO, ONE, ZERO), far)
        store(v, i, after_reset(h, u, v_reset, soft))


@njit
def record_row(soft, rule, coefficients, n, x, v, h, v_after):
    """Write the potentials of the next step of `v`."""
    v_threshold, v_reset, _, _ = rule
    for i in range(0, n, WIDTH):
        charge = charged(x, coefficients, v, i)
        store(h, i, charge)
        store(v_after, i, after_reset(charge, charge - v_threshold, v_reset, soft))


@njit
def charge_row(soft, rule, coefficients, far, n, x, following, v, h):
    """Move `v` by one step, and write the charged potential."""
    v_threshold, v_reset, _, _ = rule
    for i in range(0, n, WIDTH):
        if far != 0:
            ask_ahead(x, following, i, n)
        charge = charged(x, coefficients, v, i)
        store(h, i, charge)
        store(v, i, after_reset(charge, charge - v_threshold, v_reset, soft))


def back_row(kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
    """Go one step back, from the gradient of the potential after the step to the gradient of the potential before it.

    Args:
        kind, soft, attached, learnt: constants of the compiled code, see `kernels.backward`.
        known: whether the row `before` holds the potential before the step, not `h` of the step before.
        read: `x`, `h` of the step, the row `before`, `grad_s`, and the `grad_s` that is read next.
        written: `grad_v`, the gradient of the potential, and `grad_x`; then None, or a row in which the gradient of h
            is summed, and `grad_x` is not written.
        sums: the sums of the gradients of gain, feedback and rest. If each neuron has its own coefficients, they are
            rows to which the function adds; else vectors, without the factors that all neurons share.

    Returns:
        `sums` including this row.
    """
    raise NotImplementedError("compiled code only")


@overload(back_row, prefer_literal=True, jit_options={"fastmath": {"contract"}})
def _back_row(kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
    KIND, SOFT, ATTACHED, LEARNT = (constant.literal_value for constant in (kind, soft, attached, learnt))
    EACH, CONSTANT = isinstance(coefficients[0], types.CPointer), isinstance(written[2], types.CPointer)
    GAIN, FEEDBACK, REST = (bool(LEARNT & flag) for flag in (LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST))

    def back(kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
        (v_threshold, v_reset, p, q), (gain, feedback, rest) = rule, coefficients
        (x, h, before, grad_s, following), (grad_v, grad_x, sum_h) = read, written
        sum_gain, sum_feedback, sum_rest = sums
        for start in range(0, n, SUMMED):
            part_gain, part_feedback, part_rest = spread(ZERO), spread(ZERO), spread(ZERO)
            for i in range(start, min(start + SUMMED, n), WIDTH):
                if far != 0:
                    ask_ahead(grad_s, following, i, n)
                # The gradient of h comes through the spike, and past it; if ATTACHED, the reset depends on the spike.
                charge, after = load(h, i), load(grad_v, i)
                over = charge - v_threshold
                through, past = load(grad_s, i), after
                if SOFT:
                    if ATTACHED:
                        through = through - after * v_threshold
                else:
                    if ATTACHED:
                        through = through + after * (v_reset - charge)
                    past = where(over >= ZERO, ZERO, after)
                grad = through * surrogate_gradient(KIND, over, p, q) + past
                looped = of(gain, i) * of(feedback, i)
                store(grad_v, i, grad + looped * grad)
                if CONSTANT:
                    add(sum_h, i, grad)
                else:
                    put(grad_x, i, of(gain, i) * grad, far)
                if GAIN or FEEDBACK:
                    v = load(before, i)
                    if not known:
                        v = after_reset(v, v - v_threshold, v_reset, SOFT)
                    from_rest = v - of(rest, i)
                if GAIN:
                    driven = grad * fed_back(load(x, i), of(feedback, i), from_rest)
                    if EACH:
                        add(sum_gain, i, driven)
                    else:
                        part_gain = part_gain + driven
                if FEEDBACK:
                    if EACH:
                        add(sum_feedback, i, load(gain, i) * grad * from_rest)
                    else:
                        part_feedback = part_feedback + grad * from_rest
                if REST:
                    if EACH:
                        add(sum_rest, i, (ZERO - looped) * grad)
                    else:
                        part_rest = part_rest + grad
            if not EACH:
                if GAIN:
                    sum_gain = sum_gain + wide(part_gain)
                if FEEDBACK:
                    sum_feedback = sum_feedback + wide(part_feedback)
                if REST:
                    sum_rest = sum_rest + wide(part_rest)
        return sum_gain, sum_feedback, sum_rest

    return back
