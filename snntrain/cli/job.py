"""One run for the command line, and the message if it ends badly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snntrain.cli.imports import slow_imports
from snntrain.config.schema import Config
from snntrain.errors import Interrupted, RunFailed, UserError, first_line
from snntrain.files.paths import short
from snntrain.process.allocator import keep_freed_memory
from snntrain.runs.resume_command import resume_command
from snntrain.runs.run_folder import RunFolder
from snntrain.signals import machine

if TYPE_CHECKING:
    from snntrain.training.job.group import Peers

# Writes to train.log only: a traceback does not belong on the terminal.
log_file = logging.getLogger("snntrain.file")


def run(config: Config, folder: Path, typed: Sequence[str], peers: Peers | None = None) -> float:
    """Train a run in a folder, and return its best validation accuracy.

    Args:
        config: checked settings.
        folder: the folder of the run.
        typed: the command as it was typed.
        peers: the other processes of the run; None if there are no others.

    Raises:
        UserError: the settings or the folder cannot be used; nothing was trained.
        RunFailed: training failed; the traceback is in train.log.
        Interrupted: a signal has ended the run; the message has the command that resumes it.
    """
    return explained(_train, config, folder, typed, peers)


def explained(train: Callable[..., float], config: Config, folder: Path, *more: Any) -> float:
    """Call a function that trains a run, and return its result.

    Raises:
        Interrupted: a signal has ended the run; the message has the command that resumes it.
        UserError, RunFailed: as the function.
    """
    try:
        return train(config, folder, *more)
    except (Exception, KeyboardInterrupt) as error:
        if (number := machine.behind(error)) is not None:
            raise _interrupted(number, config, folder) from error
        raise


def _train(config: Config, folder: Path, typed: Sequence[str], peers: Peers | None) -> float:
    with slow_imports():
        from snntrain.training.run import train

    keep_freed_memory()
    try:
        return float(train(config, folder, typed, peers)["val_accuracy"])
    except Exception as error:
        if machine.behind(error) is not None or isinstance(error, UserError):
            raise
        log_file.exception("the run failed")
        raise RunFailed(f"the run failed: {first_line(error)} (traceback in {folder / 'train.log'})") from error


def refuse(folder: Path, name: str, allowed: Sequence[str], lines: Sequence[str]) -> None:
    """Record in a run's folder that its configuration is wrong, which happens for jobs of a large sweep.

    Raises:
        UserError: always, with these lines.
    """
    with RunFolder(folder, name, allowed):
        raise UserError(*lines)


def _interrupted(number: int, config: Config, folder: Path) -> Interrupted:
    if not (folder / "config.yaml").exists():
        return Interrupted(number)
    log_file.warning("interrupted")
    return Interrupted(number, f"interrupted; resume with: {resume_command(short(folder), config.allow_targets)}")
