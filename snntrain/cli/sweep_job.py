"""One job of a sweep: a task for `launch.run_job`, in whatever process it runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from snntrain.cli import job, named_root
from snntrain.cli.launch import Task
from snntrain.config import check
from snntrain.config.composed import Composed
from snntrain.errors import RunFailed, UserError, first_line
from snntrain.runs import own_folder

log = logging.getLogger("snntrain")


def task(typed: Sequence[str], source: Path) -> Task:
    """Return the task that runs a job; an error of the job is logged and returned.

    Args:
        typed: the command as it was typed.
        source: the file or folder of the configuration, for messages.
    """

    def run(composed: Composed, folder: Path, forbidden: Sequence[str]) -> tuple[float, str | None]:
        try:
            if forbidden:
                raise UserError(*forbidden)
            with named_root.kept(composed.value("dataset.root"), typed, source):
                return _run(composed, folder, typed), None
        except (UserError, RunFailed) as error:
            log.error("%s", error)
            return float("nan"), first_line(error)

    return run


def _run(composed: Composed, folder: Path, typed: Sequence[str]) -> float:
    """Train the run in its folder, and return its best validation accuracy; a completed job is not trained again.

    Raises:
        UserError, RunFailed: an error ended the run.
    """
    own_folder.check(folder, composed.values())
    # Not every combination of a large sweep is checked before.
    if wrong := check.errors(composed.node):
        job.refuse(folder, composed.value("name"), composed.value("allow_targets"), wrong)
    config = composed.settings()
    if summary := own_folder.nothing_left(folder, config.trainer):
        log.info("%s", own_folder.nothing_left_note(folder, summary))
        return float(summary.get("val_accuracy", "nan"))
    return job.run(config, folder, typed)
