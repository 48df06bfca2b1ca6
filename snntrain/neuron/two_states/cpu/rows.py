"""One step of the compiled recurrence with two states on a CPU, for a row: the neurons of a block.

As in `integrate_and_fire/cpu/rows.py`: functions process the `n` numbers of rows vector by vector, `coefficients` are
numbers that all neurons share, or rows with a number per neuron, and `rule` is v_threshold, v_reset and the surrogate's
p and q. `place` is the number of the second state's place, see `contract.PLACES`.

Forward rounds products and sums one by one, in the order of the reference.
"""

from snntrain.kernels.cpu.numba_alone import njit, overload, types
from snntrain.kernels.cpu.vectors import WIDTH, load, put, spread, store, where, wide
from snntrain.neuron.integrate_and_fire.cpu.rows import SUMMED, add, after_reset, ask_ahead, fed_back, of
from snntrain.neuron.integrate_and_fire.cpu.surrogates import ONE, ZERO, surrogate_gradient

# The numbers of the places, see `contract.PLACES`.
FILTER, CURRENT, THRESHOLD = 0, 1, 2
# The coefficients that a layer learns, flags of `learnt`, in the order of `contract.Coefficients`.
LEARNS = LEARNS_GAIN, LEARNS_FEEDBACK, LEARNS_REST, LEARNS_DECAY, LEARNS_INFLOW, LEARNS_JUMP = 1, 2, 4, 8, 16, 32


def plus_flow(moved, inflow, from_rest):
    """Return the second state plus the inflow of the distance from rest; an inflow that is the number 0 is left out."""
    raise NotImplementedError("compiled code only")


@overload(plus_flow, inline="always")
def _plus_flow(moved, inflow, from_rest):
    if isinstance(inflow, types.Float):
        return lambda moved, inflow, from_rest: moved if inflow == ZERO else moved + inflow * from_rest
    return lambda moved, inflow, from_rest: moved + inflow * from_rest


def raised(place, v_threshold, w):
    """Return the threshold of a step with second state `w` before it."""
    raise NotImplementedError("compiled code only")


@overload(raised, prefer_literal=True, inline="always")
def _raised(place, v_threshold, w):
    if place.literal_value == THRESHOLD:
        return lambda place, v_threshold, w: v_threshold + w
    return lambda place, v_threshold, w: v_threshold


def driven(place, x, w, w_after):
    """Return what charges the potential, from the input and the second state before and after it."""
    raise NotImplementedError("compiled code only")


@overload(driven, prefer_literal=True, inline="always")
def _driven(place, x, w, w_after):
    if place.literal_value == FILTER:
        return lambda place, x, w, w_after: w_after
    if place.literal_value == CURRENT:
        return lambda place, x, w, w_after: x - w
    return lambda place, x, w, w_after: x


def following_w(place, coefficients, i, x, w, after, fired):
    """Return the second state after the input `x`, if it filters it; else after a step that ends at potential `after`.

    `fired` is the spikes, as 0 and 1.
    """
    raise NotImplementedError("compiled code only")


@overload(following_w, prefer_literal=True, inline="always")
def _following_w(place, coefficients, i, x, w, after, fired):
    if place.literal_value == FILTER:

        def following(place, coefficients, i, x, w, after, fired):
            _, _, _, decay, inflow, _ = coefficients
            return of(decay, i) * w + of(inflow, i) * x

    else:

        def following(place, coefficients, i, x, w, after, fired):
            _, _, rest, decay, inflow, jump = coefficients
            moved = plus_flow(of(decay, i) * w, of(inflow, i), after - of(rest, i))
            return moved + of(jump, i) * fired

    return following


def moved(place, soft, rule, coefficients, x, v, w, i):
    """Return charged potential, its distance from the threshold, and potential and second state after the step."""
    raise NotImplementedError("compiled code only")


@overload(moved, prefer_literal=True)
def _moved(place, soft, rule, coefficients, x, v, w, i):
    PLACE, SOFT = place.literal_value, soft.literal_value
    FILTERS = PLACE == FILTER

    def move(place, soft, rule, coefficients, x, v, w, i):
        (v_threshold, v_reset, _, _), (gain, feedback, rest, _, _, _) = rule, coefficients
        current, before, adapted = load(x, i), load(v, i), load(w, i)
        later = following_w(PLACE, coefficients, i, current, adapted, before, before) if FILTERS else adapted
        drive = driven(PLACE, current, adapted, later)
        h = before + of(gain, i) * fed_back(drive, of(feedback, i), before - of(rest, i))
        over = h - raised(PLACE, v_threshold, adapted)
        after = after_reset(h, over, v_reset, SOFT)
        if not FILTERS:
            fired = where(over >= ZERO, ONE, ZERO)
            later = following_w(PLACE, coefficients, i, current, adapted, after, fired)
        return h, over, after, later

    return move


