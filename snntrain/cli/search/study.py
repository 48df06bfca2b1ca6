"""The study: the trials of a search in the journal, and which of them comes next.

A trial is *claimed* by the worker that runs it, until its next pause or its end. A claimed trial of a dead worker is
resumed by another one. A trial that waits at a rung has no claim. Optuna knows both as running; the others are
complete, failed, or pruned, which a trial becomes at the end if it was never resumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snntrain.cli.search import journal, optional
from snntrain.cli.search.objectives import Objective
from snntrain.cli.search.rungs import Climber, Ladder, bracket
from snntrain.cli.search.space import Space, Values
from snntrain.cli.search.suggest import distribution
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.files.paths import shown

NAME = "search"
IDENTITY = "command"
CLAIM, ERROR = "claim", "error"


@dataclass(frozen=True)
class Trial:
    """A trial of the study.

    Args:
        number: its number, from 0.
        values: the value of each key.
        state: of Optuna, in small letters: running, complete, pruned or fail.
        scores: by rung, its first objective there, smaller is better.
        claim: the worker that runs it, and the epochs after which it pauses; None if it waits or is over.
        results: the objectives, if it is complete.
        error: why it failed.
    """

    number: int
    values: Values
    state: str
    scores: Mapping[int, float]
    claim: Mapping[str, Any] | None
    results: tuple[float, ...] | None
    error: str | None

    @property
    def waits(self) -> bool:
        """Whether it is paused at a rung and may be resumed."""
        return self.state == "running" and self.claim is None and bool(self.scores)


class Study:
    """The study in a folder.

    Args:
        folder: the folder of the study; it exists.
        space: the dimensions.
        objectives: the objectives.
        ladders: the rungs of each bracket.
        identity: what makes it this search, as plain texts by name.

    Raises:
        UserError: the journal is damaged.
    """

    def __init__(
        self,
        folder: Folder,
        space: Space,
        objectives: Sequence[Objective],
        ladders: Sequence[Ladder],
        identity: Mapping[str, str],
    ) -> None:
        self.folder, self.space, self.objectives, self.ladders = folder, space, objectives, tuple(ladders)
        self.storage = journal.storage(folder)
        self.identity = dict(identity)

    @cached_property
    def directions(self) -> list[Any]:
        """The direction of each objective, as Optuna names it."""
        direction = optional.optuna().study.StudyDirection
        return [direction.MAXIMIZE if each.maximize else direction.MINIMIZE for each in self.objectives]

    @cached_property
    def _id(self) -> int:
        with journal.readable(self.folder):
            return int(self.storage.get_study_id_from_name(NAME))

    def begin(self) -> None:
        """Create the study, or check that the one in the folder is of the same search; call it while deciding.

        Raises:
            UserError: it is another search.
        """
        with journal.readable(self.folder):
            if NAME not in [study.study_name for study in self.storage.get_all_studies()]:
                self.storage.create_new_study(self.directions, NAME)
            before = self.storage.get_study_user_attrs(self._id).get(IDENTITY)
        if before is None:
            self.storage.set_study_user_attr(self._id, IDENTITY, self.identity)
        elif not isinstance(before, Mapping):
            raise UserError(journal.damaged(self.folder, f"its {IDENTITY} is not a mapping"))
        elif before != self.identity:
            names = [*self.identity, *(name for name in before if name not in self.identity)]
            pairs = ((name, self.identity.get(name, "absent"), before.get(name, "absent")) for name in names)
            changed = ", ".join(f"{name}={new} (not {old})" for name, new, old in pairs if new != old)
            raise UserError(
                f"hydra.sweep.dir={shown(self.folder.path.parent)}: this folder holds another search; here: {changed}; "
                "give its command again, or name another folder"
            )
        for trial in self.trials():
            # The values become overrides of a command: those of somebody else must not be others.
            self.space.overrides(trial.values)

    def trials(self) -> list[Trial]:
        """Return all trials, in the order of their numbers."""
        with journal.readable(self.folder):
            return [self._read(trial) for trial in self._frozen()]

    def seen(self) -> list[Any]:
        """Return Optuna's trials as a sampler sees them: one that waits at a rung as pruned there."""
        optuna = optional.optuna()
        pruned = optuna.trial.TrialState.PRUNED
        found = []
        for frozen, trial in zip(self._frozen(), self.trials(), strict=True):
            if trial.waits:
                frozen = optuna.trial.create_trial(
                    state=pruned,
                    params=frozen.params,
                    distributions=frozen.distributions,
                    intermediate_values=frozen.intermediate_values,
                )
            found.append(frozen)
        return found

    def add(self, values: Values, worker: str) -> Trial:
        """Add a trial that a worker claims, in one line of the journal."""
        optuna = optional.optuna()
        number = len(self._frozen())
        made = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=dict(values),
            distributions={each.key: distribution(each) for each in self.space.dimensions if each.key in values},
            user_attrs={CLAIM: _claim(worker, self.ladder(number).first())},
        )
        self.storage.create_new_trial(self._id, template_trial=made)
        return self.trials()[number]

    def claim(self, trial: Trial, worker: str, pause_after: int | None) -> Trial:
        """Claim an existing trial for a worker."""
        self._set(trial, CLAIM, _claim(worker, pause_after))
        return self.trials()[trial.number]

    def pause(self, trial: Trial, rung: int, value: float | None) -> None:
        """Note the figure of a trial that has paused at a rung, and give up its claim."""
        self.storage.set_trial_intermediate_value(self._trial_id(trial), rung, math.nan if value is None else value)
        self._set(trial, CLAIM, None)

    def complete(self, trial: Trial, results: Sequence[float]) -> None:
        """Note the results of a trial that was trained to its end."""
        self._end(trial, "COMPLETE", list(results))

    def fail(self, trial: Trial, error: str) -> None:
        """Note why a trial failed."""
        self._set(trial, ERROR, error)
        self._end(trial, "FAIL")

    def prune(self, trial: Trial) -> None:
        """Note that a waiting trial is not resumed any more."""
        last = self._frozen()[trial.number].last_step
        value = self._frozen()[trial.number].intermediate_values[last]
        self._end(trial, "PRUNED", None if len(self.objectives) > 1 or not math.isfinite(value) else [value])

    def ladder(self, number: int) -> Ladder:
        """Return the ladder of a trial."""
        return self.ladders[self.bracket(number)]

    def bracket(self, number: int) -> int:
        """Return the bracket of a trial."""
        return bracket(number, self.ladders)

    def climbers(self, trials: Sequence[Trial], index: int) -> list[Climber]:
        """Return the trials of a bracket on its ladder."""
        return [
            Climber(trial.number, trial.scores, trial.waits)
            for trial in trials
            if trial.scores and self.bracket(trial.number) == index
        ]

    def _end(self, trial: Trial, state: str, values: Sequence[float] | None = None) -> None:
        states = optional.optuna().trial.TrialState
        self.storage.set_trial_state_values(self._trial_id(trial), states[state], values)

    def _set(self, trial: Trial, name: str, value: Any) -> None:
        self.storage.set_trial_user_attr(self._trial_id(trial), name, value)

    def _trial_id(self, trial: Trial) -> int:
        return int(self._frozen()[trial.number]._trial_id)

    def _frozen(self) -> list[Any]:
        with journal.readable(self.folder):
            return list(self.storage.get_all_trials(self._id, deepcopy=False))

    def _read(self, frozen: Any) -> Trial:
        claim = frozen.user_attrs.get(CLAIM)
        sign = -1 if self.objectives[0].maximize else 1
        # A figure that is not finite is the worst.
        scores = {int(rung): sign * value for rung, value in frozen.intermediate_values.items()}
        return Trial(
            number=frozen.number,
            values=frozen.params,
            state=frozen.state.name.lower(),
            scores={rung: value if math.isfinite(value) else math.inf for rung, value in scores.items()},
            claim=claim if isinstance(claim, Mapping) else None,
            results=tuple(frozen.values) if frozen.state.name == "COMPLETE" else None,
            error=str(frozen.user_attrs.get(ERROR) or "") or None,
        )


def _claim(worker: str, pause_after: int | None) -> dict[str, Any]:
    return {"worker": worker, "pause_after": pause_after}
