"""Files that are written whole or not at all: whoever reads `path` finds the old content or the new, never a part.

The content is written beside its place, waits there until it is on the disk, and then gets its name, which waits for
the disk too. What cannot be finished is deleted. Nothing is written through a link, which may lead to any file of the
user's: a link is replaced.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# What file systems answer that cannot synchronise a folder.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes one file; a text as UTF-8. One process at a time may do so.

    Raises:
        OSError: it cannot be written; what was there is unchanged.
    """
    with beside(path) as file:
        file.write(_as_bytes(content))
    put_in_place(path)


def write_together(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Writes files into a folder, which is made, by name: all of them, or none where one cannot be written.

    Several processes may do so at once; the files are then those of the last one.

    Raises:
        OSError: they cannot be written; those that were there are unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # In the folder itself: a file gets its name at once only within its disk.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder, ignore_cleanup_errors=True) as place:
        for name, content in contents.items():
            with _new(Path(place) / name) as file:
                file.write(_as_bytes(content))
        for name in contents:
            if (folder / name).is_dir() and not (folder / name).is_symlink():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
        for name in contents:
            (Path(place) / name).replace(folder / name)
    sync_folder(folder)


def temporary(path: Path) -> Path:
    """Where the content of `path` lies until it is whole."""
    return path.with_name(f"{path.name}.tmp")


@contextmanager
def beside(path: Path) -> Iterator[IO[bytes]]:
    """A new file `temporary(path)`, which is on the disk at the end of the block; `put_in_place` makes it `path`.

    Raises:
        OSError: it cannot be written. Then, and where the block raises something, it is deleted.
    """
    # What a process that was killed has left.
    temporary(path).unlink(missing_ok=True)
    with _new(temporary(path)) as file:
        yield file


def put_in_place(path: Path) -> None:
    """Makes of `temporary(path)` the file `path`, in one step.

    Raises:
        OSError: it cannot be done; what was there is unchanged.
    """
    try:
        temporary(path).replace(path)
    except OSError:
        temporary(path).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(folder)


@contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """A file that was not there, and no link either; deleted where it cannot be finished."""
    with path.open("xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
