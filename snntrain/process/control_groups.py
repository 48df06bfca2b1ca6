"""The control groups of this process, by which a container or a scheduler limits it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

# Where Linux mounts the control groups of version 2, and where it names the group of this process.
GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def folders(groups: Path, own: Path) -> Iterator[Path]:
    """Yield the folder of this process's group and of each group above it, up to the root: each may limit."""
    try:
        (below,) = [line[3:] for line in own.read_text().splitlines() if line.startswith("0::")]
    except (OSError, ValueError):
        return
    place = groups / below.strip().lstrip("/")
    for folder in (place, *place.parents):
        if not folder.is_relative_to(groups):
            return
        yield folder
