"""Timing of candidates side by side: round by round in one process, so that drift hits all of them alike."""

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Action = Callable[[], object]

# A clock reading costs next to nothing beside this, and on a GPU the queue is filled. It is some calls of whatever is
# measured, so that it is not what the candidate before has left in the caches that decides.
SHORTEST_READING = 3e-2
# In the first rounds memory is faulted in that all of them use again.
WARM_UP_ROUNDS = 2


@dataclass(frozen=True)
class Times:
    """Seconds a call, one reading a round."""

    readings: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.readings)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a share of the median: how far to trust it."""
        if len(self.readings) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.readings, n=4, method="inclusive")
        return (high - low) / 2 / self.median


def alternate(candidates: dict[str, Action], device: torch.device, rounds: int) -> dict[str, Times]:
    """Seconds a call of each candidate; each round measures all of them, in another order."""
    calls = {name: _calls(action, device) for name, action in candidates.items()}
    readings: dict[str, list[float]] = {name: [] for name in candidates}
    names, shuffled = list(candidates), random.Random(0)
    with _no_garbage_collection():
        for _ in range(WARM_UP_ROUNDS + rounds):
            shuffled.shuffle(names)
            for name in names:
                readings[name].append(_reading(candidates[name], device, calls[name]))
    return {name: Times(values[WARM_UP_ROUNDS:]) for name, values in readings.items()}


def _calls(action: Action, device: torch.device) -> int:
    """How often to call the action a reading; warms it up on the way."""
    for _ in range(2):
        once = _reading(action, device, 1)
    return max(1, math.ceil(SHORTEST_READING / once))


def _reading(action: Action, device: torch.device, calls: int) -> float:
    synchronize(device)
    started = time.perf_counter()
    for _ in range(calls):
        action()
    synchronize(device)
    return (time.perf_counter() - started) / calls


def synchronize(device: torch.device) -> None:
    """Waits until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
