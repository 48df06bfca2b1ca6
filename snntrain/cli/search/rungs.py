"""Successive halving and Hyperband: which trials stop at a rung, and which are resumed.

A rung is a number of epochs. Every trial of a bracket pauses at its rungs; of the trials that have reached a rung, the
best `1/reduction` are resumed to the next one. The rule is asynchronous (ASHA, Li et al. 2018): a trial may be resumed
as soon as it is among the best, without waiting for the others, so that no slot is idle. The driver begins new trials
first if it has no limit of time: later trials are better ones, as the sampler learns, so that most of them would be
among the best for a while. Hyperband (Li et al. 2016) runs
several brackets, which begin at different rungs: it does not rely on early figures alone.

Everything here is a function of the figures that are known, so that it can be computed by hand, and by each worker
alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

HALVING, HYPERBAND = "halving", "hyperband"


@dataclass(frozen=True)
class Ladder:
    """The rungs of one bracket.

    Args:
        rungs: epochs at which a trial pauses, in ascending order; all below the full number of epochs.
        reduction: one of so many trials is resumed.
    """

    rungs: tuple[int, ...]
    reduction: int

    def first(self) -> int | None:
        """Return the epochs after which a new trial pauses; None if it is trained to its end."""
        return self.rungs[0] if self.rungs else None

    def after(self, rung: int) -> int | None:
        """Return the rung above; None if a trial is trained to its end from there."""
        return next((higher for higher in self.rungs if higher > rung), None)


@dataclass(frozen=True)
class Climber:
    """A trial on its ladder.

    Args:
        number: the number of the trial.
        scores: by rung that it has reached, its figure there; a smaller one is better.
        waits: whether it is paused at the highest of these rungs, neither running nor over.
    """

    number: int
    scores: Mapping[int, float]
    waits: bool


def rungs(epochs: int, min_epochs: int, reduction: int) -> tuple[int, ...]:
    """Return the rungs below `epochs`: `min_epochs`, and `reduction` times as many at each further one."""
    found = []
    rung = min_epochs
    while rung < epochs:
        found.append(rung)
        rung *= reduction
    return tuple(found)


def ladders(pruner: str | None, below: Sequence[int], reduction: int) -> list[Ladder]:
    """Return the ladder of each bracket; Hyperband's brackets begin one rung higher each, the last one at the end."""
    if pruner is None:
        return [Ladder((), reduction)]
    starts = range(len(below) + 1) if pruner == HYPERBAND else (0,)
    return [Ladder(tuple(below[start:]), reduction) for start in starts]


@cache
def bracket(number: int, brackets: tuple[Ladder, ...]) -> int:
    """Return the bracket of a trial by its number, so that all brackets get their share from the start.

    Hyperband gives a bracket with s rungs (most + 1) / (s + 1) * reduction ** s trials, where `most` is the greatest s:
    about the same number of epochs for each bracket.
    """
    most = max(len(ladder.rungs) for ladder in brackets)
    shares = [(most + 1) / (len(ladder.rungs) + 1) * ladder.reduction ** len(ladder.rungs) for ladder in brackets]
    counts = [0] * len(brackets)
    chosen = 0
    for _ in range(number + 1):
        chosen = min(range(len(brackets)), key=lambda index: ((counts[index] + 1) / shares[index], index))
        counts[chosen] += 1
    return chosen


def promoted(climbers: Sequence[Climber], ladder: Ladder) -> Climber | None:
    """Return the waiting trial to resume; None if none is good enough yet. A high rung comes first.

    A trial is good enough if it is among the best `1/reduction` of all trials that have reached its rung.
    """
    for rung in reversed(ladder.rungs):
        reached = _ranked(climbers, rung)
        for climber in reached[: len(reached) // ladder.reduction]:
            if climber.waits and max(climber.scores) == rung:
                return climber
    return None


def last_resort(climbers: Sequence[Climber], ladder: Ladder) -> Climber | None:
    """Return the best waiting trial of the highest rung: so few trials were run that none would be trained to its end.

    To be called when no trial runs, none is promoted, and none of the bracket is complete.
    """
    for rung in reversed(ladder.rungs):
        for climber in _ranked(climbers, rung):
            if climber.waits and max(climber.scores) == rung:
                return climber
    return None


def _ranked(climbers: Sequence[Climber], rung: int) -> list[Climber]:
    """Return the trials that have reached a rung, the best first; of equal ones, the older first."""
    reached = [climber for climber in climbers if rung in climber.scores]
    return sorted(reached, key=lambda climber: (climber.scores[rung], climber.number))
