"""Histograms and windows, against counts by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snntrain.inspect.potentials import BINS, histogram, share_in_window
from snntrain.neuron import LIFNode, surrogate
from snntrain.neuron.surrogate import Surrogate

NUMBERS = st.floats(width=32) | st.floats(-3, 3, width=32)
ROOT = math.sqrt(10)
HALF_WIDTHS = [
    (surrogate.PiecewiseQuadratic(2.0), 1 / 2),
    (surrogate.PiecewiseExp(2.0), math.log(10) / 2),
    (surrogate.Sigmoid(4.0), 2 * math.acosh(ROOT) / 4),
    (surrogate.SoftSign(3.0), (ROOT - 1) / 3),
    (surrogate.ATan(2.0), 6 / (2 * math.pi)),
    (surrogate.NonzeroSignLogAbs(5.0), 9 / 5),
    (surrogate.Erf(2.0), math.sqrt(math.log(10)) / 2),
    (surrogate.PiecewiseLeakyReLU(w=0.7), 0.7),
    (surrogate.SuperSpike(10.0), (ROOT - 1) / 10),
    (surrogate.Rectangle(4.0), 1 / 8),
    (surrogate.QPseudoSpike(2.0), (ROOT - 1) / 2),
]
# Windows with ends of different distance from the threshold.
ENDS = [
    (surrogate.S2NN(), -math.acosh(ROOT) / 2, 9.0),
    (surrogate.LogTailedReLU(), 0.0, 10.0),
    (surrogate.LeakyKReLU(), 0.0, 1e9),
]
ENDLESS = [surrogate.DeterministicPass(), surrogate.PoissonPass()]
PERIODIC = surrogate.SquarewaveFourierSeries(n=2, T_period=8.0)


@settings(max_examples=60)
@given(st.lists(NUMBERS, max_size=60))
def test_every_finite_value_is_in_its_bin(values: list[float]) -> None:
    counted = histogram(torch.tensor(values, dtype=torch.float32))
    finite = np.array([value for value in values if math.isfinite(value)])
    if not finite.size:
        assert counted is None
        return
    assert counted is not None
    assert len(counted.counts) == len(counted.limits) <= BINS + 2
    assert (counted.number, sum(counted.counts)) == (finite.size, finite.size)
    assert (counted.low, counted.high) == (finite.min(), finite.max())
    assert counted.total == pytest.approx(finite.sum(), rel=1e-9, abs=1e-9 * np.abs(finite).sum())
    assert counted.squares == pytest.approx(np.square(finite).sum(), rel=1e-9)
    rounding = 1e-9 * np.abs(finite).max()
    for limit, below in zip(counted.limits, np.cumsum(counted.counts), strict=True):
        assert (finite < limit - rounding).sum() <= below <= (finite < limit + rounding).sum()


@settings(max_examples=60)
@given(st.lists(NUMBERS.filter(math.isfinite), min_size=1, max_size=60))
def test_zero_is_an_edge_and_counts_to_its_right(values: list[float]) -> None:
    counted = histogram(torch.tensor(values, dtype=torch.float32))
    assert counted is not None
    left = sum(count for limit, count in zip(counted.limits, counted.counts, strict=True) if limit <= 0)
    assert left == sum(value < 0 for value in values)


@pytest.mark.parametrize("threshold", [1.0, 0.7, 0.1, -0.2])
def test_spikes_are_the_values_right_of_the_threshold(threshold: float) -> None:
    """This includes a potential that just reaches the threshold in the precision of the computation."""
    layer, seen = LIFNode(2.0, threshold, v_reset=-1.0, step_mode="m"), []
    layer.observer = seen.append
    x = 4 * torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    x[0, :3] = 2 * (torch.tensor(threshold) + 1)
    layer(x)
    (trajectory,) = seen
    counted = histogram(trajectory.h - threshold)
    assert counted is not None
    right = sum(count for limit, count in zip(counted.limits, counted.counts, strict=True) if limit > 0)
    assert right == trajectory.s.sum() > 0


def test_a_constant_is_one_bin() -> None:
    counted = histogram(torch.full((3, 4), -0.25))
    assert counted is not None
    assert (counted.counts, counted.low, counted.high, counted.total) == ([12], -0.25, -0.25, -3.0)


@pytest.mark.parametrize(("firing", "half"), HALF_WIDTHS, ids=lambda value: type(value).__name__)
def test_the_window_is_as_wide_as_documented(firing: Surrogate, half: float) -> None:
    inside = half * torch.tensor([-0.999, -0.5, 0.0, 0.3, 0.999], dtype=torch.float64)
    outside = half * torch.tensor([-50.0, -1.001, 1.001, 7.0], dtype=torch.float64)
    assert share_in_window(inside, firing) == 1
    assert share_in_window(outside, firing) == 0
    assert share_in_window(torch.cat([inside, outside]), firing) == pytest.approx(5 / 9)


@pytest.mark.parametrize(("firing", "low", "high"), ENDS, ids=lambda value: type(value).__name__)
def test_a_window_may_reach_farther_on_one_side(firing: Surrogate, low: float, high: float) -> None:
    inside = torch.tensor([low + 1e-3, 0.5, 0.999 * high], dtype=torch.float64)
    assert share_in_window(inside, firing) == 1
    assert share_in_window(torch.tensor([low - 1e-3, -30.0], dtype=torch.float64), firing) == 0
    if high < 100:
        assert share_in_window(torch.tensor([1.001 * high, 50.0], dtype=torch.float64), firing) == 0


@pytest.mark.parametrize("firing", ENDLESS, ids=lambda value: type(value).__name__)
def test_a_pass_has_no_end(firing: Surrogate) -> None:
    assert share_in_window(torch.tensor([-99.0, 0.0, 99.0]), firing) == 1


def test_a_periodic_surrogate_has_a_window_in_each_period() -> None:
    assert share_in_window(torch.tensor([-8.0, 0.0, 8.0]), PERIODIC) == 1
    assert share_in_window(torch.tensor([-4.0, 4.0]), PERIODIC) == 0


def test_every_surrogate_of_the_package_has_a_known_window() -> None:
    known = {type(firing) for firing, *_ in (*HALF_WIDTHS, *ENDS)} | {type(firing) for firing in (*ENDLESS, PERIODIC)}
    assert known >= set(Surrogate.__subclasses__())


def test_a_leak_that_lets_gradients_pass_is_a_window_without_an_end() -> None:
    assert share_in_window(torch.tensor([-99.0, 0.0, 99.0]), surrogate.PiecewiseLeakyReLU(w=1.0, c=0.06)) == 1


def test_values_that_are_not_numbers_are_outside() -> None:
    h = torch.tensor([math.nan, math.inf, -math.inf, 0.0])
    assert share_in_window(h, surrogate.ATan()) == share_in_window(h, surrogate.Rectangle()) == 0.25


def test_a_surrogate_of_the_users_own_has_a_window() -> None:
    def own(x: Tensor) -> Tensor:
        return (x >= 0).to(x.dtype) + x.clamp(-1, 1) - x.clamp(-1, 1).detach()

    with torch.no_grad():
        assert share_in_window(torch.tensor([-2.0, -0.5, 0.5, 0.9]), own) == 0.75
