"""Opening HDF5 files of strangers: only data that lie in the file itself are read."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snntrain.data.events.checks import AGAIN
from snntrain.data.events.events import BadRecording
from snntrain.data.events.readers.content import reported
from snntrain.errors import UserError, first_line
from snntrain.files import bounded

INSTALL = "pip install 'snntrain[events]'"


def opened(path: Path) -> Any:
    """Return the open `h5py.File`, a context manager.

    Raises:
        UserError: h5py is not installed.
        BadRecording: the file cannot be read, or is not an HDF5 file.
    """
    h5py = _h5py()
    with reported(path), bounded.open_regular(path):
        pass  # The library itself would wait for a pipe.
    with damage_reported(path):
        # Several processes only read the file, and some network drives cannot lock.
        return h5py.File(path, "r", locking=False)


def dataset(path: Path, file: Any, name: str) -> Any:
    """Return a data set of an open file, by the names of its groups and its own.

    Raises:
        BadRecording: there is no such data set, or its data lie outside the file: a link, a virtual data set and
            external storage may name any file of this machine.
    """
    found = member(path, file, name)
    if found is None:
        raise BadRecording(path, f"it has no data set {name}; name its format, or {AGAIN}")
    if not isinstance(found, _h5py().Dataset):
        raise BadRecording(path, f"its {name} is not a data set; name its format, or {AGAIN}")
    if found.is_virtual or found.external:
        raise BadRecording(path, f"the data of its {name} lie in another file, which is not read; save them in this")
    return found


def member(path: Path, file: Any, name: str) -> Any:
    """Return a group or data set of an open file by its name, or None if the file does not have it.

    Raises:
        BadRecording: it is a link, or in one.
    """
    h5py = _h5py()
    found = file
    for part in name.split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise BadRecording(path, f"its {name} is a link, which is not followed; save the data themselves")
        found = found[part]
    return found


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Report a damaged file while the block runs, whatever h5py raises.

    Raises:
        BadRecording: the block failed.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = first_line(error) or type(error).__name__
        raise BadRecording(path, f"it is not a complete HDF5 file ({reason:.200}); {AGAIN}") from error


def _h5py() -> Any:
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise UserError(f"HDF5 files need the package h5py ({error}); install it with: {INSTALL}") from error
