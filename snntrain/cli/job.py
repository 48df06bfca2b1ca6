"""One run for the command line, and the message if it ends badly."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from snntrain.cli.imports import slow_imports
from snntrain.config.schema import Config
from snntrain.errors import Interrupted, RunFailed, UserError, first_line
from snntrain.process.allocator import keep_freed_memory
from snntrain.runs.run_folder import RunFolder, resume_command
from snntrain.signals import machine

# Writes to train.log alone: a traceback is not for the terminal.
log_file = logging.getLogger("snntrain.file")


def run(config: Config, folder: Path, typed: Sequence[str]) -> float:
    """Train a run in a folder, and return its best validation accuracy.

    Args:
        config: its settings, checked.
        folder: the folder that it writes into.
        typed: the command as it was typed.

    Raises:
        UserError: nothing was trained.
        RunFailed: training failed; the traceback is in train.log.
        Interrupted: a signal has ended it; the message has the command that resumes it.
    """
    with slow_imports():
        from snntrain.training.run import train

    keep_freed_memory()
    try:
        return float(train(config, folder, typed)["val_accuracy"])
    except (Exception, KeyboardInterrupt) as error:
        if (number := machine.behind(error)) is not None:
            raise _interrupted(number, config, folder) from error
        if isinstance(error, UserError):
            raise
        log_file.exception("the run failed")
        raise RunFailed(f"the run failed: {first_line(error)} (traceback in {folder / 'train.log'})") from error


def refuse(folder: Path, name: str, allowed: Sequence[str], lines: Sequence[str]) -> None:
    """Record in a run's folder that its configuration is wrong, as that of a job of a large sweep may be.

    Raises:
        UserError: always, with these lines.
    """
    with RunFolder(folder, name, allowed):
        raise UserError(*lines)


def _interrupted(number: int, config: Config, folder: Path) -> Interrupted:
    if not (folder / "config.yaml").exists():
        return Interrupted(number)
    log_file.warning("interrupted")
    return Interrupted(number, f"interrupted; resume with: {resume_command(folder, config.allow_targets)}")
