"""The driver of a search: it keeps the slots of a launcher busy with trials, and notes how they end.

It asks for as many jobs as the launcher has slots, and takes the outcomes in any order. All that it knows is in the
study and in the folders of the trials, so that it can be killed at any point: the next one continues.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snntrain.cli.launchers.launcher import Launcher, Outcome, SweepJob
from snntrain.cli.search.checks import PAUSE, SUBDIR
from snntrain.cli.search.objectives import values as figures
from snntrain.cli.search.rungs import last_resort, promoted
from snntrain.cli.search.study import Study, Trial
from snntrain.cli.search.suggest import suggestion
from snntrain.cli.search.workers import Workers, is_held
from snntrain.config import words
from snntrain.config.job_folder import shortened
from snntrain.errors import on_one_line
from snntrain.runs import summary
from snntrain.runs.state import COMPLETED, FAILED, PAUSED
from snntrain.runs.summary import number

# The name of no worker.
NOBODY = ""
# So many failures in a row have another cause than the values, as a full disk.
MOST_FAILURES = 5


@dataclass(frozen=True)
class Plan:
    """The extent of a search.

    Args:
        method: the value of `sweep.search`.
        trials: the number of trials to begin.
        seed: of the choice of values.
        fixed: the overrides of every trial.
        seconds: the time after which no trial is started any more; None for no limit.
    """

    method: str
    trials: int
    seed: int
    fixed: tuple[str, ...]
    seconds: float | None = None


class Driver:
    """Runs the trials of a study.

    Args:
        study: the study.
        workers: the workers, of which this process is one.
        plan: what to do.
        folder: the folder of the search, with a folder for each trial.
        noted: called whenever a trial has paused or ended.
    """

    def __init__(
        self, study: Study, workers: Workers, plan: Plan, folder: Path, noted: Callable[[], None] = lambda: None
    ) -> None:
        self.study, self.workers, self.plan, self.folder, self.noted = study, workers, plan, folder, noted
        self.failures = 0
        self.exhausted = self.timed_out = False
        self._began = time.monotonic()
        self._mine: dict[int, Trial] = {}

    def run(self, launcher: Launcher) -> None:
        """Run trials until nothing is left to start: all are over, or run in other processes."""
        while True:
            # Not `slots`: the values of a trial that waits in a queue could follow from those before it.
            while len(self._mine) < launcher.at_once and (trial := self._next()) is not None:
                self._mine[trial.number] = trial
                launcher.start(self._job(trial))
            if not self._mine:
                return
            self._note(launcher.outcome())

    def _next(self) -> Trial | None:
        """Claim a trial for this worker, and return it; None if no trial can run now."""
        if self.failures >= MOST_FAILURES:
            return None
        with self.workers.deciding():
            trials = self._trials()
            if self.plan.seconds is not None and time.monotonic() - self._began >= self.plan.seconds:
                self.timed_out = True
                return None
            ways = [self._new, self._promoted]
            if self.plan.seconds is not None:
                # Otherwise new trials alone could fill the time.
                ways.reverse()
            found = (way(trials) for way in (self._abandoned, *ways, self._last_resort))
            return next((trial for trial in found if trial is not None), None)

    def _trials(self) -> list[Trial]:
        """Return all trials, after noting the ends that a killed worker could not note."""
        for trial in self.study.trials():
            if self._is_abandoned(trial):
                self._settle(trial)
        return self.study.trials()

    def _is_abandoned(self, trial: Trial) -> bool:
        """Return whether nobody runs a trial that was claimed."""
        if trial.state != "running" or trial.waits or trial.number in self._mine:
            return False
        worker = trial.claim["worker"] if trial.claim and "worker" in trial.claim else None
        # The process of a job may live longer than its worker.
        return not self.workers.lives(worker) and not is_held(self.place(trial))

    def _abandoned(self, trials: list[Trial]) -> Trial | None:
        for trial in trials:
            if self._is_abandoned(trial):
                return self.study.claim(trial, self.workers.name, _pause_after(trial))
        return None

    def _promoted(self, trials: list[Trial]) -> Trial | None:
        for index, ladder in enumerate(self.study.ladders):
            if (found := promoted(self.study.climbers(trials, index), ladder)) is not None:
                return self._resumed(trials[found.number])
        return None

    def _last_resort(self, trials: list[Trial]) -> Trial | None:
        """Return a trial to resume if a bracket has none that was trained to its end, and none can come."""
        if any(trial.state == "running" and not trial.waits for trial in trials):
            return None
        for index, ladder in enumerate(self.study.ladders):
            own = [trial for trial in trials if self.study.bracket(trial.number) == index]
            if any(trial.state == "complete" for trial in own):
                continue
            if (found := last_resort(self.study.climbers(own, index), ladder)) is not None:
                return self._resumed(trials[found.number])
        for trial in trials:
            if trial.waits:
                self.study.prune(trial)
        return None

    def _resumed(self, trial: Trial) -> Trial:
        rung = self.study.ladder(trial.number).after(max(trial.scores))
        return self.study.claim(trial, self.workers.name, rung)

    def _new(self, trials: list[Trial]) -> Trial | None:
        if len(trials) >= self.plan.trials:
            return None
        plan, study = self.plan, self.study
        values = suggestion(plan.method, study.space, study.seen(), study.directions, plan.seed)
        if values is None:
            self.exhausted = True
            return None
        return study.add(values, self.workers.name)

    def _job(self, trial: Trial) -> SweepJob:
        name = f"{SUBDIR}={words.quoted(self.place(trial).name)}"
        pause_after = _pause_after(trial)
        pause = [] if pause_after is None else [f"{PAUSE}={pause_after}"]
        return SweepJob(trial.number, (*self.plan.fixed, *self.study.space.overrides(trial.values), *pause, name))

    def place(self, trial: Trial) -> Path:
        """Return the folder of a trial's run."""
        return self.folder / shortened(trial.number, self.study.space.name(trial.values))

    def _note(self, outcome: Outcome) -> None:
        """Note how a job has ended."""
        trial = self._mine.pop(outcome.job.number)
        with self.workers.deciding():
            if not self._settle(trial):
                if is_held(self.place(trial)):
                    # A job that a killed worker has left trains here; whoever sees it end notes its end.
                    self.study.claim(trial, NOBODY, _pause_after(trial))
                    return
                self.study.fail(trial, on_one_line(outcome.error or "it ended before its time"))
        failed = self.study.trials()[trial.number].state == "fail"
        self.failures = self.failures + 1 if failed else 0
        self.noted()

    def _settle(self, trial: Trial) -> bool:
        """Note the pause or the end of a trial from its folder; return whether there was one."""
        found = summary.read(self.place(trial)).known
        pause_after = _pause_after(trial)
        status, epochs = found.get("status"), number(found.get("epochs"))
        if status == FAILED:
            self.study.fail(trial, on_one_line(str(found.get("error") or "")))
        elif status == PAUSED and pause_after is not None and epochs >= pause_after:
            self.study.pause(trial, pause_after, self.study.objectives[0].value(self.place(trial)))
        elif status != COMPLETED:
            return False
        else:
            results = figures(self.study.objectives, self.place(trial))
            if results is None:
                names = ", ".join(each.name for each in self.study.objectives)
                self.study.fail(trial, f"its run has no finite {names}")
            else:
                self.study.complete(trial, results)
        return True

    def running_elsewhere(self) -> int:
        """Return the number of trials that other processes run."""
        return sum(trial.state == "running" and not trial.waits for trial in self.study.trials())


def _pause_after(trial: Trial) -> int | None:
    """Return the epochs after which a claimed trial pauses; None if it is trained to its end."""
    found = (trial.claim or {}).get("pause_after")
    return found if type(found) is int else None
