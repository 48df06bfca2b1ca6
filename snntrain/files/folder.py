"""A folder that may come from a stranger: everything that this program writes below a run folder is written here.

The user names the folder itself, which may be a link. Somebody else may have put files into it: a link at
`metrics.jsonl` would let a run append to any of the user's files. So every name is opened relative to the descriptor of
its folder (`openat`), links are not followed, and only regular files are opened. A file that is changed in place must
not have a second name, since a hard link also leads elsewhere.

Files that grow are opened by `append` and `change`; files that are replaced are written by `snntrain.files.whole`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# The errors of file systems that cannot synchronise a folder.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
# Without O_NONBLOCK, opening a pipe would wait for its other end.
_AT_ONCE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MODE = 0o666

# Why a name in a folder is not opened. These are parts of messages.
LINK = "is a link"
FOLDER = "is a folder"
NO_FILE = "is not a regular file"
NO_FOLDER = "is not a folder"
SECOND_NAME = "has a second name, as a hard link gives"
OUTSIDE = "leads out of its folder"


class Unsafe(OSError):
    """A name in a folder is not an ordinary file or folder; `fault` says why, such as "is a link"."""

    def __init__(self, fault: str, path: Path) -> None:
        super().__init__(errno.ELOOP, f"it {fault}", str(path))
        self.fault = fault


class Folder:
    """Opens, writes and removes files by their names in one folder.

    Nothing is held open between two calls.

    Args:
        path: the folder; links on the way to it are followed.
        below: names of nested folders below it; none of them may be a link.

    Raises:
        OSError: from every method, if the system refuses. Unsafe if a name is not of the expected kind.
    """

    def __init__(self, path: Path, *below: str) -> None:
        self.root, self.below = path, below
        for name in below:
            self._check_name(name)

    def __truediv__(self, name: str) -> Folder:
        """Return the folder with this name in this folder."""
        return Folder(self.root, *self.below, name)

    @property
    def path(self) -> Path:
        """The path, for messages and for code that only reads."""
        return self.root.joinpath(*self.below)

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """Open a descriptor of the folder for the block.

        Raises:
            FileNotFoundError: the folder does not exist; `make` makes it.
        """
        descriptor = os.open(self.root, _OPEN_FOLDER)
        try:
            for depth, name in enumerate(self.below, 1):
                further = self._enter(descriptor, name, self.root.joinpath(*self.below[:depth]))
                os.close(descriptor)
                descriptor = further
            yield descriptor
        finally:
            os.close(descriptor)

    def make(self) -> None:
        """Make the folder and its parents if they are missing."""
        self.root.mkdir(parents=True, exist_ok=True)
        for depth, name in enumerate(self.below):
            with Folder(self.root, *self.below[:depth]).descriptor() as above, contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=above)
        with self.descriptor():
            pass

    def names(self) -> list[str]:
        """Return all names in the folder, sorted; an empty list if it does not exist."""
        try:
            with self.descriptor() as here:
                return sorted(os.listdir(here))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def holds(self, name: str) -> bool:
        """Return whether the name exists, even as a dangling link."""
        return self._status(name) is not None

    def kind(self, name: str) -> int | None:
        """Return the file type bits of a name, like `stat.S_IFREG`; for a link its own. None if it does not exist."""
        status = self._status(name)
        return None if status is None else stat.S_IFMT(status.st_mode)

    def size(self, name: str) -> int:
        """Return the size of a regular file in bytes; 0 if it does not exist."""
        status = self._status(name)
        return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else 0

    def fault(self, name: str, *, alone: bool = False) -> str | None:
        """Return why a name cannot be written as a file, such as "is a link"; None if it can, or does not exist.

        Args:
            name: a name in the folder.
            alone: whether the file is changed in place, and so must not have a second name.
        """
        status = self._status(name)
        return None if status is None else _fault(status, alone=alone)

    def read(self, name: str) -> IO[bytes]:
        """Open a regular file for reading."""
        return os.fdopen(self._opened(name, os.O_RDONLY), "rb")

    def create(self, name: str) -> IO[bytes]:
        """Create a file and open it for writing.

        Raises:
            FileExistsError: the name exists, even as a link.
        """
        return os.fdopen(self._opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, alone=True), "wb")

    def append(self, name: str) -> IO[bytes]:
        """Open a file for appending; create it if it is missing."""
        return os.fdopen(self._opened(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, alone=True), "ab")

    def change(self, name: str) -> int:
        """Return a descriptor of a file for reading and writing; create the file if it is missing.

        The caller closes the descriptor.
        """
        return self._opened(name, os.O_RDWR | os.O_CREAT, alone=True)

    def cut_back(self, name: str, size: int) -> None:
        """Truncate a file to `size` bytes, if it is longer."""
        descriptor = self._opened(name, os.O_WRONLY, alone=True)
        try:
            if os.fstat(descriptor).st_size > size:
                os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Delete a file if it exists. For a link only the link is deleted; a folder is an error."""
        self._check_name(name)
        with contextlib.suppress(FileNotFoundError), self.descriptor() as here:
            os.unlink(name, dir_fd=here)

    def remove_if_empty(self, name: str) -> None:
        """Delete a folder if it is empty."""
        self._check_name(name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.descriptor() as here:
            try:
                os.rmdir(name, dir_fd=here)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise

    def rename(self, old: str, new: str) -> None:
        """Rename a file in the folder, and replace the file that has the new name."""
        self._check_name(old)
        self._check_name(new)
        with self.descriptor() as here:
            os.replace(old, new, src_dir_fd=here, dst_dir_fd=here)

    def link(self, name: str, second: str) -> None:
        """Give a file a second name, as a hard link.

        Raises:
            OSError: the name exists, or the file system has no hard links.
        """
        self._check_name(name)
        self._check_name(second)
        with self.descriptor() as here:
            os.link(name, second, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)

    def sync(self) -> None:
        """Wait until the names in the folder are on the disk."""
        with self.descriptor() as here:
            try:
                os.fsync(here)
            except OSError as error:
                if error.errno not in _NO_SYNC:
                    raise

    def _status(self, name: str) -> os.stat_result | None:
        """Return the status of a name, without following a link; None if it does not exist."""
        try:
            with self.descriptor() as here:
                return os.stat(name, dir_fd=here, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _opened(self, name: str, flags: int, *, alone: bool = False) -> int:
        """Open a regular file; with `alone` it must not have a second name."""
        self._check_name(name)
        with self.descriptor() as here:
            try:
                descriptor = os.open(name, flags | _AT_ONCE, _MODE, dir_fd=here)
            except OSError as error:
                raise self._explained(error, name) from None
        fault = _fault(os.fstat(descriptor), alone=alone)
        if fault is not None:
            os.close(descriptor)
            raise Unsafe(fault, self.path / name)
        os.set_blocking(descriptor, True)
        return descriptor

    def _check_name(self, name: str) -> None:
        if name in ("", os.curdir, os.pardir) or os.sep in name:
            raise Unsafe(OUTSIDE, self.root / name)

    @staticmethod
    def _enter(above: int, name: str, path: Path) -> int:
        try:
            return os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=above)
        except OSError as error:
            if stat.S_ISLNK(_mode(name, above)):
                raise Unsafe(LINK, path) from None
            raise OSError(error.errno, error.strerror, str(path)) from None

    def _explained(self, error: OSError, name: str) -> OSError:
        """Return the error of opening a name with its whole path; Unsafe for a link or a pipe."""
        path = self.path / name
        if error.errno in (errno.ELOOP, errno.EMLINK):
            return Unsafe(LINK, path)
        if error.errno == errno.ENXIO:
            return Unsafe(NO_FILE, path)
        return OSError(error.errno, error.strerror, str(path))


def _fault(status: os.stat_result, *, alone: bool) -> str | None:
    """Return why it cannot be written as a file, such as "is a link"; None if it can."""
    if stat.S_ISLNK(status.st_mode):
        return LINK
    if stat.S_ISDIR(status.st_mode):
        return FOLDER
    if not stat.S_ISREG(status.st_mode):
        return NO_FILE
    if alone and status.st_nlink > 1:
        return SECOND_NAME
    return None


def _mode(name: str, above: int) -> int:
    try:
        return os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
    except OSError:
        return 0
