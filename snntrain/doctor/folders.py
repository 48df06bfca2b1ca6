"""The properties of a folder that may not exist yet."""

import os
import shutil
import tempfile
from pathlib import Path

GB = 1e9


def can_be_written(folder: Path) -> bool:
    """Return whether files can be made in the folder, or else in its nearest existing parent."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return True
    except OSError:
        return False


def free_bytes(folder: Path) -> int:
    """Return the free space on the folder's disk."""
    return shutil.disk_usage(_nearest(folder)).free


def shown(folder: Path) -> str:
    """Return the folder's path, with ~ for the home folder."""
    text, home = str(folder), os.path.expanduser("~")
    return f"~{text.removeprefix(home)}" if home != "/" and text.startswith(f"{home}/") else text


def _nearest(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())
