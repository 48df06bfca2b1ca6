"""Surrogate gradients of vectors, for compiled code on a CPU."""

from collections.abc import Callable
from typing import Any

import numpy as np

from snntrain.kernels.cpu.numba_alone import njit, overload
from snntrain.kernels.cpu.vectors import magnitude, scaled_by_power, where

f32 = np.float32
ZERO, HALF, ONE = f32(0), f32(0.5), f32(1)
LOG2_E, LN2_HIGH, LN2_LOW = f32(1.44269504), f32(0.693359375), f32(-2.12194440e-4)
# Adding it rounds a float32 to an integer, which is then in the lowest bits.
ROUNDER = f32(1.5 * 2**23)
HALF_PI, ROOT_PI = f32(np.pi / 2), f32(np.sqrt(np.pi))


@njit(inline="always")
def exp_negative(x):
    """Return e^x for x <= 0 to a relative 2e-7, with the instructions of a vector unit."""
    x = where(x < f32(-87), f32(-87), x)
    shifted = x * LOG2_E + ROUNDER
    n = shifted - ROUNDER
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    series = f32(1 / 5040) * r + f32(1 / 720)
    series = series * r + f32(1 / 120)
    series = series * r + f32(1 / 24)
    series = series * r + f32(1 / 6)
    series = series * r + HALF
    series = series * r + ONE
    series = series * r + ONE
    return scaled_by_power(series, shifted)


def piecewise_quadratic(u, p, q):
    y = p - p * p * magnitude(u)
    return where(y < ZERO, ZERO, y)


def logistic(u, p, q):
    e = exp_negative(-p * magnitude(u))
    return p * e / ((ONE + e) * (ONE + e))


def soft_sign(u, p, q):
    y = ONE + p * magnitude(u)
    return HALF * p / (y * y)


def inverse_square(u, p, q):
    y = ONE + p * magnitude(u)
    return ONE / (y * y)


def log_tailed(u, p, q):
    return where(u <= ZERO, p, ONE / where(u > ONE, u, ONE))


def logistic_below(u, p, q):
    e = exp_negative(-p * magnitude(u))
    return where(u < ZERO, p * e / ((ONE + e) * (ONE + e)), q / (ONE + magnitude(u)))


def cauchy(u, p, q):
    y = HALF_PI * p * u
    return HALF * p / (ONE + y * y)


# In the order of `formulas.KINDS`.
GRADIENTS: tuple[Callable[..., Any], ...] = (
    piecewise_quadratic,
    lambda u, p, q: HALF * p * exp_negative(-p * magnitude(u)),  # PiecewiseExp
    logistic,  # Sigmoid
    soft_sign,
    cauchy,  # ATan
    lambda u, p, q: ONE / (ONE / p + magnitude(u)),  # NonzeroSignLogAbs
    lambda u, p, q: p / ROOT_PI * exp_negative((p * u) * (-p * u)),  # Erf
    lambda u, p, q: where(magnitude(u) <= p, HALF / p, q),  # PiecewiseLeakyReLU
    inverse_square,  # SuperSpike
    lambda u, p, q: where(magnitude(u) <= HALF / p, p, ZERO),  # Rectangle
    lambda u, p, q: where(u < ZERO, p, q),  # LeakyKReLU
    log_tailed,
    logistic_below,  # S2NN
    lambda u, p, q: ONE,  # DeterministicPass
)


def surrogate_gradient(kind, u, p, q):
    """Return the gradient of surrogate `KINDS[kind]` with shape `p` and `q`; `kind` is constant in compiled code."""
    raise NotImplementedError("compiled code only")


@overload(surrogate_gradient, prefer_literal=True, inline="always")
def _surrogate_gradient(kind, u, p, q):
    gradient = njit(inline="always")(GRADIENTS[kind.literal_value])
    return lambda kind, u, p, q: gradient(u, p, q)
