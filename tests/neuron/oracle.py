"""The neurons in float64 NumPy, straight from their equations; back-propagation through time written by hand.

Nothing here is taken from the package under test: each neuron charges by its own equation (not by the shared
affine form), the surrogates come from their table, and the gradients from the chain rule on paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .oracle_surrogates import Array, Curve, Surrogate, logistic, sigmoid


@dataclass(frozen=True)
class Link:
    """The learnt scalar of an equation: k(p) of the parameter p, and dk/dp."""

    value: Curve
    slope: Curve


IDENTITY = Link(lambda p: p, lambda p: np.ones_like(p))

CLAMPS = {
    "sigmoid": Link(sigmoid, lambda p: sigmoid(p) * (1 - sigmoid(p))),
    "reciprocal_abs_plus_1": Link(lambda p: 1 / (1 + np.abs(p)), lambda p: -np.sign(p) / (1 + np.abs(p)) ** 2),
    "piecewise_exp": Link(
        lambda p: np.where(p >= 0, 1 - np.exp(-np.abs(p)) / 2, np.exp(-np.abs(p)) / 2),
        lambda p: np.exp(-np.abs(p)) / 2,
    ),
}


def symmetric(amplitude: float) -> Link:
    return Link(lambda p: (2 * sigmoid(p) - 1) * amplitude, lambda p: 2 * amplitude * sigmoid(p) * (1 - sigmoid(p)))


def interval(lo: float, hi: float) -> Link:
    return Link(lambda p: sigmoid(p) * (hi - lo) + lo, lambda p: (hi - lo) * sigmoid(p) * (1 - sigmoid(p)))


class Charge(Protocol):
    """The potential after charging, by the neuron's own equation."""

    def __call__(self, v: Array, x: Array, v_r: float) -> Array: ...

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        """Return dh/dv, dh/dx and dh/dk of the equation's own scalar k (0 if it has no such scalar)."""
        ...


@dataclass(frozen=True)
class IF:
    def __call__(self, v: Array, x: Array, v_r: float) -> Array:
        return v + x

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        return 1.0, 1.0, 0.0


@dataclass(frozen=True)
class LIF:
    tau: float

    def __call__(self, v: Array, x: Array, v_r: float) -> Array:
        return v + (x - (v - v_r)) / self.tau

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        return 1 - 1 / self.tau, 1 / self.tau, 0.0


@dataclass(frozen=True)
class PLIF:
    k: float

    def __call__(self, v: Array, x: Array, v_r: float) -> Array:
        return v + (x - (v - v_r)) * self.k

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        return 1 - self.k, self.k, x - (v - v_r)


@dataclass(frozen=True)
class UndividedLIF:
    """The leak pulls with 1 / tau, and the input is added as it is."""

    tau: float

    def __call__(self, v: Array, x: Array, v_r: float) -> Array:
        return v + x - (v - v_r) / self.tau

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        return 1 - 1 / self.tau, 1.0, 0.0


@dataclass(frozen=True)
class UndividedPLIF:
    k: float

    def __call__(self, v: Array, x: Array, v_r: float) -> Array:
        return v + x - (v - v_r) * self.k

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        return 1 - self.k, 1.0, v_r - v


@dataclass(frozen=True)
class RIF:
    w: float

    def __call__(self, v: Array, x: Array, v_r: float) -> Array:
        return v + self.w * (v - v_r) + x

    def slopes(self, v: Array, x: Array, v_r: float) -> tuple[float, float, Array | float]:
        return 1 + self.w, 1.0, v - v_r


@dataclass(frozen=True)
class Trace:
    """h, v, s: [T, *]; v_first: [*], the potential before the first step."""

    h: Array
    v: Array
    s: Array
    v_first: Array

    @property
    def v_before(self) -> Array:
        """Return v before each step, [T, *]."""
        return np.concatenate([self.v_first[None], self.v[:-1]])


@dataclass(frozen=True)
class Gradients:
    """`k_each` and `threshold_each` `[*]`: of each neuron's own k and threshold; `k` is the sum of the former."""

    x: Array
    k: float
    v_first: Array
    k_each: Array = field(default_factory=lambda: np.zeros(()))
    threshold_each: Array = field(default_factory=lambda: np.zeros(()))


