"""Mean and standard deviation of the metric over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from snntrain.report.comparison import LABELS, TESTED, Comparison, Row


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

    @property
    def tested(self) -> Spread | None:
        """Their test accuracies; None where one has none."""
        values = [row.run.figures.get(TESTED) for row in self.rows]
        known = [value for value in values if value is not None]
        return spread(known) if len(known) == len(values) else None


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


def _values(rows: Iterable[Row]) -> list[float]:
    return [row.value for row in rows if row.value is not None]
