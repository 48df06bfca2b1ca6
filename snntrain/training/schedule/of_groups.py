"""Schedules of their own for some groups of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from snntrain.training.schedule.plateau import Plateau

# Makes a schedule for an optimizer.
Make = Callable[[Optimizer], LRScheduler]
# The key of the further schedules in a saved state.
FURTHER = "of_groups"


class _Part(Optimizer):
    """Some parameter groups of an optimizer, for a schedule; it moves nothing.

    The groups are looked up at each use: loading a state replaces them.
    """

    def __init__(self, whole: Optimizer, indices: Sequence[int]) -> None:
        # Not `super().__init__`: the groups belong to the other optimizer.
        self.whole, self.indices = whole, list(indices)
        self.defaults = whole.defaults
        # torch warns of a schedule that moves before its optimizer; only the whole optimizer moves.
        self._opt_called = True

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [self.whole.param_groups[index] for index in self.indices]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move nothing."""


class OfGroups(LRScheduler):
    """A schedule for an optimizer, and others for some of its parameter groups.

    Args:
        optimizer: the optimizer.
        make: makes the schedule of the groups that have none of their own.
        own: the groups with a schedule of their own, by index, and what makes it.

    Attributes:
        schedules: all schedules; the first one is that of the other groups, if there are any.
    """

    def __init__(self, optimizer: Optimizer, make: Make, own: Mapping[int, Make]) -> None:
        # Not `super().__init__`: the schedules set the learning rates.
        self.optimizer = optimizer
        others = [index for index in range(len(optimizer.param_groups)) if index not in own]
        first = [(make, others)] if others else []
        parts = [*first, *((make_own, [index]) for index, make_own in own.items())]
        self.schedules = [make_one(_Part(optimizer, indices)) for make_one, indices in parts]

    @property
    def last_epoch(self) -> int:  # type: ignore[override]
        """The number of steps so far."""
        return self.schedules[0].last_epoch

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next step."""
        for schedule in self.schedules:
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the first schedule, and in it those of the others."""
        first, *others = (schedule.state_dict() for schedule in self.schedules)
        return first | {FURTHER: others}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a `state_dict()`."""
        first = {key: value for key, value in state_dict.items() if key != FURTHER}
        for schedule, state in zip(self.schedules, [first, *state_dict[FURTHER]], strict=True):
            schedule.load_state_dict(state)


def each(schedule: LRScheduler) -> Iterator[LRScheduler]:
    """Yield the schedules of which a schedule consists; itself, if it is one alone."""
    yield from schedule.schedules if isinstance(schedule, OfGroups) else [schedule]


def validated(schedule: LRScheduler, accuracy: float, loss: float) -> None:
    """Let the schedules that follow the validation see that of an epoch."""
    for one in each(schedule):
        if isinstance(one, Plateau):
            one.validated(accuracy, loss)


def take_over(schedule: LRScheduler, state: Mapping[str, Any]) -> None:
    """Keep the validation so far in the saved state of another schedule, where both follow it."""
    states = [state, *state.get(FURTHER, [])]
    for one, before in zip(each(schedule), states, strict=False):
        if isinstance(one, Plateau) and {"scale", "best", "epochs", "waited"} <= before.keys():
            one.take_over(dict(before))
