"""Lists and removes the caches of a data root."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from snntrain.data.cache import layout, place, turn
from snntrain.data.cache.identity import ENDING, named
from snntrain.data.cache.layout import Unusable
from snntrain.data.cache.turn import LOCK
from snntrain.data.cache.writer import TEMPORARY, left_behind
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.files.paths import shown


@dataclass(frozen=True)
class Cache:
    """A file of converted recordings.

    Args:
        path: the file.
        name: the data set, as in the name of the file.
        part: its part, such as train.
        nbytes: size of the file.
        samples: number of samples; 0 if the file cannot be used.
        fault: why it cannot be used, such as "its index is damaged"; '' if it can.
    """

    path: Path
    name: str
    part: str
    nbytes: int
    samples: int
    fault: str = ""


def caches(root: Path) -> list[Cache]:
    """Return the caches of a data root, beside the data and below the user's cache folder, by name.

    Files that a killed conversion has left behind are among them, with a `fault`; those that are being written are not.
    """
    return [cache for folder in place.folders(root) for cache in _of(folder)]


def clear(root: Path, names: Collection[str] | None = None) -> list[Cache]:
    """Delete the caches of a data root, and return them.

    A training that reads one of them continues: the system keeps the file until it is closed. Files that are being
    written stay.

    Args:
        root: the data root.
        names: the data sets, as in the names of the files; None for all.

    Raises:
        UserError: one of them cannot be deleted.
    """
    gone = []
    for folder in place.folders(root):
        found = [cache for cache in _of(folder) if names is None or cache.name in names]
        for cache in found:
            try:
                folder.remove(cache.path.name)
            except OSError as error:
                raise UserError(
                    f"{shown(cache.path)}: cannot be deleted ({error.strerror or error}); "
                    "delete it as the user who has made it"
                ) from error
            gone.append(cache)
        _tidy(folder)
    return gone


def _of(folder: Folder) -> list[Cache]:
    """Return the caches in a folder, and the files that are left behind."""
    found = []
    for name in [*(name for name in folder.names() if name.endswith(ENDING)), *left_behind(folder)]:
        known = named(name)
        if known is None:  # A file of somebody else.
            continue
        samples, fault = (0, "it was not completed") if name.endswith(TEMPORARY) else _state(folder, name)
        found.append(Cache(folder.path / name, *known, folder.size(name), samples, fault))
    return found


def _state(folder: Folder, name: str) -> tuple[int, str]:
    """Return the number of samples of a cache, and why it cannot be used."""
    try:
        with folder.read(name) as file:
            return len(layout.read(file.fileno())), ""
    except Unusable as error:
        return 0, str(error)
    except OSError as error:
        return 0, error.strerror or str(error)


def _tidy(folder: Folder) -> None:
    """Delete the locks that nobody holds, and the folder if it is empty."""
    try:
        for name in folder.names():
            if name.endswith(LOCK) and named(name) is not None and not turn.is_marked(folder, name):
                folder.remove(name)
        with folder.descriptor():
            pass
        folder.path.rmdir()
    except OSError:  # It is not there, is not empty, or belongs to another user.
        return
