"""Marginal effects: what each value of a factor does to the metric, all else being equal.

Runs that failed leave holes in a sweep. A mean over what is left of each value would compare other combinations with
each other, and a factor would seem to do what a hole does.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snntrain.report.comparison import Comparison, Row
from snntrain.report.statistics import Spread, spread
from snntrain.runs.order import in_order

# A factor of more values is a quantity drawn at random: each value's mean would be one run.
MOST_VALUES = 12
# A model of more terms is not fitted: it takes minutes, and has hardly a run a term.
MOST_TERMS = 200

# The values of all factors but one; None for a factor that a run does not have.
Combination = tuple[str | None, ...]


@dataclass(frozen=True)
class Level:
    """A value of a factor.

    Args:
        value: the value.
        spread: mean of the metric over the combinations, each counting the same; deviation and number of the runs
            behind it. Without a deviation where it is fitted.
        difference: from the mean of the factor's values.
        combinations: of the other factors' values that are behind it.
    """

    value: str
    spread: Spread
    difference: float
    combinations: int


@dataclass(frozen=True)
class Effect:
    """The marginal effect of a factor on the metric.

    Args:
        factor: its name.
        mean: of its levels' means, each counting the same.
        levels: its values.
        fitted: whether no combination is shared by all values, so that the means are those of an additive model.
    """

    factor: str
    mean: float
    levels: Sequence[Level]
    fitted: bool

    @property
    def range(self) -> float:
        """From the lowest level's mean to the highest's."""
        means = [level.spread.mean for level in self.levels]
        return max(means) - min(means)


@dataclass(frozen=True)
class Effects:
    """The factors that can be compared, the greatest effect first, and the names of those that cannot."""

    found: Sequence[Effect]
    not_compared: Sequence[str]


def effects(comparison: Comparison) -> Effects:
    """The marginal effect of every factor of 2 to MOST_VALUES values, over the completed runs.

    The values of a factor are compared over the combinations of the other factors that all of them have. Where there is
    none, the differences are those of an additive model by least squares, if the runs determine them.
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
    """The metric of the runs, by the value of the factor and then by the combination of all others."""
    others = [name for name in factors if name != factor]
    cells: dict[str, dict[Combination, list[float]]] = {}
    for row in rows:
        if row.value is not None:
            combination = tuple(row.settings.get(name) for name in others)
            cells.setdefault(row.settings[factor], {}).setdefault(combination, []).append(row.value)
    return {value: cells[value] for value in sorted(cells, key=in_order)}


def _shared(factor: str, factors: Sequence[str], rows: Sequence[Row]) -> Effect | None:
    """Compare the values over the combinations that they share; None if they share none."""
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
    """Each value as an additive model of all factors has it; None where the runs do not determine the differences."""
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
    # Of the first value 0; of each other one what it adds.
    added = [0.0, *solution[: len(own)].tolist()]
    base = float(np.mean(rest @ solution[len(own) :]))
    counts = [sum(map(len, cells[value].values())) for value in cells]
    spreads = {value: Spread(base + plus, None, count) for value, plus, count in zip(cells, added, counts, strict=True)}
    return _effect(factor, spreads, {value: len(cells[value]) for value in cells}, fitted=True)


def _indicators(values: Sequence[str | None]) -> list[list[float]]:
    """For each value but the first a row that is 1 where it is."""
    distinct = list(dict.fromkeys(values))
    return [[float(value == one) for value in values] for one in distinct[1:]]


def _effect(factor: str, spreads: Mapping[str, Spread], combinations: Mapping[str, int], *, fitted: bool) -> Effect:
    mean = statistics.fmean(each.mean for each in spreads.values())
    levels = [Level(value, each, each.mean - mean, combinations[value]) for value, each in spreads.items()]
    return Effect(factor, mean, levels, fitted)
