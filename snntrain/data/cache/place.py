"""The folder of the caches: beside the data, or below the user's cache folder if the data root cannot be written."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from snntrain.data.download import read_only_root
from snntrain.data.root import data_root
from snntrain.errors import UserError
from snntrain.files.folder import Folder, Unsafe
from snntrain.files.paths import shown
from snntrain.files.private_folder import lasting_cache, made_private

log = logging.getLogger("snntrain")

# The name of the folder below the data root, and of that below the user's cache folder.
BESIDE, OF_USER = ".snntrain-cache", "frames"


def beside(root: Path) -> Folder:
    """Return the folder of the caches beside the data of a root."""
    return Folder(root, BESIDE)


def of_user(root: Path) -> Folder | None:
    """Return the folder for the caches of a data root below the user's cache folder, or None if it cannot be made.

    The folder has the name of the data root's path as a hash, so that two roots do not share caches.
    """
    above = lasting_cache(OF_USER)
    if above is None:
        return None
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:16]
    return Folder(above, name)


def folders(root: Path) -> Iterator[Folder]:
    """Yield the folders for caches of a data root that exist and may be entered."""
    for folder in (beside(root), of_user(root)):
        if folder is not None and _may_be_entered(folder):
            yield folder


def writable(root: Path) -> Folder:
    """Return a folder for a new cache, which is made: that beside the data, if it can be written.

    Raises:
        UserError: neither folder can be written.
    """
    folder, reason = beside(root), "only a file names this data root"
    if not _is_only_read():
        try:
            folder.make()
        except OSError as error:
            reason = _named(error)
        else:
            if os.access(folder.path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
                return folder
            reason = f"{BESIDE} cannot be written"
    user = of_user(root)
    if user is None or made_private(user.path) is None:
        raise UserError(
            f"{shown(root)}: the converted recordings cannot be kept there ({reason}), nor below ~/.cache: make one of "
            "them writable, or name a copy of the data with dataset.root=…"
        )
    log.info("%s: nothing is written there (%s); caches are kept in %s", shown(root), reason, shown(user.path))
    return user


def _may_be_entered(folder: Folder) -> bool:
    try:
        with folder.descriptor():
            return True
    except OSError:
        return False


def _named(error: OSError) -> str:
    """Return why a folder cannot be made."""
    if isinstance(error, Unsafe):
        return f"{BESIDE} {error.fault}"
    return "it is a file" if isinstance(error, FileExistsError) else error.strerror or str(error)


def _is_only_read() -> bool:
    """Return whether only a file names the data root, so that nothing may be written there."""
    given = read_only_root()
    return given is not None and given[0] != data_root(None)
