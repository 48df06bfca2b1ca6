"""Runs ordered by a metric, with the settings in which they differ."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snntrain.errors import printable
from snntrain.runs.reading import Run
from snntrain.runs.state import COMPLETED

# Ranking by the test images would make them part of the search.
METRIC = "val_accuracy"
TESTED = "test_accuracy"
# Not factors: the name is a label, and results are averaged over the seed.
LABELS = ("name", "seed")
# Where a run of a search has paused is a result of the search, and no setting of its runs.
PAUSE = "trainer.pause_after"
_LOWER_IS_BETTER = ("loss", "_seconds", "_per_image", "parameters", "_bytes", "_ties", "_ties_last")


@dataclass(frozen=True)
class Row:
    """A run in a comparison.

    Args:
        run: the run.
        label: a short, unique name of its folder.
        settings: the run's value in each column of the comparison; a key that the run lacks is missing.
        value: the metric, or None.
    """

    run: Run
    label: str
    settings: Mapping[str, str]
    value: float | None

    @property
    def counts(self) -> bool:
        """Whether the run counts in means: only completed runs can be compared."""
        return self.run.status == COMPLETED and self.value is not None


@dataclass(frozen=True)
class Comparison:
    """`rows` best first; `columns`: keys and groups that differ; `shared`: keys with one value in all runs."""

    rows: Sequence[Row]
    metric: str
    columns: Sequence[str]
    shared: Mapping[str, str]

    @property
    def factors(self) -> list[str]:
        """The columns that may affect the metric."""
        return [column for column in self.columns if column not in LABELS]

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller metric is better, as for a loss or a time."""
        return self.metric.endswith(_LOWER_IS_BETTER)

    @property
    def best(self) -> Row | None:
        """The best completed run, or None."""
        return next((row for row in self.rows if row.counts), None)

    @property
    def ended_badly(self) -> list[Row]:
        """The runs that did not complete."""
        return [row for row in self.rows if row.run.ending is not None]


def metrics(runs: Iterable[Run]) -> list[str]:
    """Return the figures that at least one run has."""
    return list(dict.fromkeys(key for run in runs for key in run.figures))


def compare(runs: Sequence[Run], metric: str = METRIC) -> Comparison:
    """Order `runs` by `metric`, runs without it last, and find the settings that differ."""
    values = _named_groups(runs)
    columns, shared = _columns(values)
    labels = short_labels([run.path for run in runs])
    rows = []
    for run, settings, label in zip(runs, values, labels, strict=True):
        own = {column: settings[column] for column in columns if column in settings}
        rows.append(Row(run, label, own, run.figures.get(metric)))
    sign = 1 if metric.endswith(_LOWER_IS_BETTER) else -1
    rows.sort(key=lambda row: math.inf if row.value is None else sign * row.value)
    return Comparison(rows, metric, columns, shared)


def _named_groups(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Return the settings of each run, with the name of each group in front of its keys."""
    groups = {key.partition(".")[0] for run in runs for key in run.settings if "." in key}
    names = {group: _names(runs, group) for group in groups}
    named = []
    for run in runs:
        settings: dict[str, str] = {}
        for key, value in run.settings.items():
            group = key.partition(".")[0]
            if group in names and group not in settings and (name := names[group].get(run.path)):
                settings[group] = name
            settings[key] = value
        named.append(settings)
    return named


def _names(runs: Sequence[Run], group: str) -> dict[Path, str]:
    """Return the name of each run's option in a group: the option if all runs have one, else the class."""
    having = [run for run in runs if any(key.startswith(f"{group}.") for key in run.settings)]
    for source in ("options", "classes"):
        names = {run.path: getattr(run, source).get(group) for run in having}
        if all(names.values()):
            return names
    return {}


def _columns(values: Sequence[Mapping[str, str]]) -> tuple[list[str], dict[str, str]]:
    """Return the keys that differ, except those that an option of their group determines, and the shared keys."""
    keys = list(dict.fromkeys(key for settings in values for key in settings if key != PAUSE))
    distinct = {key: {settings[key] for settings in values if key in settings} for key in keys}
    differing = [key for key in keys if len(distinct[key]) > 1]
    columns = [key for key in differing if not _follows(key, differing, values)]
    count = sum(1 for settings in values if settings)
    everywhere = [key for key in keys if sum(key in settings for settings in values) == count]
    shared = {key: next(iter(distinct[key])) for key in everywhere if len(distinct[key]) == 1}
    return sorted(columns, key=lambda key: key == "seed"), shared


def _follows(key: str, differing: Sequence[str], values: Sequence[Mapping[str, str]]) -> bool:
    group = key.partition(".")[0]
    if group == key or group not in differing:
        return False
    by_option: dict[str, str] = {}
    having = [settings for settings in values if key in settings and group in settings]
    return all(by_option.setdefault(settings[group], settings[key]) == settings[key] for settings in having)


def short_labels(paths: Sequence[Path]) -> list[str]:
    """Return a name for each folder, relative to their common parent; a sweep's job by its number if unique."""
    if len(paths) == 1:
        return [printable(paths[0].name or str(paths[0]))]
    absolute = [Path(os.path.abspath(path)) for path in paths]
    base = Path(os.path.commonpath(absolute)) if absolute else Path()
    full = [path.relative_to(base) for path in absolute]
    short = [path.with_name(_job_number(path.name)) if path.name else path for path in full]
    times = Counter(short)
    return [printable(str(brief if times[brief] == 1 else whole)) for brief, whole in zip(short, full, strict=True)]


def _job_number(name: str) -> str:
    number, underscore, _ = name.partition("_")
    return number if underscore and number.isdecimal() else name
