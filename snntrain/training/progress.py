"""The progress of a run, and its best epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from snntrain.config.schema import Trainer
from snntrain.training.evaluation.evaluate import Metrics, Tally
from snntrain.training.job.build import Job


@dataclass
class Best:
    """The best validation so far, by accuracy, then by loss; `weights` are a copy of that epoch's weights."""

    epoch: int = 0
    score: tuple[float, float] = (-math.inf, -math.inf)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def update(self, metrics: Metrics, epoch: int, net: nn.Module) -> bool:
        """Return whether this epoch is the best so far; if so, keep its weights."""
        score = (metrics.accuracy, -metrics.loss)
        if score <= self.score:
            return False
        self.epoch, self.score = epoch, score
        self.weights = {name: value.clone() for name, value in net.state_dict().items()}
        return True


@dataclass
class Progress:
    """The position of a run in its epochs, and the results so far.

    Args:
        tally: sums over the current epoch.
        epoch: number of the current epoch, from 1.
        batch: number of batches of this epoch that are done.
        seconds: time that these batches took.
        learning_rate: learning rate of the first batch, in the first parameter group.
        learning_rates: those of the other parameter groups, by name, if they have their own.
        best: the best of the finished epochs.
        train_seconds, images: totals of the finished epochs.
    """

    tally: Tally
    epoch: int = 1
    batch: int = 0
    seconds: float = 0.0
    learning_rate: float = 0.0
    learning_rates: dict[str, float] = field(default_factory=dict)
    best: Best = field(default_factory=Best)
    train_seconds: float = 0.0
    images: int = 0

    @property
    def finished(self) -> int:
        """The number of trained and validated epochs."""
        return self.epoch - 1

    def stopped_early(self, trainer: Trainer) -> bool:
        """Return whether validation has not improved for `trainer.early_stopping` epochs."""
        return trainer.early_stopping is not None and self.finished - self.best.epoch >= trainer.early_stopping

    def is_over(self, trainer: Trainer) -> bool:
        """Return whether the run has no more epochs to train."""
        return self.finished >= trainer.epochs or self.stopped_early(trainer)

    def pauses(self, trainer: Trainer) -> bool:
        """Return whether the run pauses here, with epochs left for a later start."""
        reached = trainer.pause_after is not None and self.finished >= trainer.pause_after
        return reached and not self.is_over(trainer)

    def next_epoch(self) -> None:
        """Start the next epoch, after the current one was trained and validated."""
        self.train_seconds += self.seconds
        self.images += self.tally.images()
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0
        self.tally.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return the progress, for `load_state_dict`."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "tally": self.tally.sums(),
            "learning_rate": self.learning_rate,
            "learning_rates": self.learning_rates,
            "best": {"epoch": self.best.epoch, "score": self.best.score, "weights": self.best.weights},
            "images": self.images,
            "clock": {"seconds": self.seconds, "train_seconds": self.train_seconds},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the progress from a `state_dict()`."""
        self.epoch, self.batch, self.images = state["epoch"], state["batch"], state["images"]
        self.learning_rate = state["learning_rate"]
        # Earlier versions kept only the first.
        self.learning_rates = dict(state.get("learning_rates", {}))
        for name, sums in self.tally.sums().items():
            # Earlier versions counted no ties; the ties of training are not shown.
            if name != "ties" or name in state["tally"]:
                sums.copy_(state["tally"][name])
        best = state["best"]
        device = self.tally.loss.device
        weights = {name: value.to(device) for name, value in best["weights"].items()}
        self.best = Best(best["epoch"], best["score"], weights)
        self.seconds, self.train_seconds = state["clock"]["seconds"], state["clock"]["train_seconds"]


def fresh_progress(job: Job) -> Progress:
    """Return the progress of a run before its first step."""
    return Progress(Tally(job.classes, job.world.device, job.model.readout, finite_only=True))
