"""The processes of a command, found by their working directory, which tests do not share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 120.0


def working_in(folder: Path) -> list[int]:
    """Return the processes in a folder, without this one and those that have ended."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            if (process / "cwd").readlink().is_relative_to(folder.resolve()):
                found.append(int(process.name))
        except OSError:  # It has ended, or belongs to another user.
            continue
    return found


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Wait for something.

    Raises:
        AssertionError: it did not happen for a long time.
    """
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


def statuses(sweep: Path) -> list[str]:
    """Return the statuses of the jobs of a sweep, by the names of their folders."""
    return [json.loads((job / "summary.json").read_text())["status"] for job in sorted(sweep.glob("*/"))]


def trained(sweep: Path) -> list[Path]:
    """Return the jobs that have trained an epoch."""
    return [file.parent for file in sorted(sweep.glob("*/metrics.jsonl")) if file.stat().st_size]


def owner(job: Path) -> int:
    """Return the process that trains in a run folder."""
    pid = json.loads((job / "run.lock").read_text())["pid"]
    assert isinstance(pid, int)
    return pid
