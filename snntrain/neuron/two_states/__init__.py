"""The recurrence of neurons with two states, over all time steps: the potential `v`, and a second state `w`.

The second state filters the input (CUBA), or it adapts the neuron: it is subtracted from the input or added to the
threshold. `reference` has the equations.
"""

from collections.abc import Callable

from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.kernels.register import is_transformed
from snntrain.neuron.integrate_and_fire import Coefficient, is_repeated, steps_of
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.integrate_and_fire.formulas import formula
from snntrain.neuron.integrate_and_fire.rest import exactly_at_rest
from snntrain.neuron.two_states import reference
from snntrain.neuron.two_states.contract import PLACES, Coefficients
from snntrain.neuron.two_states.operator import fused
from snntrain.neuron.two_states.reference import Run, adapted, filtered

__all__ = ["PLACES", "Coefficients", "Run", "adapted", "filtered", "two_states"]


def two_states(
    x: Tensor,
    place: str,
    coefficients: Coefficients,
    v: Coefficient,
    w: Coefficient,
    *,
    v_threshold: Coefficient,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
    T: int | None = None,
    record: bool = False,
) -> Run:
    """Run the recurrence over all steps of `x` with the fastest executor for its device and dtype.

    Plain PyTorch runs all cases that compiled code does not take: thresholds that are tensors, surrogates from outside
    this package, and the transforms of `torch.func` and forward-mode differentiation.

    Args:
        x: input current `[T, N, *]`, or with `T` given `[1, N, *]`, the same at each of T steps. For half precision the
            states are float32 during the run.
        place: where the second state acts, one of `PLACES`.
        coefficients: floats or tensors that broadcast over `[N, *]`.
        v, w: states before the first step, floats or `[N, *]`.
        v_threshold, v_reset, detach_reset: as in `BaseNode`.
        surrogate: firing rule.
        T: number of steps, if `x` has a single step for all.
        record: return `h`, `v` and `w` of every step, too.

    Returns:
        Spikes and last states in the dtype of x, and all `h`, `v` and `w`, without gradient, if `record`.

    Raises:
        ValueError: `x` has more than one step, and their number is not `T`.
    """
    steps = steps_of(x, T)
    if T is None and is_repeated(x):
        x = x[:1]
    number = PLACES.index(place)
    v = exactly_at_rest(v, coefficients.rest)
    known = formula(surrogate)
    compiled = dispatch.chosen(x) != "reference" and not is_transformed()
    if compiled and known is not None and not isinstance(v_threshold, Tensor):
        rule = Rule(v_threshold, v_reset, detach_reset, *known)
        return fused(x, steps, number, coefficients, v, w, rule, record)
    return reference.two_states(
        *(x, steps, number, coefficients, v, w),
        v_threshold=v_threshold,
        v_reset=v_reset,
        surrogate=surrogate,
        detach_reset=detach_reset,
        record=record,
    )
