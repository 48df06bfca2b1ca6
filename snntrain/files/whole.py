"""Files written whole or not at all: a reader finds either the old or the new content, never a part of it.

The content is written under a temporary name in the same folder. Once it is on the disk, the file gets its own name in
one step. If it cannot be finished, the temporary file is deleted. All files that this program replaces are written
here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from snntrain.files.folder import Folder


def temporary(name: str) -> str:
    """Return the name that a file has until its content is whole."""
    return f"{name}.tmp"


def write(folder: Folder, name: str, content: str | bytes) -> None:
    """Write one file; a text is encoded as UTF-8. Only one process may write it at a time.

    Raises:
        OSError: it cannot be written; the old file is unchanged.
    """
    with beside(folder, name) as file:
        file.write(_as_bytes(content))
    put_in_place(folder, name)


def write_together(folder: Folder, contents: Mapping[str, str | bytes]) -> None:
    """Write several files by name: all of them, or none if one cannot be written. The folder is made if missing.

    Several processes may call this at once; the last one wins, with all of its files.

    Raises:
        OSError: they cannot be written; the old files are unchanged.
    """
    folder.make()
    # Below the folder itself: a rename is a single step only within one file system.
    with _naming(folder.path), _new_folder(folder) as new:
        for name, content in contents.items():
            with _new_file(new, name) as file:
                file.write(_as_bytes(content))
        for name in contents:
            if folder.kind(name) == stat.S_IFDIR:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder.path / name))
        with new.descriptor() as there, folder.descriptor() as here:
            for name in contents:
                os.replace(name, name, src_dir_fd=there, dst_dir_fd=here)
    folder.sync()


@contextmanager
def beside(folder: Folder, name: str) -> Iterator[IO[bytes]]:
    """Open a new file `temporary(name)`, which is on the disk when the block ends; `put_in_place` makes it `name`.

    Raises:
        OSError: it cannot be written; the file is deleted then, and also if the block raises.
    """
    # A killed process may have left such a file.
    folder.remove(temporary(name))
    with _naming(folder.path / name), _new_file(folder, temporary(name)) as file:
        yield file


def put_in_place(folder: Folder, name: str) -> None:
    """Rename `temporary(name)` to `name`, in one step.

    Raises:
        OSError: it cannot be renamed; the old file is unchanged.
    """
    try:
        folder.rename(temporary(name), name)
    except OSError:
        folder.remove(temporary(name))
        raise
    folder.sync()


def keep(folder: Folder, name: str, kept: str) -> None:
    """Give a file a second name `kept`. On a file system with hard links it keeps its first name at any moment."""
    second = temporary(kept)
    folder.remove(second)
    try:
        folder.link(name, second)
    except OSError:
        folder.rename(name, kept)
    else:
        folder.rename(second, kept)


@contextmanager
def _new_file(folder: Folder, name: str) -> Iterator[IO[bytes]]:
    """Open a new file, which is on the disk when the block ends; delete it if the block raises."""
    with folder.create(name) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            folder.remove(name)
            raise


@contextmanager
def _new_folder(folder: Folder) -> Iterator[Folder]:
    """Make a folder below `folder`, for this user alone; remove it with its content when the block ends."""
    name = f".new-{os.urandom(8).hex()}"
    with folder.descriptor() as here:
        os.mkdir(name, 0o700, dir_fd=here)
    new = folder / name
    try:
        yield new
    finally:
        with contextlib.suppress(OSError):
            for left in new.names():
                new.remove(left)
            folder.remove_if_empty(name)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the path to an error of writing: the system does not name the file, for example if a disk is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
