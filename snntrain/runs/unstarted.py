"""The folder of a run that did not start: the check for another run in it, and its clean-up."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

from snntrain.files.folder import Folder
from snntrain.runs.layout import (
    CHECKPOINTS_FOLDER,
    FILES,
    HYDRA_FOLDER,
    METRICS,
    SUMMARY,
    TENSORBOARD_FOLDER,
    Written,
)


def holds_a_run(path: Path) -> bool:
    """Return whether a run has written into the folder."""
    folder = Folder(path)
    return folder.holds(SUMMARY) or folder.holds(CHECKPOINTS_FOLDER)


def discard(path: Path) -> None:
    """Delete the files of a run that has trained nothing, and then the empty folders."""
    folder = Folder(path)
    # Links and unreadable entries are left alone.
    with contextlib.suppress(OSError):
        if folder.holds(METRICS) or folder.holds(TENSORBOARD_FOLDER):
            return
        for file in FILES:
            place = file.place(folder)
            if file.written is Written.START and place.kind(file.name) == stat.S_IFREG:
                place.remove(file.name)
        for name in (HYDRA_FOLDER, CHECKPOINTS_FOLDER):
            folder.remove_if_empty(name)
        for empty in (path, *path.parents[:2]):
            if not empty.is_dir() or any(empty.iterdir()) or empty == Path.cwd():
                return
            empty.rmdir()
