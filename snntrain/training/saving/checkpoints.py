"""The checkpoints of a run: the last two, from which it resumes, and the best, which is evaluated."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from snntrain.errors import UserError
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.files.paths import shown
from snntrain.runs.layout import BEST, LAST, PREVIOUS
from snntrain.training.saving import checkpoint

log = logging.getLogger("snntrain")


class Checkpoints:
    """`last.pt`, `previous.pt` (the checkpoint before it), and `best.pt` in a folder.

    Args:
        folder: the folder of the checkpoints.
        check: called while a checkpoint is written, and before it gets its name; if it raises, the old ones stay.
    """

    def __init__(self, folder: Folder, check: Callable[[], None] = lambda: None) -> None:
        self.folder, self.check = folder, check

    def save(self, state: dict[str, Any]) -> None:
        """Save `state` as the last checkpoint; from the second call on the run can always resume from either of two.

        Raises:
            OSError: it cannot be written; the others are unchanged.
        """
        self._write_beside(LAST, state)
        if self.folder.holds(LAST):
            whole.keep(self.folder, LAST, PREVIOUS)
        whole.put_in_place(self.folder, LAST)

    def save_best(self, state: dict[str, Any]) -> None:
        """Save `state` as the best checkpoint.

        Raises:
            OSError: it cannot be written; the previous one is unchanged.
        """
        self._write_beside(BEST, state)
        whole.put_in_place(self.folder, BEST)

    def best_is_of(self, epoch: int) -> bool:
        """Return whether the best checkpoint is undamaged and from this epoch."""
        try:
            return bool(checkpoint.load(self.folder.path / BEST).get("epoch") == epoch)
        except UserError:
            return False

    def newest(self, foreign: Callable[[dict[str, Any]], str | None]) -> dict[str, Any] | None:
        """Return the state from which a run can resume: the last one, or else the previous one, with a warning.

        Args:
            foreign: returns the settings in which a state differs from this run; '' if it belongs to this run, None if
                the state has no settings.

        Returns:
            The state; None if there are no checkpoints yet.

        Raises:
            UserError: there are checkpoints, but all are damaged or belong to another run.
        """
        others: list[str] = []
        there = [self.folder.path / name for name in (LAST, PREVIOUS) if self.folder.holds(name)]
        for path in there:
            try:
                state = checkpoint.load(path)
            except UserError as error:
                log.warning("%s", str(error).partition(";")[0])
                continue
            if (settings := foreign(state)) == "":
                return state
            log.warning("%s: ignored, it belongs to another run", path)
            others += [settings] if settings else []
        if others:
            run = shown(self.folder.path.parent)
            raise UserError(
                f"{run}: config.yaml has changed since the run began, it says {others[0]}; "
                "put the old values back there, or start another run in a folder of its own"
            )
        if there:
            raise UserError(
                f"{self.folder.path}: no checkpoint to resume from, {' and '.join(path.name for path in there)} cannot "
                "be used; put a good copy there, or delete this folder to start the run again"
            )
        return None

    def _write_beside(self, name: str, state: dict[str, Any]) -> None:
        with whole.beside(self.folder, name) as file:
            checkpoint.write(file, state, self.check)
        try:
            self.check()
        except BaseException:
            self.folder.remove(whole.temporary(name))
            raise
