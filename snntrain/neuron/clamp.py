"""Clamp pairs of PLIF: a function that keeps `k = 1/tau` in (0, 1), and its inverse, a function of tau.

Each pair maps the learnable `w` to `k = function(w)`, and `inverse(init_tau)` is the `w` of `k = 1/init_tau`.
`PLIFNode(clamp="sigmoid")` chooses one by name.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Pair(NamedTuple):
    """A clamp function of a tensor and its inverse, from a tau (a float) to the starting weight."""

    function: Callable[[Tensor], Tensor]
    inverse: Callable[[float], float]


def sigmoid(w: Tensor) -> Tensor:
    """k = σ(w) (Fang et al., ICCV 2021)."""
    return torch.sigmoid(w)


def inverse_sigmoid(tau: float) -> float:
    """w = -ln(tau - 1), for tau > 1."""
    return -math.log(tau - 1)


def reciprocal_abs_plus_1(w: Tensor) -> Tensor:
    """k = 1 / (1 + |w|)."""
    return 1 / (1 + w.abs())


def inverse_reciprocal_abs_plus_1(tau: float) -> float:
    """w = tau - 1, for tau >= 1."""
    return tau - 1


def piecewise_exp(w: Tensor) -> Tensor:
    """k = 1 - e^{-w}/2 for w >= 0, e^{w}/2 for w < 0."""
    # Not w.abs(): its derivative is 0 at w = 0, the start of tau = 2.
    tail = 0.5 * torch.where(w >= 0, -w, w).exp()
    return torch.where(w >= 0, 1 - tail, tail)


def inverse_piecewise_exp(tau: float) -> float:
    """w = ln(2/tau) for tau >= 2, ln(tau / (2 tau - 2)) for 1 < tau < 2."""
    return math.log(2 / tau) if tau >= 2 else math.log(tau / (2 * tau - 2))


PAIRS: dict[str, Pair] = {
    "sigmoid": Pair(sigmoid, inverse_sigmoid),
    "reciprocal_abs_plus_1": Pair(reciprocal_abs_plus_1, inverse_reciprocal_abs_plus_1),
    "piecewise_exp": Pair(piecewise_exp, inverse_piecewise_exp),
}


def interval(lo: float, hi: float) -> Pair:
    """Return the pair of a value in the open interval (lo, hi): lo + (hi - lo) σ(w), and its inverse.

    The inverse takes the value itself, not a tau whose inverse is the value.

    Raises:
        ValueError: the bounds are not finite numbers lo < hi.
    """
    if not -math.inf < lo < hi < math.inf:
        raise ValueError(f"the bounds of a learnt constant must be finite numbers lo < hi, not [{lo}, {hi}]")

    def inside(w: Tensor) -> Tensor:
        return lo + (hi - lo) * torch.sigmoid(w)

    def inverse(value: float) -> float:
        return math.log((value - lo) / (hi - value))

    return Pair(inside, inverse)
