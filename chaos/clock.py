"""A clock that is set back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial

from chaos.case import Case
from chaos.training import PLAIN, SLOW, Bench

SCENARIO = "clock set back"
HOUR = 3600.0


def cases(count: int) -> Iterator[Case]:
    """Yield `count` cases of each kind."""
    for _ in range(count):
        yield Case(SCENARIO, between)
        yield Case(SCENARIO, while_running, twins=(SLOW,))


def between(bench: Bench) -> None:
    """Set it back by a day between stop and resume: all files are from tomorrow, and `latest` finds the run."""
    training = bench.training(PLAIN, "outputs/run")
    process = training.start()
    process.until(training.has_rows(2))
    process.kill_all()
    tomorrow = time.time() + 24 * HOUR
    for path in (training.folder, *training.folder.rglob("*")):
        os.utime(path, (tomorrow, tomorrow))
    bench.outcome.faults += 1
    training.finish(["resume=latest"], before=partial(set_back, 24 * HOUR))


def while_running(bench: Bench) -> None:
    """Set it back by an hour repeatedly while the training runs."""
    training = bench.training(SLOW)
    for _ in range(2):
        process = training.start(training.next_command(), before=partial(_runs_back, HOUR))
        bench.outcome.faults += 1
        if process.lives(bench.rng.uniform(0.5, 1.5)):
            process.kill_all()
    training.finish(before=partial(_runs_back, HOUR))


def set_back(seconds: float) -> None:
    """Set back the clock that this process reads through Python."""
    real = time.time
    time.time = lambda: real() - seconds


def _runs_back(seconds: float) -> None:
    """Set the clock of this process back by `seconds` every second."""
    real, begun = time.time, time.time()
    time.time = lambda: real() - seconds * int(real() - begun)
