"""A count of the potentials that the recurrence changes, made after its run: the recurrence does not keep them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from snntrain.kernels import dispatch
from snntrain.neuron.integrate_and_fire import integrate_and_fire
from snntrain.neuron.integrate_and_fire.contract import Rule
from snntrain.neuron.integrate_and_fire.formulas import formula
from snntrain.neuron.integrate_and_fire.operator import inputs
from snntrain.neuron.integrate_and_fire.reference import Coefficient
from snntrain.neuron.integrate_and_fire.rest import exactly_at_rest

# The maximum number of potentials in memory at a time, if potentials are needed.
MOST = 2**24


def count_updates(
    x: Tensor,
    gain: Coefficient,
    feedback: Coefficient,
    rest: Coefficient,
    v: Coefficient,
    *,
    v_threshold: Coefficient,
    v_reset: float | None,
    surrogate: Callable[[Tensor], Tensor],
    T: int,
    valid: Tensor | None = None,
) -> Tensor | int:
    """Return how many potentials differ from those one step before, over all `T` steps.

    If `v` is a number, as after a reset, the first step changes all. On a CPU compiled code counts while the recurrence
    runs, and keeps no potentials; elsewhere, or if only some steps count, the result is a tensor, so nothing waits for
    it.

    Args:
        x: input current `[T, N, *]`, or `[1, N, *]` if it is the same in all steps.
        gain, feedback, rest, v, v_threshold, v_reset, surrogate: as in `integrate_and_fire`.
        T: number of steps.
        valid: the steps that count, bool `[T, N]`; None for all.
    """
    known, v = formula(surrogate), exactly_at_rest(v, rest)
    compiled = dispatch.chosen(x) == "cpu"
    if compiled and known is not None and not isinstance(v_threshold, Tensor) and valid is None:
        # This imports Numba.
        from snntrain.neuron.integrate_and_fire import cpu

        rule = Rule(v_threshold, v_reset, True, *known)
        return cpu.updates(rule, inputs(x, T, gain, feedback, rest, v), fresh=not isinstance(v, Tensor))
    counted: Tensor | int = 0
    images = max(1, MOST // (T * max(1, x[0, :1].numel())))
    for first in range(0, x.shape[1], images):
        some = slice(first, first + images)
        own_gain, own_feedback, own_rest, v0 = (_of(k, some, x.ndim - 1) for k in (gain, feedback, rest, v))
        run = integrate_and_fire(
            *(x[:, some], own_gain, own_feedback, own_rest, v0),
            v_threshold=v_threshold,
            v_reset=v_reset,
            surrogate=surrogate,
            detach_reset=True,
            T=T,
            record=True,
        )
        counted = counted + changed(v0, run.v, None if valid is None else valid[:, some])
    return counted


def changed(v0: Coefficient, v: Tensor, valid: Tensor | None = None) -> Tensor | int:
    """Return how many potentials `v` `[T, N, *]` differ from those before; if `v0` is a number, all first ones do.

    Args:
        v0: the potentials before, `[N, *]`, or a number.
        v: the potentials.
        valid: the steps that count, bool `[T, N]`; None for all.
    """
    if valid is not None:
        begun = v[:1] != v0 if isinstance(v0, Tensor) else torch.ones_like(v[:1], dtype=torch.bool)
        differs = torch.cat([begun, v[1:] != v[:-1]])
        return _count(differs & valid.view(*valid.shape, *[1] * (v.ndim - 2)))
    first = _count(v[0] != v0) if isinstance(v0, Tensor) else v[0].numel()
    return first + _count(v[1:] != v[:-1])


def _of(values: Coefficient, some: slice, dimensions: int) -> Coefficient:
    """Return the values for some images, from a tensor that broadcasts over `[N, *]`."""
    if isinstance(values, Tensor) and values.ndim == dimensions and len(values) > 1:
        return values[some]
    return values


def _count(flags: Tensor) -> Tensor | int:
    """Return the number of True flags: on a CPU from NumPy, which is four times as fast; elsewhere as a tensor."""
    return int(np.count_nonzero(flags.numpy())) if flags.device.type == "cpu" else torch.count_nonzero(flags)
