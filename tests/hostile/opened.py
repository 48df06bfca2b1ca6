"""The files that a command opens, looks for, renames or removes, found by Python's audit events."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# The events with file names, and the positions of the names in their arguments.
EVENTS = {
    **dict.fromkeys(("open", "os.listdir", "os.scandir", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"), (0,)),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink", "shutil.move", "shutil.copyfile"), (0, 1)),
}


def trace(into: Path, below: Path) -> None:
    """Write down, one per line, the files below a folder that this process opens from now on."""
    written = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    top = os.path.realpath(below)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        for place in EVENTS.get(event, ()):
            name = arguments[place] if place < len(arguments) else None
            if isinstance(name, str | bytes | os.PathLike):
                path = _path(os.fspath(name))
                if path.startswith(f"{top}/"):
                    os.write(written, os.fsencode(os.path.relpath(path, top)) + b"\n")

    sys.addaudithook(hook)


def _path(name: str | bytes) -> str:
    """Return the whole path of a name: a name that `Folder` opens is relative to its folder."""
    frame = sys._getframe(2)
    if frame.f_code.co_filename.endswith("/folder.py") and "self" in frame.f_locals:
        return os.path.normpath(os.path.join(os.path.abspath(frame.f_locals["self"].path), os.fsdecode(name)))
    return os.path.normpath(os.path.abspath(os.fsdecode(name)))
