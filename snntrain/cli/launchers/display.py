"""The display of a sweep with several workers: a line for each job that ends, and on a terminal the jobs that run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from hydra.core.utils import filter_overrides
from tqdm import tqdm
from tqdm.utils import disp_len, disp_trim

from snntrain.cli.launchers.durations import duration
from snntrain.cli.launchers.launcher import Outcome, SweepJob
from snntrain.cli.launchers.progress import Progress
from snntrain.cli.launchers.worker_process import Worker
from snntrain.errors import on_one_line, printable

# Between two drawings, and between two looks at the files of the jobs.
SECONDS = 1.0
USUAL_COLUMNS = 80


@dataclass
class _Counts:
    completed: int = 0
    failed: int = 0
    since: float = field(default_factory=time.monotonic)


class Display:
    """Shows the jobs of a sweep.

    Args:
        common: the overrides that all jobs share; the others name a job.
        slots: the number of jobs at once.
        jobs: the number of jobs; None if it is not known.
    """

    def __init__(self, common: Collection[str], slots: int, jobs: int | None) -> None:
        self.common, self.jobs = common, jobs
        self.counts = _Counts()
        self._progress: dict[int, Progress] = {}
        self._drawn = 0.0
        self._stops = ""
        shown = sys.stdout.isatty()
        # One line for each slot and one for all; tqdm moves between them.
        lines = range(slots + 1) if shown else ()
        self._bars = [
            tqdm(file=sys.stdout, position=line, bar_format="{desc}", leave=False, mininterval=0) for line in lines
        ]

    def started(self, job: SweepJob, position: int) -> None:
        """Show a job that starts."""
        self._progress[job.number] = Progress()
        if self._bars:
            self._bars[position].set_description_str(self._fit(self._name(job), "starts"))
            self._draw_total(running=None)

    def ended(self, outcome: Outcome, seconds: float) -> None:
        """Write the line of a job that has ended."""
        self._progress.pop(outcome.job.number, None)
        if outcome.error is None:
            self.counts.completed += 1
            result = f"val_accuracy={outcome.value:.4g} in {duration(seconds)}"
        else:
            self.counts.failed += outcome.signal is None
            reason = outcome.error.removeprefix("the run failed: ")
            result = reason if outcome.signal else f"failed: {reason}"
        self.say(self._fit(self._name(outcome.job), on_one_line(result), colon=":"))

    def say(self, line: str) -> None:
        """Write a line."""
        if self._bars:
            tqdm.write(line, file=sys.stdout)
        else:
            print(line, flush=True)

    def stopping(self, running: int, signal: str) -> None:
        """Show that a signal stops the jobs that run."""
        self._stops = f"{signal}: saving {running} running jobs; a second signal stops them at once"
        if not self._bars:
            print(self._stops, flush=True)

    def refresh(self, running: Iterable[Worker]) -> None:
        """Draw the jobs that run, on a terminal."""
        now = time.monotonic()
        if not self._bars or now - self._drawn < SECONDS:
            return
        self._drawn = now
        busy = {worker.position: worker for worker in running}
        for position, bar in enumerate(self._bars[:-1]):
            bar.set_description_str(self._line(busy[position], now) if position in busy else "")
        self._draw_total(len(busy))

    def close(self) -> None:
        """Remove the lines of running jobs from the terminal."""
        for bar in reversed(self._bars):
            bar.set_description_str("", refresh=False)
            bar.close()
        self._bars = []

    def _line(self, worker: Worker, now: float) -> str:
        assert worker.job is not None
        progress = self._progress[worker.job.number]
        if worker.folder is not None:
            progress.look(worker.folder, now)
        return self._fit(self._name(worker.job), progress.words(now, worker.since))

    def _draw_total(self, running: int | None) -> None:
        if self._stops:
            self._bars[-1].set_description_str(self._fit(self._stops))
            return
        done = self.counts.completed + self.counts.failed
        parts = [f"{done} of {self.jobs} jobs" if self.jobs else f"{done} jobs"]
        parts += [f"{self.counts.failed} failed"] if self.counts.failed else []
        parts += [f"{running} running"] if running else []
        if done and self.jobs:
            left = (time.monotonic() - self.counts.since) / done * (self.jobs - done)
            parts.append(f"about {duration(left)} left")
        self._bars[-1].set_description_str(self._fit(", ".join(parts)))

    def _name(self, job: SweepJob) -> str:
        own = [word for word in filter_overrides(job.overrides) if word not in self.common]
        return printable(" ".join([f"job {job.number}", *own]))

    def _fit(self, name: str, result: str = "", *, colon: str = "") -> str:
        """Return a line; on a terminal the name and then the result are shortened until it fits."""
        if not self._bars:
            return f"{name}{colon} {result}".rstrip()
        # A terminal moves to the next line when the last column is written.
        width = _columns() - 1
        room = max(width // 3, width - disp_len(result) - 1 - len(colon)) if result else width
        return shortened(f"{shortened(name, room)}{colon} {result}".rstrip(), width)


def _columns() -> int:
    """Return the width of the terminal; the environment may name the width of another one."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL_COLUMNS
    except (OSError, ValueError):
        return USUAL_COLUMNS


def shortened(text: str, width: int) -> str:
    """Return the text cut to this width, with a sign that something is missing."""
    return text if disp_len(text) <= width else f"{disp_trim(text, max(0, width - 1))}…"
