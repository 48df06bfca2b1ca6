"""The task of a launcher: it trains one job in its folder, and keeps the error that ended it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from snntrain.cli import job, named_root
from snntrain.cli.arguments import Arguments
from snntrain.cli.launch import Task
from snntrain.config import check
from snntrain.config.compose import CONF
from snntrain.config.composed import Composed
from snntrain.errors import RunFailed, UserError, first_line
from snntrain.runs import own_folder
from snntrain.runs.lock import Unavailable
from snntrain.runs.unstarted import discard

log = logging.getLogger("snntrain")


def task_of(arguments: Arguments, typed: Sequence[str], errors: list[Exception], *, sweeping: bool) -> Task:
    """Return the function that runs a job.

    Args:
        arguments: those of the command.
        typed: the command as it was typed.
        errors: gets the error that ended a job.
        sweeping: whether the job is one of several.
    """

    def task(composed: Composed, folder: Path, forbidden: Sequence[str]) -> tuple[float, str | None]:
        file = Path(arguments.flags.get("--config-dir", CONF))
        try:
            if forbidden:
                raise UserError(*forbidden)
            with named_root.kept(composed.value("dataset.root"), typed, file):
                return _job(composed, folder, typed, sweeping=sweeping), None
        except (UserError, RunFailed) as error:
            errors.append(error)
            if sweeping:
                log.error("%s", error)
            # A folder that is not available belongs to another process.
            elif isinstance(error, UserError) and not forbidden and not isinstance(error, Unavailable):
                logging.shutdown()
                discard(folder)
            return float("nan"), first_line(error)

    return task


def _job(composed: Composed, folder: Path, typed: Sequence[str], *, sweeping: bool) -> float:
    """Train one run in its folder, and return its best validation accuracy; a completed job is not trained again.

    Raises:
        UserError, RunFailed: an error ended the run.
    """
    if sweeping:
        own_folder.check(folder, composed.values())
    # Not every combination of a large sweep is checked before.
    if wrong := check.errors(composed.node):
        job.refuse(folder, composed.value("name"), composed.value("allow_targets"), wrong)
    config = composed.settings()
    if sweeping and (summary := own_folder.nothing_left(folder, config.trainer)):
        log.info("%s", own_folder.nothing_left_note(folder, summary))
        return float(summary.get("val_accuracy", "nan"))
    return job.run(config, folder, typed)
