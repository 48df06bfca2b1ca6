"""Timing of candidates in alternating rounds in one process, so that drift affects all of them alike."""

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

# A clock reading costs almost nothing compared with this, and on a GPU the queue is filled. It covers several calls, so
# that the contents of the caches after the previous candidate do not decide.
SHORTEST_READING = 3e-2
# In the first rounds the system maps the memory that all later rounds use again.
WARM_UP_ROUNDS = 2


@dataclass(frozen=True)
class Times:
    """Seconds per call, one reading per round."""

    readings: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.readings)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, as a share of the median: the uncertainty of the median."""
        if len(self.readings) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.readings, n=4, method="inclusive")
        return (high - low) / 2 / self.median


def alternate(candidates: dict[str, Action], device: torch.device, rounds: int) -> dict[str, Times]:
    """Return the seconds per call of each candidate; each round measures all of them, in another order."""
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
    """Return the number of calls per reading, after warming up."""
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
    """Wait until the device has finished its work."""
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
