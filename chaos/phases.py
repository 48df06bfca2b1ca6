"""In which part of itself a training is, told to a file, which still says so when the process has been killed.

This follows the training thread. For the writing thread, the file that is left half written shows what it was doing.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

BEFORE = "reading the command"
VALIDATING = "validating"
# What a training calls, and what it does then; within each other the innermost is told.
CALLS = {
    "training.run:train": "opening or closing the run",
    "training.job.build:prepare": "building",
    "training.saving.resume:restore": "restoring",
    "training.loop:train_epoch": "training",
    "training.loop:evaluate": VALIDATING,
    "training.logs.journal:Journal.epoch": "writing down an epoch",
    "training.logs.monitor:Monitor.look": "watching the neurons",
    "inspect.tensorboard:Board.pictures": "drawing",
    "training.saving.saver:Saver.save": "taking a snapshot",
    "training.saving.saver:Saver.save_best": "taking a snapshot of the best weights",
    "training.saving.saver:Saver.wait": "waiting for a checkpoint",
    "training.run:test": "testing",
}
LONGEST = 40


def tell(path: Path) -> None:
    """Has this process, before it begins, write into `path` what it does from now on."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    phases = [BEFORE]

    def write() -> None:
        os.pwrite(file, phases[-1].ljust(LONGEST).encode(), 0)

    def told(function: Callable[..., Any], phase: str) -> Callable[..., Any]:
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
    for name, phase in CALLS.items():
        module, _, attributes = name.partition(":")
        owner: Any = importlib.import_module(f"snntrain.{module}")
        *outer, last = attributes.split(".")
        for attribute in outer:
            owner = getattr(owner, attribute)
        setattr(owner, last, told(getattr(owner, last), phase))


def read(path: Path) -> str:
    """What the process does, or did when it ended."""
    return path.read_text().strip() or BEFORE
