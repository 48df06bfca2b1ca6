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
from snntrain.allocator import keep_freed_memory
from snntrain.cli import sweep
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.complete import completions
from snntrain.cli.help import help_text
from snntrain.config.compose import CONF, VERSION_BASE, prepare, validate
from snntrain.config.explain import first_line
from snntrain.errors import RunFailed, UserError
from snntrain.training.run_folder import discard, holds_a_run

log = logging.getLogger("snntrain")
# Writes to train.log alone: a traceback is not for the terminal.
log_file = logging.getLogger("snntrain.file")

# These print something and end; Hydra answers them by itself.
HYDRA_ANSWERS = {"--hydra-help", "--shell-completion", "--info"}


def command(argv: Sequence[str]) -> None:
    """Runs the command line `argv` (without the program's name).

    Raises:
        UserError: something given cannot be used; nothing is left behind.
        RunFailed: the run, or a job of the sweep, failed.
    """
    arguments = parse(argv)
    if "--version" in arguments.flags:
        print(f"snntrain {snntrain.__version__}")
    elif "--help" in arguments.flags:
        print(help_text(arguments.flags.get("--config-dir")))
    elif arguments.asks_for_completions():
        print(*completions(os.environ.get("COMP_LINE", "")), sep="\n")
    elif HYDRA_ANSWERS & arguments.flags.keys():
        _hand_to_hydra(arguments, _no_job)
    else:
        _validate(arguments)
        if "--cfg" in arguments.flags:
            _hand_to_hydra(arguments, _no_job)
        else:
            _run(arguments, ["snntrain", *argv])


def _validate(arguments: Arguments) -> None:
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
    if multirun:
        sweep.check_folders(configs[0].hydra)
        arguments.overrides = sweep.keep_with_swept_groups(arguments.overrides)
    elif "--cfg" not in arguments.flags:
        _check_folder(configs[0].hydra.run.dir)


def _check_folder(run: str) -> None:
    if not run:
        raise UserError("hydra.run.dir=: names no folder; without it a run makes its own below outputs/")
    if holds_a_run(Path(run)):
        raise UserError(f"hydra.run.dir={run}: this folder holds a run already; name another one")


def _run(arguments: Arguments, typed: Sequence[str]) -> None:
    # It imports torch, which takes seconds: whoever interrupts meanwhile shall not find a folder begun.
    import snntrain.training.run  # noqa: F401

    # Hydra prints lines of its own for what a job raises, so a single run's error goes around it.
    errors: list[Exception] = []

    def task(config: DictConfig) -> float:
        return job(config, typed, errors)

    try:
        _hand_to_hydra(arguments, task)
    except OSError as error:
        # Inside the job every error is caught: this is Hydra, making the output folder.
        raise UserError(
            f"{error.filename}: cannot be written ({error.strerror}); choose another folder with hydra.run.dir=… "
            "(hydra.sweep.dir=… with -m)"
        ) from error
    if "--multirun" in arguments.flags:
        sweep.conclude()
    elif errors:
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


def job(config: DictConfig, typed: Sequence[str], errors: list[Exception]) -> float:
    """One run in the folder that Hydra made for it; returns the best validation accuracy.

    What ends it is appended to `errors`. A failed job of a sweep does not stop the others.
    """
    from snntrain.training.run import train

    keep_freed_memory()
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    sweeping = hydra_config.mode == RunMode.MULTIRUN
    try:
        return float(train(config, folder, typed)["val_accuracy"])
    except UserError as error:
        errors.append(error)
        if sweeping:
            log.error("%s", error)
        else:
            logging.shutdown()
            discard(folder)
    except Exception as error:
        log_file.exception("the run failed")
        failed = RunFailed(f"the run failed: {first_line(error)} (traceback in {folder / 'train.log'})")
        failed.__cause__ = error
        errors.append(failed)
        if sweeping:
            log.error("%s", failed)
    except KeyboardInterrupt as interruption:
        log_file.warning("interrupted")
        interruption.args = (f"interrupted; what there is of the run is in {folder}",)
        raise
    return float("nan")
