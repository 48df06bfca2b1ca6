"""The results of each epoch: on the terminal, in the run folder and in TensorBoard."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from snntrain.config.values import as_yaml
from snntrain.cost.rates import FiringRates
from snntrain.inspect.tensorboard import Board
from snntrain.neuron import learnt_constants
from snntrain.runs.run_folder import RunFolder
from snntrain.training.evaluation.evaluate import Metrics
from snntrain.training.job.build import Job
from snntrain.training.logs.monitor import Monitor
from snntrain.training.logs.summary import progress_entries
from snntrain.training.progress import Progress

log = logging.getLogger("snntrain")


@dataclass(frozen=True)
class Epoch:
    """The results of one epoch.

    Args:
        number: from 1.
        training, validation: metrics over the images of each.
        improved: whether the weights are the best so far.
        rates: firing rates in validation.
        gradient_norms: mean over the steps, per layer; empty without a monitor.
        skipped: number of steps that were skipped because the loss or a gradient was not finite.
        learning_rate: learning rate of the first step.
        learning_rates: those of the other parameter groups, by name, if they have their own.
        seconds: time of training.
    """

    number: int
    training: Metrics
    validation: Metrics
    improved: bool
    rates: FiringRates
    gradient_norms: Mapping[str, float]
    skipped: int
    learning_rate: float
    learning_rates: Mapping[str, float]
    seconds: float

    @property
    def images(self) -> int:
        """The number of training images."""
        return int(self.training.confusion.sum())

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds


class Journal:
    """The record of each epoch of a job; `monitor` is None if no neurons are watched."""

    def __init__(self, job: Job, run: RunFolder, board: Board, monitor: Monitor | None) -> None:
        self.job = job
        self.run = run
        self.board = board
        self.monitor = monitor
        # On a CPU training uses all cores: drawing at the same time would save nothing.
        if monitor is not None and job.world.device.type == "cuda":
            board.draw_beside()

    def configuration(self, epoch: int = 0) -> None:
        """Write the configuration that applies after `epoch`, and the layout of its charts."""
        self.board.config(as_yaml(self.job.config), epoch)
        learnt = learnt_constants(self.job.model.network)
        self.board.layout(monitored=self.monitor is not None, learnt=learnt)

    def say(self, line: str) -> None:
        """Write a line on the terminal and to train.log."""
        log.info(line)

    def epoch(self, epoch: Epoch, *, last: bool) -> None:
        """Record an epoch in the run folder, in TensorBoard and on the terminal.

        Args:
            epoch: its results.
            last: whether it is the last one.

        Raises:
            RunFailed: the run folder cannot be written.
        """
        learnt = learnt_constants(self.job.evaluated.network)
        self.run.append_metrics(self._row(epoch, learnt))
        self._show(epoch, learnt)
        if self.monitor is not None:
            with self.board.tolerant("the monitor of the neurons"):
                self._look(self.monitor, epoch, last)
        total = self.job.config.trainer.epochs
        ties = f" ties {epoch.validation.ties}" if epoch.validation.ties else ""
        self.say(
            f"epoch {epoch.number:>{len(str(total))}}/{total}"
            f"  train loss {epoch.training.loss:.4f} accuracy {epoch.training.accuracy:.4f}"
            f"  val loss {epoch.validation.loss:.4f} accuracy {epoch.validation.accuracy:.4f}{ties}"
            f"  {epoch.images_per_second:,.0f} images/s{'  best so far' if epoch.improved else ''}"
        )
        if epoch.skipped:
            log.warning("epoch %d: %d steps were left out, loss or gradient not finite", epoch.number, epoch.skipped)

    def summarise(self, progress: Progress) -> None:
        """Write the entries of summary.json about the finished epochs.

        Raises:
            RunFailed: it cannot be written.
        """
        self.run.write_summary(progress_entries(progress))

    def draw_again(self, epoch: int, confusion: Tensor) -> None:
        """Draw the pictures of an epoch that were missing in TensorBoard when the run was saved."""
        if self.monitor is not None:
            with self.board.tolerant("the monitor of the neurons"):
                probes = self.monitor.look(drawn=True).probes
                assert probes is not None
                self.board.pictures(epoch, probes, confusion.numpy(), self.job.config.monitor.neurons)

    def _row(self, epoch: Epoch, learnt: dict[str, float]) -> dict[str, Any]:
        return {
            "epoch": epoch.number,
            "train_loss": epoch.training.loss,
            "train_accuracy": epoch.training.accuracy,
            "val_loss": epoch.validation.loss,
            "val_accuracy": epoch.validation.accuracy,
            "val_ties": epoch.validation.ties,
            "learning_rate": epoch.learning_rate,
            **({"learning_rates": dict(epoch.learning_rates)} if epoch.learning_rates else {}),
            "skipped_steps": epoch.skipped,
            "seconds": round(epoch.seconds, 3),
            "images_per_second": round(epoch.images_per_second, 1),
            "firing_rates": epoch.rates.means(),
            "learnt": learnt,
        }

    def _show(self, epoch: Epoch, learnt: dict[str, float]) -> None:
        self.board.scalars(
            epoch.number,
            {
                "loss/train": epoch.training.loss,
                "loss/validation": epoch.validation.loss,
                "accuracy/train": epoch.training.accuracy,
                "accuracy/validation": epoch.validation.accuracy,
                "training/learning_rate": epoch.learning_rate,
                "training/images_per_second": epoch.images_per_second,
                "training/skipped_steps": epoch.skipped,
                **by_layer("learning_rate", epoch.learning_rates),
                **by_layer("firing_rate", epoch.rates.means()),
                **by_layer("silent", epoch.rates.silent()),
                **by_layer("saturated", epoch.rates.saturated()),
                **by_layer("gradient_norm", epoch.gradient_norms),
                **learnt,
            },
        )

    def _look(self, monitor: Monitor, epoch: Epoch, last: bool) -> None:
        seen = monitor.look(drawn=monitor.draws(epoch.number, last))
        self.board.scalars(epoch.number, by_layer("surrogate_window", seen.in_window))
        self.board.histograms(epoch.number, seen.distances)
        if seen.probes is not None:
            confusion = epoch.validation.confusion.numpy()
            self.board.pictures(epoch.number, seen.probes, confusion, self.job.config.monitor.neurons)


def by_layer(group: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return numbers by their tag, `group/layer`."""
    return {f"{group}/{layer}": value for layer, value in values.items()}
