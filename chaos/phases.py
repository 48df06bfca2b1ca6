"""The activity of a training at each moment, written to a file that remains when the process is killed.

This follows the training thread. For the writing thread, the half-written file shows what it was doing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from snntrain.inspect.tensorboard import Board
from snntrain.training import loop, run
from snntrain.training.job import build
from snntrain.training.logs.journal import Journal
from snntrain.training.logs.monitor import Monitor
from snntrain.training.saving import resume
from snntrain.training.saving.saver import Saver

BEFORE = "reading the command"
VALIDATING = "validating"
# The functions that a training calls, and the name of the activity in each. The innermost of nested calls counts.
CALLS: dict[Callable[..., Any], str] = {
    run.train: "opening or closing the run",
    build.prepare: "building",
    resume.restore: "restoring",
    loop.train_epoch: "training",
    loop.validate: VALIDATING,
    Journal.epoch: "writing down an epoch",
    Monitor.look: "watching the neurons",
    Board.pictures: "drawing",
    Saver.save: "taking a snapshot",
    Saver.save_best: "taking a snapshot of the best weights",
    Saver.wait: "waiting for a checkpoint",
    run.test: "testing",
}
LONGEST = 40


def follow(path: Path) -> None:
    """Write the activity of this process into `path` from now on; call it before the training begins."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    phases = [BEFORE]

    def write() -> None:
        os.pwrite(file, phases[-1].ljust(LONGEST).encode(), 0)

    def followed(function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            phases.append(phase)
            write()
            try:
                return function(*arguments, **named)
            finally:
                phases.pop()
                write()

        return call

    write()
    for function, phase in CALLS.items():
        setattr(owner(function), function.__name__, followed(function, phase))


def owner(function: Callable[..., Any]) -> Any:
    """Return the module or the class that a training finds the function in."""
    found: Any = sys.modules[function.__module__]
    for name in function.__qualname__.split(".")[:-1]:
        found = getattr(found, name)
    return found


def read(path: Path) -> str:
    """Return the present activity of the process, or its last one."""
    return path.read_text().strip() or BEFORE
