"""A run that is started again in its own folder, as a requeued job is: whether it may, and whether anything is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from snntrain.config import saved
from snntrain.config.resumed import plain, refused
from snntrain.errors import UserError
from snntrain.training.lock import LOCK_FILE, Lock
from snntrain.training.run_folder import holds_a_run, shown


def check(folder: Path, config: DictConfig) -> None:
    """Whether a run with this configuration may write into the folder, which may be its own.

    Raises:
        UserError: the folder is of a run with another network or other data, or another process trains there.
    """
    if not holds_a_run(folder):
        return
    if (folder / "config.yaml").exists():
        if told := refused(saved.read(folder / "config.yaml"), plain(config)):
            raise UserError(f"{shown(folder)} holds a run already: {told}")
    elif _summary(folder).get("status") is None and (folder / "summary.json").exists():
        raise UserError(f"{shown(folder)}: holds a summary.json that is no run's; name another folder")
    if (folder / LOCK_FILE).exists():
        with Lock(folder):
            pass


def nothing_left(folder: Path, config: DictConfig) -> dict[str, Any] | None:
    """The summary of the run in the folder, where that is completed and this configuration asks for no more."""
    summary = _summary(folder)
    if summary.get("status") != "completed":
        return None
    before = saved.read(folder / "config.yaml").get("trainer", {})
    asked = ("epochs", "early_stopping")
    same = [before.get(key) for key in asked] == [config.trainer[key] for key in asked]
    if not same and (summary.get("epochs") or 0) < config.trainer.epochs:
        return None
    return summary


def told(folder: Path, summary: dict[str, Any]) -> str:
    """That a run is completed, and what would go on with it."""
    epochs, accuracy = summary.get("epochs"), summary.get("test_accuracy")
    return (
        f"{shown(folder)}: nothing is left to train, {epochs} epochs are completed (test_accuracy={accuracy:.6g}); "
        f"with trainer.epochs=<more than {epochs}> it goes on"
    )


def _summary(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
