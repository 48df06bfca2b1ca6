"""A launcher that submits the jobs of a sweep to SLURM as one array, and waits for them."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from snntrain.cli.launchers.display import Display
from snntrain.cli.launchers.job_folders import JobFolders
from snntrain.cli.launchers.killed_job import record
from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob
from snntrain.cli.launchers.slurm import queue
from snntrain.cli.launchers.slurm.node import Ended, NodeJob
from snntrain.cli.launchers.slurm.parameters import parameters
from snntrain.cli.launchers.slurm.submission import submit
from snntrain.config.schema import SubmititSlurm
from snntrain.config.validate import MOST_JOBS
from snntrain.errors import UserError, first_line, on_one_line
from snntrain.files.folder import Folder
from snntrain.files.paths import shown
from snntrain.runs.layout import SLURM_FOLDER

if TYPE_CHECKING:
    from submitit import Job

# SLURM takes arrays of 1,001 jobs unless the administrator allows more.
MOST_IN_AN_ARRAY = 1000
# Seconds between two looks into the folder of results, and for each job in it.
TICK, TICK_OF_A_JOB = 0.5, 0.002
# Seconds between two questions to SLURM, at the beginning and later.
SOONEST, LATEST = 2.0, 30.0
# Seconds until the result of a job that has ended must be visible: file systems of a network cache their folders.
RESULT_SECONDS = 30.0
# Seconds in which cancelled jobs end; SLURM kills them after some 30.
END_SECONDS = 90.0
# The states of jobs that SLURM itself has ended.
KILLED = ("BOOT_FAIL", "CANCELLED", "DEADLINE", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT")
_NAME = re.compile(r"snntrain-[0-9a-f]{8}")


@dataclass
class Running:
    """A job that was submitted.

    Args:
        job: the job.
        handle: submitit's handle.
        gone: since when SLURM does not know it any more; None if it does.
    """

    job: SweepJob
    handle: Job[Any]
    gone: float | None = None

    @property
    def log(self) -> Path:
        """The output of the job."""
        return self.handle.paths.stdout


class SlurmArrays:
    """A launcher with a slot for each job: SLURM decides how many run at once.

    Jobs that are started are submitted together when the first outcome is asked for. As a context manager it cancels
    the jobs that are left at the end, as after Ctrl-C, which saves them.

    Args:
        settings: the keys of hydra.launcher.
        gpus: GPUs of a job.
        sweep: the folder of the sweep.
        command: the sweep's command.
        folders: finds the run folder of a job.
        display: shows the jobs.
    """

    slots = MOST_JOBS
    isolates = True

    def __init__(
        self,
        settings: SubmititSlurm,
        gpus: int,
        sweep: Folder,
        command: SweepCommand,
        folders: JobFolders,
        display: Display,
    ) -> None:
        self.settings, self.gpus, self.command = settings, gpus, command
        self.folders, self.display = folders, display
        self.at_once = settings.array_parallelism
        self.place = Folder(Path(os.path.abspath(sweep.path)), SLURM_FOLDER)
        self._started: list[SweepJob] = []
        self._running: list[Running] = []
        self._ended: deque[Ended] = deque()
        # The names of all jobs that may be in SLURM's queue.
        self._names: set[str] = set()
        self._asked = self._submitted = 0.0

    def __enter__(self) -> SlurmArrays:
        """Check the folder.

        Raises:
            UserError: SLURM would read its name as a pattern.
        """
        if "%" in str(self.place.path):
            raise UserError(
                f"hydra.sweep.dir={shown(self.place.root)}: SLURM replaces % and the letter after it; name "
                "another folder"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is not None and self._names:
                self._cancel()
        finally:
            self.display.close()

    def start(self, job: SweepJob) -> None:
        """Take a job, which `outcome` submits."""
        self._started.append(job)

    def outcome(self) -> Outcome:
        """Submit the jobs that were started, wait for a job to end, and return its outcome."""
        if self._started:
            self._submit()
        while not self._ended:
            self._collect()
            if not self._ended:
                self.display.refresh(())
                time.sleep(max(TICK, len(self._running) * TICK_OF_A_JOB))
        ended = self._ended.popleft()
        self.display.ended(ended.outcome, ended.seconds)
        return ended.outcome

    def _submit(self) -> None:
        if not self._names:
            self._wait_for_earlier()
        known = [(job, self.folders.completed(job)) for job in self._started]
        self._ended += [Ended(outcome, 0.0) for _, outcome in known if outcome is not None]
        left = [job for job, outcome in known if outcome is None]
        self._started.clear()
        groups = [left[first : first + MOST_IN_AN_ARRAY] for first in range(0, len(left), MOST_IN_AN_ARRAY)]
        for group in groups:
            name = f"snntrain-{secrets.token_hex(4)}"
            self._names.add(name)
            place = self.place / name
            place.make()
            jobs = [NodeJob(self.command, job, self.settings.max_num_timeout) for job in group]
            handles = submit(place.path, jobs, parameters(self.settings, name, self.gpus, len(groups)))
            self._running += [Running(job, handle) for job, handle in zip(group, handles, strict=True)]
            array = handles[0].job_id.partition("_")[0]
            count = f"{len(group)} job{'s' if len(group) > 1 else ''}"
            self.display.say(f"{count} submitted to SLURM as {array}; their output: {shown(place.path)}")
        self._submitted = time.monotonic()

    def _wait_for_earlier(self) -> None:
        """Wait for the jobs of an earlier start of this sweep that was killed, or ended with its terminal."""
        said = False
        # If a signal ends the wait, they are cancelled.
        self._names = set(filter(_NAME.fullmatch, self.place.names()))
        while self._names and (left := queue.queued(self._names)) != {}:
            if left is None:
                self._names.clear()
                raise UserError(
                    "hydra/launcher=submitit_slurm: squeue does not answer, so it is unknown whether an earlier start "
                    "of this sweep still has jobs; try again when it does"
                )
            if not said:
                said = True
                self.display.say(f"waiting for {len(left)} jobs that an earlier start of this sweep has submitted")
            time.sleep(SOONEST)
        self._names.clear()

    def _collect(self) -> None:
        """Gather the outcomes of the jobs that have ended."""
        # One look for all jobs: the folder may be on a disk of the network.
        written = {name for place in {each.handle.paths.folder for each in self._running} for name in os.listdir(place)}
        for running in [each for each in self._running if each.handle.paths.result_pickle.name in written]:
            self._end(running, _returned(running))
        now = time.monotonic()
        if now - self._asked >= min(LATEST, max(SOONEST, (now - self._submitted) / 10)):
            self._asked = now
            if (queued := queue.queued(self._names)) is not None:
                self._collect_gone(queued, now)

    def _collect_gone(self, queued: Collection[str], now: float) -> None:
        """Gather the outcomes of the jobs that are not in SLURM's queue any more: one that was killed has no result."""
        for running in self._running:
            running.gone = None if running.handle.job_id in queued else running.gone or now
        gone = [(running, running.gone) for running in self._running if running.gone is not None]
        states = queue.ended({running.handle.job_id.partition("_")[0] for running, _ in gone}) if gone else {}
        for running, since in gone:
            _refresh(running.handle.paths.folder)
            state = states.get(running.handle.job_id, "")
            if running.handle.paths.result_pickle.exists():
                self._end(running, _returned(running))
            elif now - since >= _patience(state):
                self._end(running, _died(running, state))

    def _end(self, running: Running, ended: Ended) -> None:
        self._running.remove(running)
        if ended.outcome.folder is None:
            ended = replace(ended, outcome=replace(ended.outcome, folder=self.folders.path(running.job)))
        if ended.outcome.error is not None:
            record(ended.outcome)
        self._ended.append(ended)

    def _cancel(self) -> None:
        """Cancel the jobs that are left, and wait until they are saved."""
        if not queue.cancel(self._names):
            names = " ".join(f"--name={name}" for name in sorted(self._names))
            self.display.say(f"scancel failed; cancel the jobs with: scancel {names}")
            return
        until = time.monotonic() + END_SECONDS
        said = False
        while (left := queue.queued(self._names)) != {} and time.monotonic() < until:
            if left and not said:
                said = True
                self.display.say(f"{len(left)} jobs are cancelled; waiting until they are saved")
            time.sleep(TICK)


