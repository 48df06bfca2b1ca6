"""Logging to the terminal and, with the time, to the train.log of the run."""

from __future__ import annotations

import contextlib
import logging
import logging.config
from collections.abc import Sequence
from pathlib import Path

from snntrain.errors import WRITTEN_OUT
from snntrain.files.folder import Folder
from snntrain.runs.layout import LOG


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


def begin(folder: Path, verbose: bool | str | Sequence[str] = False) -> None:
    """Send messages to the terminal and into a folder from now on.

    Args:
        folder: the run's folder.
        verbose: True for the debug messages of all loggers, or the names of the loggers whose debug messages are shown.
    """
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
            "root": {"level": "DEBUG" if verbose is True else "WARNING", "handlers": ["terminal", "file"]},
            "loggers": {
                "snntrain": {"level": "INFO"},
                "snntrain.file": {"handlers": ["file"], "propagate": False},
            },
        }
    )
    for name in [verbose] if isinstance(verbose, str) else [] if isinstance(verbose, bool) else verbose:
        logging.getLogger(name).setLevel(logging.DEBUG)
