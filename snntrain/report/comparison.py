"""Runs in the order of a metric, with the settings in which they differ."""

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

# A choice by the test images would make them a part of the search.
METRIC = "val_accuracy"
TESTED = "test_accuracy"
# Neither tells what was tried: the name is a label, the seed is there to be averaged over.
LABELS = ("name", "seed")
_LOWER_IS_BETTER = ("loss", "_seconds", "_per_image", "parameters", "_bytes", "_ties", "_ties_last")


@dataclass(frozen=True)
class Row:
    """A run in a comparison.

    Args:
        run: the run.
        label: a short name of its folder that no other run here has.
        settings: its value of each column of the comparison; a key that it lacks is missing.
        value: the metric, or None.
    """

    run: Run
    label: str
    settings: Mapping[str, str]
    value: float | None

    @property
    def counts(self) -> bool:
        """Whether it enters means: only what was trained to its end can be compared."""
        return self.run.status == COMPLETED and self.value is not None


@dataclass(frozen=True)
class Comparison:
    """`rows` best first; `columns`: dotted keys and groups that differ; `shared`: those of one value in all runs."""

    rows: Sequence[Row]
    metric: str
    columns: Sequence[str]
    shared: Mapping[str, str]

    @property
    def factors(self) -> list[str]:
        """The columns that tell what was tried."""
        return [column for column in self.columns if column not in LABELS]

    @property
    def lower_is_better(self) -> bool:
        """Whether the best run is the one of the smallest metric, as of a loss or a time."""
        return self.metric.endswith(_LOWER_IS_BETTER)

    @property
    def best(self) -> Row | None:
        """The best of the completed runs, if there is one."""
        return next((row for row in self.rows if row.counts), None)

    @property
    def ended_badly(self) -> list[Row]:
        """The runs that have something to say of their end."""
        return [row for row in self.rows if row.run.ending is not None]


def metrics(runs: Iterable[Run]) -> list[str]:
    """The figures that at least one run has."""
    return list(dict.fromkeys(key for run in runs for key in run.figures))


def compare(runs: Sequence[Run], metric: str = METRIC) -> Comparison:
    """Orders `runs` by `metric`, those without it last, and finds what differs between them."""
    values = _named_groups(runs)
    columns, shared = _columns(values)
    labels = short_labels([run.path for run in runs])
    rows = []
    for run, settings, label in zip(runs, values, labels, strict=True):
        chosen = {column: settings[column] for column in columns if column in settings}
        rows.append(Row(run, label, chosen, run.figures.get(metric)))
    sign = 1 if metric.endswith(_LOWER_IS_BETTER) else -1
    rows.sort(key=lambda row: math.inf if row.value is None else sign * row.value)
    return Comparison(rows, metric, columns, shared)


def _named_groups(runs: Sequence[Run]) -> list[dict[str, str]]:
    """The settings of each run, each group's name in front of its keys."""
    groups = {key.partition(".")[0] for run in runs for key in run.settings if "." in key}
    names = {group: _names(runs, group) for group in groups}
    told = []
    for run in runs:
        settings: dict[str, str] = {}
        for key, value in run.settings.items():
            group = key.partition(".")[0]
            if group in names and group not in settings and (name := names[group].get(run.path)):
                settings[group] = name
            settings[key] = value
        told.append(settings)
    return told


def _names(runs: Sequence[Run], group: str) -> dict[Path, str]:
    """What each run calls its option of a group: all by the option, else all by the class, else none by a name."""
    having = [run for run in runs if any(key.startswith(f"{group}.") for key in run.settings)]
    for source in ("options", "classes"):
        names = {run.path: getattr(run, source).get(group) for run in having}
        if all(names.values()):
            return names
    return {}


def _columns(values: Sequence[Mapping[str, str]]) -> tuple[list[str], dict[str, str]]:
    """The keys that differ between runs, seed last, without those that follow from their group's option; the rest."""
    keys = list(dict.fromkeys(key for settings in values for key in settings))
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
    """A name for each folder, from below what all have in common; a sweep's job goes by its number where that tells."""
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
