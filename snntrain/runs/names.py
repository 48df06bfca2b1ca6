"""The names of what a run and a sweep write into their folders, and what may not lie there before.

A run goes on by writing into its files and cutting them back. In a folder from somebody else a link may be in the place
of one, and lead to any file of the user's. `snntrain.files.folder` follows none. Here it is looked for before anything
is written, so that the folder stays as it is.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable

from snntrain.files.folder import FOLDER, LINK, NO_FILE, NO_FOLDER, SECOND_NAME, Folder, Unsafe, temporary
from snntrain.runs.event_files import event_files
from snntrain.runs.lock import LOCK_FILE, Unavailable

# Before anything is trained.
FIRST = ("config.yaml", "environment.json", "summary.json")
# Replaced in one step, so that they may have a second name.
WHOLE = (*FIRST, "test.json")
CHECKPOINTS = ("last.pt", "previous.pt", "best.pt")
# Changed in place.
GROWING = ("metrics.jsonl", "train.log", LOCK_FILE)
OF_HYDRA = ("config.yaml", "hydra.yaml", "overrides.yaml")
OF_A_SWEEP = ("multirun.yaml",)

_TODO = {
    LINK: "and a run writes into its files; put the file or folder itself there, or name another folder",
    FOLDER: "and a run writes a file of this name; move it away, and the run goes on",
    NO_FILE: "and a run writes a file of this name; move it away, or name another folder",
    NO_FOLDER: "and a run has a folder of this name; move it away, or name another folder",
    SECOND_NAME: "and a run changes the file in place; put a copy there, or name another folder",
}
# The folder of a sweep's job begins with its number.
_JOB = re.compile(r"\d+(_|$)")


def check_run(folder: Folder) -> None:
    """Looks whether a run may write into a folder, which may be its own, or not be there yet.

    Raises:
        Unavailable: a name that a run writes is taken by a link, by no regular file, or by a file that has a second
            name and would be changed in place; or one cannot look.
    """
    try:
        _check_run(folder)
    except (OSError, ValueError) as error:
        raise _unavailable(folder, error) from error


def check_sweep(folder: Folder) -> None:
    """Looks whether a sweep may write into a folder, and its jobs into theirs, as far as these are there.

    Raises:
        Unavailable: as `check_run` does.
    """
    try:
        _check_files(folder, OF_A_SWEEP, alone=True)
        for name in filter(_JOB.match, folder.names()):
            _check_run(folder / name)
    except (OSError, ValueError) as error:
        raise _unavailable(folder, error) from error


def _check_run(folder: Folder) -> None:
    checkpoints, events = folder / "checkpoints", folder / "tensorboard"
    # A run does without TensorBoard's, where that is no folder.
    for name in (".hydra", "checkpoints"):
        if folder.kind(name) not in (None, stat.S_IFDIR, stat.S_IFLNK):
            raise Unsafe(NO_FOLDER, folder.path / name)
    _check_files(folder, (*WHOLE, *map(temporary, WHOLE)))
    _check_files(folder, GROWING, alone=True)
    _check_files(folder / ".hydra", OF_HYDRA, alone=True)
    _check_files(checkpoints, (*CHECKPOINTS, *map(temporary, CHECKPOINTS)))
    _check_files(events, event_files(events), alone=True)


def _check_files(folder: Folder, names: Iterable[str], *, alone: bool = False) -> None:
    for name in names:
        if (fault := folder.fault(name, alone=alone)) is not None:
            raise Unsafe(fault, folder.path / name)


def _unavailable(folder: Folder, error: OSError | ValueError) -> Unavailable:
    if isinstance(error, Unsafe):
        return Unavailable(f"{error.filename}: {error.fault}, {_TODO[error.fault]}")
    reason = error.strerror if isinstance(error, OSError) else error
    return Unavailable(f"{folder.path}: cannot be looked into ({reason}); make it readable, or name another folder")
