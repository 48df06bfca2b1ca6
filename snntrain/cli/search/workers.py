"""The workers of a search: commands that share a study, on one machine or several.

Each worker holds a lock of its own as long as it lives, so that the others see when it is gone, however it ended. One
worker at a time decides which trial comes next.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.files.paths import shown
from snntrain.runs.layout import LOCK
from snntrain.runs.lock import Lock, Unavailable

FOLDER = "workers"
# Much longer than a decision takes.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.02
_NAME = re.compile(r"[0-9a-f]{16}")


class Workers:
    """The workers of the study in a folder; as a context manager this process is one of them.

    Args:
        place: the folder of the study, which exists.
        patience: seconds to wait while another worker decides.
    """

    def __init__(self, place: Path, patience: float = PATIENCE_SECONDS) -> None:
        self.place = place
        self.patience = patience
        self.name = secrets.token_hex(8)

    def __enter__(self) -> Workers:
        folder = Folder(self.place) / FOLDER / self.name
        # Another worker would remove the folder before it is locked.
        with self.deciding():
            folder.make()
            self._lock = Lock(folder.path)
            self._lock.__enter__()
            self._forget_dead()
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(None, None, None)
        self._remove(self.name)

    def lives(self, name: object) -> bool:
        """Return whether a worker is alive; a name that no worker has, as in a damaged journal, counts as dead."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return False
        return name == self.name or is_held(self.place / FOLDER / name)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Let no other worker decide while the block runs.

        Raises:
            UserError: another worker has been deciding for too long, as one that is stopped in the middle.
        """
        limit = time.monotonic() + self.patience
        while True:
            lock = Lock(self.place)
            try:
                lock.__enter__()
                break
            except Unavailable as error:
                if error.__cause__ is not None:
                    raise
                if time.monotonic() > limit:
                    raise UserError(_locked(self.place, error)) from error
            time.sleep(PAUSE_SECONDS)
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    def _forget_dead(self) -> None:
        """Remove what dead workers have left."""
        for name in (Folder(self.place) / FOLDER).names():
            if not self.lives(name):
                self._remove(name)

    def _remove(self, name: str) -> None:
        # The study may lie on a disk that is gone.
        with contextlib.suppress(OSError):
            place = Folder(self.place) / FOLDER
            (place / name).remove(LOCK)
            place.remove_if_empty(name)


def is_held(folder: Path) -> bool:
    """Return whether another process holds the lock of a folder, as of a run or of a worker."""
    if not (folder / LOCK).exists():
        return False
    try:
        with Lock(folder):
            return False
    except Unavailable:
        return (folder / LOCK).exists()


def _locked(place: Path, error: Unavailable) -> str:
    owner = str(error).removeprefix(f"{place}: ").partition(" trains")[0]
    return (
        f"hydra.sweep.dir={shown(place.parent)}: {owner} has locked the study for {PATIENCE_SECONDS:.0f} seconds; "
        "continue or stop that process, then give the command again"
    )
