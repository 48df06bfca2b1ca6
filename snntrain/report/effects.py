"""Marginal effects: how each value of a factor changes the metric, all else being equal.

Failed runs leave holes in a sweep. Plain means over the remaining runs would compare different combinations of the
other factors, and a hole would look like an effect.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snntrain.report.comparison import Comparison, Row
from snntrain.report.statistics import Spread, spread
from snntrain.runs.order import in_order

# A factor with more values is a quantity drawn at random: each value would have one run.
MOST_VALUES = 12
# A model with more terms takes minutes to fit, and has barely one run per term.
MOST_TERMS = 200

# The values of all factors but one; None if a run does not have a factor.
Combination = tuple[str | None, ...]


@dataclass(frozen=True)
class Level:
    """A value of a factor.

    Args:
        value: the value.
        spread: mean of the metric over the combinations, with equal weights; deviation and number of the runs. A fitted
            mean has no deviation.
        difference: difference from the mean over the factor's values.
        combinations: number of combinations of the other factors that this value has.
    """

    value: str
    spread: Spread
    difference: float
    combinations: int


@dataclass(frozen=True)
class Effect:
    """The marginal effect of a factor on the metric.

    Args:
        factor: name of the factor.
        mean: the mean of its levels' means.
        levels: the levels of the factor.
        fitted: whether the means come from an additive model, because the values share no combination.
    """

    factor: str
    mean: float
    levels: Sequence[Level]
    fitted: bool

    @property
    def range(self) -> float:
        """The difference between the highest and the lowest mean."""
        means = [level.spread.mean for level in self.levels]
        return max(means) - min(means)


@dataclass(frozen=True)
class Effects:
    """The effects of the factors, the largest first, and the names of factors that cannot be compared."""

    found: Sequence[Effect]
    not_compared: Sequence[str]


def effects(comparison: Comparison) -> Effects:
    """Return the marginal effect of every factor with 2 to MOST_VALUES values, over the completed runs.

    The values of a factor are compared over the combinations of the other factors that all values share. If there is
    no such combination, an additive model is fitted by least squares, provided that the runs determine it.
    """
    counting = [row for row in comparison.rows if row.counts]
    found, not_compared = [], []
    for factor in comparison.factors:
        having = [row for row in counting if factor in row.settings]
        if not 2 <= len({row.settings[factor] for row in having}) <= MOST_VALUES:
            continue
        effect = _shared(factor, comparison.factors, having) or _fitted(factor, comparison.factors, having)
        if effect is None:
            not_compared.append(factor)
        else:
            found.append(effect)
    return Effects(sorted(found, key=lambda effect: effect.range, reverse=True), not_compared)


def _cells(factor: str, factors: Sequence[str], rows: Sequence[Row]) -> dict[str, dict[Combination, list[float]]]:
    """Return the metric of the runs by the value of the factor, then by the combination of the other factors."""
    others = [name for name in factors if name != factor]
    cells: dict[str, dict[Combination, list[float]]] = {}
    for row in rows:
        if row.value is not None:
            combination = tuple(row.settings.get(name) for name in others)
            cells.setdefault(row.settings[factor], {}).setdefault(combination, []).append(row.value)
    return {value: cells[value] for value in sorted(cells, key=in_order)}


def _shared(factor: str, factors: Sequence[str], rows: Sequence[Row]) -> Effect | None:
    """Compare the values over the combinations that they share; return None if they share none."""
    cells = _cells(factor, factors, rows)
    common = set.intersection(*(set(cells[value]) for value in cells))
    if not common:
        return None
    spreads = {}
    for value, by_combination in cells.items():
        behind = [by_combination[combination] for combination in by_combination if combination in common]
        runs = spread([metric for several in behind for metric in several])
        spreads[value] = Spread(statistics.fmean(map(statistics.fmean, behind)), runs.std, runs.count)
    return _effect(factor, spreads, dict.fromkeys(cells, len(common)), fitted=False)


def _fitted(factor: str, factors: Sequence[str], rows: Sequence[Row]) -> Effect | None:
    """Compare the values by an additive model of all factors; return None if the runs do not determine it."""
    import numpy as np

    cells = _cells(factor, factors, rows)
    combinations = [(value, combination) for value in cells for combination in cells[value]]
    metric = np.array([statistics.fmean(cells[value][combination]) for value, combination in combinations])
    others = [_indicators([combination[n] for _, combination in combinations]) for n in range(len(factors) - 1)]
    own = _indicators([value for value, _ in combinations])
    terms = 1 + len(own) + sum(map(len, others))
    if terms > MOST_TERMS:
        return None
    rest = np.array([[1.0] * len(combinations), *(term for several in others for term in several)]).T
    whole = np.hstack([np.array(own).T, rest])
    if np.linalg.matrix_rank(whole) - np.linalg.matrix_rank(rest) < len(own):
        return None
    solution = np.linalg.lstsq(whole, metric, rcond=None)[0]
    # The first value adds 0.
    added = [0.0, *solution[: len(own)].tolist()]
    base = float(np.mean(rest @ solution[len(own) :]))
    counts = [sum(map(len, cells[value].values())) for value in cells]
    spreads = {value: Spread(base + plus, None, count) for value, plus, count in zip(cells, added, counts, strict=True)}
    return _effect(factor, spreads, {value: len(cells[value]) for value in cells}, fitted=True)


def _indicators(values: Sequence[str | None]) -> list[list[float]]:
    """Return a row of 0 and 1 for each value except the first."""
    distinct = list(dict.fromkeys(values))
    return [[float(value == one) for value in values] for one in distinct[1:]]


def _effect(factor: str, spreads: Mapping[str, Spread], combinations: Mapping[str, int], *, fitted: bool) -> Effect:
    mean = statistics.fmean(each.mean for each in spreads.values())
    levels = [Level(value, each, each.mean - mean, combinations[value]) for value, each in spreads.items()]
    return Effect(factor, mean, levels, fitted)
