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
}
