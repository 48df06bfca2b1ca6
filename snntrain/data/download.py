"""The files of a data set below the data root: found there, or downloaded completely or not at all."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from snntrain.data.root import data_root
from snntrain.data.source import ANOTHER_WAY, Place, Source
from snntrain.errors import UserError

__all__ = ["ANOTHER_WAY", "Source", "obtain", "only_read", "read_only_root"]

log = logging.getLogger(__name__)
# A data root to which nothing is downloaded, and the file that names it.
_only_read: ContextVar[tuple[Path, Path] | None] = ContextVar("only_read", default=None)


@contextmanager
def only_read(root: str | None, named_by: Path) -> Iterator[None]:
    """Forbid downloads to a data root that the user has not named while the block runs.

    A file, such as the configuration of somebody else's run, may name any folder; nothing must be written there.
    Downloads to the root of the command line, of a variable or of the default stay possible.

    Args:
        root: `dataset.root` of a configuration; None if the default applies.
        named_by: the file of the configuration.
    """
    token = _only_read.set((data_root(root), named_by) if root else None)
    try:
        yield
    finally:
        _only_read.reset(token)


def read_only_root() -> tuple[Path, Path] | None:
    """Return the data root that is only read, and the file that names it; None if downloads are allowed."""
    return _only_read.get()


def obtain(place: Place, root: Path) -> Path:
    """Return the folder with all files of the data set; download missing files.

    If no file is missing, nothing is written, and a read-only data root is sufficient.

    Args:
        place: the data set.
        root: the data root, or the set's own folder below it.

    Raises:
        UserError: files are missing and cannot be downloaded, or the data root cannot be written, or is `only_read`.
    """
    given, root = root, place.data_root_of(root)
    folder = root / place.folder
    missing = place.missing(root)
    if not missing:
        return folder
    _refuse_to_write(place, given, folder, missing)
    place.check_place(root)
    log.info("dataset=%s: downloading to %s", place.name, root)
    with _staging(place, root) as staging:
        try:
            place.fill(root, staging)
        except UserError:
            raise
        except Exception as error:
            # Sockets, archives, checksums, torchvision, a full disk: whatever failed, there is no data.
            lacking = ", ".join(place.missing(root) or missing)
            raise UserError(
                f"dataset={place.name}: {folder} lacks {lacking} and the download failed ({_reason(error)}); "
                f"{place.remedy(root)}"
            ) from error
    return folder


def _refuse_to_write(place: Place, root: Path, folder: Path, missing: list[str]) -> None:
    if (given := _only_read.get()) is not None and given[0] == root != data_root(None):
        raise UserError(
            f"dataset={place.name}: {folder} lacks {', '.join(missing)}; nothing is downloaded there, as the folder "
            f"comes from {given[1]}; to allow it, give dataset.root={root} on the command line, or {ANOTHER_WAY}"
        )


@contextmanager
def _staging(place: Place, root: Path) -> Iterator[Path]:
    """Make a temporary folder, so that an interrupted download leaves nothing that looks like data.

    It is on the disk of the data root; the data root is created only when there is a file for it.
    """
    there = next(path for path in (root, *root.parents) if os.path.lexists(path))
    try:
        folder = tempfile.TemporaryDirectory(dir=there, prefix=".snntrain-download-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(
            f"dataset={place.name}: the data root {root} cannot be written ({error.strerror}); {ANOTHER_WAY}"
        ) from error
    with folder as path:
        yield Path(path)


def _reason(error: Exception) -> str:
    """Return the last line of an error: torchvision puts the answer of each mirror on a separate line."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
