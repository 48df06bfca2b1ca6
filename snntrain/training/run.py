"""One run, from a validated configuration to its summary."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snntrain.config.schema import Config
from snntrain.cost.count import Cost, not_counted
from snntrain.data.fingerprint import fingerprint
from snntrain.errors import UserError
from snntrain.inspect.tensorboard import Board
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.state import PAUSED
from snntrain.signals import Stop, machine
from snntrain.training.agreement import Agreement
from snntrain.training.evaluation import kept_test
from snntrain.training.evaluation.evaluate import Metrics, tied
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job import build, normalisation, world
from snntrain.training.job.build import Job
from snntrain.training.job.device_entries import device_entries
from snntrain.training.job.group import Peers
from snntrain.training.job.out_of_memory import EVALUATION, explained
from snntrain.training.logs.cost_scalars import cost_scalars
from snntrain.training.logs.hparams import final_metrics, hyper_parameters
from snntrain.training.logs.journal import Journal
from snntrain.training.logs.monitor import Monitor
from snntrain.training.logs.summary import first_lines, job_entries, last_line, paused_line
from snntrain.training.loop import fit
from snntrain.training.progress import Best
from snntrain.training.saving import initial, resume
from snntrain.training.saving.saver import Saver
from snntrain.training.silent import SilentJournal, SilentSaver
from snntrain.training.state import begin

log = logging.getLogger("snntrain")


def train(config: Config, folder: Path, command: Sequence[str] = (), peers: Peers | None = None) -> dict[str, Any]:
    """Train, test once at the end, and return the content of summary.json. A run that pauses is not tested.

    If the folder has checkpoints of this run, the run resumes from them.

    Args:
        config: the settings of the run, checked.
        folder: the run folder; all output is written there.
        command: the command line as it was typed, for environment.json.
        peers: the other processes of the run, which call `assist`; None if there are no others.

    Raises:
        UserError: before training: the settings do not fit each other, the machine or the data, or the folder belongs
            to another run.
        RunFailed: training could not continue.
        Interrupted: a signal ended the run.
    """
    with RunFolder(folder, config.name, config.allow_targets, config) as run, ExitStack() as settings:
        here = settings.enter_context(world.entered(config.trainer, peers))
        settings.enter_context(explained(config, here))
        settings.enter_context(here.current())
        saved = resume.saved(config, run)
        # A resumed run has weights of its own.
        given = config.trainer.init_from if saved is None else None
        source = None if given is None else initial.read(given)
        resume.send(saved, here)
        if saved is None:
            run.write_config(config)
        more = {} if source is None else {"init_from": source.entry()}
        run.write_environment(device_entries(here) | more, command)
        job = build.prepare(config, here, normalisation.kept(saved or {}))
        # After the import of the user's own modules, which may change the same switches.
        settings.enter_context(job.computing())
        run.summary |= job_entries(job)
        run.write_summary()
        log.info(first_lines(job))
        for line in () if source is None else initial.load(job, source):
            log.info(line)
        here.report(config.trainer)
        data = agreed_data(job)
        training = begin(job) if saved is None else resume.restore(job, saved, data)
        here.share_random_state()
        # Not earlier: a run that cannot be resumed must keep its old configuration.
        run.write_config(config)
        resume.cut_back(run, saved)
        monitor = Monitor(job) if config.monitor.every else None
        with (
            Board(run.tensorboard, after=training.progress.finished) as board,
            machine.training() as own,
            Saver(training, data, run, board) as saver,
        ):
            stop = Agreement(own, here, saver.due)
            journal = Journal(job, run, board, monitor)
            resume.restore_outputs(training, journal, saver, saved)
            fit(training, journal, saver, stop)
            if training.progress.pauses(config.trainer):
                run.ending = PAUSED
                log.info(paused_line(training.progress, config.trainer, run))
                return run.summary
            record(test(job, training.progress.best, Agreement(own, here)), job, run, board)
            board.hyper_parameters(hyper_parameters(config, job.data.name), final_metrics(run.summary))
    log.info(last_line(run))
    return run.summary


def assist(config: Config, peers: Peers) -> None:
    """Train and test as one of the processes of a run that write nothing; process 0 calls `train`.

    Args:
        config: the settings of the run, checked; the same as in process 0.
        peers: the other processes.

    Raises:
        UserError, RunFailed, Interrupted: as `train`.
    """
    with world.entered(config.trainer, peers) as here, explained(config, here), here.current():
        saved = resume.received(here)
        job = build.prepare(config, here, normalisation.kept(saved or {}))
        with job.computing():
            if saved is None and config.trainer.init_from is not None:
                initial.load(job, None)
            data = agreed_data(job)
            training = begin(job) if saved is None else resume.restore(job, saved, data)
            here.share_random_state()
            with machine.training() as own:
                stop = Agreement(own, here)
                fit(training, SilentJournal(), SilentSaver(training), stop)
                if not training.progress.pauses(config.trainer):
                    test(job, training.progress.best, stop)


def agreed_data(job: Job) -> str:
    """Return the fingerprint of the job's data.

    Raises:
        UserError: the processes have different data.
    """
    data = fingerprint(job.data)
    if not job.world.alike(data):
        raise UserError(
            f"dataset={job.data.name}: its files differ between the processes of this run; give all machines the same "
            "files (dataset.root names their folder)"
        )
    return data


@dataclass(frozen=True)
class Tested:
    """The results of a run on the test images.

    Args:
        last, best: metrics of the last and of the best weights.
        entries: the same for test.json.
        counting: the counted cost of the best network.
    """

    last: Metrics
    best: Metrics
    entries: Mapping[str, Mapping[str, Any]]
    counting: Cost


def test(job: Job, best: Best, stop: Stop) -> Tested:
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
        counting.add_up(job.world.sum)
    entries["best"] = kept_test.entry(network, of_best)
    return Tested(of_last, of_best, entries, counting)


def record(tested: Tested, job: Job, run: RunFolder, board: Board) -> None:
    """Write the results on the test images into the run folder and to TensorBoard."""
    with run.writing():
        kept_test.write(run.path, tested.entries)
    run.summary |= {"test_accuracy": tested.best.accuracy, "test_accuracy_last": tested.last.accuracy}
    run.summary |= {"test_ties": tested.best.ties, "test_ties_last": tested.last.ties}
    if tested.best.ties:
        log.info("test images: %s", tied(tested.best))
    run.summary["cost"] = cost = tested.counting.figures(len(job.data.test))
    for name, kind in not_counted(cost, job.evaluated.network).items():
        log.warning("the cost of %s (%s) is not known: its operations cannot be counted", name, kind)
    board.scalars(run.summary["epochs"], cost_scalars(cost))
