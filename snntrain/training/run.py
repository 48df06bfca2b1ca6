"""One run, from a validated configuration to its summary."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from snntrain.config import check
from snntrain.config.targets import arguments
from snntrain.cost.count import Cost, not_counted
from snntrain.data.fingerprint import fingerprint
from snntrain.errors import UserError
from snntrain.files.paths import shown
from snntrain.inspect.tensorboard import Board
from snntrain.network.table import layer_table
from snntrain.runs.run_folder import RunFolder
from snntrain.signals import Stop, on_signals
from snntrain.training.evaluation import kept_test as tested
from snntrain.training.evaluation.evaluate import tied
from snntrain.training.evaluation.on_test_images import metrics_on_test
from snntrain.training.job import build, runtime
from snntrain.training.job.build import Job
from snntrain.training.job.hardware import hardware
from snntrain.training.job.out_of_memory import EVALUATION, explained
from snntrain.training.logs.journal import Journal
from snntrain.training.logs.monitor import Monitor
from snntrain.training.loop import fit
from snntrain.training.progress import Best
from snntrain.training.saving import resume
from snntrain.training.saving.saver import Saver
from snntrain.training.state import begin

log = logging.getLogger("snntrain")

# Of an image's cost, what runs and layers are compared by.
SPENT = ("spikes_per_image", "energy_nj_per_image")


def train(config: DictConfig, folder: Path, command: Sequence[str] = ()) -> dict[str, Any]:
    """Trains, tests once at the end, and returns what summary.json holds.

    Where the folder has checkpoints of this run it goes on from them.

    Args:
        config: the configuration.
        folder: where the run writes.
        command: what was typed, for environment.json.

    Raises:
        UserError: before anything is trained, where the configuration does not fit itself, machine or data, or the
            folder is another run's.
        RunFailed: training could not go on.
        Interrupted: a signal ended it.
    """
    # Of a great sweep not every combination has been checked by now.
    wrong = check.errors(config)
    with (
        RunFolder(folder, config.name, config.allow_targets, None if wrong else config) as run,
        ExitStack() as settings,
        explained(config),
    ):
        if wrong:
            raise UserError(*wrong)
        state = resume.saved(config, run)
        if state is None:
            run.write_config(config)
        here = runtime.choose(config.trainer.device)
        settings.enter_context(here.current())
        run.write_environment(hardware(here.device, here.device_name), command)
        job = build.prepare(config)
        # After the user's own modules have been imported, which may have set the same.
        settings.enter_context(job.computing())
        run.summary |= built(job)
        run.write_summary()
        log.info(describe(job))
        here.tell()
        job.precision.warn_if_emulated()
        data = fingerprint(job.data)
        training = begin(job) if state is None else resume.go_on(job, state, data)
        # A run that could not be gone on with keeps the configuration that it has come to its end with.
        run.write_config(config)
        resume.cut_back(run, state)
        monitor = Monitor(job) if config.monitor.every else None
        with (
            Board(run.tensorboard, after=training.progress.finished) as board,
            on_signals() as stop,
            Saver(training, data, run, board) as saver,
        ):
            journal = Journal(job, run, board, monitor)
            resume.catch_up(training, journal, saver, state)
            fit(training, journal, saver, stop)
            test(job, training.progress.best, run, board, stop)
            board.hyper_parameters(hyper_parameters(config, job.data.name), final_metrics(run.summary))
    log.info(summary_line(run))
    return run.summary


def built(job: Job) -> dict[str, Any]:
    """What summary.json says of a job before it is trained."""
    return {
        "parameters": sum(p.numel() for p in job.model.parameters()),
        "device": str(job.runtime.device),
        "device_name": job.runtime.device_name,
        "precision": job.precision.name,
    }


def describe(job: Job) -> str:
    """The layers, and where and on what they are trained."""
    images, _ = next(job.validation.epoch())
    data = job.data
    return (
        f"{layer_table(job.model.network, job.model.encoder(images[..., :1, :, :, :]))}\n"
        f"{data.name}: {len(data.train):,} training, {len(data.validation):,} validation, "
        f"{len(data.test):,} test images of {'x'.join(map(str, data.shape))}, {job.classes} classes\n"
        f"{job.runtime.device_name}, {job.precision.name}, T={job.config.T}, seed {job.config.seed}"
    )


def test(job: Job, best: Best, run: RunFolder, board: Board, stop: Stop) -> None:
    """Accuracy on the test images, which nothing before has seen, of the last and of the best weights.

    Of the best ones what they cost, too.

    Raises:
        Stopped: a signal has asked for it.
    """
    network = job.evaluated.network
    with explained(job.config, EVALUATION):
        of_last = metrics_on_test(job, stop)
        entries = {"last": tested.entry(network, of_last)}
        network.load_state_dict(best.weights)
        with Cost(network) as cost:
            of_best = metrics_on_test(job, stop)
    entries["best"] = tested.entry(network, of_best)
    with run.writing():
        tested.write(run.path, entries)
    run.summary |= {"test_accuracy": of_best.accuracy, "test_accuracy_last": of_last.accuracy}
    run.summary |= {"test_ties": of_best.ties, "test_ties_last": of_last.ties}
    if of_best.ties:
        log.info("test images: %s", tied(of_best))
    run.summary["cost"] = figures = cost.figures(len(job.data.test))
    for name, kind in not_counted(figures, network).items():
        log.warning("what %s (%s) costs is not known: its operations cannot be counted", name, kind)
    board.scalars(run.summary["epochs"], cost_scalars(figures))


def cost_scalars(figures: dict[str, Any]) -> dict[str, float]:
    """What TensorBoard is told of the cost, by tag: all that is known of the network, and where it is spent."""
    told = {f"cost/{key}": value for key, value in figures.items() if key != "layers"}
    told |= {f"{key}/{name}": layer[key] for name, layer in figures["layers"].items() for key in SPENT if key in layer}
    return {tag: float(value) for tag, value in told.items() if value is not None}


def summary_line(run: RunFolder) -> str:
    """The last line of a run, as key=value."""
    keys = (
        "test_accuracy",
        "test_accuracy_last",
        "val_accuracy",
        "epochs",
        "train_seconds",
        "wall_seconds",
        "images_per_second",
    )
    figures = " ".join(f"{key}={run.summary[key]:.6g}" for key in keys)
    return f"{figures} run={shown(run.path)}"


def final_metrics(summary: dict[str, Any]) -> dict[str, float]:
    """The figures that TensorBoard's HParams tab compares runs by."""
    keys = ("test_accuracy", "test_accuracy_last", "val_accuracy", "images_per_second")
    figures = {**{key: summary[key] for key in keys}, **{key: summary["cost"][key] for key in SPENT}}
    return {key: float(value) for key, value in figures.items() if value is not None}


def hyper_parameters(config: DictConfig, data_name: str) -> dict[str, bool | int | float | str]:
    """What tells runs apart, by dotted key; a group goes by the name of its class, as in `neuron: PLIFNode`.

    TensorBoard's columns take numbers, texts and truth values; anything else becomes a text.
    """
    values: dict[str, bool | int | float | str] = {}
    for key in ("T", "seed", "detach_reset"):
        values[key] = config[key]
    for group in ("neuron", "surrogate", "reset", "network", "encoder", "loss", "optimizer", "scheduler", "trainer"):
        for key, value in arguments(config[group]).items():
            values[f"{group}.{key}"] = value if isinstance(value, bool | int | float | str) else str(value)
        if "_target_" in config[group]:
            values[group] = config[group]._target_.rpartition(".")[2]
    values["dataset"] = data_name
    return values
