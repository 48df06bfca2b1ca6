"""One process at a time trains in a run folder: a lock that dies with its owner, and a heartbeat for all who watch."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

from snntrain.errors import UserError
from snntrain.files.folder import Folder

log = logging.getLogger("snntrain")

LOCK_FILE = "run.lock"
BEAT_SECONDS = 10.0
# Of a run without a sign of life for this long one says that it was killed.
STALE_SECONDS = 120

_HELD = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# More than a host's name and a number take; what else lies there is not read.
_LONGEST = 1000


class Unavailable(UserError):
    """This process must not write into the run folder, or cannot."""


class Lock:
    """Holds a run folder for this process, as a context manager; one at a time for a folder.

    `run.lock` names the owner, as {"host": "node7", "pid": 123}, and is emptied at the end. It is never removed: that
    might take away the file that a next owner has just locked. The lock on it is a POSIX record lock, which ends with
    the process, however it ends, and which its forks do not inherit. The file's time of modification is the heartbeat.

    Args:
        folder: an existing run folder.
        beat_seconds: between two beats.

    Raises:
        Unavailable: on entering, where another process holds the folder, or nothing can be written there.
    """

    def __init__(self, folder: Path, beat_seconds: float = BEAT_SECONDS) -> None:
        self.folder = folder
        self.beat_seconds = beat_seconds
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Lock:
        try:
            # The only descriptor: closing a second one, opened just to read, would give the lock up.
            self._file = Folder(self.folder).change(LOCK_FILE)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._acquire()
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(_myself()).encode(), 0)
        except BaseException as error:
            os.close(self._file)
            if isinstance(error, OSError):
                raise self._unusable(error) from error
            raise
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()
        # The disk may be full or gone; how the run ended is more than that.
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _acquire(self) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise self._held() from None
            if error.errno not in _NO_LOCKS:
                raise
            self._go_by_the_heartbeat()

    def _go_by_the_heartbeat(self) -> None:
        age = time.time() - os.fstat(self._file).st_mtime
        content = self._content()
        # An owner that ended by itself has emptied the file.
        if content and age < STALE_SECONDS and _owner(content) != _myself():
            raise self._held(
                f"this file system has no locks, so it counts as alive until its {LOCK_FILE} is two minutes old"
            )
        log.warning(
            "%s: this file system has no locks; that no other process trains there is told by its heartbeat alone",
            self.folder,
        )

    def _held(self, *more: str) -> Unavailable:
        owner = _owner(self._content())
        who = f"process {owner['pid']} on host {owner['host']}" if owner else "another process"
        todo = "stop it first, or name another folder"
        return Unavailable("; ".join([f"{self.folder}: {who} trains in this folder", todo, *more]))

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"{self.folder}: {LOCK_FILE} cannot be written ({error.strerror}); "
            "a run writes into its folder: make that possible, or name another folder"
        )

    def _content(self) -> bytes:
        return os.pread(self._file, _LONGEST, 0)

    def _beat(self) -> None:
        # Waits by a clock that is never set back.
        while not self._over.wait(self.beat_seconds):
            # By the descriptor: where the folder was removed and made again, the file there is not ours.
            with contextlib.suppress(OSError):
                os.utime(self._file)


def _myself() -> dict[str, str | int]:
    return {"host": socket.gethostname(), "pid": os.getpid()}


def _owner(content: bytes) -> dict[str, str | int] | None:
    """The owner that run.lock names; None where it is empty or damaged."""
    try:
        named = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(named, dict):
        return None
    host, pid = named.get("host"), named.get("pid")
    if isinstance(host, str) and host.isprintable() and type(pid) is int:
        return {"host": host, "pid": pid}
    return None
