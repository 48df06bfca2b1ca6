"""The parts of a sweep beyond its single runs: its checks, its folder, its report."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from snntrain.cli.launchers.launcher import Outcome
from snntrain.cli.report import show
from snntrain.config.composed import Composed
from snntrain.config.explain import key_of
from snntrain.config.job_folder import is_of_a_run
from snntrain.config.words import assigned
from snntrain.errors import Interrupted, RunFailed, UserError, first_line, on_one_line, printable
from snntrain.files import bounded, safe_yaml
from snntrain.files.folder import Folder
from snntrain.files.paths import shown, user_path
from snntrain.report.comparison import METRIC
from snntrain.report.files import write
from snntrain.report.report import make
from snntrain.runs.find import find
from snntrain.runs.layout import HYDRA_FOLDER, LOG, SWEEP
from snntrain.runs.reading import Run, read
from snntrain.runs.state import COMPLETED, PAUSED, RUNNING
from snntrain.runs.unstarted import discard
from snntrain.runs.writable import check_sweep
from snntrain.signals import machine


def keep_with_swept_groups(overrides: Sequence[str]) -> list[str]:
    """Turn a fixed key of a swept group into a sweep over a single value.

    Before its jobs Hydra composes the defaults with the fixed overrides alone: `neuron=lif,rif neuron.tau=3` would meet
    the default neuron, which may have no such key. Swept values are applied only in the jobs.
    """
    parser = OverridesParser.create()
    parsed = [(line, parser.parse_override(line)) for line in overrides]
    swept = {override.key_or_group for _, override in parsed if override.is_sweep_override()}
    kept = []
    for line, override in parsed:
        fixed = not override.is_sweep_override() and not override.is_delete()
        below = override.key_or_group.partition(".")[0] in swept and override.key_or_group not in swept
        key, _, value = line.partition("=")
        kept.append(f"{key}=choice({value})" if fixed and below and value else line)
    return kept


def check_folders(composed: Composed, overrides: Sequence[str]) -> None:
    """Check that each job gets a folder of its own.

    Raises:
        UserError: the folder has no name, it holds runs of another sweep, or all jobs have the same folder.
    """
    folder = composed.value("hydra.sweep.dir")
    if not folder:
        raise UserError("hydra.sweep.dir=: names no folder; without it a sweep makes its own below multirun/")
    place = user_path(folder, "hydra.sweep.dir")
    check_sweep(Folder(place))
    if find([place]) and (before := _swept(place)) != _own(overrides):
        what = f"of the sweep {shlex.join(before)}, which the same command resumes" if before else "already"
        raise UserError(f"hydra.sweep.dir={folder}: this folder holds runs {what}; name another one")
    if not composed.is_reference("hydra.sweep.subdir"):
        subdir = composed.value("hydra.sweep.subdir")
        raise UserError(f"hydra.sweep.subdir={subdir}: is the same for all jobs; leave it out, and each gets its own")


def of_files(composed: Composed, overrides: Sequence[str]) -> list[str]:
    """Return the overrides in a file's `hydra.sweeper.params`, without those that the command line gives itself."""
    params: dict[str, Any] | None = composed.value("hydra.sweeper.params")
    given = {line.partition("=")[0] for line in overrides}
    return [f"{key}={value}" for key, value in (params or {}).items() if str(key) not in given]


def _own(overrides: Sequence[str]) -> list[str]:
    """Return the overrides of the runs, without Hydra's own and those that may change when a sweep is resumed."""
    return [line for line in overrides if is_of_a_run(line)]


