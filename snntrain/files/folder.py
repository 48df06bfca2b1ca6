"""A folder whose files may be a stranger's: everything that this program writes below a run folder goes through here.

The folder itself is named by the user, and may be a link. What lies in it may have been put there by somebody else: a
link at `metrics.jsonl` would let a run append to any file of the user's. So every name is opened from the descriptor of
its folder (`openat`), and no link is followed. What is opened is a regular file. What is changed in place has no second
name, since a hard link leads elsewhere, too.

Files are written whole or not at all: a reader of a name finds the old content or the new, never a part. The content is
written beside its place, waits there until it is on the disk, and then gets its name. What cannot be finished is
deleted. Files that grow are opened by `append` and `change`.
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

# What file systems answer that cannot synchronise a folder.
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
# A pipe would be waited for otherwise.
_AT_ONCE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MODE = 0o666

# Why a name in a folder is not opened.
LINK = "is a link"
FOLDER = "is a folder"
NO_FILE = "is no regular file"
NO_FOLDER = "is no folder"
SECOND_NAME = "has a second name, as a hard link gives"
OUTSIDE = "leads out of its folder"


class Unsafe(OSError):
    """A name in a folder stands for no plain file or folder in it; `fault` says why, as "is a link"."""

    def __init__(self, fault: str, path: Path) -> None:
        super().__init__(errno.ELOOP, f"it {fault}", str(path))
        self.fault = fault


class Folder:
    """Opens, writes and removes files by their names in one folder.

    Nothing is held open between two calls.

    Args:
        path: the folder; links on the way to it are followed.
        below: names of folders that lead further down; none of them may be a link.

    Raises:
        OSError: of every method, it cannot be done; Unsafe, where a name is not what it has to be.
    """

    def __init__(self, path: Path, *below: str) -> None:
        self.root, self.below = path, below
        for name in below:
            self._check_name(name)

    def __truediv__(self, name: str) -> Folder:
        """The folder of that name in this one."""
        return Folder(self.root, *self.below, name)

    @property
    def path(self) -> Path:
        """Where it lies, for messages and for those who only look."""
        return self.root.joinpath(*self.below)

    @contextmanager
    def descriptor(self) -> Iterator[int]:
        """A descriptor of the folder for the block.

        Raises:
            FileNotFoundError: it is not there; `make` makes it.
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
        """Makes the folder and those above it, where they are missing."""
        self.root.mkdir(parents=True, exist_ok=True)
        for depth, name in enumerate(self.below):
            with Folder(self.root, *self.below[:depth]).descriptor() as above, contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=above)
        with self.descriptor():
            pass

    def names(self) -> list[str]:
        """All names in it, sorted; none where no folder is there."""
        try:
            with self.descriptor() as here:
                return sorted(os.listdir(here))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def holds(self, name: str) -> bool:
        """Whether something has this name, be it a link that leads nowhere."""
        return self._status(name) is not None

    def kind(self, name: str) -> int | None:
        """The file type bits of what has this name, as `stat.S_IFREG`, a link itself; None where nothing has it."""
        status = self._status(name)
        return None if status is None else stat.S_IFMT(status.st_mode)

    def size(self, name: str) -> int:
        """The bytes of the regular file of that name; 0 where there is none."""
        status = self._status(name)
        return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else 0

    def fault(self, name: str, *, alone: bool = False) -> str | None:
        """Why what has this name cannot be written as a file, as "is a link"; None where it can, or nothing has it.

        Args:
            name: in the folder.
            alone: the file is changed in place, and may have no other name.
        """
        status = self._status(name)
        return None if status is None else _fault(status, alone=alone)

    def read(self, name: str) -> IO[bytes]:
        """The regular file of that name, opened to be read."""
        return os.fdopen(self._opened(name, os.O_RDONLY), "rb")

    def create(self, name: str) -> IO[bytes]:
        """A new file, opened to be written.

        Raises:
            FileExistsError: something has the name, be it a link.
        """
        return os.fdopen(self._opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, alone=True), "wb")

    def append(self, name: str) -> IO[bytes]:
        """The file of that name, made where it is missing, opened to be added to."""
        return os.fdopen(self._opened(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, alone=True), "ab")

    def change(self, name: str) -> int:
        """A descriptor of the file of that name, made where it is missing, to be read and written.

        The caller closes it.
        """
        return self._opened(name, os.O_RDWR | os.O_CREAT, alone=True)

    def cut_back(self, name: str, size: int) -> None:
        """Takes from the end of the file what is beyond `size` bytes."""
        descriptor = self._opened(name, os.O_WRONLY, alone=True)
        try:
            if os.fstat(descriptor).st_size > size:
                os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Takes the name away, where it is there: a link, and not what it leads to; a folder is an error."""
        self._check_name(name)
        with contextlib.suppress(FileNotFoundError), self.descriptor() as here:
            os.unlink(name, dir_fd=here)

    def remove_if_empty(self, name: str) -> None:
        """Takes the folder of that name away, where nothing is in it."""
        self._check_name(name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.descriptor() as here:
            try:
                os.rmdir(name, dir_fd=here)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name in the folder, which takes the place of what has it."""
        self._check_name(old)
        self._check_name(new)
        with self.descriptor() as here:
            os.replace(old, new, src_dir_fd=here, dst_dir_fd=here)

    def keep(self, name: str, kept: str) -> None:
        """Gives the file a second name, `kept`; it has its own all the time, where the file system has hard links."""
        second = temporary(kept)
        self.remove(second)
        try:
            with self.descriptor() as here:
                os.link(name, second, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except OSError:
            self.rename(name, kept)
        else:
            self.rename(second, kept)

    def write_whole(self, name: str, content: str | bytes) -> None:
        """Writes one file; a text as UTF-8. One process at a time may do so.

        Raises:
            OSError: it cannot be written; what was there is unchanged.
        """
        with self.beside(name) as file:
            file.write(_as_bytes(content))
        self.put_in_place(name)

    @contextmanager
    def beside(self, name: str) -> Iterator[IO[bytes]]:
        """A new file `temporary(name)`, on the disk at the end of the block; `put_in_place` makes it `name`.

        Raises:
            OSError: it cannot be written. Then, and where the block raises something, it is deleted.
        """
        # What a process that was killed has left.
        self.remove(temporary(name))
        with _naming(self.path / name), self._new(temporary(name)) as file:
            yield file

    def put_in_place(self, name: str) -> None:
        """Makes of `temporary(name)` the file `name`, in one step.

        Raises:
            OSError: it cannot be done; what was there is unchanged.
        """
        try:
            self.rename(temporary(name), name)
        except OSError:
            self.remove(temporary(name))
            raise
        self.sync()

    def write_together(self, contents: Mapping[str, str | bytes]) -> None:
        """Writes files into the folder, which is made, by name: all of them, or none where one cannot be written.

        Several processes may do so at once; the files are then those of the last one.

        Raises:
            OSError: they cannot be written; those that were there are unchanged.
        """
        self.make()
        # In the folder itself: a file gets its name at once only within its disk.
        with _naming(self.path), self._place() as place:
            for name, content in contents.items():
                with place._new(name) as file:
                    file.write(_as_bytes(content))
            for name in contents:
                if self.kind(name) == stat.S_IFDIR:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path / name))
            with place.descriptor() as there, self.descriptor() as here:
                for name in contents:
                    os.replace(name, name, src_dir_fd=there, dst_dir_fd=here)
        self.sync()

    def sync(self) -> None:
        """Waits until the names in the folder are on the disk."""
        with self.descriptor() as here:
            try:
                os.fsync(here)
            except OSError as error:
                if error.errno not in _NO_SYNC:
                    raise

    def _status(self, name: str) -> os.stat_result | None:
        """The status of what has this name, of a link its own; None where nothing has it."""
        try:
            with self.descriptor() as here:
                return os.stat(name, dir_fd=here, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _opened(self, name: str, flags: int, *, alone: bool = False) -> int:
        """A descriptor of a regular file; `alone`: of one that has no other name."""
        self._check_name(name)
        with self.descriptor() as here:
            try:
                descriptor = os.open(name, flags | _AT_ONCE, _MODE, dir_fd=here)
            except OSError as error:
                raise self._told(error, name) from None
        fault = _fault(os.fstat(descriptor), alone=alone)
        if fault is not None:
            os.close(descriptor)
            raise Unsafe(fault, self.path / name)
        os.set_blocking(descriptor, True)
        return descriptor

    @contextmanager
    def _new(self, name: str) -> Iterator[IO[bytes]]:
        """A file that was not there, and no link either; deleted where it cannot be finished."""
        with self.create(name) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                self.remove(name)
                raise

    @contextmanager
    def _place(self) -> Iterator[Folder]:
        """A folder in this one, which is taken away with what is left in it."""
        place = f".new-{os.urandom(8).hex()}"
        with self.descriptor() as here:
            os.mkdir(place, 0o700, dir_fd=here)
        try:
            yield self / place
        finally:
            with contextlib.suppress(OSError):
                for name in (self / place).names():
                    (self / place).remove(name)
                self.remove_if_empty(place)

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

    def _told(self, error: OSError, name: str) -> OSError:
        """The error of opening a name in the folder, with the whole path, and plainly where it is a link or a pipe."""
        path = self.path / name
        if error.errno in (errno.ELOOP, errno.EMLINK):
            return Unsafe(LINK, path)
        if error.errno == errno.ENXIO:
            return Unsafe(NO_FILE, path)
        return OSError(error.errno, error.strerror, str(path))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Give an error of writing its path: the system names none where a disk is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def temporary(name: str) -> str:
    """Under which name the content of a file lies until it is whole."""
    return f"{name}.tmp"


def _fault(status: os.stat_result, *, alone: bool) -> str | None:
    """Why it cannot be written as a file, as "is a link"; None where it can."""
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


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
