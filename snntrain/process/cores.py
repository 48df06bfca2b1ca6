"""The cores of a CPU that this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from snntrain.process import control_groups


def usable() -> int:
    """Return the number of cores that this process may use, at least 1: a container or a scheduler may allow few."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, *_quotas(control_groups.GROUPS, control_groups.OWN_GROUP)))


def _quotas(groups: Path, own: Path) -> Iterator[int]:
    """Yield the cores that the control groups of this process allow, rounded up."""
    yield 2**31  # No limit.
    for folder in control_groups.folders(groups, own):
        try:
            quota, period = (folder / "cpu.max").read_text().split()
            yield -(-int(quota) // int(period))
        except (OSError, ValueError):  # There is no such file, or no limit: "max 100000".
            continue