def with_fixed_folder(overrides: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Return the overrides with the absolute folder of the sweep, for processes that start later or elsewhere."""
    others = [line for line in overrides if key_of(line) != "hydra.sweep.dir"]
    return (*others, assigned("hydra.sweep.dir", os.path.abspath(folder)))


def _swept(folder: Path) -> list[str]:
    """Return the overrides of the sweep in a folder, recorded when it started."""
    try:
        content = safe_yaml.parse(bounded.text(folder / SWEEP))
        return _own([str(line) for line in content["hydra"]["overrides"]["task"]])
    except (OSError, ValueError, LookupError, TypeError, RecursionError, yaml.YAMLError):
        return []


def command_to_resume(typed: Sequence[str], folder: Path) -> str:
    """Return the command that resumes a sweep: the same command with the sweep's folder."""
    words = [word for word in typed if not word.startswith("hydra.sweep.dir=")]
    return shlex.join([*words, assigned("hydra.sweep.dir", shown(folder))])


def run(launch: Callable[[], Sequence[Outcome]], folder: Path, typed: Sequence[str]) -> None:
    """Run the jobs, and report on them when the sweep ends.

    Args:
        launch: runs the jobs, and returns their outcomes.
        folder: the sweep's folder.
        typed: the command as it was typed.

    Raises:
        RunFailed: a job was not completed.
        Interrupted: a signal has ended the sweep, in a job or between two; the message has the command that resumes it.
    """
    try:
        ended = launch()
    except (Exception, KeyboardInterrupt) as error:
        if (number := machine.behind(error)) is None:
            raise
        raise _stopped(number, folder, typed) from error
    conclude(folder, [outcome for outcome in ended if outcome.folder is None])


def conclude(folder: Path, lost: Sequence[Outcome] = ()) -> None:
    """Write and print the sweep's report, the number of completed jobs, and the errors of the other jobs.

    Args:
        folder: the sweep's folder.
        lost: jobs that ended before they had a folder.

    Raises:
        RunFailed: a job was not completed.
    """
    jobs = _jobs(folder)
    unfinished = _summarize(jobs, folder, "jobs", lost)
    running = sum(job.status == RUNNING for job in jobs)
    if failed := unfinished - running:
        count = len(jobs) + len(lost)
        raise RunFailed(f"{failed} of {count} jobs of the sweep failed; each folder's summary.json says why")
    if running:
        raise RunFailed(
            f"{running} of {len(jobs)} jobs of the sweep are running in another process; "
            "give the same command again when it has ended"
        )


def _stopped(number: int, folder: Path, typed: Sequence[str]) -> Interrupted:
    """Report after a signal has ended the sweep, and return the error; a second signal interrupts the report."""
    try:
        _remove_unstarted(folder)
        if jobs := _jobs(folder):
            _summarize(jobs, folder, "jobs that began are")
    except OSError:
        pass  # The same Ctrl-C has ended the reader of the output, such as tee; or the disk is gone.
    except KeyboardInterrupt as once_more:
        number = machine.behind(once_more) or number
    return Interrupted(number, f"interrupted; resume with: {command_to_resume(typed, folder)}")


def _remove_unstarted(folder: Path) -> None:
    """Remove the folders of jobs that a signal ended when they had only written .hydra, and nothing into train.log."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and {entry.name for entry in path.iterdir()} <= {HYDRA_FOLDER, LOG}:
            if (log := path / LOG).is_symlink() or (log.exists() and log.stat().st_size):
                continue
            discard(path)


def _jobs(folder: Path) -> list[Run]:
    found = (read(path, time.time(), over=True) for path in find([folder]))
    return [job for job in found if job is not None]


def _summarize(jobs: Sequence[Run], folder: Path, which: str, lost: Sequence[Outcome] = ()) -> int:
    """Report on the jobs, print which were completed, and return the number of the others."""
    if jobs:
        _report(folder)
    paused = sum(job.status == PAUSED for job in jobs)
    failed = [job for job in jobs if job.status not in (COMPLETED, PAUSED)]
    beside = f" ({paused} paused as trainer.pause_after says)" if paused else ""
    print(f"{len(jobs) - len(failed) - paused} of {len(jobs) + len(lost)} {which} completed{beside} in {folder}")
    for job in failed:
        name = printable(str(job.path.relative_to(folder)))
        print("  " + ": ".join(filter(None, [job.status, name, job.ending])))
    for outcome in lost:
        print(f"  failed: job {outcome.job.number}: {printable(str(outcome.error))}")
    return len(failed) + len(lost)


def _report(folder: Path) -> None:
    """Compare the jobs; if this fails, nothing is lost: their folders have the results."""
    try:
        report = make([folder], METRIC, time.time(), over=True)
        show(report, write(report, folder))
    except Exception as error:
        print(f"no report: {on_one_line(first_line(error))}; snntrain report {folder} tries again")
