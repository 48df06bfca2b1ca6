"""What can be done in a folder that may not be there yet."""

import os
import shutil
import tempfile
from pathlib import Path

GB = 1e9


def can_be_written(folder: Path) -> bool:
    """Whether files can be made in it, or in the nearest folder above it that is there."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return True
    except OSError:
        return False


def free_bytes(folder: Path) -> int:
    """Space left on its disk."""
    return shutil.disk_usage(_nearest(folder)).free


def shown(folder: Path) -> str:
    """Its path, with ~ for the home folder."""
    text, home = str(folder), os.path.expanduser("~")
    return f"~{text.removeprefix(home)}" if home != "/" and text.startswith(f"{home}/") else text


def _nearest(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())
