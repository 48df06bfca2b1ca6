"""Where messages go: to the terminal as they are, and with the time to the train.log of the run."""

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
    """Appends each message to train.log in a folder; one that cannot be written is no reason to end."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = Folder(Path(folder).absolute())

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a message."""
        # Whatever the locale is, and whatever bytes the name of a folder has.
        line = f"{self.format(record)}\n".encode(errors=WRITTEN_OUT)
        with contextlib.suppress(OSError), self.folder.append(LOG) as file:
            file.write(line)


def begin(folder: Path, verbose: bool | str | Sequence[str] = False) -> None:
    """Sends messages to the terminal and into a folder, from now on.

    Args:
        folder: of the run.
        verbose: whether debug messages of all loggers are shown, or the names of those whose are.
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
            # Of other packages what they warn of, of ours what they tell.
            "root": {"level": "DEBUG" if verbose is True else "WARNING", "handlers": ["terminal", "file"]},
            "loggers": {
                "snntrain": {"level": "INFO"},
                "snntrain.file": {"handlers": ["file"], "propagate": False},
            },
        }
    )
    for name in [verbose] if isinstance(verbose, str) else [] if isinstance(verbose, bool) else verbose:
        logging.getLogger(name).setLevel(logging.DEBUG)
