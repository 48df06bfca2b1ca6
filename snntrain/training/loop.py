"""The training loop."""

import logging
import math
import time
from collections.abc import Callable

from torch import nn

from snntrain.cost.rates import FiringRates
from snntrain.errors import RunFailed
from snntrain.neuron import begin_epoch
from snntrain.signals import Stop, Stopped
from snntrain.training.agreement import Agreement
from snntrain.training.evaluation.evaluate import Metrics, evaluate
from snntrain.training.job.build import Job
from snntrain.training.job.optimisation import learning_rates
from snntrain.training.job.out_of_memory import EVALUATION, explained
from snntrain.training.logs.bar import with_bar
from snntrain.training.logs.journal import Epoch, Journal
from snntrain.training.saving.saver import Saver, check_weights
from snntrain.training.schedule.of_groups import validated
from snntrain.training.silent import SilentJournal, SilentSaver
from snntrain.training.state import TrainingState
from snntrain.training.step.bad_steps import ADVICE

log = logging.getLogger("snntrain")


def fit(training: TrainingState, journal: Journal | SilentJournal, saver: Saver | SilentSaver, stop: Agreement) -> None:
    """Train until all epochs are done, the run pauses, or validation no longer improves.

    Every epoch is validated and saved; if a signal interrupts one, its part is saved.

    Args:
        training: the state from which to train.
        journal: records each epoch.
        saver: saves the state.
        stop: can end the training between two steps, and has the state saved between two steps.

    Raises:
        RunFailed: the loss, a gradient or a weight stays infinite or NaN, or nothing can be saved.
        Stopped: a signal has arrived.
    """
    trainer, progress = training.job.config.trainer, training.progress

    def between_steps() -> None:
        stop.check(failing=training.step.failing())
        if stop.failing:
            raise _failed(training)
        if stop.save_now:
            saver.save()

    try:
        while not (progress.is_over(trainer) or progress.pauses(trainer)):
            stop.check()
            trained = train_epoch(training, between_steps)
            align(training)
            validation, rates = validate(training.job, stop)
            epoch = finish_epoch(training, trained, validation, rates)
            journal.epoch(epoch, last=progress.is_over(trainer))
            if epoch.improved:
                saver.save_best()
            saver.save()
    except Stopped:
        saver.save()
        raise
    saver.wait()
    if progress.finished < trainer.epochs and not progress.pauses(trainer):
        journal.say(f"stopped early: no better validation (accuracy, then loss) in {trainer.early_stopping} epochs")


def train_epoch(training: TrainingState, between_steps: Callable[[], None] = lambda: None) -> Metrics:
    """Train the rest of an epoch, and return the metrics of the whole epoch.

    Args:
        training: at the start of an epoch or in the middle of it.
        between_steps: called between two steps, when a checkpoint can be taken; not after the last step.

    Raises:
        RunFailed: the loss, a gradient or a weight stays infinite or NaN.
    """
    job, step, progress = training.job, training.step, training.progress
    job.model.train()
    step.epoch = progress.epoch
    begin_epoch(nn.ModuleList([job.model, job.evaluated]), progress.epoch, job.config.trainer.epochs)
    if progress.batch == 0:
        progress.learning_rate = float(job.optimizer.param_groups[0]["lr"])
        progress.learning_rates = learning_rates(job.optimizer, job.groups)
    started = time.perf_counter() - progress.seconds
    count = len(job.train)
    draws = job.train.draws(progress.epoch, start=progress.batch)
    title = f"epoch {progress.epoch}/{job.config.trainer.epochs}"
    for draw in with_bar(draws, progress.batch, count, title, progress.tally):
        step(draw, progress.batch)
        progress.batch += 1
        progress.seconds = time.perf_counter() - started
        # A checkpoint cannot hold half of an accumulated step.
        if not step.pending and progress.batch < count:
            between_steps()
    metrics = progress.tally.metrics()
    # The metrics waited for the GPU, so that all processes know the same; between steps they may be some steps behind.
    if step.failing():
        raise _failed(training)
    progress.seconds = time.perf_counter() - started
    if not math.isfinite(metrics.loss):
        raise RunFailed(f"the training loss was never finite in epoch {progress.epoch}: {ADVICE}")
    check_weights(training)
    return metrics


def _failed(training: TrainingState) -> RunFailed:
    return RunFailed(f"in epoch {training.progress.epoch} {training.step.failure()}")


def align(training: TrainingState) -> None:
    """Give all processes the same weights again, if they have drifted apart, and the same random numbers."""
    job = training.job
    # A layer of the user's own may have drawn another number of random numbers in each process.
    job.world.share_random_state()
    models = [job.model] if job.average is None else [job.model, job.average.model]
    if any(job.world.align(model) for model in models):
        log.warning(
            "epoch %d: the weights of the processes differed by rounding, which processors of different types do; "
            "all have those of process 0 now",
            training.progress.epoch,
        )


def validate(job: Job, stop: Stop) -> tuple[Metrics, FiringRates]:
    """Return the metrics of the evaluated model on the validation images, and the firing rates of its neurons.

    Raises:
        Stopped: a signal has arrived.
    """
    with explained(job.config, job.world, EVALUATION), FiringRates(job.evaluated.network) as rates:
        images = stop.between(job.validation.epoch())
        metrics = evaluate(job.evaluated, job.loss, images, job.classes, job.world.precision, job.world.sum)
        rates.add_up(job.world.sum)
        return metrics, rates


def finish_epoch(training: TrainingState, trained: Metrics, validation: Metrics, rates: FiringRates) -> Epoch:
    """Close a trained and validated epoch, and return its results."""
    step, progress = training.step, training.progress
    epoch = Epoch(
        number=progress.epoch,
        training=trained,
        validation=validation,
        improved=progress.best.update(validation, progress.epoch, training.job.evaluated.network),
        rates=rates,
        gradient_norms=step.gradient_norms(),
        skipped=step.skipped(),
        learning_rate=progress.learning_rate,
        learning_rates=progress.learning_rates,
        seconds=progress.seconds,
    )
    validated(training.job.scheduler, validation.accuracy, validation.loss)
    progress.next_epoch()
    return epoch
