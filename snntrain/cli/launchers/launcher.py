"""A launcher: it runs jobs of a sweep, some of them at once, and returns their outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class SweepJob:
    """One job of a sweep.

    Args:
        number: its number, from 0; the name of its folder begins with it.
        overrides: the overrides of its configuration: those of the command line, with one value for each swept key.
    """

    number: int
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """The end of a job.

    Args:
        job: the job.
        folder: its run folder; None if it never had one.
        value: its best validation accuracy; NaN if it did not complete.
        error: why it did not complete, in one line; None if it did.
        signal: the number of the signal that stopped it; None if no signal did.
    """

    job: SweepJob
    folder: Path | None
    value: float = math.nan
    error: str | None = None
    signal: int | None = None


@dataclass(frozen=True)
class SweepCommand:
    """The command of a sweep for other processes: plain values, which can be pickled or written as JSON.

    Args:
        config_name: the primary config.
        config_dir: the folder that --config-dir names.
        overrides: the overrides of the command line as Hydra reads them, with an absolute `hydra.sweep.dir`.
        typed: the command as it was typed.
        working_directory: the folder in which it was typed.
    """

    config_name: str
    config_dir: str | None
    overrides: tuple[str, ...]
    typed: tuple[str, ...]
    working_directory: str


class Launcher(Protocol):
    """A place that runs jobs.

    Attributes:
        slots: the number of jobs that it takes before one has ended; a cluster has a queue for those that wait.
        at_once: the number of jobs that run at once.
        isolates: whether a job that cannot even be composed is an outcome like others, and not the end of the sweep.
    """

    slots: int
    at_once: int
    isolates: bool

    def start(self, job: SweepJob) -> None:
        """Start a job; fewer than `slots` are running. A launcher of this process runs the job before it returns."""

    def outcome(self) -> Outcome:
        """Wait for a job to end, and return its outcome; at least one has been started."""


def outcomes(launcher: Launcher, jobs: Iterable[SweepJob]) -> Iterator[Outcome]:
    """Run jobs, as many at once as the launcher has slots, and yield their outcomes as they end."""
    running = 0
    for job in jobs:
        if running == launcher.slots:
            yield launcher.outcome()
            running -= 1
        launcher.start(job)
        running += 1
    for _ in range(running):
        yield launcher.outcome()
