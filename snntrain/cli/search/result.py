"""The result of a search: the best trials with their commands, and search.json, which reports read."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snntrain.cli.search.driver import Driver
from snntrain.cli.search.importance import importances
from snntrain.cli.search.objectives import dominates
from snntrain.cli.search.study import Trial
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.report.numbers import figure
from snntrain.runs import summary
from snntrain.runs.layout import SEARCH

# Shown beside the objectives of a best trial.
BESIDE = ("val_accuracy", "test_accuracy", "spikes_per_image", "energy_nj_per_image", "parameters", "train_seconds")
FORMAT = 1


@dataclass(frozen=True)
class Result:
    """The trials of a search as far as they are.

    Args:
        driver: the driver that has run some of them.
        command: the words that train a run with the fixed overrides.
        trials: all trials.
    """

    driver: Driver
    command: Sequence[str]
    trials: Sequence[Trial]

    @property
    def best(self) -> list[Trial]:
        """The best complete trial; the Pareto front for several objectives, sorted by the first.

        Without a complete trial, the best of those that have come farthest.
        """
        objectives = self.driver.study.objectives
        done = [(trial, trial.results) for trial in self.trials if trial.results is not None]
        if not done:
            farthest = max((max(trial.scores) for trial in self.trials if trial.scores), default=0)
            there = [trial for trial in self.trials if farthest in trial.scores]
            return sorted(there, key=lambda trial: (trial.scores[farthest], trial.number))[:1]
        done.sort(key=lambda pair: (objectives[0].better_first(pair[1][0]), pair[0].number))
        if len(objectives) == 1:
            return [done[0][0]]
        return [trial for trial, results in done if not any(dominates(objectives, other, results) for _, other in done)]

    def command_of(self, trial: Trial) -> str:
        """Return the command that trains the run of a trial again."""
        return shlex.join([*self.command, *self.driver.study.space.overrides(trial.values)])

    def lines(self) -> Iterator[str]:
        """Yield what the terminal shows at the end."""
        objectives = self.driver.study.objectives
        best = self.best
        if not best:
            yield "no trial has a result yet"
            return
        if len(objectives) > 1:
            names = ", ".join(each.name for each in objectives)
            yield f"Pareto front by {names}, the best {objectives[0].name} first"
        for trial in best:
            kind = "" if trial.results else f", paused after {max(trial.scores)} epochs"
            title = "best trial" if len(objectives) == 1 else "trial"
            yield f"{title} {trial.number}{kind}: {self._figures(trial)}"
            yield f"  train it with: {self.command_of(trial)}"

    def _figures(self, trial: Trial) -> str:
        objectives = self.driver.study.objectives
        found = summary.read(self.driver.place(trial)).figures
        own = {each.name: value for each, value in zip(objectives, trial.results or (), strict=False)}
        named = [f"{each.name}={figure(each.figure, own[each.name])}" for each in objectives if each.name in own]
        shown = {each.figure for each in objectives if each.name in own}
        named += [f"{key}={figure(key, found[key])}" for key in BESIDE if key in found and key not in shown]
        return " ".join(named)

    def counts(self) -> str:
        """Return the number of trials by what became of them."""
        waiting = sum(trial.waits or trial.state == "pruned" for trial in self.trials)
        by = {
            "complete": sum(trial.state == "complete" for trial in self.trials),
            "stopped at a rung": waiting,
            "failed": sum(trial.state == "fail" for trial in self.trials),
            "running": sum(trial.state == "running" and not trial.waits for trial in self.trials),
        }
        parts = ", ".join(f"{count} {name}" for name, count in by.items() if count)
        return f"{len(self.trials)} {'trial' if len(self.trials) == 1 else 'trials'}: {parts or 'none'}"

    def content(self) -> dict[str, Any]:
        """Return the content of search.json."""
        study = self.driver.study
        return {
            "format": FORMAT,
            "method": self.driver.plan.method,
            "objectives": [{"name": each.name, "maximize": each.maximize} for each in study.objectives],
            "trials": [
                {
                    "number": trial.number,
                    "folder": self.driver.place(trial).name,
                    "state": "stopped" if trial.waits or trial.state == "pruned" else trial.state,
                    "values": dict(line.split("=", 1) for line in study.space.overrides(trial.values)),
                    "results": list(trial.results) if trial.results else None,
                    "rungs": [[rung, self._value(score)] for rung, score in sorted(trial.scores.items())],
                    "error": trial.error,
                }
                for trial in self.trials
            ],
            "best": [{"number": trial.number, "command": self.command_of(trial)} for trial in self.best],
            "rungs": list(self._rungs()),
            "importances": self._importances(),
        }

    def _value(self, score: float) -> float | None:
        sign = -1 if self.driver.study.objectives[0].maximize else 1
        return sign * score if math.isfinite(score) else None

    def _rungs(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each rung: the trials that reached it, those that were resumed, and the best figure."""
        study = self.driver.study
        for index, ladder in enumerate(study.ladders):
            own = [trial for trial in self.trials if study.bracket(trial.number) == index]
            for rung in ladder.rungs:
                reached = [trial for trial in own if rung in trial.scores]
                resumed = [trial for trial in reached if max(trial.scores) > rung or not _stays(trial)]
                best = min((trial.scores[rung] for trial in reached), default=math.inf)
                counts = {"trials": len(reached), "resumed": len(resumed), "best": self._value(best)}
                yield {"bracket": index, "epochs": rung, **counts}

    def _importances(self) -> dict[str, Any]:
        """Return the share of each key in each objective, and the epochs at which the figures were compared.

        With a pruner, few trials are trained to their end: then the figures at the rung that most trials have reached
        are compared.
        """
        study = self.driver.study
        rungs = [rung for trial in self.trials for rung in trial.scores]
        at = max(set(rungs), key=lambda rung: (rungs.count(rung), rung)) if rungs else None
        found: dict[str, dict[str, float]] = {}
        for index, objective in enumerate(study.objectives):
            if at is not None:
                scored = [(trial, trial.scores[at]) for trial in self.trials if at in trial.scores]
            else:
                done = ((trial, trial.results) for trial in self.trials)
                scored = [(trial, objective.better_first(results[index])) for trial, results in done if results]
            scored = [(trial, score) for trial, score in scored if math.isfinite(score)]
            if shares := importances(study.seen(), {trial.number: score for trial, score in scored}):
                found[objective.name] = shares
        return {"epochs": at, "by": found}


def _stays(trial: Trial) -> bool:
    """Return whether a trial has not left its highest rung."""
    return trial.waits or trial.state == "pruned"


def write(result: Result, folder: Path) -> None:
    """Write search.json; one process at a time may do it.

    Raises:
        OSError: it cannot be written.
    """
    whole.write(Folder(folder), SEARCH, json.dumps(result.content(), indent=1, allow_nan=False) + "\n")
