"""A run that was killed: its process could not record why, so the process that started it does."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from snntrain.errors import RunFailed, UserError
from snntrain.runs import summary as summaries
from snntrain.runs.layout import SUMMARY
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.state import RUNNING


def record(folder: Path, reason: str) -> None:
    """Record in a run folder why the run died, unless the run has recorded an ending, or another process trains there.

    Args:
        folder: the folder; nothing happens if it does not exist.
        reason: the cause of death, in one line.
    """
    summary = summaries.read(folder).known
    if not folder.is_dir() or ((folder / SUMMARY).exists() and summary.get("status") != RUNNING):
        return
    # If the folder cannot be written, the report says so.
    with suppress(UserError, RunFailed, OSError), RunFolder(folder, str(summary.get("name", folder.name))):
        raise RunFailed(reason)
