"""The checkpoints of a run: the last two, from which it goes on, and the best, which is evaluated."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snntrain.errors import UserError
from snntrain.training.run_folder import shown
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
            return bool(checkpoint.load(self.best).get("epoch") == epoch)
        except UserError:
            return False

    def newest(self, foreign: Callable[[dict[str, Any]], str | None]) -> dict[str, Any] | None:
        """Return what a run can go on from: the last one, or where a warning says what is wrong with it, the previous.

        Args:
            foreign: by which values a state is of another run; '' where it is of this one, None where it has none.

        Returns:
            None where there is none yet.

        Raises:
            UserError: there are some, and none is any good, or of this run; or a folder is where a checkpoint would be
                written.
        """
        self._refuse_folders()
        others: list[str] = []
        there = [path for path in (self.last, self.previous) if path.exists()]
        for path in there:
            try:
                state = checkpoint.load(path)
            except UserError as error:
                log.warning("%s", str(error).partition(";")[0])
                continue
            if (told := foreign(state)) == "":
                return state
            log.warning("%s: of another run, it is left alone", path)
            others += [told] if told else []
        if others:
            run = shown(self.last.parent.parent)
            raise UserError(
                f"{run}: config.yaml was changed after the run was begun, it says {others[0]}; "
                "put the old values back there, or begin another run in a folder of its own"
            )
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
