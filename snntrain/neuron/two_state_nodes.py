"""Neurons with two states: CUBA, with a filtered input current, and adaptive LIF."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from snntrain.neuron import arguments, clamp, surrogate
from snntrain.neuron.base import THRESHOLD, BaseNode
from snntrain.neuron.integrate_and_fire import Coefficient, Trajectory
from snntrain.neuron.integrate_and_fire import charge as charged
from snntrain.neuron.learnable import awaits_shape, learnable, logged
from snntrain.neuron.two_states import Coefficients, adapted, filtered, two_states

ADAPTS = ("current", "threshold")


class TwoStateNode(BaseNode):
    """The base of neurons with a second state: a subclass defines `coefficients()` and, if needed, `place`.

    Their recurrence is that of `snntrain.neuron.two_states`, which has compiled executors.

    Attributes:
        place: where the second state acts, one of `snntrain.neuron.two_states.PLACES`.
    """

    place: str = "filter"

    def coefficients(self) -> Coefficients:
        """Return the coefficients of the recurrence; each is a float, or a tensor that broadcasts over `[N, *]`."""
        raise NotImplementedError(f"{type(self).__name__} does not define coefficients()")

    def charge(self, x: Tensor) -> Tensor:
        k, w = self.coefficients(), getattr(self, self.states[1])
        if self.place == "filter":
            x = filtered(w, x, k)
            setattr(self, self.states[1], x)
        elif self.place == "current":
            x = x - w
        return charged(self.v, x, k.gain, k.feedback, k.rest)

    def threshold(self) -> float | Tensor:
        if self.place != "threshold":
            return super().threshold()
        raised: float | Tensor = super().threshold() + getattr(self, self.states[1])
        return raised

    def adapt(self, s: Tensor) -> None:
        if self.place != "filter":
            w, v = getattr(self, self.states[1]), torch.as_tensor(self.v)
            setattr(self, self.states[1], adapted(w, v, s, self.coefficients()))

    @property
    def has_own_rule(self) -> bool:
        kind = type(self)
        return (
            kind.charge is not TwoStateNode.charge
            or kind.threshold is not TwoStateNode.threshold
            or kind.adapt is not TwoStateNode.adapt
            or len(self.states) > 2
        )

    def _step_by_step(self, x: Tensor, T: int | None, own_rule: bool) -> Trajectory:
        return super()._step_by_step(x, T, True)

    def _all_steps(self, x: Tensor, T: int | None) -> Trajectory:
        name = self.states[1]
        # A threshold that moves is recorded as it was before each step.
        before = getattr(self, name) if self.place == "threshold" and self._watched else None
        run = two_states(
            x,
            self.place,
            self.coefficients(),
            self.v,
            getattr(self, name),
            v_threshold=super().threshold(),
            v_reset=self.v_reset,
            surrogate=self.surrogate_function,
            detach_reset=self.detach_reset,
            T=T,
            record=self._watched,
        )
        setattr(self, name, run.w_last)
        if not self._watched:
            return Trajectory(run.s, run.v_last)
        more = {name: run.w}
        if before is not None:
            first = torch.as_tensor(before, device=run.w.device).detach().to(run.w).expand(run.w.shape[1:])
            more[THRESHOLD] = torch.cat([first.unsqueeze(0), run.w[:-1]]) + _detached(super().threshold())
        return Trajectory(run.s, run.v_last, run.h, run.v, more)

    @property
    def _recorded_more(self) -> tuple[str, ...]:
        moves = self.place == "threshold" or type(self).threshold is not TwoStateNode.threshold
        return (*self.states[1:], THRESHOLD) if moves else self.states[1:]


class CubaNode(TwoStateNode):
    """Current-based LIF: a filter of the input current charges a LIF neuron.

    The current is `i = (1 - 1/tau_i) i + x`, and then `h = v + (i - (v - v_reset)) / tau`; with a soft reset, v_reset
    is 0 here.

    Args:
        tau: membrane time constant at the start, in time steps.
        tau_i: time constant of the current at the start, in time steps; at least 1, where the current is `x`.
        learn_tau: True learns both time constants, each as `1/tau = sigmoid(w)`; they must then be above 1, and remain
            so.
        per_neuron: True learns one of each for every neuron, in place of one for the layer.
        others: as in `BaseNode`.

    Attributes:
        i: the filtered current, a state as `v`.
        w_tau, w_tau_i: the learnt parameters with `learn_tau=True`, shape `[1]`, or with `per_neuron` the shape of the
            neurons of one sample.

    Raises:
        ValueError: a time constant outside these bounds.
    """

    states: ClassVar[tuple[str, ...]] = ("v", "i")

    def __init__(
        self,
        tau: float = 2.0,
        tau_i: float = 2.0,
        learn_tau: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
        *,
        learn_threshold: bool = False,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(
            *(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode),
            learn_threshold=learn_threshold,
            per_neuron=per_neuron,
        )
        self.learn_tau = bool(learn_tau)
        self._taus = {name: arguments.positive(name, tau) for name, tau in (("tau", tau), ("tau_i", tau_i))}
        for name, value in self._taus.items():
            if self.learn_tau and not value > 1:
                raise ValueError(f"{name}={value} must be above 1 time step to be learnt; or give learn_tau=False")
            if value < 1 and name == "tau_i":
                raise ValueError(f"tau_i={value} must be at least 1 time step: the current would change its sign")
            if self.learn_tau:
                learnable(self, f"w_{name}", clamp.PAIRS["sigmoid"].inverse(value), per_neuron)

    def decay(self, name: str) -> Coefficient:
        """Return 1/tau of a time constant, 'tau' or 'tau_i': a float, or differentiable in float32 at least."""
        if not self.learn_tau:
            return 1 / self._taus[name]
        return clamp.PAIRS["sigmoid"].function(_wide(getattr(self, f"w_{name}")))

    def learnt(self) -> dict[str, float]:
        if not self.learn_tau or awaits_shape(self):
            return {}
        taus = (logged(name, torch.as_tensor(1 / self.decay(name))) for name in self._taus)
        return {key: value for tau in taus for key, value in tau.items()} | super().learnt()

    def coefficients(self) -> Coefficients:
        return Coefficients(self.decay("tau"), -1.0, self.rest, 1 - self.decay("tau_i"), 1.0, 0.0)

    def extra_repr(self) -> str:
        taus = (f"{name}={'?' if awaits_shape(self) else _shown(1 / self.decay(name))}" for name in self._taus)
        return f"{', '.join(taus)}, learn_tau={self.learn_tau}, {super().extra_repr()}"


class AdLIFNode(TwoStateNode):
    """Adaptive LIF by the symplectic Euler step (SE-adLIF; Baronig et al., Nature Communications 2025).

    With α = exp(-1/tau_u) and β = exp(-1/tau_w), and distances from rest, which is v_reset, or 0 with a soft reset:
    `h = α v + (1 - α) (x - w)`, then fire and reset, then `w = β w + (1 - β) q (a v + b s)` with the potential after
    the reset. With `adapt="threshold"`, `w` is added to the threshold instead of subtracted from the input, as in ALIF
    (Bellec et al., NeurIPS 2018).

    Args:
        tau_u, tau_w: time constants of the membrane and of the adaptation at the start, in time steps.
        a, b: adaptation by the potential, and by a spike, at the start. The paper keeps them in [0, 1] and [0, 2].
        q: scale of both.
        adapt: "current" or "threshold".
        learn_tau: True learns both time constants within their bounds.
        learn_ab: True learns `a` in (0, 1) and `b` in (0, 2).
        per_neuron: True learns one of each for every neuron, in place of one for the layer.
        tau_u_bounds, tau_w_bounds: the open intervals of learnt time constants, in time steps. The paper has (5, 25)
            and (60, 300) for steps of 4 ms.
        others: as in `BaseNode`.

    Attributes:
        w: the adaptation, a state as `v`.
        w_tau_u, w_tau_w, w_a, w_b: the learnt parameters, shape `[1]`, or with `per_neuron` the shape of the neurons of
            one sample: a constant is `lo + (hi - lo) sigmoid(w)`.

    Raises:
        ValueError: a constant outside its bounds, bounds that are no interval, or an unknown `adapt`.
    """

    states: ClassVar[tuple[str, ...]] = ("v", "w")

    def __init__(
        self,
        tau_u: float = 5.0,
        tau_w: float = 60.0,
        a: float = 0.5,
        b: float = 1.0,
        q: float = 120.0,
        adapt: str = "current",
        learn_tau: bool = True,
        learn_ab: bool = True,
        tau_u_bounds: Sequence[float] = (1.0, 25.0),
        tau_w_bounds: Sequence[float] = (10.0, 300.0),
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Callable[[Tensor], Tensor] = surrogate.Sigmoid(),
        detach_reset: bool = False,
        monitor_state: bool = False,
        step_mode: str = "s",
        *,
        learn_threshold: bool = False,
        per_neuron: bool = False,
    ) -> None:
        if adapt not in ADAPTS:
            raise ValueError(f"adapt={adapt!r} must be one of {', '.join(ADAPTS)}")
        # The monitor's names depend on it.
        object.__setattr__(self, "place", adapt)
        super().__init__(
            *(v_threshold, v_reset, surrogate_function, detach_reset, monitor_state, step_mode),
            learn_threshold=learn_threshold,
            per_neuron=per_neuron,
        )
        self.q = arguments.number("q", q)
        self._values: dict[str, float] = {}
        self._bounds: dict[str, tuple[float, float]] = {}
        for name, value, bounds in (
            ("tau_u", arguments.positive("tau_u", tau_u), _interval("tau_u_bounds", tau_u_bounds, least=0.0)),
            ("tau_w", arguments.positive("tau_w", tau_w), _interval("tau_w_bounds", tau_w_bounds, least=0.0)),
            ("a", arguments.number("a", a), (0.0, 1.0)),
            ("b", arguments.number("b", b), (0.0, 2.0)),
        ):
            self._values[name] = value
            learns = learn_tau if name.startswith("tau") else learn_ab
            if not learns:
                continue
            if not bounds[0] < value < bounds[1]:
                switch = "learn_tau" if name.startswith("tau") else "learn_ab"
                raise ValueError(
                    f"{name}={value} must lie inside its bounds ({bounds[0]}, {bounds[1]}) to be learnt; "
                    f"or give {switch}=False"
                )
            self._bounds[name] = bounds
            learnable(self, f"w_{name}", clamp.interval(*bounds).inverse(value), per_neuron)

    def constant(self, name: str) -> Coefficient:
        """Return tau_u, tau_w, a or b: a float, or if it is learnt, differentiable in float32 at least."""
        if name not in self._bounds:
            return self._values[name]
        return clamp.interval(*self._bounds[name]).function(_wide(getattr(self, f"w_{name}")))

    def learnt(self) -> dict[str, float]:
        if awaits_shape(self):
            return {}
        constants = (logged(name, torch.as_tensor(self.constant(name))) for name in self._bounds)
        return {key: value for constant in constants for key, value in constant.items()} | super().learnt()

    def coefficients(self) -> Coefficients:
        a, b = self.constant("a"), self.constant("b")
        # 1 - exp(-1/tau), without the rounding of a difference from 1.
        gain, settled = _settled(self.constant("tau_u")), _settled(self.constant("tau_w"))
        scale = self.q * settled
        return Coefficients(gain, -1.0, self.rest, 1 - settled, scale * a, scale * b)

    def extra_repr(self) -> str:
        blank = awaits_shape(self)
        constants = (f"{name}={'?' if blank else _shown(self.constant(name))}" for name in self._values)
        return f"{', '.join(constants)}, q={self.q}, adapt={self.place}, {super().extra_repr()}"


def _settled(tau: Coefficient) -> Coefficient:
    """Return `1 - exp(-1/tau)`."""
    return -torch.expm1(-1 / tau) if isinstance(tau, Tensor) else -math.expm1(-1 / tau)


def _interval(name: str, bounds: Any, least: float) -> tuple[float, float]:
    """Return the bounds of a learnt constant, two numbers.

    Raises:
        ValueError: they are not.
    """
    try:
        lo, hi = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        lo, hi = math.nan, math.nan
    if not least <= lo < hi < math.inf:
        raise ValueError(f"{name}={bounds} must be two finite numbers of time steps, lo < hi, not below {least:g}")
    return lo, hi


def _wide(parameter: Tensor) -> Tensor:
    """Return a parameter in float32 at least: in half precision, the sum of its gradient may overflow."""
    return parameter.float() if parameter.element_size() < 4 else parameter


def _detached(value: float | Tensor) -> float | Tensor:
    return value.detach() if isinstance(value, Tensor) else value


def _shown(value: Coefficient) -> str:
    return arguments.shown(value) if isinstance(value, Tensor) else f"{value:.4g}"
