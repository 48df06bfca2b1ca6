"""The memory that this process may still use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from snntrain.process import control_groups

INFO = Path("/proc/meminfo")


def available() -> int:
    """Return the bytes of memory that this process can still use: a container or a scheduler may allow few.

    Memory that holds copies of files counts as available. Where the system does not say, this is all of the machine's.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(0, min(machine, *_of_the_machine(INFO), *_of_groups(control_groups.GROUPS, control_groups.OWN_GROUP)))


def _of_the_machine(info: Path) -> Iterator[int]:
    yield 2**62  # No limit.
    try:
        for line in info.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return


def _of_groups(groups: Path, own: Path) -> Iterator[int]:
    """Yield what the control groups of this process leave."""
    yield 2**62  # No limit.
    for folder in control_groups.folders(groups, own):
        try:
            limit, used = int((folder / "memory.max").read_text()), int((folder / "memory.current").read_text())
            yield limit - used + _copies_of_files(folder)
        except (OSError, ValueError):  # There is no such file, or no limit: "max".
            continue


def _copies_of_files(folder: Path) -> int:
    """Return the bytes of a group that hold copies of files: the system gives them up when memory is short."""
    counted = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return int(counted.get("inactive_file", 0)) + int(counted.get("active_file", 0))
