"""The task of a single run: it trains the run in its folder, and keeps the error that ended it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from snntrain.cli import named_root
from snntrain.cli.arguments import Arguments
from snntrain.cli.launch import Task
from snntrain.cli.ranks import run
from snntrain.config import check
from snntrain.config.compose import CONF
from snntrain.config.composed import Composed
from snntrain.errors import RunFailed, UserError, first_line
from snntrain.runs.lock import Unavailable
from snntrain.runs.unstarted import discard


def task_of(arguments: Arguments, typed: Sequence[str], errors: list[Exception]) -> Task:
    """Return the function that trains the run.

    Args:
        arguments: those of the command.
        typed: the command as it was typed.
        errors: gets the error that ended the run: Hydra would print lines of its own for it.
    """

    def task(composed: Composed, folder: Path, forbidden: Sequence[str]) -> tuple[float, str | None]:
        file = Path(arguments.flags.get("--config-dir", CONF))
        try:
            if wrong := forbidden or check.errors(composed.node):
                raise UserError(*wrong)
            with named_root.kept(composed.value("dataset.root"), typed, file):
                return run.train(composed.settings(), folder, typed), None
        except (UserError, RunFailed) as error:
            errors.append(error)
            # A folder that is not available belongs to another process.
            if isinstance(error, UserError) and not forbidden and not isinstance(error, Unavailable):
                logging.shutdown()
                discard(folder)
            return float("nan"), first_line(error)

    return task
