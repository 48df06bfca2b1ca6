"""Timing of candidates side by side: round by round in one process, so that drift hits all of them alike."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Action = Callable[[], object]

# A clock reading costs next to nothing beside this, and on a GPU the queue is filled.
SHORTEST_READING = 5e-3


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
    """Seconds a call of each candidate; each round measures all of them, and begins with another one."""
    calls = {name: _calls(action, device) for name, action in candidates.items()}
    readings: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    with _no_garbage_collection():
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                readings[name].append(_reading(candidates[name], device, calls[name]))
    return {name: Times(values) for name, values in readings.items()}


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
