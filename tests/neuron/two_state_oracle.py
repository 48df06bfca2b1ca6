"""The neurons with two states in float64 NumPy, from the equations of their papers; gradients by hand.

Nothing here is taken from the package under test: each neuron has its own step and its own chain rule, not the shared
recurrence. Constants are given as the learnt parameters of the nodes, through the functions that keep them in bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .oracle_surrogates import Array, Surrogate, atan, sigmoid


@dataclass(frozen=True)
class Trace:
    """h, v, s, w and the threshold of each step: [T, *]; `v0` and `w0`, the states before the first."""

    h: Array
    v: Array
    s: Array
    w: Array
    threshold: Array
    v0: Array
    w0: Array

    def before(self, t: int) -> tuple[Array, Array]:
        """Return v and w before step `t`."""
        return (self.v0, self.w0) if t == 0 else (self.v[t - 1], self.w[t - 1])


@dataclass(frozen=True)
class Reset:
    """Firing and reset; `v_reset` None is soft."""

    v_threshold: float = 0.75
    v_reset: float | None = 0.0
    detach: bool = False
    surrogate: Surrogate = field(default_factory=atan)

    @property
    def rest(self) -> float:
        return 0.0 if self.v_reset is None else self.v_reset

    def fire(self, h: Array, threshold: Array | float) -> tuple[Array, Array]:
        s = (h - threshold >= 0).astype(np.float64)
        return s, h - s * threshold if self.v_reset is None else (1 - s) * h + s * self.v_reset

    def back(self, h: Array, s: Array, threshold: Array, grad_s: Array, grad_v: Array) -> tuple[Array, Array]:
        """Return the gradients of h and of the threshold, from those of the spike and of v after the reset."""
        soft = self.v_reset is None
        if not self.detach:
            grad_s = grad_s + grad_v * (-threshold if soft else self.v_reset - h)
        of_distance = grad_s * self.surrogate.gradient(h - threshold)
        return of_distance + grad_v * (1.0 if soft else 1 - s), -of_distance - (s * grad_v if soft else 0.0)


@dataclass(frozen=True)
class Cuba:
    """i = (1 - k_i) i + x; h = v + k (i - (v - rest)); k = σ(parameter)."""

    parameters: dict[str, float]
    rule: Reset

    def forward(self, x: Array, v0: Array, w0: Array) -> Trace:
        k, k_i = (float(sigmoid(self.parameters[name])) for name in ("w_tau", "w_tau_i"))
        v, i, steps = v0, w0, []
        for x_t in x:
            i = (1 - k_i) * i + x_t
            h = (1 - k) * v + k * (i + self.rule.rest)
            s, v = self.rule.fire(h, self.rule.v_threshold)
            steps.append((h, v, s, i, np.full_like(h, self.rule.v_threshold)))
        return Trace(*(np.stack(column) for column in zip(*steps, strict=True)), v0, w0)

    def backward(self, x: Array, trace: Trace, grad_s: Array, grad_v: Array, grad_w: Array) -> dict[str, Any]:
        k, k_i = (float(sigmoid(self.parameters[name])) for name in ("w_tau", "w_tau_i"))
        grad_x, of_k, of_k_i = np.empty_like(x), 0.0, 0.0
        for t in reversed(range(len(x))):
            v, i = trace.before(t)
            grad_h, _ = self.rule.back(trace.h[t], trace.s[t], trace.threshold[t], grad_s[t], grad_v)
            grad_i = grad_w + k * grad_h
            of_k += float(np.sum(grad_h * (trace.w[t] - (v - self.rule.rest))))
            of_k_i -= float(np.sum(grad_i * i))
            grad_x[t], grad_v, grad_w = grad_i, (1 - k) * grad_h, (1 - k_i) * grad_i
        learnt = {"w_tau": of_k * k * (1 - k), "w_tau_i": of_k_i * k_i * (1 - k_i)}
        return {"x": grad_x, "v0": grad_v, "w0": grad_w, **learnt}


BOUNDS = {"tau_u": (1.0, 25.0), "tau_w": (10.0, 300.0), "a": (0.0, 1.0), "b": (0.0, 2.0)}


@dataclass(frozen=True)
class AdLIF:
    """û = α u + (1 - α)(I - w), s, u = reset(û), w = β w + (1 - β) q (a u + b s); u is the distance from rest."""

    parameters: dict[str, float]
    rule: Reset
    q: float = 120.0
    adapt: str = "current"

    def constants(self) -> dict[str, float]:
        return {
            name: lo + (hi - lo) * float(sigmoid(self.parameters[f"w_{name}"])) for name, (lo, hi) in BOUNDS.items()
        }

    def forward(self, x: Array, v0: Array, w0: Array) -> Trace:
        k, rest = self.constants(), self.rule.rest
        alpha, beta = np.exp(-1 / k["tau_u"]), np.exp(-1 / k["tau_w"])
        v, w, steps = v0, w0, []
        for x_t in x:
            drive = x_t - w if self.adapt == "current" else x_t
            threshold = self.rule.v_threshold + (w if self.adapt == "threshold" else np.zeros_like(w))
            h = rest + alpha * (v - rest) + (1 - alpha) * drive
            s, v = self.rule.fire(h, threshold)
            w = beta * w + (1 - beta) * self.q * (k["a"] * (v - rest) + k["b"] * s)
            steps.append((h, v, s, w, threshold))
        return Trace(*(np.stack(column) for column in zip(*steps, strict=True)), v0, w0)

    def backward(self, x: Array, trace: Trace, grad_s: Array, grad_v: Array, grad_w: Array) -> dict[str, Any]:
        k, rest = self.constants(), self.rule.rest
        alpha, beta = np.exp(-1 / k["tau_u"]), np.exp(-1 / k["tau_w"])
        grad_x, of = np.empty_like(x), dict.fromkeys(BOUNDS, 0.0)
        for t in reversed(range(len(x))):
            (v, w), h, s = trace.before(t), trace.h[t], trace.s[t]
            distance = trace.v[t] - rest
            pushed = (1 - beta) * self.q * grad_w
            of["a"] += float(np.sum(pushed * distance))
            of["b"] += float(np.sum(pushed * s))
            settled = w - self.q * (k["a"] * distance + k["b"] * s)
            of["tau_w"] += float(np.sum(grad_w * settled)) * beta / k["tau_w"] ** 2
            grad_h, of_threshold = self.rule.back(
                h, s, trace.threshold[t], grad_s[t] + pushed * k["b"], grad_v + pushed * k["a"]
            )
            drive = x[t] - w if self.adapt == "current" else x[t]
            of["tau_u"] += float(np.sum(grad_h * (v - rest - drive))) * alpha / k["tau_u"] ** 2
            grad_x[t] = (1 - alpha) * grad_h
            grad_v = alpha * grad_h
            grad_w = beta * grad_w + (-grad_x[t] if self.adapt == "current" else of_threshold)
        learnt = {}
        for name, (lo, hi) in BOUNDS.items():
            share = float(sigmoid(self.parameters[f"w_{name}"]))
            learnt[f"w_{name}"] = of[name] * (hi - lo) * share * (1 - share)
        return {"x": grad_x, "v0": grad_v, "w0": grad_w, **learnt}
