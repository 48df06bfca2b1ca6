"""The calls between the processes of a run, with their times, and what they add up to in a step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from snntrain.training.job.group import Group


@dataclass(frozen=True)
class Call:
    """A call that all processes make.

    Args:
        agrees: whether it is the agreement between two steps, and not the sum of a tensor.
        size: bytes of its tensor.
        start, end: seconds of a clock that all processes of a machine share.
    """

    agrees: bool
    size: int
    start: float
    end: float


class Timed(Group):
    """A group that keeps a list of its calls."""

    calls: list[Call]

    def sum(self, value: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place, and return it."""
        start = time.perf_counter()
        super().sum(value)
        self.calls.append(Call(False, value.nbytes, start, time.perf_counter()))
        return value

    def greatest(self, numbers: Sequence[int]) -> list[int]:
        """Return the greatest of each number over all processes."""
        start = time.perf_counter()
        found = super().greatest(numbers)
        self.calls.append(Call(True, 8 * len(numbers), start, time.perf_counter()))
        return found


@dataclass(frozen=True)
class Part:
    """Calls of one kind in a step.

    Args:
        calls: number of them.
        size: bytes of all.
        seconds: from the time when the last process has come to the end, of all.
        waited: until the last process has come; the mean over the processes.
    """

    calls: int
    size: int
    seconds: float
    waited: float


@dataclass(frozen=True)
class Step:
    """A step: its seconds, and its calls by kind."""

    seconds: float
    gradients: Part
    normalisations: Part
    agreement: Part

    @property
    def waited(self) -> float:
        """Seconds that a process waits for the other, in all calls."""
        return self.gradients.waited + self.normalisations.waited + self.agreement.waited


def steps(processes: Sequence[Sequence[Call]]) -> list[Step]:
    """Return the steps between the agreements of an epoch; its first and its last step are left out.

    Args:
        processes: for each process its calls in their order.

    Raises:
        ValueError: the processes made different calls.
    """
    kinds = {tuple((call.agrees, call.size) for call in calls) for calls in processes}
    if len(kinds) != 1:
        raise ValueError("the processes made different calls")
    (kind,) = kinds
    ends = [index for index, (agrees, _) in enumerate(kind) if agrees]
    together = list(zip(*processes, strict=True))
    return [_step(together[first : last + 1]) for first, last in pairwise(ends)]


def _step(calls: Sequence[Sequence[Call]]) -> Step:
    """Return a step from the agreement before it to its own; the last sum is that of the gradients."""
    before, *sums, agreement = calls
    seconds = statistics.mean(call.end for call in agreement) - statistics.mean(call.end for call in before)
    return Step(seconds, _part(sums[-1:]), _part(sums[:-1]), _part([agreement]))


def _part(calls: Sequence[Sequence[Call]]) -> Part:
    met = [max(call.start for call in together) for together in calls]
    return Part(
        len(calls),
        sum(together[0].size for together in calls),
        sum(max(call.end for call in together) - last for together, last in zip(calls, met, strict=True)),
        sum(last - statistics.mean(call.start for call in one) for one, last in zip(calls, met, strict=True)),
    )
