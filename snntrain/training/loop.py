"""The training loop."""

import math
import time

from snntrain.errors import RunFailed
from snntrain.inspect.rates import FiringRates
from snntrain.training.bad_steps import ADVICE
from snntrain.training.bar import with_bar
from snntrain.training.build import Job
from snntrain.training.evaluate import Metrics, evaluate
from snntrain.training.journal import Epoch, Journal
from snntrain.training.memory import explained
from snntrain.training.progress import Progress
from snntrain.training.saving.saver import Saver, check_weights
from snntrain.training.step import TrainingStep
from snntrain.training.stop import Stop, Stopped


def fit(job: Job, step: TrainingStep, progress: Progress, journal: Journal, saver: Saver, stop: Stop) -> None:
    """Trains from where the run has come to until it is over: all epochs, or validation no longer improves.

    Each epoch ends with a validation and is saved, and so is what a signal interrupts.

    Raises:
        RunFailed: the loss, a gradient or a weight is not a finite number, and stays so; nothing can be saved.
        Stopped: a signal has asked for it.
    """
    trainer = job.config.trainer
    try:
        while not progress.is_over(trainer):
            stop.check()
            if progress.batch == 0:
                progress.learning_rate = float(job.optimizer.param_groups[0]["lr"])
            training = train_epoch(job, step, progress, saver, stop)
            with explained(job.config, evaluating=True), FiringRates(job.evaluated.network) as rates:
                images = stop.between(job.validation.epoch())
                validation = evaluate(job.evaluated, job.loss, images, job.classes, job.precision)
            number, learning_rate, seconds = progress.epoch, progress.learning_rate, progress.seconds
            improved = progress.best.update(validation, number, job.evaluated.network)
            norms, skipped = step.gradient_norms(), step.skipped()
            progress.next_epoch()
            journal.epoch(
                Epoch(number, training, validation, rates, norms, skipped, learning_rate, seconds),
                improved=improved,
                last=progress.is_over(trainer),
            )
            if improved:
                saver.save_best()
            saver.save()
            journal.figures(progress)
    except Stopped:
        saver.save()
        raise
    if progress.finished < trainer.epochs:
        journal.say(f"stopped early: no better validation accuracy in {trainer.early_stopping} epochs")


def train_epoch(
    job: Job, step: TrainingStep, progress: Progress, saver: Saver | None = None, stop: Stop | None = None
) -> Metrics:
    """What is left of a pass over the training images; returns the metrics of the whole pass."""
    job.model.train()
    started = time.perf_counter() - progress.seconds
    count = len(job.train)
    batches = job.train.epoch(progress.epoch, start=progress.batch)
    title = f"epoch {progress.epoch}/{job.config.trainer.epochs}"
    for images, labels in with_bar(batches, progress.batch, count, title, progress.tally):
        loss, spikes = step(images, labels, progress.batch)
        progress.tally.add(loss, spikes, labels)
        progress.batch += 1
        progress.seconds = time.perf_counter() - started
        if step.failing():
            raise RunFailed(f"in epoch {progress.epoch} {step.failure()}")
        # Gradients that are being accumulated are in no checkpoint.
        if not step.pending and progress.batch < count:
            if stop is not None:
                stop.check()
            if saver is not None and saver.due():
                saver.save()
    metrics = progress.tally.metrics()
    # Until here it may have been some steps behind a GPU.
    if step.failing():
        raise RunFailed(f"in epoch {progress.epoch} {step.failure()}")
    progress.seconds = time.perf_counter() - started
    if not math.isfinite(metrics.loss):
        raise RunFailed(f"the training loss was never finite in epoch {progress.epoch}: {ADVICE}")
    check_weights(job, progress)
    return metrics
