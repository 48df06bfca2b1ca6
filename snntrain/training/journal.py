"""What a run tells of itself: on the terminal, in its folder, in TensorBoard."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from snntrain.data.batches import Batches
from snntrain.data.dataset import ImageTensors
from snntrain.inspect.samples import choose_samples
from snntrain.inspect.tensorboard import Board
from snntrain.neuron import PLIFNode, RIFNode, spiking_layers
from snntrain.training import checkpoint
from snntrain.training.build import Job
from snntrain.training.evaluate import Metrics
from snntrain.training.look import look
from snntrain.training.run_folder import RunFolder

log = logging.getLogger("snntrain")


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; `firing_rates` are spikes a neuron and step in validation, a layer each."""

    number: int
    training: Metrics
    validation: Metrics
    firing_rates: Mapping[str, float]
    learning_rate: float
    seconds: float
    images_per_second: float


class Journal:
    """Writes down each epoch of a job, and its end."""

    def __init__(self, job: Job, run: RunFolder, board: Board) -> None:
        self.job = job
        self.run = run
        self.board = board
        self.train_seconds = 0.0
        self.images = 0
        self.probes, self.probe_labels = probe_batch(job)
        board.config(OmegaConf.to_yaml(job.config, resolve=True))
        # On a CPU training takes all cores, and is slowed by as much as drawing takes.
        if job.config.monitor.every and job.runtime.device.type == "cuda":
            board.draw_beside()

    def say(self, line: str) -> None:
        """A line on the terminal and in train.log."""
        log.info(line)

    def epoch(self, epoch: Epoch, improved: bool) -> None:
        """Writes an epoch down everywhere, and its checkpoints."""
        self.train_seconds += epoch.seconds
        self.images += int(epoch.training.confusion.sum())
        self._save(epoch, "last")
        if improved:
            self._save(epoch, "best")
            self.run.summary |= {"best_epoch": epoch.number, "val_accuracy": epoch.validation.accuracy}
        self.run.summary |= self._figures(epoch.number)
        self.run.write_summary()
        learnt = learnt_constants(self.job.evaluated.network)
        self.run.append_metrics(self._row(epoch, learnt))
        self._show(epoch, learnt)
        total = self.job.config.trainer.epochs
        self.say(
            f"epoch {epoch.number:>{len(str(total))}}/{total}"
            f"  train loss {epoch.training.loss:.4f} accuracy {epoch.training.accuracy:.4f}"
            f"  val loss {epoch.validation.loss:.4f} accuracy {epoch.validation.accuracy:.4f}"
            f"  {epoch.images_per_second:,.0f} images/s{'  best so far' if improved else ''}"
        )

    def _row(self, epoch: Epoch, learnt: dict[str, float]) -> dict[str, Any]:
        return {
            "epoch": epoch.number,
            "train_loss": epoch.training.loss,
            "train_accuracy": epoch.training.accuracy,
            "val_loss": epoch.validation.loss,
            "val_accuracy": epoch.validation.accuracy,
            "learning_rate": epoch.learning_rate,
            "seconds": round(epoch.seconds, 3),
            "images_per_second": round(epoch.images_per_second, 1),
            "firing_rates": dict(epoch.firing_rates),
            "learnt": learnt,
        }

    def _figures(self, epochs: int) -> dict[str, Any]:
        return {
            "epochs": epochs,
            "train_seconds": round(self.train_seconds, 3),
            "images_per_second": round(self.images / max(self.train_seconds, 1e-9), 1),
        }

    def _save(self, epoch: Epoch, name: str) -> None:
        job = self.job
        checkpoint.save(
            self.run.checkpoints / f"{name}.pt",
            {
                "epoch": epoch.number,
                "val_accuracy": epoch.validation.accuracy,
                "model": job.evaluated.network.state_dict(),
                "trained": None if job.average is None else job.model.network.state_dict(),
                "optimizer": job.optimizer.state_dict(),
                "scheduler": job.scheduler.state_dict(),
                "scaler": job.scaler.state_dict(),
            },
        )

    def _show(self, epoch: Epoch, learnt: dict[str, float]) -> None:
        monitor = self.job.config.monitor
        self.board.scalars(
            epoch.number,
            {
                "loss/train": epoch.training.loss,
                "loss/validation": epoch.validation.loss,
                "accuracy/train": epoch.training.accuracy,
                "accuracy/validation": epoch.validation.accuracy,
                "training/learning_rate": epoch.learning_rate,
                "training/images_per_second": epoch.images_per_second,
                **{f"firing_rate/{name}": rate for name, rate in epoch.firing_rates.items()},
                **learnt,
            },
        )
        if monitor.every and epoch.number % monitor.every == 0:
            confusion = epoch.validation.confusion.numpy()
            self.board.probes(epoch.number, look(self.job, self.probes, self.probe_labels), confusion, monitor.neurons)


def probe_batch(job: Job) -> tuple[Tensor, Tensor]:
    """The validation images that are recorded, as the model is given them, and their labels."""
    split = job.data.validation
    chosen = choose_samples(split.labels, job.config.monitor.samples, job.config.seed)
    probes = ImageTensors(torch.stack([split[index] for index in chosen]), split.labels[chosen])
    batches = Batches(probes, batch_size=len(chosen), scale=job.data.scale, device=job.runtime.device)
    return next(batches.epoch())


def learnt_constants(net: nn.Module) -> dict[str, float]:
    """tau of every PLIF layer and w of every RIF layer, by the layer's name."""
    constants = {}
    for name, layer in spiking_layers(net):
        if isinstance(layer, PLIFNode):
            constants[f"tau/{name}"] = layer.tau()
        elif isinstance(layer, RIFNode):
            constants[f"w/{name}"] = layer.w().item()
    return constants
