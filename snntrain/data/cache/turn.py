"""One process at a time converts the same recordings; the others wait for it.

The turn only saves work. Without it, as on a file system that has no locks, each process writes a file of its own, and
the last one to finish gives it the name.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from snntrain.files.folder import Folder
from snntrain.process import signs_of_life

log = logging.getLogger("snntrain")

LOCK = ".lock"
SECONDS_BETWEEN_TRIES = 0.2
HELD = (errno.EACCES, errno.EAGAIN)
# Longer than the name of a host and a number.
LONGEST = 1000


@contextmanager
def taken(folder: Folder, stem: str, waiting: Callable[[str], object]) -> Iterator[bool]:
    """Run the block while no other process runs one for the same file; yield whether that is sure.

    The lock is a POSIX record lock: it ends with its process in any case, and worker processes do not inherit it.

    Args:
        folder: the folder of the file, which exists.
        stem: the name of the file without its ending.
        waiting: called once if another process has the turn, with words for that process.
    """
    name = stem + LOCK
    descriptor = _locked(folder, name, waiting)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            # Removed while it is locked: a process that opens it later makes a new file.
            with suppress(OSError):
                folder.remove(name)
            with suppress(OSError):
                os.close(descriptor)


def mark(descriptor: int) -> None:
    """Lock a file that this process writes, so that others see that it is being written."""
    with suppress(OSError):  # There are no locks here.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_marked(folder: Folder, name: str) -> bool:
    """Return whether another process of this machine has locked a file; False if that cannot be known.

    This process must not have locked it: closing a second descriptor would end the lock.
    """
    try:
        with folder.read(name) as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in HELD
    return False


def _locked(folder: Folder, name: str, waiting: Callable[[str], object]) -> int | None:
    """Return the descriptor of the locked file; None if there are no locks here."""
    said = False
    while True:
        try:
            descriptor = folder.change(name)
        except OSError:  # A file of another user, who was killed: there is no turn to wait for.
            return None
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(folder, name, descriptor):
                _name_owner(descriptor)
                return descriptor
        except OSError as error:
            if error.errno not in HELD:
                os.close(descriptor)
                return None
            if not said:
                waiting(_owner(descriptor))
                said = True
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        signs_of_life.give()
        time.sleep(SECONDS_BETWEEN_TRIES)


def _is_still(folder: Folder, name: str, descriptor: int) -> bool:
    """Return whether the locked file still has its name: its owner removes it at the end."""
    mine = os.fstat(descriptor)
    try:
        with folder.descriptor() as here:
            there = os.stat(name, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _name_owner(descriptor: int) -> None:
    with suppress(OSError):  # A full disk; the name is only for messages.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode(), 0)


def _owner(descriptor: int) -> str:
    """Return words for the process that has the lock."""
    with suppress(OSError, ValueError, RecursionError):
        named = json.loads(os.pread(descriptor, LONGEST, 0))
        if isinstance(named, dict) and type(named.get("pid")) is int and str(named.get("host")).isprintable():
            return f"process {named['pid']} on host {named['host']}"
    return "another process"
