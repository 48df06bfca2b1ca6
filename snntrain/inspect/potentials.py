"""What the charged potentials of a layer come to, computed where they are: on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from snntrain.neuron.surrogate import PiecewiseQuadratic, Rectangle

BINS = 50
# A gradient below this share of the one at the threshold is one that hardly passes.
SHARE = 0.1
# Their gradient is zero from some distance on, so that all of it is their window.
BOUNDED = (PiecewiseQuadratic, Rectangle)


@dataclass(frozen=True)
class Histogram:
    """Counts of values in bins of equal width, one edge of which is 0, and the values' sums.

    Args:
        limits: right edge of each bin; a value that lies on an edge counts to the right of it.
        counts: values in each bin.
        low, high: the least and the greatest value.
        number, total, squares: how many values, their sum, the sum of their squares.
    """

    limits: list[float]
    counts: list[int]
    low: float
    high: float
    number: int
    total: float
    squares: float


def histogram(values: Tensor, bins: int = BINS) -> Histogram | None:
    """Of the finite ones of `values` (any shape) in about `bins` bins; None where there are none."""
    x = values[values.isfinite()].double()
    if not x.numel():
        return None
    low, high, total, squares = torch.stack([x.min(), x.max(), x.sum(), x.square().sum()]).tolist()
    # Edges at multiples of the width: so 0 is one, in whatever range the values lie.
    width = (high - low) / bins or abs(high) or 1.0
    # Not histc, which cannot be repeated to the bit on a GPU, nor keep what is just below 0 out of the bin above it.
    index = (x / width).floor_().long()
    first = int(index.min())
    counts = torch.bincount(index - first).tolist()
    limits = [width * (first + place) for place in range(1, len(counts) + 1)]
    return Histogram(limits, counts, low, high, x.numel(), total, squares)


def share_in_window(distance: Tensor, surrogate: Callable[[Tensor], Tensor]) -> float:
    """The share of potentials, by their `distance` from the threshold, at which a gradient passes the surrogate.

    The window is where the surrogate gradient is at least a tenth of the one at the threshold, and where that gradient
    ends (PiecewiseQuadratic, Rectangle) all of where it is not zero. Half its width:

    ================== ================ =========================
    surrogate          in general       with default parameters
    ================== ================ =========================
    PiecewiseQuadratic 1/α              1
    PiecewiseExp       ln(10)/α         2.303
    Sigmoid            2 arcosh(√10)/α  3.637
    SoftSign           (√10 - 1)/α      1.081
    ATan               6/(πα)           0.955
    NonzeroSignLogAbs  9/α              9
    Erf                √ln(10)/α        0.759
    PiecewiseLeakyReLU w                1, without an end if c >= 1/(20w)
    SuperSpike         (√10 - 1)/α      0.216
    Rectangle          1/(2α)           0.5
    ================== ================ =========================

    It is found from the gradient itself, so that a surrogate of the user's own has one, too.

    Args:
        distance: `h - v_threshold`, any shape.
        surrogate: of the layer.
    """
    gradient = _gradient(surrogate, distance)
    if isinstance(surrogate, BOUNDED):
        inside = gradient > 0
    else:
        inside = gradient >= SHARE * _gradient(surrogate, distance.new_zeros(1))
    return inside.double().mean().item()


def _gradient(surrogate: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What the backward pass of the surrogate multiplies by."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(surrogate(x).sum(), x)
    return gradient
