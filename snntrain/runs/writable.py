"""The check that a run or a sweep may write into a folder, before anything is written.

A resumed run writes into its files and truncates them. In a folder from somebody else, a link may have the name of such
a file and lead to any file of the user. `snntrain.files.folder` never follows links. This check finds them before the
run starts, so that the folder stays unchanged.
"""

from __future__ import annotations

import re
import stat

from snntrain.files.folder import FOLDER, LINK, NO_FILE, NO_FOLDER, SECOND_NAME, Folder, Unsafe
from snntrain.files.whole import temporary
from snntrain.runs.layout import CHECKPOINTS_FOLDER, FILES, HYDRA_FOLDER, SWEEP, Change
from snntrain.runs.lock import Unavailable

_TODO = {
    LINK: "and a run writes into its files; put the file or folder itself there, or name another folder",
    FOLDER: "and a run writes a file of this name; move it away, and start the run again",
    NO_FILE: "and a run writes a file of this name; move it away, or name another folder",
    NO_FOLDER: "and a run has a folder of this name; move it away, or name another folder",
    SECOND_NAME: "and a run changes the file in place; put a copy there, or name another folder",
}
# The name of a sweep's job folder begins with the job's number.
_JOB = re.compile(r"\d+(_|$)")


def check_run(folder: Folder) -> None:
    """Check that a run may write into a folder, which may be its own or may not exist yet.

    Raises:
        Unavailable: a file of the run cannot be written, because its name belongs to a link, a folder, a device, or, if
            it would be changed in place, to a file with a second name; or the folder cannot be read.
    """
    try:
        _check_run(folder)
    except (OSError, ValueError) as error:
        raise _unavailable(folder, error) from error


def check_sweep(folder: Folder) -> None:
    """Check that a sweep may write into a folder, and its jobs into their folders if these exist.

    Raises:
        Unavailable: as `check_run`.
    """
    try:
        _check_file(folder, SWEEP, in_place=True)
        for name in filter(_JOB.match, folder.names()):
            _check_run(folder / name)
    except (OSError, ValueError) as error:
        raise _unavailable(folder, error) from error


def _check_run(folder: Folder) -> None:
    # A run also works without TensorBoard's folder.
    for name in (HYDRA_FOLDER, CHECKPOINTS_FOLDER):
        if folder.kind(name) not in (None, stat.S_IFDIR, stat.S_IFLNK):
            raise Unsafe(NO_FOLDER, folder.path / name)
    for file in FILES:
        for name in file.names(folder):
            in_place = file.change is Change.IN_PLACE
            _check_file(file.place(folder), name, in_place=in_place)
            if not in_place:
                _check_file(file.place(folder), temporary(name))


def _check_file(folder: Folder, name: str, *, in_place: bool = False) -> None:
    if (fault := folder.fault(name, alone=in_place)) is not None:
        raise Unsafe(fault, folder.path / name)


def _unavailable(folder: Folder, error: OSError | ValueError) -> Unavailable:
    if isinstance(error, Unsafe):
        return Unavailable(f"{error.filename}: {error.fault}, {_TODO[error.fault]}")
    reason = error.strerror if isinstance(error, OSError) else error
    return Unavailable(f"{folder.path}: cannot be read ({reason}); make it readable, or name another folder")
