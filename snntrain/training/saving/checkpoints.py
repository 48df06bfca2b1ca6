"""The checkpoints of a run: the last two, from which it goes on, and the best, which is evaluated."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snntrain.errors import UserError
from snntrain.training.saving import checkpoint
from snntrain.whole_file import put_in_place, temporary

log = logging.getLogger("snntrain")


class Checkpoints:
    """`last.pt`, `previous.pt`, the one before it, and `best.pt` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.last, self.previous, self.best = (folder / f"{name}.pt" for name in ("last", "previous", "best"))

    def save(self, state: dict[str, Any]) -> None:
        """Makes `state` the last one; at each moment there are two to go on from, once there have been.

        Raises:
            OSError: it cannot be written; the others are as they were.
        """
        checkpoint.write_beside(self.last, state)
        if self.last.exists():
            _keep(self.last, self.previous)
        put_in_place(self.last)

    def save_best(self, state: dict[str, Any]) -> None:
        """Makes `state` the best one."""
        checkpoint.save(self.best, state)

    def best_is_of(self, epoch: int) -> bool:
        """Whether the best one is whole, and of this epoch."""
        try:
            return bool(checkpoint.load(self.best)["epoch"] == epoch)
        except UserError:
            return False

    def newest(self, belongs: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """What a run can go on from: the last one, or where that is damaged, which a warning says, the one before.

        Args:
            belongs: whether a state is of this run.

        Returns:
            None where there is none yet.

        Raises:
            UserError: there are some, and none is any good; or a folder is where a checkpoint would be written.
        """
        self._refuse_folders()
        there = [path for path in (self.last, self.previous) if path.exists()]
        for path in there:
            try:
                state = checkpoint.load(path)
            except UserError as error:
                log.warning("%s", str(error).partition(";")[0])
                continue
            if belongs(state):
                return state
            log.warning("%s: of another run, it is left alone", path)
        if there:
            raise UserError(
                f"{self.last.parent}: no checkpoint to go on from, {' and '.join(path.name for path in there)} cannot "
                "be used; put a good copy there, or delete this folder and the run begins anew"
            )
        return None

    def _refuse_folders(self) -> None:
        """Else the run would fail at its first saving, and could not say why."""
        for path in (self.last, self.previous, self.best):
            for name in (path, temporary(path)):
                if name.is_dir():
                    raise UserError(
                        f"{name}: is a folder, and a run writes its checkpoint there; move it away, and the run goes on"
                    )


def _keep(path: Path, kept: Path) -> None:
    """Gives the file a second name; `path` is there all the time, where the file system has hard links."""
    second = temporary(kept)
    second.unlink(missing_ok=True)
    try:
        os.link(path, second)
    except OSError:
        path.replace(kept)
    else:
        second.replace(kept)
