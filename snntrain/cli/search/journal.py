"""The journal of a study: Optuna's file of JSON lines, which several workers append to.

It holds no pickles, so that reading it is safe. A process that is killed while it appends, or a full disk, may leave a
part of a line at its end; the next line would join it, and Optuna could not read the file any more. So such a part is
removed under the lock, before each line that is appended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from snntrain.cli.search import optional
from snntrain.errors import UserError, first_line
from snntrain.files.folder import Folder
from snntrain.files.paths import shown

NAME = "journal.jsonl"
# A trial takes about 2 kB.
MOST_BYTES = 2**30
# Optuna raises these when a line does not follow from the lines before.
DAMAGE = (LookupError, TypeError, ValueError, AttributeError, AssertionError, RecursionError)


class RepairingLock:
    """A lock of Optuna's on the journal, which removes an incomplete last line once it is held.

    It is a file that only one process can make, which also works on NFS. One that a killed process has left is removed
    after half a minute.
    """

    def __init__(self, folder: Folder) -> None:
        journals = optional.optuna().storages.journal
        self.folder = folder
        self._lock = journals.JournalFileOpenLock(str(folder.path / NAME))

    def acquire(self) -> bool:
        """Wait for the lock."""
        held = bool(self._lock.acquire())
        try:
            repair(self.folder)
        except BaseException:
            self._lock.release()
            raise
        return held

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()


def repair(folder: Folder) -> None:
    """Remove an incomplete last line of the journal."""
    if not (size := folder.size(NAME)):
        return
    with open(folder.path / NAME, "rb") as file:
        end = size
        while end:
            start = max(0, end - 2**16)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
    if end < size:
        folder.cut_back(NAME, end)


def storage(folder: Folder) -> Any:
    """Return Optuna's storage on the journal in a folder, which is made if it is missing.

    Raises:
        UserError: the journal is damaged.
        OSError: it cannot be written.
    """
    with folder.append(NAME):
        pass
    if (size := folder.size(NAME)) > MOST_BYTES:
        raise UserError(damaged(folder, f"it has {size:,} bytes"))
    optuna = optional.optuna()
    with readable(folder):
        backend = optuna.storages.journal.JournalFileBackend(str(folder.path / NAME), lock_obj=RepairingLock(folder))
        return optuna.storages.JournalStorage(backend)


@contextmanager
def readable(folder: Folder) -> Iterator[None]:
    """Report errors of the block as a damaged journal.

    Raises:
        UserError: in place of what Optuna raises for one.
    """
    try:
        yield
    except DAMAGE as error:
        where = f"line {line}" if (line := _first_bad(folder)) else type(error).__name__
        raise UserError(damaged(folder, f"{where}: {first_line(error)}")) from error


def damaged(folder: Folder, reason: str) -> str:
    return (
        f"{shown(folder.path / NAME)}: is not the journal of a search, or is damaged ({reason}); put a good copy "
        "there, or name another folder with hydra.sweep.dir=…"
    )


def _first_bad(folder: Folder) -> int | None:
    """Return the number of the first line that is not JSON."""
    try:
        with open(folder.path / NAME, "rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    json.loads(line)
                except (ValueError, RecursionError):
                    return number
    except OSError:
        pass
    return None
