"""The cores of a CPU that this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Where Linux mounts the control groups of version 2, and where it names the group of this process.
GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def usable() -> int:
    """Return the number of cores that this process may use, at least 1: a container or a scheduler may allow few."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, *_quotas(GROUPS, OWN_GROUP)))


def _quotas(groups: Path, own: Path) -> Iterator[int]:
    """Yield the cores that the control groups of this process allow, rounded up; the root and each group may limit."""
    yield 2**31  # No limit.
    try:
        (below,) = [line[3:] for line in own.read_text().splitlines() if line.startswith("0::")]
    except (OSError, ValueError):
        return
    place = groups / below.strip().lstrip("/")
    for folder in (place, *place.parents):
        if not folder.is_relative_to(groups):
            return
        try:
            quota, period = (folder / "cpu.max").read_text().split()
            yield -(-int(quota) // int(period))
        except (OSError, ValueError):  # There is no such file, or no limit: "max 100000".
            continue
