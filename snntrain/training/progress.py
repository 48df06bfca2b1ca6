"""How far a run has come, and which of its epochs was the best."""

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
    """The best validation so far: by accuracy, then by loss; `weights` are a copy of those that it was of."""

    epoch: int = 0
    score: tuple[float, float] = (-math.inf, -math.inf)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def update(self, metrics: Metrics, epoch: int, net: nn.Module) -> bool:
        """Whether this epoch is the best so far."""
        score = (metrics.accuracy, -metrics.loss)
        if score <= self.score:
            return False
        self.epoch, self.score = epoch, score
        self.weights = {name: value.clone() for name, value in net.state_dict().items()}
        return True


@dataclass
class Progress:
    """All that changes while a run trains, besides the weights and what moves them.

    Args:
        tally: of the batches of the epoch that is being trained.
        epoch: its number, from 1.
        batch: how many batches of it are done.
        seconds: that they took.
        learning_rate: of the first of them.
        best: of the finished epochs.
        train_seconds, images: of the finished epochs together.
    """

    tally: Tally
    epoch: int = 1
    batch: int = 0
    seconds: float = 0.0
    learning_rate: float = 0.0
    best: Best = field(default_factory=Best)
    train_seconds: float = 0.0
    images: int = 0

    @property
    def finished(self) -> int:
        """How many epochs are trained and validated."""
        return self.epoch - 1

    def stopped_early(self, trainer: Trainer) -> bool:
        """Whether validation has not become better for as many epochs as `trainer.early_stopping` allows."""
        return trainer.early_stopping is not None and self.finished - self.best.epoch >= trainer.early_stopping

    def is_over(self, trainer: Trainer) -> bool:
        """Whether all epochs are finished, or no more are worth it."""
        return self.finished >= trainer.epochs or self.stopped_early(trainer)

    def next_epoch(self) -> None:
        """The epoch has been trained and validated."""
        self.train_seconds += self.seconds
        self.images += self.tally.images()
        self.epoch, self.batch, self.seconds = self.epoch + 1, 0, 0.0
        self.tally.clear()

    def state(self) -> dict[str, Any]:
        """What `put_back` takes."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "tally": self.tally.sums(),
            "learning_rate": self.learning_rate,
            "best": {"epoch": self.best.epoch, "score": self.best.score, "weights": self.best.weights},
            "images": self.images,
            "clock": {"seconds": self.seconds, "train_seconds": self.train_seconds},
        }

    def put_back(self, state: dict[str, Any]) -> None:
        """Goes on from where `state` was taken."""
        self.epoch, self.batch, self.images = state["epoch"], state["batch"], state["images"]
        self.learning_rate = state["learning_rate"]
        for name, sums in self.tally.sums().items():
            # Earlier versions counted no ties; what training has of them is shown nowhere.
            if name != "ties" or name in state["tally"]:
                sums.copy_(state["tally"][name])
        best = state["best"]
        device = self.tally.loss.device
        weights = {name: value.to(device) for name, value in best["weights"].items()}
        self.best = Best(best["epoch"], best["score"], weights)
        self.seconds, self.train_seconds = state["clock"]["seconds"], state["clock"]["train_seconds"]


def beginning(job: Job) -> Progress:
    """Of a job of which nothing is trained yet."""
    return Progress(Tally(job.classes, job.world.device, job.model.readout, finite_only=True))
