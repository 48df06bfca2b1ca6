"""The training loop."""

import math
import time
from dataclasses import dataclass

import torch

from snntrain.errors import RunFailed
from snntrain.inspect.rates import FiringRates
from snntrain.training.build import Job
from snntrain.training.evaluate import Metrics, Tally, evaluate
from snntrain.training.journal import Epoch, Journal
from snntrain.training.progress import progress
from snntrain.training.step import TrainingStep


def fit(job: Job, journal: Journal) -> None:
    """Trains for the configured number of epochs, or until validation no longer improves.

    Each epoch ends with a validation, and with a checkpoint of the last and, where it improved, of the best weights.

    Raises:
        RunFailed: the loss or a weight is no longer a finite number.
    """
    trainer = job.config.trainer
    step, best = TrainingStep(job), Best()
    for number in range(1, trainer.epochs + 1):
        learning_rate = float(job.optimizer.param_groups[0]["lr"])
        training, seconds = train_epoch(job, step, number)
        with FiringRates(job.evaluated.network) as rates:
            validation = evaluate(job.evaluated, job.loss, job.validation.epoch(), job.classes, job.precision)
        improved = best.update(validation, number)
        no_better = trainer.early_stopping is not None and number - best.epoch >= trainer.early_stopping
        journal.epoch(
            Epoch(number, training, validation, rates, step.gradient_norms(), learning_rate, seconds),
            improved=improved,
            last=no_better or number == trainer.epochs,
        )
        if no_better:
            journal.say(f"stopped early: no better validation accuracy in {trainer.early_stopping} epochs")
            break


def train_epoch(job: Job, step: TrainingStep, number: int) -> tuple[Metrics, float]:
    """One pass over the training images; returns its metrics and its seconds."""
    job.model.train()
    tally = Tally(job.classes, job.runtime.device)
    started = time.perf_counter()
    batches = job.train.epoch(number)
    title = f"epoch {number}/{job.config.trainer.epochs}"
    for index, (images, labels) in enumerate(progress(batches, len(job.train), title, tally)):
        loss, spikes = step(images, labels, index)
        tally.add(loss, spikes, labels)
    metrics = tally.metrics()
    seconds = time.perf_counter() - started
    _check_finite(job, metrics.loss, number)
    return metrics, seconds


def _check_finite(job: Job, loss: float, number: int) -> None:
    """Raises RunFailed where the loss or a weight is not finite."""
    if not math.isfinite(loss):
        wrong = f"the training loss became {loss}"
    # A neuron whose potential is NaN is silent, and the loss of silence is an ordinary number.
    elif not torch.stack([p.isfinite().all() for p in job.model.parameters()]).all():
        wrong = "the weights are no longer finite"
    else:
        return
    raise RunFailed(
        f"{wrong} in epoch {number}: try a lower optimizer.lr, trainer.clip_grad_norm=1 or trainer.precision=fp32"
    )


@dataclass
class Best:
    """The best validation so far: by accuracy, then by loss."""

    epoch: int = 0
    score: tuple[float, float] = (-math.inf, -math.inf)

    def update(self, metrics: Metrics, epoch: int) -> bool:
        """Whether this epoch is the best so far."""
        score = (metrics.accuracy, -metrics.loss)
        if score <= self.score:
            return False
        self.epoch, self.score = epoch, score
        return True
