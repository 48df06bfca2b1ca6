"""The tables of a report, as columns; each output has its own format for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from snntrain.report.comparison import METRIC, TESTED, Comparison, Row
from snntrain.report.effects import Effect
from snntrain.report.numbers import figure, signed, spread_shown
from snntrain.report.statistics import SeedGroup
from snntrain.runs.order import in_order
from snntrain.runs.state import COMPLETED

Value = str | float | None

# The figures next to the metric, the most important first.
FIGURES = (TESTED, METRIC, "spikes_per_image", "energy_nj_per_image", "parameters", "train_seconds", "wall_seconds")
WORDS = ("precision", "device_name")
NOTHING = "–"


@dataclass(frozen=True)
class Column:
    """A column: its name, one value per row, its role, and the format of its values.

    `role` is setting, metric, figure, word, status or run.
    """

    name: str
    values: Sequence[Value]
    role: str
    show: Callable[[Value], str] = lambda value: NOTHING if value is None else str(value)

    @cached_property
    def cells(self) -> list[str]:
        """The formatted values."""
        return [self.show(value) for value in self.values]

    @cached_property
    def is_numeric(self) -> bool:
        """Whether the column holds only numbers, so that it is aligned to the right."""
        return self.role in ("metric", "figure") or all(value is None or is_number_text(value) for value in self.values)


def is_number_text(value: str | float) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def runs_table(comparison: Comparison, figures: Sequence[str] = FIGURES) -> list[Column]:
    """Return a row per run: differing settings, the metric, those of `figures` that differ, the status, the folder.

    If the metric is METRIC, the test accuracy is always shown: it shows how good the best run is.
    """
    rows = comparison.rows
    columns = [Column(name, [row.settings.get(name) for row in rows], "setting") for name in comparison.columns]
    shown: list[Value] = [None if row.value is None else figure(comparison.metric, row.value) for row in rows]
    columns.append(Column(comparison.metric, shown, "metric"))
    for name in figures:
        values: list[Value] = [row.run.figures.get(name) for row in rows]
        least = 0 if (comparison.metric, name) == (METRIC, TESTED) else 1
        if name != comparison.metric and len(set(values) - {None}) > least:
            columns.append(Column(name, values, "figure", _figure_shown(name)))
    for name in WORDS:
        words: list[Value] = [row.run.words.get(name) for row in rows]
        if len(set(words) - {None}) > 1:
            columns.append(Column(name, words, "word"))
    states: list[Value] = [row.run.status for row in rows]
    if set(states) != {COMPLETED}:
        columns.append(Column("status", states, "status"))
    return [*columns, Column("run", [row.label for row in rows], "run")]


def _figure_shown(name: str) -> Callable[[Value], str]:
    return lambda value: figure(name, value) if isinstance(value, int | float) else NOTHING


def seeds_table(comparison: Comparison, groups: Sequence[SeedGroup]) -> list[Column]:
    """Return a row per group of runs that differ only in the seed."""
    firsts = [group.rows[0].settings for group in groups]
    settings = [Column(name, [first.get(name) for first in firsts], "setting") for name in comparison.factors]
    spreads: list[Value] = [spread_shown(comparison.metric, group.spread) for group in groups]
    seeds: list[Value] = [", ".join(row.settings.get("seed", "") for row in _by_seed(group)) for group in groups]
    counts: list[Value] = [float(group.spread.count) for group in groups]
    tested: list[Value] = [spread_shown(TESTED, group.tested) if group.tested else None for group in groups]
    beside = comparison.metric == METRIC and any(tested)
    return [
        *settings,
        Column(comparison.metric, spreads, "metric"),
        *([Column(TESTED, tested, "figure")] if beside else []),
        Column("runs", counts, "figure", _figure_shown("runs")),
        *([Column("seeds", seeds, "word")] if "seed" in comparison.columns else []),
    ]


def _by_seed(group: SeedGroup) -> list[Row]:
    return sorted(group.rows, key=lambda row: in_order(row.settings.get("seed", "")))


def effects_table(metric: str, effects: Sequence[Effect]) -> list[Column]:
    """Return a row per value of each factor; a star marks factors whose values share no combination."""
    levels = [(effect, level) for effect in effects for level in effect.levels]
    names: list[Value] = [
        effect.factor + "*" * effect.fitted if level is effect.levels[0] else "" for effect, level in levels
    ]
    differences: list[Value] = [signed(metric, level.difference) for _, level in levels]
    counts: list[Value] = [float(level.spread.count) for _, level in levels]
    combinations: list[Value] = [float(level.combinations) for _, level in levels]
    return [
        Column("factor", names, "setting"),
        Column("value", [level.value for _, level in levels], "setting"),
        Column(metric, [spread_shown(metric, level.spread) for _, level in levels], "metric"),
        Column("difference", differences, "figure", str),
        Column("runs", counts, "figure", _figure_shown("runs")),
        Column("combinations", combinations, "figure", _figure_shown("combinations")),
    ]
