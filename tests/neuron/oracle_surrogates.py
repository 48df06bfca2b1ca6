"""The surrogates in float64 NumPy, straight from their table: gradient and primitive."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]

erfc = np.vectorize(math.erfc, otypes=[np.float64])


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@dataclass(frozen=True)
class Surrogate:
    """`kinks`: where the gradient is not smooth, so that a finite difference says nothing."""

    gradient: Curve
    primitive: Curve
    kinks: tuple[float, ...] = ()


def piecewise_quadratic(alpha: float = 1.0) -> Surrogate:
    def primitive(x: Array) -> Array:
        inside = -0.5 * alpha**2 * np.abs(x) * x + alpha * x + 0.5
        return np.where(x < -1 / alpha, 0.0, np.where(x > 1 / alpha, 1.0, inside))

    return Surrogate(lambda x: np.maximum(0.0, alpha - alpha**2 * np.abs(x)), primitive, (-1 / alpha, 0.0, 1 / alpha))


def piecewise_exp(alpha: float = 1.0) -> Surrogate:
    return Surrogate(
        lambda x: alpha / 2 * np.exp(-alpha * np.abs(x)),
        lambda x: np.where(x < 0, np.exp(-alpha * np.abs(x)) / 2, 1 - np.exp(-alpha * np.abs(x)) / 2),
        (0.0,),
    )


def logistic(alpha: float = 1.0) -> Surrogate:
    # Not 1 - σ, which loses all digits if σ is nearly 1.
    return Surrogate(lambda x: alpha * sigmoid(alpha * x) * sigmoid(-alpha * x), lambda x: sigmoid(alpha * x))


def soft_sign(alpha: float = 2.0) -> Surrogate:
    return Surrogate(
        lambda x: 1 / (2 * alpha * (1 / alpha + np.abs(x)) ** 2),
        lambda x: 0.5 * (alpha * x / (1 + np.abs(alpha * x)) + 1),
        (0.0,),
    )


def atan(alpha: float = 2.0) -> Surrogate:
    return Surrogate(
        lambda x: alpha / 2 / (1 + (np.pi / 2 * alpha * x) ** 2),
        lambda x: np.arctan(np.pi / 2 * alpha * x) / np.pi + 0.5,
    )


def nonzero_sign_log_abs(alpha: float = 1.0) -> Surrogate:
    return Surrogate(
        lambda x: 1 / (1 / alpha + np.abs(x)),
        lambda x: np.sign(x) * np.log(alpha * np.abs(x) + 1),
        (0.0,),
    )


def erf(alpha: float = 2.0) -> Surrogate:
    return Surrogate(
        lambda x: alpha / math.sqrt(math.pi) * np.exp(-(alpha**2) * x**2), lambda x: 0.5 * erfc(-alpha * x)
    )


def piecewise_leaky_relu(w: float = 1.0, c: float = 0.01) -> Surrogate:
    def primitive(x: Array) -> Array:
        return np.where(x < -w, c * x + c * w, np.where(x > w, c * x - c * w + 1, x / (2 * w) + 0.5))

    return Surrogate(lambda x: np.where(np.abs(x) <= w, 1 / (2 * w), c), primitive, (-w, w))


def super_spike(alpha: float = 10.0) -> Surrogate:
    return Surrogate(lambda x: 1 / (1 + alpha * np.abs(x)) ** 2, lambda x: x / (1 + alpha * np.abs(x)) + 0.5, (0.0,))


def rectangle(alpha: float = 1.0) -> Surrogate:
    edge = 1 / (2 * alpha)
    return Surrogate(
        lambda x: np.where(np.abs(x) <= edge, alpha, 0.0),
        lambda x: np.clip(alpha * x + 0.5, 0.0, 1.0),
        (-edge, edge),
    )


def q_pseudo_spike(alpha: float = 2.0) -> Surrogate:
    def tail(x: Array) -> Array:
        return (1 + 2 * np.abs(x) / (alpha - 1)) ** (1 - alpha) / 2

    return Surrogate(
        lambda x: (1 + 2 * np.abs(x) / (alpha - 1)) ** (-alpha),
        lambda x: np.where(x < 0, tail(x), 1 - tail(x)),
        (0.0,),
    )


def squarewave_fourier_series(n: int = 2, T_period: float = 8.0) -> Surrogate:
    odd = 2 * np.pi * np.arange(1, 2 * n, 2) / T_period
    return Surrogate(
        lambda x: 4 / T_period * np.cos(np.multiply.outer(x, odd)).sum(-1),
        lambda x: 0.5 + 2 / np.pi * (np.sin(np.multiply.outer(x, odd)) / np.arange(1, 2 * n, 2)).sum(-1),
    )


def leaky_k_relu(leak: float = 0.0, k: float = 1.0) -> Surrogate:
    return Surrogate(lambda x: np.where(x < 0, leak, k), lambda x: x * np.where(x < 0, leak, k), (0.0,))


def log_tailed_relu(leak: float = 0.0) -> Surrogate:
    def primitive(x: Array) -> Array:
        return np.where(x <= 0, leak * x, np.where(x <= 1, x, 1 + np.log(np.maximum(x, 1))))

    def gradient(x: Array) -> Array:
        return np.where(x <= 0, leak, np.where(x <= 1, 1.0, 1 / np.maximum(x, 1)))

    return Surrogate(gradient, primitive, (0.0, 1.0))


def s2nn(alpha: float = 4.0, beta: float = 1.0) -> Surrogate:
    below = logistic(alpha)
    return Surrogate(
        lambda x: np.where(x < 0, below.gradient(x), beta / (np.maximum(x, 0) + 1)),
        lambda x: np.where(x < 0, below.primitive(x), beta * np.log(np.maximum(x, 0) + 1) + 0.5),
        (0.0,),
    )


def straight_through() -> Surrogate:
    return Surrogate(np.ones_like, lambda x: x)


SURROGATES: dict[str, Callable[..., Surrogate]] = {
    "PiecewiseQuadratic": piecewise_quadratic,
    "PiecewiseExp": piecewise_exp,
    "Sigmoid": logistic,
    "SoftSign": soft_sign,
    "ATan": atan,
    "NonzeroSignLogAbs": nonzero_sign_log_abs,
    "Erf": erf,
    "PiecewiseLeakyReLU": piecewise_leaky_relu,
    "SuperSpike": super_spike,
    "Rectangle": rectangle,
    "QPseudoSpike": q_pseudo_spike,
    "SquarewaveFourierSeries": squarewave_fourier_series,
    "LeakyKReLU": leaky_k_relu,
    "LogTailedReLU": log_tailed_relu,
    "S2NN": s2nn,
    "DeterministicPass": straight_through,
}
