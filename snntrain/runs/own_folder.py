"""A run that is started again in its own folder, such as a requeued job: is it allowed, and is it complete?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snntrain.config import saved
from snntrain.config.changes import refused
from snntrain.config.schema import Trainer
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.files.paths import shown
from snntrain.runs import summary as summaries
from snntrain.runs.layout import CONFIG, LOCK, SUMMARY
from snntrain.runs.lock import Lock
from snntrain.runs.state import COMPLETED, PAUSED
from snntrain.runs.summary import number
from snntrain.runs.unstarted import holds_a_run
from snntrain.runs.writable import check_run


def check(folder: Path, values: Mapping[str, Any]) -> None:
    """Check that a run with these plain values may write into the folder, which may be its own.

    Raises:
        UserError: the folder belongs to a run with another network or other data, another process trains there, or
            a name that a run needs for a file is taken by something else.
    """
    check_run(Folder(folder))
    if not holds_a_run(folder):
        return
    if (folder / CONFIG).exists():
        if reason := refused(saved.read(folder / CONFIG), values):
            raise UserError(f"{shown(folder)} holds a run already: {reason}")
    elif (folder / SUMMARY).exists() and summaries.read(folder).known.get("status") is None:
        raise UserError(f"{shown(folder)}: holds a summary.json of another program; name another folder")
    if (folder / LOCK).exists():
        with Lock(folder):
            pass


def nothing_left(folder: Path, trainer: Trainer) -> dict[str, Any] | None:
    """Return the summary of the run in the folder if `trainer` asks for no more than the run has; else None.

    The run is completed, or it has paused and `trainer` asks for no later pause.
    """
    summary = summaries.read(folder).known
    if summary.get("status") == PAUSED and trainer.pause_after is not None:
        return summary if trainer.pause_after <= number(summary.get("epochs")) < trainer.epochs else None
    if summary.get("status") != COMPLETED:
        return None
    before = saved.read(folder / CONFIG).get("trainer", {})
    asked = ("epochs", "early_stopping")
    same = isinstance(before, dict) and [before.get(key) for key in asked] == [getattr(trainer, key) for key in asked]
    if not same and number(summary.get("epochs")) < trainer.epochs:
        return None
    return summary


def nothing_left_note(folder: Path, summary: dict[str, Any]) -> str:
    """Return a line that the run is completed or has paused, and how to train it longer."""
    epochs, accuracy = number(summary.get("epochs")), number(summary.get("test_accuracy"))
    if summary.get("status") == PAUSED:
        return (
            f"{shown(folder)}: nothing is left to train before the pause after epoch {epochs}; "
            f"to resume the run, give trainer.pause_after=null, or more than {epochs}"
        )
    return (
        f"{shown(folder)}: nothing is left to train, {epochs} epochs are completed (test_accuracy={accuracy:.6g}); "
        f"to train longer, give trainer.epochs=<more than {epochs}>"
    )
