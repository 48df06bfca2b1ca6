"""The driver with several slots, whose jobs end in any order, and with what a killed one has left."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.cli.launchers.launcher import Outcome, SweepJob
from snntrain.cli.search.driver import MOST_FAILURES, Driver, Plan
from snntrain.cli.search.objectives import BY_NAME
from snntrain.cli.search.rungs import ladders
from snntrain.cli.search.space import Range, Space
from snntrain.cli.search.study import Study
from snntrain.cli.search.workers import Workers
from snntrain.files.folder import Folder

pytest.importorskip("optuna", reason="a search needs Optuna: pip install 'snntrain[search]'")

SPACE = Space((Range("lr", 0.0, 1.0),))
EPOCHS = 9


class Slots:
    """A launcher whose jobs end in the order that `choose` gives; a job writes the summary that a run would.

    The accuracy of a run is its lr, at every epoch.
    """

    def __init__(self, folder: Path, slots: int, choose: Callable[[list[SweepJob]], int]) -> None:
        self.folder, self.slots, self.at_once, self.choose = folder, slots, slots, choose
        self.running: list[SweepJob] = []
        self.most = 0
        self.started: list[tuple[int, int]] = []

    def start(self, job: SweepJob) -> None:
        assert len(self.running) < self.slots
        assert job.number not in [other.number for other in self.running]
        self.running.append(job)
        self.most = max(self.most, len(self.running))
        self.started.append((job.number, self.epochs(job)))

    def outcome(self) -> Outcome:
        job = self.running.pop(self.choose(self.running))
        return Outcome(job, self.write(job))

    @staticmethod
    def epochs(job: SweepJob) -> int:
        pauses = [word.partition("=")[2] for word in job.overrides if word.startswith("trainer.pause_after=")]
        return int(pauses[0]) if pauses else EPOCHS

    def write(self, job: SweepJob) -> Path:
        (name,) = (word.partition("=")[2] for word in job.overrides if word.startswith("hydra.sweep.subdir="))
        (lr,) = (float(word.partition("=")[2]) for word in job.overrides if word.startswith("lr="))
        place = self.folder / name.strip('"')
        place.mkdir(exist_ok=True)
        status = "completed" if (epochs := self.epochs(job)) == EPOCHS else "paused"
        summary = {"status": status, "error": None, "epochs": epochs, "val_accuracy": lr}
        (place / "summary.json").write_text(json.dumps(summary))
        return place


def driver(folder: Path, workers: Workers, pruner: str | None = "halving", trials: int = 9) -> Driver:
    study = Study(Folder(workers.place), SPACE, [BY_NAME["val_accuracy"]], ladders(pruner, (1, 3), 3), {})
    study.begin()
    return Driver(study, workers, Plan("random", trials, 0, ("T=2",)), folder)


def place(folder: Path) -> Path:
    (folder / "search").mkdir(exist_ok=True)
    return folder / "search"


@pytest.mark.parametrize(
    ("slots", "choose"),
    [(1, lambda jobs: 0), (3, lambda jobs: 0), (3, lambda jobs: -1), (4, lambda jobs: len(jobs) // 2)],
)
@pytest.mark.parametrize("pruner", [None, "halving", "hyperband"])
def test_all_slots_are_busy_and_the_best_trial_is_trained_to_its_end(
    tmp_path: Path, pruner: str | None, slots: int, choose: Callable[[list[SweepJob]], int]
) -> None:
    launcher = Slots(tmp_path, slots, choose)
    with Workers(place(tmp_path)) as workers:
        mine = driver(tmp_path, workers, pruner)
        mine.run(launcher)
        trials = mine.study.trials()
    assert launcher.most == slots
    assert len(trials) == 9
    assert len(launcher.started) == len(set(launcher.started))
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    if pruner == "halving":
        best = max(trials, key=lambda trial: trial.values["lr"])
        assert best.state == "complete"
        assert sum(3 in trial.scores for trial in trials) >= 3
    if pruner == "halving" and slots == 1:
        # All begin before one is resumed: exactly a third of each rung is.
        assert [epochs for _, epochs in launcher.started] == [1] * 9 + [3] * 3 + [EPOCHS]
    if pruner is None:
        assert {trial.state for trial in trials} == {"complete"}


def test_what_a_killed_worker_has_left_is_noted_or_resumed_and_nothing_is_run_twice(tmp_path: Path) -> None:
    launcher = Slots(tmp_path, 3, lambda jobs: 0)
    with Workers(place(tmp_path)) as dead:
        lost = driver(tmp_path, dead, None)
        for _ in range(3):
            trial = lost._next()
            assert trial is not None
            launcher.start(lost._job(trial))
        # The first one has completed and the second one has failed, but nobody has noted it; the third one runs.
        launcher.write(launcher.running[0])
        failed = launcher.write(launcher.running[1])
        (failed / "summary.json").write_text(json.dumps({"status": "failed", "error": "no luck"}))
    launcher.running.clear()
    began = len(launcher.started)
    with Workers(place(tmp_path)) as workers:
        mine = driver(tmp_path, workers, None, trials=4)
        mine.run(launcher)
        trials = mine.study.trials()
    assert [number for number, _ in launcher.started[began:]] == [2, 3]
    assert [trial.state for trial in trials] == ["complete", "fail", "complete", "complete"]
    assert trials[1].error == "no luck"


def test_a_trial_of_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    launcher = Slots(tmp_path, 2, lambda jobs: 0)
    with Workers(place(tmp_path)) as other, Workers(place(tmp_path)) as workers:
        theirs = driver(tmp_path, other, trials=3)
        assert theirs._next() is not None
        # The same process cannot see its own lock, as another one would.
        workers.lives = lambda name: True  # type: ignore[method-assign]
        mine = driver(tmp_path, workers, trials=3)
        mine.run(launcher)
        assert mine.running_elsewhere() == 1
    assert {number for number, _ in launcher.started} == {1, 2}


def test_failures_in_a_row_stop_the_search_and_single_ones_do_not(tmp_path: Path) -> None:
    class Failing(Slots):
        def write(self, job: SweepJob) -> Path:
            if job.number % 3 == 1 or job.number > 8:
                return self.folder / "nothing"
            return super().write(job)

    launcher = Failing(tmp_path, 1, lambda jobs: 0)
    with Workers(place(tmp_path)) as workers:
        mine = driver(tmp_path, workers, None, trials=40)
        mine.run(launcher)
        states = [trial.state for trial in mine.study.trials()]
    assert states[:9] == ["complete", "fail", "complete"] * 3
    assert states[9:] == ["fail"] * MOST_FAILURES
    assert mine.study.trials()[1].error == "it ended before its time"


def test_a_run_without_the_figure_has_failed(tmp_path: Path) -> None:
    class Silent(Slots):
        def write(self, job: SweepJob) -> Path:
            folder = super().write(job)
            found = json.loads((folder / "summary.json").read_text()) | {"val_accuracy": math.nan}
            (folder / "summary.json").write_text(json.dumps(found))
            return folder

    with Workers(place(tmp_path)) as workers:
        mine = driver(tmp_path, workers, None, trials=1)
        mine.run(Silent(tmp_path, 1, lambda jobs: 0))
        (trial,) = mine.study.trials()
    assert (trial.state, trial.error) == ("fail", "its run has no finite val_accuracy")


def test_when_the_time_is_over_no_trial_is_started_and_the_next_command_continues(tmp_path: Path) -> None:
    launcher = Slots(tmp_path, 2, lambda jobs: 0)
    with Workers(place(tmp_path)) as workers:
        mine = driver(tmp_path, workers, trials=6)
        mine.plan = Plan("random", 6, 0, (), seconds=0.0)
        mine.run(launcher)
        assert mine.timed_out
        assert launcher.started == []
        # With time left, one of the first three is resumed before the fourth begins.
        mine.plan = Plan("random", 6, 0, (), seconds=1000.0)
        mine.run(launcher)
        assert len(mine.study.trials()) == 6
    assert 3 in [epochs for _, epochs in launcher.started[:5]]
