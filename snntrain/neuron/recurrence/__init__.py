"""The one recurrence of the neuron family: `h = a v + b x + c`, fire, reset, over all time steps."""

from collections.abc import Callable

from torch import Tensor

from snntrain.neuron.recurrence import executor, reference
from snntrain.neuron.recurrence.executor import Rule
from snntrain.neuron.recurrence.formulas import formula
from snntrain.neuron.recurrence.operator import fused
from snntrain.neuron.recurrence.reference import Coefficient, Trajectory, fire_and_reset

__all__ = ["Coefficient", "Trajectory", "fire_and_reset", "integrate_and_fire"]


def integrate_and_fire(
    x: Tensor,
    a: Coefficient,
    b: Coefficient,
    c: Coefficient,
    v: Coefficient,
    *,
    v_threshold: float,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
    T: int | None = None,
    record: bool = False,
) -> Trajectory:
    """Runs the recurrence over all steps of `x`, by the fastest executor for its device and dtype.

    Args:
        x: input current `[T, N, *]`, or with `T` given `[1, N, *]`, the same at each of T steps. In half precision
            the state is float32 while it runs.
        a, b, c: coefficients of the charge, floats or tensors that broadcast over `[N, *]`.
        v: membrane potential before the first step, a float or `[N, *]`.
        v_threshold, v_reset, detach_reset: as in `BaseNode`.
        surrogate: firing rule; one that is not this package's own runs in plain PyTorch.
        T: number of steps, where `x` is given once.
        record: return `h` and `v` of every step, too.

    Returns:
        Spikes and last potential in the dtype of x, and all `h` and `v`, without gradient, if `record`.
    """
    if T is None:
        T = x.shape[0]
        if T > 1 and x.stride(0) == 0:
            x = x[:1]
    # A device spells its type out at each look, which takes longer than to allocate a tensor.
    name = executor.choose("cpu" if x.is_cpu else x.device.type, x.dtype)
    known = formula(surrogate)
    if name != "reference" and known is not None:
        return fused(name, x, T, a, b, c, v, Rule(v_threshold, v_reset, detach_reset, *known), record)
    return reference.integrate_and_fire(
        *(x, T, a, b, c, v),
        v_threshold=v_threshold,
        v_reset=v_reset,
        surrogate=surrogate,
        detach_reset=detach_reset,
        record=record,
    )