def fire_row(place, soft, rule, coefficients, far, n, x, following, v, w, s):
    """Move `v` and `w` by one step, and write the spikes."""
    raise NotImplementedError("compiled code only")


@overload(fire_row, prefer_literal=True)
def _fire_row(place, soft, rule, coefficients, far, n, x, following, v, w, s):
    PLACE, SOFT = place.literal_value, soft.literal_value

    def fire(place, soft, rule, coefficients, far, n, x, following, v, w, s):
        for i in range(0, n, WIDTH):
            if far != 0:
                ask_ahead(x, following, i, n)
            _, over, after, later = moved(PLACE, SOFT, rule, coefficients, x, v, w, i)
            put(s, i, where(over >= ZERO, ONE, ZERO), far)
            store(v, i, after)
            store(w, i, later)

    return fire


def record_row(place, soft, rule, coefficients, n, x, v, w, h, v_after, w_after):
    """Write the charged potential and the states after the next step of `v` and `w`."""
    raise NotImplementedError("compiled code only")


@overload(record_row, prefer_literal=True)
def _record_row(place, soft, rule, coefficients, n, x, v, w, h, v_after, w_after):
    PLACE, SOFT = place.literal_value, soft.literal_value

    def record(place, soft, rule, coefficients, n, x, v, w, h, v_after, w_after):
        for i in range(0, n, WIDTH):
            charge, _, after, later = moved(PLACE, SOFT, rule, coefficients, x, v, w, i)
            store(h, i, charge)
            store(v_after, i, after)
            store(w_after, i, later)

    return record


def charge_row(place, soft, rule, coefficients, far, n, x, following, v, w, h, w_after):
    """Move `v` by one step, and write the charged potential, and to `w_after` the second state after the step."""
    raise NotImplementedError("compiled code only")


@overload(charge_row, prefer_literal=True)
def _charge_row(place, soft, rule, coefficients, far, n, x, following, v, w, h, w_after):
    PLACE, SOFT = place.literal_value, soft.literal_value

    def charge(place, soft, rule, coefficients, far, n, x, following, v, w, h, w_after):
        for i in range(0, n, WIDTH):
            if far != 0:
                ask_ahead(x, following, i, n)
            charged, _, after, later = moved(PLACE, SOFT, rule, coefficients, x, v, w, i)
            store(h, i, charged)
            store(v, i, after)
            store(w_after, i, later)

    return charge


@njit(inline="always")
def added(total, part):
    """Return a sum of vectors of float64 plus a vector of float32."""
    return total + wide(part)