def _patience(state: str) -> float:
    """Return for how many seconds the result of a job may be invisible after its end."""
    if state.startswith(KILLED):
        return 0.0
    return 2 * SOONEST if state == "FAILED" else RESULT_SECONDS


def _refresh(folder: Path) -> None:
    """Make a file system of a network look again at a folder; submitit does the same."""
    try:
        folder.chmod(folder.stat().st_mode)
    except OSError:
        return


def _returned(running: Running) -> Ended:
    """Return what a job has returned."""
    try:
        ended = running.handle.result()
    except Exception as error:  # The job could not even begin: its node may lack a package.
        said = re.findall(r"^(\w[\w.]*(?:Error|Exception)\b.*)$", str(error), re.MULTILINE)
        reason = on_one_line(said[-1] if said else first_line(error))
        return Ended(Outcome(running.job, None, error=f"{reason} (output in {shown(running.log)})"))
    assert isinstance(ended, Ended)
    return ended


def _died(running: Running, state: str) -> Ended:
    """Return the end of a job that has left no result."""
    ending = f"SLURM's state {state}" if state else "SLURM does not know it any more"
    if running.log.exists():
        where = f"output in {shown(running.log)}"
    else:
        where = f"it wrote no output: do the nodes see {shown(running.log.parent)}?"
    return Ended(Outcome(running.job, None, error=f"ended without a result: {ending} ({where})"))
