"""`snntrain key=value …`: validates, then trains: one run, or with -m a sweep."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

import snntrain
from snntrain.cli import job, one_process, own_folder, resume, streams, sweep
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.complete import completions
from snntrain.cli.help import help_text
from snntrain.config.compose import CONF, VERSION_BASE, prepare, validate
from snntrain.config.explain import first_line
from snntrain.errors import RunFailed, UserError
from snntrain.training.lock import Unavailable
from snntrain.training.run_folder import discard
from snntrain.training.stop import importing

log = logging.getLogger("snntrain")

# These print something and end; Hydra answers them by itself.
HYDRA_ANSWERS = {"--hydra-help", "--shell-completion", "--info"}


def command(argv: Sequence[str]) -> None:
    """Runs the command line `argv` (without the program's name).

    Raises:
        UserError: something given cannot be used; nothing is left behind.
        RunFailed: the run, or a job of the sweep, failed.
    """
    arguments, typed = parse(argv), ["snntrain", *argv]
    if "--version" in arguments.flags:
        print(f"snntrain {snntrain.__version__}")
    elif "--help" in arguments.flags:
        print(help_text(arguments.flags.get("--config-dir")))
    elif arguments.asks_for_completions():
        print(*completions(os.environ.get("COMP_LINE", "")), sep="\n")
    elif HYDRA_ANSWERS & arguments.flags.keys():
        _hand_to_hydra(arguments, _no_job)
    elif "--cfg" in arguments.flags and not resume.is_meant(arguments):
        _validate(arguments)
        _hand_to_hydra(arguments, _no_job)
    else:
        one_process.check()
        # What is said is in train.log, and in the report of a sweep.
        streams.output_is_dispensable()
        _train(arguments, typed)


def _train(arguments: Arguments, typed: Sequence[str]) -> None:
    if resume.is_meant(arguments):
        resume.command(arguments, typed)
        return
    config = _validate(arguments)
    if "--multirun" not in arguments.flags and (summary := _nothing_left(config)):
        print(own_folder.told(Path(config.hydra.run.dir), summary))
    else:
        _run(arguments, typed)


def _validate(arguments: Arguments) -> DictConfig:
    """The configuration, of a sweep that of its first job, once nothing is wrong with it."""
    multirun = "--multirun" in arguments.flags
    configs = validate(
        arguments.overrides,
        multirun=multirun,
        config_name=arguments.flags.get("--config-name", "config"),
        config_dir=arguments.flags.get("--config-dir"),
    )
    package = arguments.flags.get("--package", "_global_")
    if package != "_global_" and OmegaConf.select(configs[0], package) is None:
        raise UserError(f"--package {package}: there is no such part of the configuration; one is neuron")
    if not multirun and str(configs[0].hydra.mode).endswith(RunMode.MULTIRUN.name):
        raise UserError("hydra.mode=MULTIRUN: would begin a sweep that nobody reports on; give -m in its place")
    if multirun:
        one_process.check_launcher(configs[0].hydra)
        arguments.overrides = sweep.keep_with_swept_groups(arguments.overrides)
        sweep.check_folders(configs[0].hydra, arguments.overrides)
    elif "--cfg" not in arguments.flags:
        _check_folder(configs[0])
    return configs[0]


def _check_folder(config: DictConfig) -> None:
    if not config.hydra.run.dir:
        raise UserError("hydra.run.dir=: names no folder; without it a run makes its own below outputs/")
    # Before Hydra writes there what the run is asked now.
    own_folder.check(Path(config.hydra.run.dir), config)


def _nothing_left(config: DictConfig) -> dict[str, Any] | None:
    return own_folder.nothing_left(Path(config.hydra.run.dir), config)


def _run(arguments: Arguments, typed: Sequence[str]) -> None:
    # It imports torch, which takes seconds: whoever interrupts meanwhile shall not find a folder begun.
    with importing():
        import snntrain.training.run  # noqa: F401

    # Hydra prints lines of its own for what a job raises, so a single run's error goes around it.
    errors: list[Exception] = []

    def task(config: DictConfig) -> float:
        return _job(config, typed, errors)

    def launch() -> None:
        try:
            _hand_to_hydra(arguments, task)
        except OSError as error:
            # Inside the job every error is caught: this is Hydra, making the output folder.
            raise UserError(
                f"{error.filename}: cannot be written ({error.strerror}); choose another folder with hydra.run.dir=… "
                "(hydra.sweep.dir=… with -m)"
            ) from error

    if "--multirun" in arguments.flags:
        sweep.run(launch, typed)
        return
    launch()
    if errors:
        raise errors[0]


def _no_job(config: DictConfig) -> None:
    """What Hydra is given to run where it runs nothing."""


def _hand_to_hydra(arguments: Arguments, task: Callable[[DictConfig], Any]) -> None:
    sys.argv = [sys.argv[0], *arguments.argv()]
    prepare()
    try:
        hydra.main(version_base=VERSION_BASE, config_path=str(CONF), config_name="config")(task)()
    except (HydraException, ValueError) as error:
        raise UserError(first_line(error)) from error


def _job(config: DictConfig, typed: Sequence[str], errors: list[Exception]) -> float:
    """One run in the folder that Hydra made for it; returns the best validation accuracy.

    What ends it is appended to `errors`. A failed job of a sweep does not stop the others.
    """
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    sweeping = hydra_config.mode == RunMode.MULTIRUN
    try:
        if sweeping:
            return _job_of_sweep(config, folder, typed)
        return job.run(config, folder, typed)
    except (UserError, RunFailed) as error:
        errors.append(error)
        if sweeping:
            log.error("%s", error)
        # What lies in a folder that is not to be had is another's.
        elif isinstance(error, UserError) and not isinstance(error, Unavailable):
            logging.shutdown()
            discard(folder)
    return float("nan")


def _job_of_sweep(config: DictConfig, folder: Path, typed: Sequence[str]) -> float:
    """The same of a sweep's job, which is not run again where it was completed the last time."""
    own_folder.check(folder, config)
    if summary := own_folder.nothing_left(folder, config):
        log.info("%s", own_folder.told(folder, summary))
        return float(summary["val_accuracy"])
    return job.run(config, folder, typed)
