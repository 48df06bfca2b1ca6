"""A run that is started again in its own folder, as a requeued job is: whether it may, and whether anything is left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snntrain.config import saved
from snntrain.config.changes import refused
from snntrain.config.schema import Trainer
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.runs import reading as runs
from snntrain.runs.lock import LOCK_FILE, Lock
from snntrain.runs.names import check_run
from snntrain.runs.run_folder import holds_a_run, read_summary, shown


def check(folder: Path, values: Mapping[str, Any]) -> None:
    """Check that a run with these plain values may write into the folder, which may be its own.

    Raises:
        UserError: the folder is of a run with another network or other data, or another process trains there, or
            a link, or what is no file, is in the place of one that a run writes.
    """
    check_run(Folder(folder))
    if not holds_a_run(folder):
        return
    if (folder / "config.yaml").exists():
        if told := refused(saved.read(folder / "config.yaml"), values):
            raise UserError(f"{shown(folder)} holds a run already: {told}")
    elif read_summary(folder).get("status") is None and (folder / "summary.json").exists():
        raise UserError(f"{shown(folder)}: holds a summary.json that is no run's; name another folder")
    if (folder / LOCK_FILE).exists():
        with Lock(folder):
            pass


def nothing_left(folder: Path, trainer: Trainer) -> dict[str, Any] | None:
    """The summary of the run in the folder, if it is completed and `trainer` asks for no more."""
    summary = read_summary(folder)
    if summary.get("status") != "completed":
        return None
    before = saved.read(folder / "config.yaml").get("trainer", {})
    asked = ("epochs", "early_stopping")
    same = isinstance(before, dict) and [before.get(key) for key in asked] == [getattr(trainer, key) for key in asked]
    if not same and runs.number(summary.get("epochs")) < trainer.epochs:
        return None
    return summary


def told(folder: Path, summary: dict[str, Any]) -> str:
    """That a run is completed, and what would go on with it."""
    epochs, accuracy = runs.number(summary.get("epochs")), runs.number(summary.get("test_accuracy"))
    return (
        f"{shown(folder)}: nothing is left to train, {epochs} epochs are completed (test_accuracy={accuracy:.6g}); "
        f"with trainer.epochs=<more than {epochs}> it goes on"
    )
