"""One run on behalf of the command line: what is told and left behind when it ends badly."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from snntrain.allocator import keep_freed_memory
from snntrain.config.explain import first_line
from snntrain.errors import Interrupted, RunFailed, UserError
from snntrain.training.stop import came, importing

# Writes to train.log alone: a traceback is not for the terminal.
log_file = logging.getLogger("snntrain.file")


def run(config: DictConfig, folder: Path, typed: Sequence[str], go_on: str) -> float:
    """The best validation accuracy of a run in `folder`.

    Args:
        config: what it is asked.
        folder: where it writes.
        typed: the command.
        go_on: the command that goes on with it.

    Raises:
        UserError: nothing was trained.
        RunFailed: training failed; the traceback is in train.log.
        Interrupted: a signal has ended it; the message says how to go on.
    """
    with importing():
        from snntrain.training.run import train

    keep_freed_memory()
    try:
        return float(train(config, folder, typed)["val_accuracy"])
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Interrupted) else signal.SIGINT
        raise _interrupted(number, folder, go_on) from error
    except Exception as error:
        if (before := came()) is not None:
            raise _interrupted(before, folder, go_on) from error
        if isinstance(error, UserError):
            raise
        log_file.exception("the run failed")
        told = f"the run failed: {first_line(error)} (traceback in {folder / 'train.log'})"
        raise RunFailed(told) from error


def _interrupted(number: int, folder: Path, go_on: str) -> Interrupted:
    log_file.warning("interrupted")
    begun = (folder / "config.yaml").exists()
    return Interrupted(number, f"interrupted; go on with: {go_on}" if begun else "interrupted")
