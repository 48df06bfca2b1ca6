"""Mean and standard deviation of the metric: over seeds, and for each value of what was varied."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from snntrain.report.comparison import LABELS, Comparison, Row

# A factor of more values is a quantity drawn at random: each value's mean would be one run.
MOST_VALUES = 12


@dataclass(frozen=True)
class Spread:
    """Of `count` values the mean and the sample standard deviation (n - 1), None of one value."""

    mean: float
    std: float | None
    count: int


@dataclass(frozen=True)
class SeedGroup:
    """Completed runs that differ in nothing but the seed, and maybe the name."""

    rows: Sequence[Row]
    spread: Spread


@dataclass(frozen=True)
class Level:
    """A value of a factor: the metric of the runs that have it, and how far their mean is from the factor's."""

    value: str
    spread: Spread
    difference: float


@dataclass(frozen=True)
class Effect:
    """The marginal effect of a factor on the metric; `mean` is that of its levels' means, each counting the same."""

    factor: str
    mean: float
    levels: Sequence[Level]

    @property
    def range(self) -> float:
        """From the lowest level's mean to the highest's."""
        means = [level.spread.mean for level in self.levels]
        return max(means) - min(means)


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def over_seeds(comparison: Comparison) -> list[SeedGroup]:
    """The completed runs in groups that differ in the seed alone, the group of the best mean first."""
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in comparison.rows:
        if row.counts and row.run.settings:
            key = tuple((name, value) for name, value in row.settings.items() if name not in LABELS)
            groups.setdefault(key, []).append(row)
    found = [SeedGroup(rows, spread(_values(rows))) for rows in groups.values()]
    return sorted(found, key=lambda group: group.spread.mean, reverse=not comparison.lower_is_better)


def repeated(groups: Iterable[SeedGroup]) -> bool:
    """Whether any group has more than one run, so that there is a deviation to tell."""
    return any(group.spread.count > 1 for group in groups)


def effects(comparison: Comparison) -> list[Effect]:
    """The marginal effect of every factor of 2 to MOST_VALUES values, over the completed runs; the greatest first."""
    counting = [row for row in comparison.rows if row.counts]
    found = []
    for factor in comparison.factors:
        values: dict[str, list[float]] = {}
        for row in counting:
            if factor in row.settings and row.value is not None:
                values.setdefault(row.settings[factor], []).append(row.value)
        if 2 <= len(values) <= MOST_VALUES:
            found.append(_effect(factor, values))
    return sorted(found, key=lambda effect: effect.range, reverse=True)


def _effect(factor: str, values: dict[str, list[float]]) -> Effect:
    spreads = {value: spread(values[value]) for value in sorted(values, key=in_order)}
    mean = statistics.fmean(each.mean for each in spreads.values())
    return Effect(factor, mean, [Level(value, each, each.mean - mean) for value, each in spreads.items()])


def in_order(text: str) -> tuple[float, str]:
    """A key that sorts numbers by size, and before words."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _values(rows: Iterable[Row]) -> list[float]:
    return [row.value for row in rows if row.value is not None]
