"""A report: the runs below some folders, compared by a metric."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from snntrain.errors import UserError, printable
from snntrain.report.comparison import METRIC, Comparison, compare, metrics
from snntrain.report.effects import Effects, effects
from snntrain.report.search.reading import Search
from snntrain.report.search.reading import read as search_in
from snntrain.report.statistics import SeedGroup, over_seeds
from snntrain.runs.find import find, links
from snntrain.runs.reading import read


@dataclass(frozen=True)
class Report:
    """The content of a report.

    Args:
        title: the folders in which the runs were found.
        comparison: the runs in order.
        groups: the completed runs that differ only in the seed.
        effects: the marginal effects of the settings.
        linked: a line for each link through which runs were found.
        searches: the searches in the folders.
    """

    title: str
    comparison: Comparison
    groups: Sequence[SeedGroup]
    effects: Effects
    linked: Sequence[str] = ()
    searches: Sequence[Search] = ()

    @property
    def counts(self) -> str:
        """The number of runs by status, as '48 runs: 47 completed, 1 failed'."""
        rows = self.comparison.rows
        states = Counter(row.run.status for row in rows).most_common()
        runs_ = "1 run" if len(rows) == 1 else f"{len(rows):,} runs"
        return f"{runs_}: {', '.join(f'{count:,} {status}' for status, count in states)}"

    def paths(self, out: Path) -> list[str]:
        """Return the folder of each row's run, relative to `out`."""
        here = os.path.abspath(out)
        return [os.path.relpath(os.path.abspath(row.run.path), here) for row in self.comparison.rows]

    def links(self, out: Path) -> list[str]:
        """Return the folder of each row's run as a URL relative to `out`."""
        return [quote(os.fsencode(Path(path).as_posix())) + "/" for path in self.paths(out)]


def make(folders: Sequence[Path], metric: str, now: float, *, over: bool = False) -> Report:
    """Read the runs at any depth below `folders` and compare them by `metric`.

    Args:
        folders: the folders of runs or sweeps.
        metric: a figure of the runs' summary.json.
        now: the time in seconds, see `snntrain.runs.state`.
        over: whether the caller has ended these runs, see `snntrain.runs.state`.

    Raises:
        UserError: a folder does not exist, there are no runs, or no run has the metric.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"{folder}: there is no such folder; give folders of runs or sweeps, as outputs or multirun"
            )
    where = ", ".join(map(str, folders))
    paths = find(folders)
    found = [run for path in paths if (run := read(path, now, over=over)) is not None]
    if not found:
        raise UserError(f"{where}: no runs there, at any depth; the folder of a run holds a summary.json")
    known = metrics(found)
    if metric not in {METRIC, *known}:
        from snntrain.config.explain import did_you_mean

        allowed = f"there are {', '.join(known)}{did_you_mean(metric, known)}" if known else "no run has any figure yet"
        raise UserError(f"metric={metric}: no run has it; {allowed}")
    comparison = compare(found, metric)
    linked = [f"{path} is a link and leads to {place}" for path, place in links(folders, paths).items()]
    searches = [search for folder in folders if (search := search_in(folder)) is not None]
    return Report(
        printable(where),
        comparison,
        over_seeds(comparison),
        effects(comparison),
        list(map(printable, linked)),
        searches,
    )
