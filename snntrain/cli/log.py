"""Logging to the terminal and, with the time, to the train.log of the run.

A process that runs jobs beside others shows nothing on the terminal: all that its jobs print goes into their train.log.
"""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from snntrain.errors import WRITTEN_OUT
from snntrain.files.folder import Folder
from snntrain.runs.layout import LOG

# Standard output and standard error.
OUTPUTS = (1, 2)
# Descriptors of the outputs as they were before `into_folders_only`; empty if the output is shown.
_before: list[int] = []


class FolderHandler(logging.Handler):
    """A handler that appends each message to train.log in a folder, and drops messages that cannot be written."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = Folder(Path(folder).absolute())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        # Any locale and any bytes in the name of a folder must work.
        line = f"{self.format(record)}\n".encode(errors=WRITTEN_OUT)
        with contextlib.suppress(OSError), self.folder.append(LOG) as file:
            file.write(line)


def into_folders_only() -> None:
    """Show no messages from now on, and write all that a job prints into its train.log, from `begin` to `leave_folder`.

    The descriptors are redirected, so the last words of a job that crashes are kept, too.
    """
    _before[:] = map(os.dup, OUTPUTS)


def leave_folder() -> None:
    """Write no more output into the folder of the last job."""
    _flush()
    for kept, number in zip(_before, OUTPUTS, strict=False):
        os.dup2(kept, number)


def _enter_folder(folder: Folder) -> None:
    _flush()
    with contextlib.suppress(OSError), folder.append(LOG) as file:
        for number in OUTPUTS:
            os.dup2(file.fileno(), number)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


def begin(folder: Path, verbose: bool | str | Sequence[str] = False) -> None:
    """Send messages to the terminal and into a folder from now on.

    Args:
        folder: the run's folder.
        verbose: True for the debug messages of all loggers, or the names of the loggers whose debug messages are shown.
    """
    if _before:
        _enter_folder(Folder(Path(folder).absolute()))
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "file": {"format": "%(asctime)s %(levelname)s %(message)s"},
                "terminal": {"format": "%(message)s"},
            },
            "handlers": {
                "file": {"()": FolderHandler, "folder": str(folder), "formatter": "file"},
                "terminal": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "terminal",
                },
            },
            # Other packages log warnings only; ours logs information, too.
            "root": {
                "level": "DEBUG" if verbose is True else "WARNING",
                "handlers": ["file"] if _before else ["terminal", "file"],
            },
            "loggers": {
                "snntrain": {"level": "INFO"},
                "snntrain.file": {"handlers": ["file"], "propagate": False},
            },
        }
    )
    for name in [verbose] if isinstance(verbose, str) else [] if isinstance(verbose, bool) else verbose:
        logging.getLogger(name).setLevel(logging.DEBUG)
