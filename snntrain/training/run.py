"""One run, from a validated configuration to its summary."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from snntrain.config.schema import Config
from snntrain.cost.count import Cost, not_counted
from snntrain.data.fingerprint import fingerprint
from snntrain.inspect.tensorboard import Board
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.state import PAUSED
from snntrain.signals import Stop, machine
from snntrain.training.evaluation import kept_test
from snntrain.training.evaluation.evaluate import tied
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job import build, world
from snntrain.training.job.build import Job
from snntrain.training.job.device_entries import device_entries
from snntrain.training.job.out_of_memory import EVALUATION, explained
from snntrain.training.logs.cost_scalars import cost_scalars
from snntrain.training.logs.hparams import final_metrics, hyper_parameters
from snntrain.training.logs.journal import Journal
from snntrain.training.logs.monitor import Monitor
from snntrain.training.logs.summary import first_lines, job_entries, last_line, paused_line
from snntrain.training.loop import fit
from snntrain.training.progress import Best
from snntrain.training.saving import resume
from snntrain.training.saving.saver import Saver
from snntrain.training.state import begin

log = logging.getLogger("snntrain")


def train(config: Config, folder: Path, command: Sequence[str] = ()) -> dict[str, Any]:
    """Train, test once at the end, and return the content of summary.json. A run that pauses is not tested.

    If the folder has checkpoints of this run, the run resumes from them.

    Args:
        config: the settings of the run, checked.
        folder: the run folder; all output is written there.
        command: the command line as it was typed, for environment.json.

    Raises:
        UserError: before training: the settings do not fit each other, the machine or the data, or the folder belongs
            to another run.
        RunFailed: training could not continue.
        Interrupted: a signal ended the run.
    """
    with RunFolder(folder, config.name, config.allow_targets, config) as run, ExitStack() as settings:
        here = world.decide(config.trainer)
        settings.enter_context(explained(config, here))
        settings.enter_context(here.current())
        saved = resume.saved(config, run)
        if saved is None:
            run.write_config(config)
        run.write_environment(device_entries(here.device, here.device_name), command)
        job = build.prepare(config, here)
        # After the import of the user's own modules, which may change the same switches.
        settings.enter_context(job.computing())
        run.summary |= job_entries(job)
        run.write_summary()
        log.info(first_lines(job))
        here.report(config.trainer)
        data = fingerprint(job.data)
        training = begin(job) if saved is None else resume.restore(job, saved, data)
        # Not earlier: a run that cannot be resumed must keep its old configuration.
        run.write_config(config)
        resume.cut_back(run, saved)
        monitor = Monitor(job) if config.monitor.every else None
        with (
            Board(run.tensorboard, after=training.progress.finished) as board,
            machine.training() as stop,
            Saver(training, data, run, board) as saver,
        ):
            journal = Journal(job, run, board, monitor)
            resume.restore_outputs(training, journal, saver, saved)
            fit(training, journal, saver, stop)
            if training.progress.pauses(config.trainer):
                run.ending = PAUSED
                log.info(paused_line(training.progress, config.trainer, run))
                return run.summary
            test(job, training.progress.best, run, board, stop)
            board.hyper_parameters(hyper_parameters(config, job.data.name), final_metrics(run.summary))
    log.info(last_line(run))
    return run.summary


def test(job: Job, best: Best, run: RunFolder, board: Board, stop: Stop) -> None:
    """Test the last and the best weights on the unseen test images, and count the cost of the best network.

    Raises:
        Stopped: a signal has arrived.
    """
    network = job.evaluated.network
    with explained(job.config, job.world, EVALUATION):
        of_last = metrics_on_test(job, stop)
        entries = {"last": kept_test.entry(network, of_last)}
        network.load_state_dict(best.weights)
        with Cost(network) as counting:
            of_best = metrics_on_test(job, stop)
    entries["best"] = kept_test.entry(network, of_best)
    with run.writing():
        kept_test.write(run.path, entries)
    run.summary |= {"test_accuracy": of_best.accuracy, "test_accuracy_last": of_last.accuracy}
    run.summary |= {"test_ties": of_best.ties, "test_ties_last": of_last.ties}
    if of_best.ties:
        log.info("test images: %s", tied(of_best))
    run.summary["cost"] = cost = counting.figures(len(job.data.test))
    for name, kind in not_counted(cost, network).items():
        log.warning("the cost of %s (%s) is not known: its operations cannot be counted", name, kind)
    board.scalars(run.summary["epochs"], cost_scalars(cost))
