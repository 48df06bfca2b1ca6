"""When a run is saved, and what else must be on the disk by then."""

from __future__ import annotations

import time
from typing import Any

import torch

from snntrain.errors import RunFailed
from snntrain.inspect.tensorboard import Board
from snntrain.training.bad_steps import ADVICE
from snntrain.training.run_folder import RunFolder
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.state import best_state, whole_state
from snntrain.training.training import Training


class Saver:
    """Saves a run into its checkpoints, each with the sizes that the other files have: they are gone on from there.

    Args:
        training: what is saved.
        data: fingerprint of the job's data.
        run: whose folder it is.
        board: of that folder.
    """

    def __init__(self, training: Training, data: str, run: RunFolder, board: Board) -> None:
        self.training, self.data, self.run, self.board = training, data, run, board
        self.checkpoints = Checkpoints(run.checkpoints)
        minutes = training.job.config.trainer.checkpoint_minutes
        self.seconds = None if minutes is None else 60 * minutes
        self._saved = time.monotonic()

    def due(self) -> bool:
        """Whether `trainer.checkpoint_minutes` have gone by since the last time."""
        return self.seconds is not None and time.monotonic() - self._saved >= self.seconds

    def save(self) -> None:
        """Saves all that the run goes on from; to be called between two steps.

        Raises:
            RunFailed: it cannot be written, or is nothing to go on from.
        """
        check_weights(self.training)
        with self.run.writing():
            self.checkpoints.save(whole_state(self.training) | self._beside())
        self._saved = time.monotonic()

    def save_best(self) -> None:
        """Saves the best weights.

        Raises:
            RunFailed: they cannot be written.
        """
        with self.run.writing():
            self.checkpoints.save_best(best_state(self.training.progress.best))

    def mend_best(self) -> None:
        """Saves the best weights again, where their file is not whole or is of another epoch than it should be."""
        epoch = self.training.progress.best.epoch
        if epoch and not self.checkpoints.best_is_of(epoch):
            self.save_best()

    def _beside(self) -> dict[str, Any]:
        # At the end of an epoch the next one need not wait for its pictures: they can be drawn again.
        if self.training.progress.batch:
            self.board.finish_pictures()
        sizes = {"metrics": self.run.size(), "events": self.board.sizes()}
        return {"data": self.data, "sizes": sizes, "undrawn": self.board.undrawn()}


def check_weights(training: Training) -> None:
    """Raises RunFailed where a weight is not finite: such weights are not saved over good ones."""
    if not torch.stack([p.isfinite().all() for p in training.job.model.parameters()]).all():
        raise RunFailed(f"the weights are no longer finite in epoch {training.progress.epoch}: {ADVICE}")
