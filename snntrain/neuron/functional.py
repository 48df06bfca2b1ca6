"""The neurons as functions: potential in, spikes and potential out, and no state inside.

`*_step` computes one step of `x` `[N, *]`, `*_steps` all steps of `x` `[T, N, *]`. They follow the rule of the modules
and run in the same compiled code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

from torch import Tensor

from snntrain.neuron import charges, surrogate
from snntrain.neuron.charges import Coefficients
from snntrain.neuron.integrate_and_fire import Coefficient, integrate_and_fire


class Firing(TypedDict, total=False):
    """The rule of firing and reset, with the meaning and the defaults of `BaseNode`.

    `v_threshold` may be a tensor that broadcasts over `[N, *]`.
    """

    v_threshold: Coefficient
    v_reset: float | None
    surrogate_function: Callable[[Tensor], Tensor]
    detach_reset: bool


def if_step(x: Tensor, v: Coefficient, **rule: Unpack[Firing]) -> tuple[Tensor, Tensor]:
    """Compute one step of IF, `h = v + x`.

    Args:
        x: input current `[N, *]`.
        v: potential before the step, a number or `[N, *]`.
        rule: threshold, reset and surrogate, see `Firing`.

    Returns:
        The spikes and the potential after the reset, `[N, *]` each.
    """
    return _one(if_steps(x.unsqueeze(0), v, **rule))


def lif_step(
    x: Tensor, v: Coefficient, tau: Coefficient = 100.0, decay_input: bool = True, **rule: Unpack[Firing]
) -> tuple[Tensor, Tensor]:
    """Compute one step of LIF, `h = v + (x - (v - rest)) / tau`.

    Args:
        tau: time constant, in time steps; a number or a tensor that broadcasts over `[N, *]`.
        decay_input: False leaves the input undivided, `h = v + x - (v - rest) / tau`.
        others: as in `if_step`. `rest` is v_reset, or 0 with a soft reset.
    """
    return _one(lif_steps(x.unsqueeze(0), v, tau, decay_input, **rule))


def plif_step(
    x: Tensor, v: Coefficient, k: Coefficient = 0.5, decay_input: bool = True, **rule: Unpack[Firing]
) -> tuple[Tensor, Tensor]:
    """Compute one step of PLIF, `h = v + (x - (v - rest)) k`, where `k` is the inverse of tau.

    Args:
        k: a number or a tensor that broadcasts over `[N, *]`.
        decay_input: False leaves the input undivided, `h = v + x - (v - rest) k`.
        others: as in `if_step`. `rest` is v_reset, or 0 with a soft reset.
    """
    return _one(plif_steps(x.unsqueeze(0), v, k, decay_input, **rule))


def rif_step(x: Tensor, v: Coefficient, w: Coefficient = -1e-3, **rule: Unpack[Firing]) -> tuple[Tensor, Tensor]:
    """Compute one step of RIF, `h = v + w (v - rest) + x`.

    Args:
        w: weight of the self connection; a number or a tensor that broadcasts over `[N, *]`.
        others: as in `if_step`. `rest` is v_reset, or 0 with a soft reset.
    """
    return _one(rif_steps(x.unsqueeze(0), v, w, **rule))


def if_steps(x: Tensor, v: Coefficient, **rule: Unpack[Firing]) -> tuple[Tensor, Tensor]:
    """Compute all steps of IF: return the spikes `[T, N, *]` and the last potential `[N, *]`.

    Args:
        x: input current `[T, N, *]`.
        others: as in `if_step`.
    """
    return _all(x, v, charges.integrated(_rest(rule)), rule)


def lif_steps(
    x: Tensor, v: Coefficient, tau: Coefficient = 100.0, decay_input: bool = True, **rule: Unpack[Firing]
) -> tuple[Tensor, Tensor]:
    """Compute all steps of LIF; arguments as in `lif_step`, x and results as in `if_steps`."""
    return _all(x, v, charges.leaky(tau, _rest(rule), decay_input), rule)


def plif_steps(
    x: Tensor, v: Coefficient, k: Coefficient = 0.5, decay_input: bool = True, **rule: Unpack[Firing]
) -> tuple[Tensor, Tensor]:
    """Compute all steps of PLIF; arguments as in `plif_step`, x and results as in `if_steps`."""
    return _all(x, v, charges.decaying(k, _rest(rule), decay_input), rule)


def rif_steps(x: Tensor, v: Coefficient, w: Coefficient = -1e-3, **rule: Unpack[Firing]) -> tuple[Tensor, Tensor]:
    """Compute all steps of RIF; arguments as in `rif_step`, x and results as in `if_steps`."""
    return _all(x, v, charges.self_connected(w, _rest(rule)), rule)


def _rest(rule: Firing) -> float:
    return rule.get("v_reset", 0.0) or 0.0


def _all(x: Tensor, v: Coefficient, coefficients: Coefficients, rule: Firing) -> tuple[Tensor, Tensor]:
    trajectory = integrate_and_fire(
        x,
        *coefficients,
        v,
        v_threshold=rule.get("v_threshold", 1.0),
        v_reset=rule.get("v_reset", 0.0),
        surrogate=rule.get("surrogate_function", surrogate.Sigmoid()),
        detach_reset=rule.get("detach_reset", False),
    )
    return trajectory.s, trajectory.v_last


def _one(steps: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    s, v = steps
    return s.squeeze(0), v
