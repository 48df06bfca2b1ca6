"""The saving of a run: when, and in which order its files are written."""

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
from snntrain.runs.layout import BEST, LAST
from snntrain.runs.run_folder import RunFolder, in_one_line
from snntrain.signals import Stopped, machine
from snntrain.training.logs.summary import progress_entries
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.snapshot import snapshot
from snntrain.training.saving.state_dicts import best_state_dict, state_dict
from snntrain.training.saving.writer import Writer
from snntrain.training.state import TrainingState
from snntrain.training.step.bad_steps import ADVICE

log = logging.getLogger("snntrain")


class Saver:
    """The saving of a run as checkpoints. Each records the sizes of the other files; a resume cuts these back to them.

    Training only waits for a snapshot. A thread writes it, and then summary.json, which therefore never shows an epoch
    without its checkpoint. If an epoch ends while the thread is busy, its snapshot waits; a newer one replaces it.

    On exit the context manager writes the waiting snapshots, unless a signal ends the run at once.

    Args:
        training: the state of the run.
        data: fingerprint of the job's data.
        run: the run folder.
        board: TensorBoard of that folder.
    """

    def __init__(self, training: TrainingState, data: str, run: RunFolder, board: Board) -> None:
        self.training, self.data, self.run, self.board = training, data, run, board
        self.writer = Writer()
        self.checkpoints = Checkpoints(run.checkpoints, self.writer.check)
        self.config = values_of(training.job.config)
        minutes = training.job.config.trainer.checkpoint_minutes
        self.seconds = None if minutes is None else 60 * minutes
        self._saved = time.monotonic()
        # The best epoch and a copy of its weights: the copy is used until there are better weights.
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
        """Return whether the last snapshot is written and at least `trainer.checkpoint_minutes` old.

        Raises:
            RunFailed: it could not be written.
        """
        with self.run.writing():
            idle = self.writer.idle()
        return idle and self.seconds is not None and time.monotonic() - self._saved >= self.seconds

    def save(self) -> None:
        """Save the state of the run; call it between two steps.

        Raises:
            RunFailed: an earlier snapshot could not be written, or a weight is not finite.
        """
        check_weights(self.training)
        # Otherwise three snapshots would be in memory.
        self.writer.forget(LAST)
        state = snapshot(state_dict(self.training) | self._beside(), self._known())
        progress = self.training.progress
        self._give(LAST, partial(self._write_last, state, progress_entries(progress) if progress.finished else {}))
        self._saved = time.monotonic()

    def save_best(self) -> None:
        """Save the best weights.

        Raises:
            RunFailed: an earlier checkpoint could not be written.
        """
        state = snapshot(best_state_dict(self.training), self._known())
        self._give(BEST, partial(self.checkpoints.save_best, state))

    def wait(self) -> None:
        """Wait until everything is on the disk.

        Raises:
            RunFailed: it cannot be written.
        """
        with self.run.writing():
            self.writer.wait()

    def rewrite_best(self) -> None:
        """Save the best weights again if their file is damaged or of another epoch."""
        epoch = self.training.progress.best.epoch
        if epoch and not self.checkpoints.best_is_of(epoch):
            self.save_best()

    def _give(self, name: str, write: partial[None]) -> None:
        with self.run.writing():
            self.writer.write(name, write)

    def _write_last(self, state: dict[str, Any], known: dict[str, Any]) -> None:
        """Write a snapshot, then the entries of summary.json about it."""
        # The checkpoint holds the sizes of these files.
        self.run.sync_metrics()
        self.board.sync()
        self.checkpoints.save(state)
        self.run.write_summary(known)

    def _known(self) -> dict[int, Any]:
        """Return the parts of the state that are copied already."""
        best = self.training.progress.best
        if self._best[0] != best.epoch:
            self._best = best.epoch, snapshot(best.weights)
        return {id(best.weights): self._best[1]}

    def _beside(self) -> dict[str, Any]:
        # Pictures of a finished epoch can be drawn again after a resume: do not wait for them.
        if self.training.progress.batch:
            self.board.finish_pictures()
        sizes = {"metrics": self.run.size(), "events": self.board.sizes()}
        return {"config": self.config, "data": self.data, "sizes": sizes, "undrawn": self.board.undrawn()}

    def _close_after(self, error: BaseException) -> None:
        """Write the waiting snapshots after the run has failed; its error matters more than an error in writing."""
        try:
            self.writer.close()
        except Exception as failure:
            if failure not in (error, error.__cause__):
                log.warning("the last checkpoint could not be written: %s", in_one_line(failure))


def check_weights(training: TrainingState) -> None:
    """Raise RunFailed if a weight is not finite: bad weights must not overwrite good ones."""
    # aminmax() returns NaN if the weights contain one, in a single pass; isfinite() takes twenty times as long.
    ranges = [torch.stack(p.detach().aminmax()) for p in training.job.model.parameters() if p.numel()]
    if not torch.stack(ranges).isfinite().all():
        raise RunFailed(f"the weights are no longer finite in epoch {training.progress.epoch}: {ADVICE}")
