"""CMA-ES over the ranges of a space; its state is computed again from the trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from snntrain.cli.search import optional
from snntrain.cli.search.space import Range

# In a cube with sides of 1, as Optuna has it.
SIGMA = 1 / 6


def next_point(dimensions: Sequence[Range], trials: Sequence[Any], seed: int, *, maximize: bool) -> dict[str, Any]:
    """Return a value for each range, drawn from the newest generation.

    A generation is as many complete trials as the population has, in their order; which generation drew them does not
    matter, as trials may end in any order.

    Args:
        dimensions: two ranges or more.
        trials: Optuna's trials.
        seed: of this draw.
        maximize: whether more is better.
    """
    bounds = np.array([[0.0, 1.0]] * len(dimensions))
    search = optional.cmaes().CMA(mean=np.full(len(dimensions), 0.5), sigma=SIGMA, bounds=bounds, seed=0)
    sign = -1.0 if maximize else 1.0
    done = [
        (np.array([place(each, trial.params[each.key]) for each in dimensions]), sign * trial.values[0])
        for trial in trials
        if trial.state.name == "COMPLETE"
    ]
    size = search.population_size
    for start in range(0, len(done) - size + 1, size):
        search.tell(done[start : start + size])
    search.reseed_rng(seed)
    return {each.key: value(each, share) for each, share in zip(dimensions, search.ask(), strict=True)}


def place(dimension: Range, given: float) -> float:
    """Return the place of a value in its range, from 0 to 1."""
    low, high = _ends(dimension)
    at = math.log(given) if dimension.log else given
    return (at - low) / (high - low)


def value(dimension: Range, share: float) -> float | int:
    """Return the value at a place of its range, on its grid."""
    low, high = _ends(dimension)
    at = low + min(max(float(share), 0.0), 1.0) * (high - low)
    found = math.exp(at) if dimension.log else at
    step = dimension.step or (1 if dimension.whole else None)
    if step is not None:
        found = dimension.low + round((found - dimension.low) / step) * step
    found = min(max(found, dimension.low), dimension.high)
    return int(found) if dimension.whole else found


def _ends(dimension: Range) -> tuple[float, float]:
    ends = (float(dimension.low), float(dimension.high))
    return (math.log(ends[0]), math.log(ends[1])) if dimension.log else ends
