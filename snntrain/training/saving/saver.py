"""When a run is saved, and what else must be on the disk by then."""

from __future__ import annotations

import logging
import time
from functools import partial
from types import TracebackType
from typing import Any

import torch

from snntrain.config.values import values_of
from snntrain.errors import RunFailed
from snntrain.inspect.tensorboard import Board
from snntrain.runs.run_folder import RunFolder, in_one_line
from snntrain.signals import Stopped, machine
from snntrain.training.logs.journal import figures
from snntrain.training.saving.checkpoints import BEST, LAST, Checkpoints
from snntrain.training.saving.content import best_state, whole_state
from snntrain.training.saving.snapshot import snapshot
from snntrain.training.saving.writer import Writer
from snntrain.training.state import Training
from snntrain.training.step.bad_steps import ADVICE

log = logging.getLogger("snntrain")


class Saver:
    """Saves a run into its checkpoints, each with the sizes that the other files have: they are gone on from there.

    Training waits for a snapshot alone. A thread writes it, and then summary.json, which tells of no epoch before its
    checkpoint is there. Where an epoch ends while the thread is busy, its snapshot waits; a newer one replaces it.

    As a context manager it writes what waits at its end. After a signal that ends the run at once, it leaves the
    checkpoints as they are.

    Args:
        training: what is saved.
        data: fingerprint of the job's data.
        run: whose folder it is.
        board: of that folder.
    """

    def __init__(self, training: Training, data: str, run: RunFolder, board: Board) -> None:
        self.training, self.data, self.run, self.board = training, data, run, board
        self.writer = Writer()
        self.checkpoints = Checkpoints(run.checkpoints, self.writer.go_on)
        self.config = values_of(training.job.config)
        minutes = training.job.config.trainer.checkpoint_minutes
        self.seconds = None if minutes is None else 60 * minutes
        self._saved = time.monotonic()
        # The epoch of the best weights and a copy of them: they do not change before there are better ones.
        self._best: tuple[int, dict[str, Any]] = (0, {})

    def __enter__(self) -> Saver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None or isinstance(error, Stopped):
                with self.run.writing():
                    self.writer.close()
            elif machine.behind(error) is None:
                self._close_after(error)
        finally:
            self.writer.abandon()

    def due(self) -> bool:
        """Return whether `trainer.checkpoint_minutes` have gone by since the last snapshot, and that one is written.

        Raises:
            RunFailed: it could not be written.
        """
        with self.run.writing():
            idle = self.writer.idle()
        return idle and self.seconds is not None and time.monotonic() - self._saved >= self.seconds

    def save(self) -> None:
        """Save all that the run goes on from; to be called between two steps.

        Raises:
            RunFailed: an earlier snapshot could not be written, or a weight is not finite.
        """
        check_weights(self.training)
        # Not three of them in memory.
        self.writer.forget(LAST)
        state = snapshot(whole_state(self.training) | self._beside(), self._known())
        progress = self.training.progress
        self._give(LAST, partial(self._write_last, state, figures(progress) if progress.finished else {}))
        self._saved = time.monotonic()

    def save_best(self) -> None:
        """Save the best weights.

        Raises:
            RunFailed: an earlier checkpoint could not be written.
        """
        state = snapshot(best_state(self.training.progress.best), self._known())
        self._give(BEST, partial(self.checkpoints.save_best, state))

    def wait(self) -> None:
        """Wait until all that was saved is on the disk.

        Raises:
            RunFailed: it cannot be written.
        """
        with self.run.writing():
            self.writer.wait()

    def mend_best(self) -> None:
        """Save the best weights again, where their file is not whole or is of another epoch than it should be."""
        epoch = self.training.progress.best.epoch
        if epoch and not self.checkpoints.best_is_of(epoch):
            self.save_best()

    def _give(self, name: str, write: partial[None]) -> None:
        with self.run.writing():
            self.writer.write(name, write)

    def _write_last(self, state: dict[str, Any], known: dict[str, Any]) -> None:
        """Write a snapshot, and what summary.json tells from then on."""
        # The checkpoint has their sizes.
        self.run.sync_metrics()
        self.board.sync()
        self.checkpoints.save(state)
        self.run.write_summary(known)

    def _known(self) -> dict[int, Any]:
        """Parts of the state of which there is a copy."""
        best = self.training.progress.best
        if self._best[0] != best.epoch:
            self._best = best.epoch, snapshot(best.weights)
        return {id(best.weights): self._best[1]}

    def _beside(self) -> dict[str, Any]:
        # At the end of an epoch the next one need not wait for its pictures: they can be drawn again.
        if self.training.progress.batch:
            self.board.finish_pictures()
        sizes = {"metrics": self.run.size(), "events": self.board.sizes()}
        return {"config": self.config, "data": self.data, "sizes": sizes, "undrawn": self.board.undrawn()}

    def _close_after(self, error: BaseException) -> None:
        """Write what waits where the run has failed, which is the greater news than that it cannot be written."""
        try:
            self.writer.close()
        except Exception as failure:
            if failure not in (error, error.__cause__):
                log.warning("the last checkpoint could not be written: %s", in_one_line(failure))


def check_weights(training: Training) -> None:
    """Raise RunFailed where a weight is not finite: such weights are not saved over good ones."""
    # A NaN is the least and the greatest of all. One pass over the weights, where isfinite() takes the time of twenty.
    ranges = [torch.stack(p.detach().aminmax()) for p in training.job.model.parameters() if p.numel()]
    if not torch.stack(ranges).isfinite().all():
        raise RunFailed(f"the weights are no longer finite in epoch {training.progress.epoch}: {ADVICE}")
