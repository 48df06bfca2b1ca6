"""One process at a time trains in a run folder: a lock that ends with its owner, and a heartbeat that others can see.

filelock was considered. Its kernel lock has no heartbeat and does not name the owner; its lease has both, but another
process may take it over while the owner still runs.
"""

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
from snntrain.files import bounded
from snntrain.files.folder import Folder
from snntrain.runs import layout

log = logging.getLogger("snntrain")

BEAT_SECONDS = 10.0
# A run without a sign of life for this long counts as killed.
STALE_SECONDS = 120

_HELD = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# Longer than the name of a host and a number; the rest of a longer file is not read.
_LONGEST = 1000


class Unavailable(UserError):
    """A run folder into which this process must not or cannot write."""


class Lock:
    """A context manager that holds a run folder for this process. A process must not hold a folder twice.

    `run.lock` names the owner, as {"host": "node7", "pid": 123}, and is emptied at the end. It is never removed: the
    next owner may have just locked it. The lock is a POSIX record lock: it ends with the process in any case, and child
    processes do not inherit it. The file's modification time is the heartbeat.

    Args:
        folder: an existing run folder.
        beat_seconds: the time between two beats.

    Raises:
        Unavailable: on entry, if another process holds the folder, or if it cannot be written.
    """

    def __init__(self, folder: Path, beat_seconds: float = BEAT_SECONDS) -> None:
        self.folder = folder
        self.beat_seconds = beat_seconds
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Lock:
        try:
            # The only descriptor of the file: closing a second one would release the lock.
            self._file = Folder(self.folder).change(layout.LOCK)
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
        # The disk may be full or gone; the ending of the run matters more.
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
            self._check_heartbeat()

    def _check_heartbeat(self) -> None:
        age = time.time() - os.fstat(self._file).st_mtime
        content = self._content()
        # An owner that was not killed has emptied the file.
        if content and age < STALE_SECONDS and _owner(content) != _myself():
            raise self._held(
                f"this file system has no locks, so it counts as alive until its {layout.LOCK} is two minutes old"
            )
        log.warning(
            "%s: this file system has no locks; only the heartbeat shows whether another process trains there",
            self.folder,
        )

    def _held(self, *more: str) -> Unavailable:
        owner = _owner(self._content())
        who = f"process {owner['pid']} on host {owner['host']}" if owner else "another process"
        todo = "stop it first, or name another folder"
        return Unavailable("; ".join([f"{self.folder}: {who} trains in this folder", todo, *more]))

    def _unusable(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"{self.folder}: {layout.LOCK} cannot be written ({error.strerror}); "
            "a run writes into its folder: make it writable, or name another folder"
        )

    def _content(self) -> bytes:
        return os.pread(self._file, _LONGEST, 0)

    def _beat(self) -> None:
        # The event waits by a clock that is never set back.
        while not self._over.wait(self.beat_seconds):
            # By the descriptor: if the folder was removed and made again, the new file belongs to another process.
            with contextlib.suppress(OSError):
                os.utime(self._file)


def may_be_taken(folder: Path) -> bool:
    """Return whether run.lock names an owner that may be alive.

    A process that ends normally empties the file; the owner that it names may also have been killed. This process must
    hold no lock there: reading the file would release it.
    """
    try:
        content = bounded.read(folder / layout.LOCK, _LONGEST)
    except (OSError, ValueError):
        return False
    if not content or (owner := _owner(content)) is None or owner["host"] != socket.gethostname():
        return bool(content)
    try:
        os.kill(int(owner["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # It belongs to another user.
        return True
    return owner != _myself()


def _myself() -> dict[str, str | int]:
    return {"host": socket.gethostname(), "pid": os.getpid()}


def _owner(content: bytes) -> dict[str, str | int] | None:
    """Return the owner that run.lock names; None if it is empty or damaged."""
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
