"""The event files in a run's TensorBoard folder, one for each start of the run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from snntrain.files.folder import Folder
from snntrain.runs.layout import EVENTS_PREFIX


def event_files(folder: Folder) -> list[str]:
    """Return the names in the order in which TensorBoard reads them: a name begins with the time of the start."""
    return [name for name in folder.names() if name.startswith(EVENTS_PREFIX)]


def cut_back(folder: Folder, sizes: Sequence[int]) -> None:
    """Truncate the files to these sizes, and delete later files."""
    for index, name in enumerate(event_files(folder)):
        if index >= len(sizes):
            folder.remove(name)
        else:
            folder.cut_back(name, sizes[index])


def sync(folder: Folder) -> None:
    """Wait until the files are on the disk.

    Raises:
        OSError: one of them cannot be written.
    """
    for name in event_files(folder):
        with folder.read(name) as file:
            os.fsync(file.fileno())


def make_older(folder: Folder, second: int) -> None:
    """Rename the files so that they are read before a file of this `second`, even if the clock was set back."""
    names = event_files(folder)
    if not names or _second(names[-1]) < second:
        return
    # The first file is renamed first, so that the order is right at every moment.
    for number, name in enumerate(names, second - len(names)):
        if _second(name) > number:
            _, _, rest = name.removeprefix(EVENTS_PREFIX).partition(".")
            folder.rename(name, f"{EVENTS_PREFIX}{number:010d}.{rest}")


def _second(name: str) -> int:
    digits, _, _ = name.removeprefix(EVENTS_PREFIX).partition(".")
    return int(digits) if digits.isdecimal() else 0
