"""The single recurrence of the neuron family, over all time steps: charge, fire, reset.

The charge is `h = v + gain (x + feedback (v - rest))`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.kernels.register import is_transformed
from snntrain.neuron.integrate_and_fire import reference
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.integrate_and_fire.formulas import formula
from snntrain.neuron.integrate_and_fire.operator import fused
from snntrain.neuron.integrate_and_fire.reference import Coefficient, Trajectory, charge, fire_and_reset
from snntrain.neuron.integrate_and_fire.rest import exactly_at_rest
from snntrain.neuron.integrate_and_fire.threshold import with_learnt_threshold

__all__ = ["Coefficient", "Trajectory", "charge", "fire_and_reset", "integrate_and_fire", "is_repeated", "steps_of"]


def integrate_and_fire(
    x: Tensor,
    gain: Coefficient,
    feedback: Coefficient,
    rest: Coefficient,
    v: Coefficient,
    *,
    v_threshold: Coefficient,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    detach_reset: bool,
    T: int | None = None,
    record: bool = False,
) -> Trajectory:
    """Run the recurrence over all steps of `x` with the fastest executor for its device and dtype.

    Plain PyTorch runs all cases that compiled code does not take: thresholds that are tensors, except for one number
    on a CPU, surrogates from outside this package, and the transforms of `torch.func` and forward-mode differentiation.

    Args:
        x: input current `[T, N, *]`, or with `T` given `[1, N, *]`, the same at each of T steps. For half precision the
            state is float32 during the run.
        gain, feedback, rest: coefficients of the charge, floats or tensors that broadcast over `[N, *]`.
        v: membrane potential before the first step, a float or `[N, *]`.
        v_threshold, v_reset, detach_reset: as in `BaseNode`.
        surrogate: firing rule.
        T: number of steps, if `x` has a single step for all.
        record: return `h` and `v` of every step, too.

    Returns:
        Spikes and last potential in the dtype of x, and all `h` and `v`, without gradient, if `record`.

    Raises:
        ValueError: `x` has more than one step, and their number is not `T`.
    """
    steps = steps_of(x, T)
    if T is None and is_repeated(x):
        x = x[:1]
    v = exactly_at_rest(v, rest)
    known = formula(surrogate)
    executor = dispatch.chosen(x)
    if executor != "reference" and known is not None and not is_transformed():
        if not isinstance(v_threshold, Tensor):
            rule = Rule(v_threshold, v_reset, detach_reset, *known)
            return fused(x, steps, gain, feedback, rest, v, rule, record)
        # The host reads the number.
        if executor == "cpu" and v_threshold.numel() == 1 and x.numel() and not torch.compiler.is_compiling():
            rule = Rule(0.0, v_reset, detach_reset, *known)
            return with_learnt_threshold(x, steps, [gain, feedback, rest, v], v_threshold, rule, record)
    return reference.integrate_and_fire(
        *(x, steps, gain, feedback, rest, v),
        v_threshold=v_threshold,
        v_reset=v_reset,
        surrogate=surrogate,
        detach_reset=detach_reset,
        record=record,
    )


def steps_of(x: Tensor, T: int | None) -> int:
    """Return the number of time steps: those of `x`, or `T` if `x` has one step, which is repeated.

    Raises:
        ValueError: `T` is below 1, or `x` has more than one step, and their number is not `T`.
    """
    steps = x.shape[0]
    if T is None:
        return steps
    if T < 1 or (steps != 1 and steps != T):
        raise ValueError(
            f"T={T} does not fit an input of {steps} steps: give T={steps}, or one step, which is repeated"
        )
    return T


def is_repeated(x: Tensor) -> bool:
    """Return whether the steps of `x` share one memory (stride 0), and no step needs its own gradient."""
    return x.shape[0] > 1 and x.stride(0) == 0 and not (x.requires_grad or is_transformed())
