"""Statistics of the potentials of a layer before the reset, computed on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from snntrain.neuron.surrogate import PiecewiseQuadratic, Rectangle

BINS = 50
# A gradient below this share of the gradient at the threshold hardly passes.
# A surrogate may begin above the threshold.
JUST_ABOVE = 1e-6
SHARE = 0.1
# The gradient of these is zero beyond some distance, where the window ends.
BOUNDED = (PiecewiseQuadratic, Rectangle)


@dataclass(frozen=True)
class Histogram:
    """Counts of values in bins of equal width, with an edge at 0, and sums of the values.

    Args:
        limits: the right edge of each bin; a value on an edge belongs to the bin on its right.
        counts: the number of values in each bin.
        low: the smallest value.
        high: the largest value.
        number: the number of values.
        total: the sum of the values.
        squares: the sum of their squares.
    """

    limits: list[float]
    counts: list[int]
    low: float
    high: float
    number: int
    total: float
    squares: float


def histogram(values: Tensor, bins: int = BINS) -> Histogram | None:
    """Return a histogram of the finite `values` (any shape) with about `bins` bins; None if no value is finite."""
    x = values[values.isfinite()].double()
    if not x.numel():
        return None
    low, high, total, squares = torch.stack([x.min(), x.max(), x.sum(), x.square().sum()]).tolist()
    # The edges are multiples of the width, so that 0 is an edge for any range of values.
    width = (high - low) / bins or abs(high) or 1.0
    # Not histc: it is not deterministic on a GPU, and may put values just below 0 into the bin above it.
    index = (x / width).floor_().long()
    first = int(index.min())
    counts = torch.bincount(index - first).tolist()
    limits = [width * (first + place) for place in range(1, len(counts) + 1)]
    return Histogram(limits, counts, low, high, x.numel(), total, squares)


def share_in_window(distance: Tensor, surrogate: Callable[[Tensor], Tensor]) -> float:
    """Return the share of potentials in the surrogate's window, where a gradient passes.

    The window is the range in which the surrogate gradient is at least a tenth of its value at the threshold or just
    above it, or, for bounded surrogates (PiecewiseQuadratic, Rectangle), in which it is not zero. Half of its width:

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
    PiecewiseLeakyReLU w                1, unbounded if c >= 1/(20w)
    SuperSpike         (√10 - 1)/α      0.216
    Rectangle          1/(2α)           0.5
    QPseudoSpike       (√10 - 1)/α      1.081
    ================== ================ =========================

    S2NN's begins below the threshold and ends at 9, LogTailedReLU's ends at 10, both with default parameters. That of
    LeakyKReLU begins at the threshold, SquarewaveFourierSeries has many, and those of the passes have no end.

    The gradient itself is evaluated, so the function also works for the user's own surrogates.

    Args:
        distance: `h - v_threshold`, any shape.
        surrogate: the layer's surrogate.
    """
    gradient = _gradient(surrogate, distance)
    if isinstance(surrogate, BOUNDED):
        inside = gradient > 0
    else:
        inside = gradient >= SHARE * _gradient(surrogate, distance.new_tensor([0.0, JUST_ABOVE])).amax()
    return inside.double().mean().item()


def _gradient(surrogate: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the factor of the surrogate's backward pass."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(surrogate(x).sum(), x)
    return gradient
