"""Mean and standard deviation of the metric over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from snntrain.report.comparison import LABELS, TESTED, Comparison, Row


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (n - 1) of `count` values; the deviation of one value is None."""

    mean: float
    std: float | None
    count: int


@dataclass(frozen=True)
class SeedGroup:
    """Completed runs that differ only in the seed, and perhaps in the name."""

    rows: Sequence[Row]
    spread: Spread

    @property
    def tested(self) -> Spread | None:
        """The spread of the test accuracies; None if a run has no test accuracy."""
        values = [row.run.figures.get(TESTED) for row in self.rows]
        known = [value for value in values if value is not None]
        return spread(known) if len(known) == len(values) else None


def spread(values: Sequence[float]) -> Spread:
    """Return mean and deviation of the values."""
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def over_seeds(comparison: Comparison) -> list[SeedGroup]:
    """Group the completed runs that differ only in the seed; the group with the best mean comes first."""
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in comparison.rows:
        if row.counts and row.run.settings:
            key = tuple((name, value) for name, value in row.settings.items() if name not in LABELS)
            groups.setdefault(key, []).append(row)
    found = [SeedGroup(rows, spread(_values(rows))) for rows in groups.values()]
    return sorted(found, key=lambda group: group.spread.mean, reverse=not comparison.lower_is_better)


def repeated(groups: Iterable[SeedGroup]) -> bool:
    """Return whether a group has more than one run, and therefore a deviation."""
    return any(group.spread.count > 1 for group in groups)


def _values(rows: Iterable[Row]) -> list[float]:
    return [row.value for row in rows if row.value is not None]