def back_row(place, kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
    """Go one step back, from the gradients of the states after the step to those of the states before it.

    Args:
        place, kind, soft, attached, learnt: constants of the compiled code, see `kernels.backward`.
        known: whether the row `h_before` holds the potential before the step, not `h` of the step before.
        read: `x`, `h` of the step, `h_before`, the second state before the step before, before the step, and after the
            step, `grad_s`, and the `grad_s` that is read next.
        written: `grad_v` and `grad_w`, the gradients of the states, and `grad_x`; then None, or a row in which the
            gradient of x is summed without the factor of its coefficient, and `grad_x` is not written.
        sums: the sums of the gradients of the coefficients, in their order. If each neuron has its own coefficients,
            they are rows to which the function adds; else vectors.

    Returns:
        `sums` including this row.
    """
    raise NotImplementedError("compiled code only")


@overload(back_row, prefer_literal=True, jit_options={"fastmath": {"contract"}})
def _back_row(place, kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
    PLACE, KIND, SOFT, ATTACHED, LEARNT = (c.literal_value for c in (place, kind, soft, attached, learnt))
    FILTERS, CURRENTS, THRESHOLDS = (one == PLACE for one in (FILTER, CURRENT, THRESHOLD))
    EACH, CONSTANT = isinstance(coefficients[0], types.CPointer), isinstance(written[3], types.CPointer)
    GAIN, FEEDBACK, REST, DECAY, INFLOW, JUMP = (bool(LEARNT & flag) for flag in LEARNS)
    FROM_REST = GAIN or FEEDBACK

    def back(place, kind, soft, attached, learnt, rule, coefficients, far, n, known, read, written, sums):
        (v_threshold, v_reset, p, q), (gain, feedback, rest, decay, inflow, jump) = rule, coefficients
        (x, h, h_before, w_earlier, w_before, w_after, grad_s, following) = read
        (grad_v, grad_w, grad_x, sum_x) = written
        sum_gain, sum_feedback, sum_rest, sum_decay, sum_inflow, sum_jump = sums
        for start in range(0, n, SUMMED):
            part_gain, part_feedback, part_rest = spread(ZERO), spread(ZERO), spread(ZERO)
            part_decay, part_inflow, part_jump = spread(ZERO), spread(ZERO), spread(ZERO)
            for i in range(start, min(start + SUMMED, n), WIDTH):
                if far != 0:
                    ask_ahead(grad_s, following, i, n)
                charge, later_v, later_w, w = load(h, i), load(grad_v, i), load(grad_w, i), load(w_before, i)
                level = raised(PLACE, v_threshold, w)
                over = charge - level
                # The gradient of h comes through the spike, and past it; if ATTACHED, the reset depends on the spike.
                # An adaptation also depends on the spike, and on the potential after the reset.
                through, past = load(grad_s, i), later_v
                if not FILTERS:
                    through = through + of(jump, i) * later_w
                    past = past + of(inflow, i) * later_w
                reset = past
                if SOFT:
                    if ATTACHED:
                        through = through - reset * level
                else:
                    if ATTACHED:
                        through = through + reset * (v_reset - charge)
                    past = where(over >= ZERO, ZERO, reset)
                of_distance = through * surrogate_gradient(KIND, over, p, q)
                grad = of_distance + past
                looped = of(gain, i) * of(feedback, i)
                store(grad_v, i, grad + looped * grad)
                # The gradient of x without the factor of its coefficient.
                if FILTERS:
                    flow = later_w + of(gain, i) * grad
                    store(grad_w, i, of(decay, i) * flow)
                    unscaled, scaled = flow, of(inflow, i) * flow
                else:
                    flow = later_w
                    unscaled, scaled = grad, of(gain, i) * grad
                    back_w = of(decay, i) * later_w
                    if CURRENTS:
                        back_w = back_w - scaled
                    if THRESHOLDS:
                        back_w = back_w - of_distance
                        if SOFT:
                            back_w = back_w - where(over >= ZERO, reset, ZERO)
                    store(grad_w, i, back_w)
                if CONSTANT:
                    add(sum_x, i, unscaled)
                else:
                    put(grad_x, i, scaled, far)
                if FROM_REST:
                    v = load(h_before, i)
                    if not known:
                        v = after_reset(v, v - raised(PLACE, v_threshold, load(w_earlier, i)), v_reset, SOFT)
                    from_rest = v - of(rest, i)
                if GAIN:
                    drive = driven(PLACE, load(x, i), w, load(w_after, i))
                    one = grad * fed_back(drive, of(feedback, i), from_rest)
                    if EACH:
                        add(sum_gain, i, one)
                    else:
                        part_gain = part_gain + one
                if FEEDBACK:
                    one = of(gain, i) * grad * from_rest
                    if EACH:
                        add(sum_feedback, i, one)
                    else:
                        part_feedback = part_feedback + one
                if REST:
                    one = (ZERO - looped) * grad
                    if not FILTERS:
                        one = one - of(inflow, i) * later_w
                    if EACH:
                        add(sum_rest, i, one)
                    else:
                        part_rest = part_rest + one
                if DECAY:
                    if EACH:
                        add(sum_decay, i, flow * w)
                    else:
                        part_decay = part_decay + flow * w
                if INFLOW:
                    if FILTERS:
                        one = flow * load(x, i)
                    else:
                        one = flow * (after_reset(charge, over, v_reset, SOFT) - of(rest, i))
                    if EACH:
                        add(sum_inflow, i, one)
                    else:
                        part_inflow = part_inflow + one
                if JUMP and not FILTERS:
                    one = where(over >= ZERO, flow, ZERO)
                    if EACH:
                        add(sum_jump, i, one)
                    else:
                        part_jump = part_jump + one
            if not EACH:
                if GAIN:
                    sum_gain = added(sum_gain, part_gain)
                if FEEDBACK:
                    sum_feedback = added(sum_feedback, part_feedback)
                if REST:
                    sum_rest = added(sum_rest, part_rest)
                if DECAY:
                    sum_decay = added(sum_decay, part_decay)
                if INFLOW:
                    sum_inflow = added(sum_inflow, part_inflow)
                if JUMP:
                    sum_jump = added(sum_jump, part_jump)
        return sum_gain, sum_feedback, sum_rest, sum_decay, sum_inflow, sum_jump

    return back
