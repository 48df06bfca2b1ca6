"""The event files of a run's TensorBoard folder, one for each time that the run was started."""

from __future__ import annotations

import os
from collections.abc import Sequence

from snntrain.files.folder import Folder

PREFIX = "events.out.tfevents."


def event_files(folder: Folder) -> list[str]:
    """Their names, in the order in which TensorBoard reads them: a name begins with the second of its start."""
    return [name for name in folder.names() if name.startswith(PREFIX)]


def cut_back(folder: Folder, sizes: Sequence[int]) -> None:
    """Takes back what was written after the files had these sizes, later files among it."""
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
    """Renames the files so that they are read before one that begins in this `second`, whatever the clock said."""
    names = event_files(folder)
    if not names or _second(names[-1]) < second:
        return
    # From the first on, so that the order is the same at each moment.
    for number, name in enumerate(names, second - len(names)):
        if _second(name) > number:
            _, _, rest = name.removeprefix(PREFIX).partition(".")
            folder.rename(name, f"{PREFIX}{number:010d}.{rest}")


def _second(name: str) -> int:
    digits, _, _ = name.removeprefix(PREFIX).partition(".")
    return int(digits) if digits.isdecimal() else 0