@dataclass(frozen=True)
class Cell:
    """A neuron with fixed numbers; v_reset None is the soft reset.

    The threshold, and the k of the charge, may be an array with a number per neuron.
    """

    charge: Charge
    surrogate: Surrogate = field(default_factory=logistic)
    v_threshold: float | Array = 1.0
    v_reset: float | None = 0.0
    detach_reset: bool = False
    spiking: bool = True

    @property
    def rest(self) -> float:
        return 0.0 if self.v_reset is None else self.v_reset

    def forward(self, x: Array, v_first: Array | None = None) -> Trace:
        """x: [T, *]."""
        v = np.full(x.shape[1:], self.rest) if v_first is None else v_first
        start, steps = v, []
        for x_t in x:
            h = self.charge(v, x_t, self.rest)
            over = h - self.v_threshold
            s = (over >= 0).astype(np.float64) if self.spiking else self.surrogate.primitive(over)
            v = h - s * self.v_threshold if self.v_reset is None else (1 - s) * h + s * self.v_reset
            steps.append((h, v, s))
        h, v, s = (np.stack(column) for column in zip(*steps, strict=True))
        return Trace(h, v, s, start)

    def backward(self, x: Array, trace: Trace, grad_s: Array, grad_v: Array) -> Gradients:
        """Return gradients of sum(grad_s * s) + sum(grad_v * v[T-1]); grad_s: [T, *], grad_v: [*]."""
        grad_x, grad_k, g_v = np.empty_like(x), np.zeros(x.shape[1:]), grad_v
        grad_threshold = np.zeros(x.shape[1:])
        v_before = trace.v_before
        for t in reversed(range(len(x))):
            h, s = trace.h[t], trace.s[t]
            if self.v_reset is None:
                dv_dh, dv_ds = np.ones_like(h), -self.v_threshold * np.ones_like(h)
            else:
                dv_dh, dv_ds = 1 - s, self.v_reset - h
            g_s = grad_s[t] + (0.0 if self.detach_reset else g_v * dv_ds)
            through_spike = g_s * self.surrogate.gradient(h - self.v_threshold)
            g_h = g_v * dv_dh + through_spike
            # The threshold enters the spike with a minus sign, and the soft reset as the amount that it subtracts.
            grad_threshold -= through_spike + (g_v * s if self.v_reset is None else 0.0)
            dh_dv, dh_dx, dh_dk = self.charge.slopes(v_before[t], x[t], self.rest)
            grad_x[t], g_v = g_h * dh_dx, g_h * dh_dv
            grad_k += g_h * dh_dk
        return Gradients(grad_x, float(grad_k.sum()), g_v, grad_k, grad_threshold)

    def rounding_bound(self, x: Array, trace: Trace, unit: float) -> tuple[Array, Array]:
        """Return how far h and v in a narrower format may be from this trace if the spikes are the same.

        Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 3.3). Charging makes
        at most eight roundings (three coefficients, three products, two sums), each of a term no bigger than
        |v| + |x| + |V_r| times a coefficient no bigger than max(1, dh/dv); the reset makes two more. An
        error in v enters the next step times dh/dv.
        """
        e_h, e_v = np.empty_like(trace.h), np.empty_like(trace.v)
        carried = unit * np.abs(trace.v_first)
        for t, (v, x_t) in enumerate(zip(trace.v_before, x, strict=True)):
            dh_dv = abs(self.charge.slopes(v, x_t, self.rest)[0])
            e_h[t] = dh_dv * carried + 8 * unit * max(1.0, dh_dv) * (np.abs(v) + np.abs(x_t) + abs(self.rest))
            spread = e_h[t] if self.v_reset is None else e_h[t] * (1 - trace.s[t])
            carried = spread + 2 * unit * (np.abs(trace.h[t]) + np.abs(self.v_threshold) + abs(self.rest))
            e_v[t] = carried
        return e_h, e_v
