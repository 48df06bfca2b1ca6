"""Resume a run from its checkpoints."""

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
from snntrain.training.job.world import World
from snntrain.training.logs.journal import Journal
from snntrain.training.progress import fresh_progress
from snntrain.training.saving import checkpoint, validate
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.saver import Saver
from snntrain.training.saving.state_dicts import load_state_dict
from snntrain.training.state import TrainingState
from snntrain.training.step.training_step import TrainingStep

log = logging.getLogger("snntrain")

State = dict[str, Any]
NOTHING_WRITTEN: State = {"sizes": {"metrics": 0, "events": []}}


def saved(config: Config, run: RunFolder) -> State | None:
    """Return the state from which the run in this folder resumes; None if it has no checkpoint yet.

    Raises:
        UserError: there are checkpoints, but none is usable.
    """
    wanted = values_of(config)

    def foreign(state: State) -> str | None:
        before = state.get("config")
        return changed(before, wanted) if isinstance(before, dict) else None

    return Checkpoints(run.checkpoints).newest(foreign)


def send(state: State | None, world: World) -> None:
    """Send the state of process 0 to the others: only process 0 needs the run folder."""
    if world.size > 1:
        world.broadcast_bytes(b"" if state is None else checkpoint.as_bytes(state))


def received(world: World) -> State | None:
    """Return the state that process 0 has sent; None if the run begins.

    Raises:
        OtherFailed: process 0 has failed.
    """
    content = world.broadcast_bytes(None)
    return checkpoint.from_bytes(content) if content else None


def restore(job: Job, state: State, data: str) -> TrainingState:
    """Restore a job from a saved state.

    Args:
        job: a fresh job with the configuration of this run; it is changed.
        state: the saved state.
        data: fingerprint of the job's data.

    Raises:
        UserError: the data have changed since the run began, or the state does not fit the job.
    """
    if state.get("data") != data:
        raise UserError(
            f"dataset={job.data.name}: its files are not those with which this run began; put the old files back "
            "(dataset.root names their folder), or start another run"
        )
    progress = fresh_progress(job)
    with _whole():
        validate.check(job, progress, state)
        load_state_dict(job, progress, state)
    epochs = job.config.trainer.epochs
    where = f"epoch {progress.epoch} of {epochs}" if progress.finished < epochs else f"the end of {epochs} epochs"
    batches = f", after {progress.batch} of {len(job.train)} batches" if progress.batch else ""
    log.info("resuming from %s%s", where, batches)
    if (before := state.get("processes", 1)) != job.world.size:
        log.info(
            "%s process%s trained this run before, and %d now: sums over a batch may differ by rounding",
            before,
            "" if before == 1 else "es",
            job.world.size,
        )
    # Not earlier: a recorded step keeps the tensors of the optimizer.
    step = TrainingStep(job, progress.tally)
    with _whole():
        validate.check_step(state["step"], step.state_dict())
        step.load_state_dict(state["step"])
    return TrainingState(job, step, progress)


@contextmanager
def _whole() -> Iterator[None]:
    """Report errors of the block as a state that does not fit; out-of-memory errors pass unchanged."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        # The checksum is right: another program wrote the file.
        reason = (
            first_line(error) if isinstance(error, validate.Wrong) else f"{type(error).__name__}: {first_line(error)}"
        )
        raise UserError(
            f"checkpoints/last.pt does not fit this run ({reason}); put a good copy there, or delete "
            "the folder checkpoints to start the run again"
        ) from error


def cut_back(run: RunFolder, state: State | None) -> None:
    """Remove all output after the saved state: the resumed run writes it again."""
    sizes = (state or NOTHING_WRITTEN)["sizes"]
    with run.writing():
        run.cut_back(sizes["metrics"])
        event_files.cut_back(run.tensorboard, sizes["events"])


def restore_outputs(training: TrainingState, journal: Journal, saver: Saver, state: State | None) -> None:
    """Restore the journal and the best checkpoint after a resume; write the first entries of a fresh run."""
    if state is None:
        journal.configuration()
        return
    saver.rewrite_best()
    journal.summarise(training.progress)
    if differences(state["config"], values_of(training.job.config)):
        journal.configuration(training.progress.finished)
    if state["undrawn"] is not None:
        journal.draw_again(state["undrawn"]["epoch"], state["undrawn"]["confusion"])
