"""The commit that a folder has checked out, read from Git's files.

Git itself runs programs that the repository configures, as `core.fsmonitor` and filters, and the working directory may
come from a stranger. So Git is not run, and uncommitted changes stay unknown.
"""

from __future__ import annotations

import re
from pathlib import Path

from snntrain.files import bounded

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
REF = re.compile(r"ref: *(refs/[^\s\\]+)")
# The size limits: of HEAD, a reference and `.git` of a worktree; and of packed-refs, which may have some megabytes.
SMALL, PACKED = 4096, 2**26
# HEAD names a branch, which may name another branch.
MOST_STEPS = 5


def commit(folder: Path) -> str | None:
    """Return the hexadecimal name of the commit, or None if it cannot be found.

    Args:
        folder: a checkout, or a folder below one.
    """
    try:
        place = folder.resolve()
        above = next((path for path in (place, *place.parents) if (path / ".git").exists()), None)
        return None if above is None else _head(_git_folder(above / ".git"))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a circle of links
        return None


def _git_folder(place: Path) -> Path:
    """Return the folder of Git's own files: `.git`, or, in a worktree, the folder that the file `.git` names."""
    if place.is_dir():
        return place
    return place.parent / _line(place).removeprefix("gitdir: ")


def _head(own: Path) -> str | None:
    shared = own / _line(own / "commondir") if (own / "commondir").exists() else own
    line = _line(own / "HEAD")
    for _ in range(MOST_STEPS):
        if COMMIT.fullmatch(line):
            return line
        named = REF.fullmatch(line)
        if named is None or ".." in Path(named[1]).parts:
            return None
        at = next((folder / named[1] for folder in (own, shared) if (folder / named[1]).exists()), None)
        if at is None:
            return _packed(shared / "packed-refs", named[1])
        line = _line(at)
    return None


def _packed(file: Path, name: str) -> str | None:
    for line in bounded.text(file, PACKED).split("\n"):
        found, _, of = line.partition(" ")
        if of == name and COMMIT.fullmatch(found):
            return found
    return None


def _line(file: Path) -> str:
    return bounded.text(file, SMALL).strip()
