"""A run that goes on where this or an earlier process has left it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from snntrain.config.changes import changed, differences
from snntrain.config.schema import Config
from snntrain.config.values import values_of
from snntrain.errors import UserError, first_line
from snntrain.runs import event_files
from snntrain.runs.run_folder import RunFolder
from snntrain.training.job.build import Job
from snntrain.training.job.out_of_memory import is_out_of_memory
from snntrain.training.logs.journal import Journal
from snntrain.training.progress import beginning
from snntrain.training.saving import validate
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.content import put_back
from snntrain.training.saving.saver import Saver
from snntrain.training.state import Training
from snntrain.training.step.training_step import TrainingStep

log = logging.getLogger("snntrain")

State = dict[str, Any]
NOTHING_WRITTEN: State = {"sizes": {"metrics": 0, "events": []}}


def saved(config: Config, run: RunFolder) -> State | None:
    """The state that the run in this folder goes on from; None where it has none and begins.

    Raises:
        UserError: there are checkpoints, and none that can be used.
    """
    wanted = values_of(config)

    def foreign(state: State) -> str | None:
        before = state.get("config")
        return changed(before, wanted) if isinstance(before, dict) else None

    return Checkpoints(run.checkpoints).newest(foreign)


def go_on(job: Job, state: State, data: str) -> Training:
    """The training of a job from where it was saved.

    Args:
        job: of a run that would begin; it becomes what it was.
        state: the saved one.
        data: fingerprint of the job's data.

    Raises:
        UserError: the data are no longer those that the run was begun with, or the state is not whole.
    """
    if state.get("data") != data:
        raise UserError(
            f"dataset={job.data.name}: its files are not those that this run was begun with; put those back "
            "(dataset.root names where they lie), or begin another run"
        )
    progress = beginning(job)
    with _whole():
        validate.check(job, progress, state)
        put_back(job, progress, state)
    epochs = job.config.trainer.epochs
    where = f"epoch {progress.epoch} of {epochs}" if progress.finished < epochs else f"the end of {epochs} epochs"
    batches = f", after {progress.batch} of {len(job.train)} batches" if progress.batch else ""
    log.info("going on from %s%s", where, batches)
    # Records steps on a GPU, by what the optimizer is now.
    step = TrainingStep(job, progress.tally)
    with _whole():
        validate.check_step(state["step"], step.state())
        step.put_back(state["step"])
    return Training(job, step, progress)


@contextmanager
def _whole() -> Iterator[None]:
    """Says what to do about a state that does not hold what is taken from it; memory may run out whatever it holds."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        # With a good checksum: somebody else has written it.
        told = (
            first_line(error) if isinstance(error, validate.Wrong) else f"{type(error).__name__}: {first_line(error)}"
        )
        raise UserError(
            f"checkpoints/last.pt does not hold what this run goes on from ({told}); put a good copy there, or delete "
            "the folder checkpoints and the run begins anew"
        ) from error


def cut_back(run: RunFolder, state: State | None) -> None:
    """Takes back what was written after the state was saved: it is going to be written again."""
    sizes = (state or NOTHING_WRITTEN)["sizes"]
    with run.writing():
        run.cut_back(sizes["metrics"])
        event_files.cut_back(run.tensorboard, sizes["events"])


def catch_up(training: Training, journal: Journal, saver: Saver, state: State | None) -> None:
    """Has everything that is only there while a run goes on know what went before."""
    if state is None:
        journal.configuration()
        return
    saver.mend_best()
    journal.figures(training.progress)
    if differences(state["config"], values_of(training.job.config)):
        journal.configuration(training.progress.finished)
    if state["undrawn"] is not None:
        journal.draw_again(state["undrawn"]["epoch"], state["undrawn"]["confusion"])
