"""The event files of a run's TensorBoard folder, one for each time that the run was started."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

PREFIX = "events.out.tfevents."


def event_files(folder: Path) -> list[Path]:
    """The files in the order in which TensorBoard reads them: by name, which begins with the second of their start."""
    return sorted(folder.glob(f"{PREFIX}*"))


def cut_back(folder: Path, sizes: Sequence[int]) -> None:
    """Takes back what was written after the files had these sizes, later files among it."""
    for index, path in enumerate(event_files(folder)):
        if index >= len(sizes):
            path.unlink()
        elif path.stat().st_size > sizes[index]:
            os.truncate(path, sizes[index])


def make_older(folder: Path, second: int) -> None:
    """Has the files be read before one that is begun in this `second`, whatever the clock said when they were."""
    files = event_files(folder)
    if not files or _second(files[-1]) < second:
        return
    # From the first on, so that the order is the same at each moment.
    for number, path in enumerate(files, second - len(files)):
        if _second(path) > number:
            _, _, rest = path.name.removeprefix(PREFIX).partition(".")
            path.rename(path.with_name(f"{PREFIX}{number:010d}.{rest}"))


def _second(path: Path) -> int:
    digits, _, _ = path.name.removeprefix(PREFIX).partition(".")
    return int(digits) if digits.isdecimal() else 0
