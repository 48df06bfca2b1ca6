"""Folders in which only this user can put files, so that code in them may be run.

Compilers store compiled code and load it again without confirmation. The folders are below the user's cache folder. If
that cannot be written, they are below the temporary folder, which all users share.

platformdirs names cache folders, but checks neither owner nor permissions of the folder and of those above it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path

FOR_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@cache
def private_cache(name: str) -> Path:
    """Return the private folder for the files of `name`.

    This is the folder of `lasting_cache`, or without one a new folder, which is removed when the program ends.
    """
    if (folder := lasting_cache(name)) is not None:
        return folder
    fresh = tempfile.mkdtemp(prefix="snntrain-")
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    return Path(fresh)


def lasting_cache(name: str) -> Path | None:
    """Return the private folder in which the files of `name` stay between runs; None if there is no such folder.

    This is `$XDG_CACHE_HOME/snntrain/<name>`, by default below `~/.cache`, else `snntrain-<user id>/<name>` below the
    temporary folder.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    places = (home / "snntrain", Path(tempfile.gettempdir(), f"snntrain-{os.geteuid()}"))
    return next((folder for above in places if (folder := made_private(above / name)) is not None), None)


def made_private(folder: Path) -> Path | None:
    """Make a folder for this user alone; return its real path, or None if that is not possible.

    A folder of another user, a folder that others can write to, and a link are not used: a stranger may have put files
    there. Others must not be able to write to the folders above it either: they could replace it.
    """
    try:
        folder = folder.expanduser().absolute()
        _make_parents(folder.parent)
        folder = Path(os.path.realpath(folder.parent), folder.name)
        if not folder.exists():
            folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            own = os.fstat(descriptor)
            if own.st_uid != os.geteuid() or own.st_mode & FOR_OTHERS:
                return None
            os.fchmod(descriptor, stat.S_IRWXU)
        finally:
            os.close(descriptor)
        safe = all(map(_stays_in_place, folder.parents)) and os.access(folder, os.W_OK)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder.
        return None
    return folder if safe else None


def _make_parents(folder: Path) -> None:
    """Make the missing folders, for this user alone."""
    for path in (*reversed(folder.parents), folder):
        if not os.path.lexists(path):
            path.mkdir(mode=stat.S_IRWXU, exist_ok=True)


def _stays_in_place(above: Path) -> bool:
    """Return whether only the folder's owner, who must be this user or root, can replace its entries.

    A group may have write permission: on many systems each user has a group of their own.
    """
    found = above.stat()
    others = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
    return found.st_uid in (0, os.geteuid()) and not others
