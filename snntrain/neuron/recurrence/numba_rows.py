"""What the compiled recurrence on a CPU does to the neurons of a block in one step, which are a row.

Functions go through the `n` numbers of rows (`numba_vectors`) vector by vector; `i` is a vector's first. Rows called
`u` hold h - v_threshold. `coefficients` are `a`, `b` and `c`, numbers that all neurons have or rows of their own;
`rule` is v_threshold, v_reset and the surrogate's p and q; `soft` says that there is no v_reset. Where `far` is not 0,
rows do not stay in the caches: they are asked for ahead of time, and written past the caches.

Forward, products and sums are rounded one by one and in the reference's order.
"""

from numba import njit, types
from numba.extending import overload

from snntrain.neuron.recurrence.numba_surrogates import ONE, ZERO, surrogate_gradient
from snntrain.neuron.recurrence.numba_vectors import WIDTH, ask, load, row_at, spread, store, stream, where, wide

# How far ahead of the computation memory is asked for, in numbers.
AHEAD = 512
# Numbers whose products are summed in float32, before their sums are in float64.
SUMMED = 16 * WIDTH


def of(values, i):
    """The neurons' own values, or the number that all have."""
    raise NotImplementedError("compiled code only")


@overload(of, inline="always")
def _of(values, i):
    if isinstance(values, types.CPointer):
        return lambda values, i: load(values, i)
    return lambda values, i: values


@njit(inline="always")
def ask_ahead(row, following, i, n):
    """Asks for what is read AHEAD numbers later: of this row, or of the one that follows it."""
    if i + AHEAD < n:
        ask(row, i + AHEAD)
    else:
        ask(following, i + AHEAD - n)


@njit(inline="always")
def put(row, i, vector, far):
    if far != 0:
        stream(row, i, vector, far)
    else:
        store(row, i, vector)


@njit(inline="always")
def add(row, i, vector):
    """Adds a vector to the numbers of a row."""
    store(row, i, load(row, i) + vector)


@njit
def begin_row(address, value, start, n, dtype, into):
    """The numbers from `start` behind an address, or `value` where that is 0."""
    for i in range(0, n, WIDTH):
        if address == 0:
            store(into, i, value)
        else:
            store(into, i, load(row_at(address, start, dtype), i))


@njit
def scale_row(row, factor, n, into):
    """The products with a number, or with one each, in the dtype of `into`."""
    for i in range(0, n, WIDTH):
        store(into, i, of(factor, i) * load(row, i))


@njit(inline="always")
def charged(x, coefficients, v, i):
    """The charged potential."""
    a, b, c = coefficients
    return of(a, i) * load(v, i) + (of(b, i) * load(x, i) + of(c, i))


@njit(inline="always")
def after_reset(h, u, v_reset, soft):
    """The potential after a step that charged to `h = v_threshold + u`; NaN does not fire."""
    if soft:
        return where(u >= ZERO, u, h)
    return where(u >= ZERO, v_reset, h)


@njit
def fire_row(soft, rule, coefficients, far, n, x, following, v, s):
    """One step of `v`, and its spikes."""
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
    """The potentials of the step that `v` stands before."""
    v_threshold, v_reset, _, _ = rule
    for i in range(0, n, WIDTH):
        charge = charged(x, coefficients, v, i)
        store(h, i, charge)
        store(v_after, i, after_reset(charge, charge - v_threshold, v_reset, soft))


@njit
def charge_row(soft, rule, coefficients, far, n, x, following, v, u):
    """One step of `v`, and `u`."""
    v_threshold, v_reset, _, _ = rule
    for i in range(0, n, WIDTH):
        if far != 0:
            ask_ahead(x, following, i, n)
        h = charged(x, coefficients, v, i)
        store(u, i, h - v_threshold)
        store(v, i, after_reset(h, h - v_threshold, v_reset, soft))


@njit(inline="always")
def started_from(held, known, v_threshold, v_reset, soft):
    """The potential before a step: `held` where it is `known`, else what the step before made of its `u`, `held`."""
    if known:
        return held
    return after_reset(v_threshold + held, held, v_reset, soft)


def back_row(kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
    """One step back: from the gradient of the potential after it to that of the potential before it.

    Args:
        kind, soft, attached, learnt: constants of the compiled code, see `numba_kernels.backward`.
        known: whether the row `before` has potentials, see `started_from`.
        read: `x`, `u` of the step, the row `before`, `grad_s`, and the `grad_s` that is read next.
        written: `grad_v`, the gradient of the potential, and `grad_x`; then None, or a row that the gradient of h is
            added to while `grad_x` is not written.
        sums: of the gradient of h times the potential before the step, of that times x, and of that: parts of a, b and
            c. Vectors, or where neurons have coefficients of their own rows, which are added to.

    Returns:
        `sums` with those of this row.
    """
    raise NotImplementedError("compiled code only")


@overload(back_row, prefer_literal=True, jit_options={"fastmath": {"contract"}})
def _back_row(kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
    KIND, SOFT, ATTACHED, LEARNT = (constant.literal_value for constant in (kind, soft, attached, learnt))
    EACH, CONSTANT = isinstance(coefficients[0], types.CPointer), isinstance(written[2], types.CPointer)

    def back(kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
        (v_threshold, v_reset, p, q), (a, b, _) = rule, coefficients
        (x, u, before, grad_s, following), (grad_v, grad_x, sum_h) = read, written
        sum_a, sum_b, sum_c = sums
        for start in range(0, n, SUMMED):
            part_a, part_b, part_c = spread(ZERO), spread(ZERO), spread(ZERO)
            for i in range(start, min(start + SUMMED, n), WIDTH):
                if far != 0:
                    ask_ahead(grad_s, following, i, n)
                # The gradient of h comes through the spike, and past it; the reset is the spike's if ATTACHED.
                over, after = load(u, i), load(grad_v, i)
                through, past = load(grad_s, i), after
                if SOFT:
                    if ATTACHED:
                        through = through - after * v_threshold
                else:
                    if ATTACHED:
                        through = through + after * (v_reset - v_threshold - over)
                    past = where(over >= ZERO, ZERO, after)
                grad = through * surrogate_gradient(KIND, over, p, q) + past
                store(grad_v, i, of(a, i) * grad)
                if CONSTANT:
                    add(sum_h, i, grad)
                else:
                    put(grad_x, i, of(b, i) * grad, far)
                if LEARNT:
                    v, current = started_from(load(before, i), known, v_threshold, v_reset, SOFT), load(x, i)
                    if EACH:
                        add(sum_a, i, grad * v)
                        add(sum_b, i, grad * current)
                        add(sum_c, i, grad)
                    else:
                        part_a = part_a + grad * v
                        part_b = part_b + grad * current
                        part_c = part_c + grad
            if LEARNT and not EACH:
                sum_a, sum_b, sum_c = sum_a + wide(part_a), sum_b + wide(part_b), sum_c + wide(part_c)
        return sum_a, sum_b, sum_c

    return back
