"""`snntrain key=value …`: validates, then trains: one run, or with -m a sweep."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

import snntrain
from snntrain import program
from snntrain.cli import job, one_process, own_folder, resume, streams
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.complete import completions
from snntrain.cli.help import help_text
from snntrain.config import words
from snntrain.config.compose import CONF, VERSION_BASE, Composer, checked, composer, prepare
from snntrain.config.explain import first_line
from snntrain.errors import RunFailed, UserError
from snntrain.paths import user_path
from snntrain.training.lock import Unavailable
from snntrain.training.run_folder import discard
from snntrain.training.stop import importing

log = logging.getLogger("snntrain")

# These print something and end; Hydra answers them by itself.
HYDRA_ANSWERS = {"--hydra-help", "--shell-completion", "--info"}
# Hydra refuses two of these.
ONE_OF = {"--run", "--multirun", "--cfg"}


def command(argv: Sequence[str]) -> None:
    """Runs the command line `argv` (without the program's name).

    Raises:
        UserError: something given cannot be used; nothing is left behind.
        RunFailed: the run, or a job of the sweep, failed.
    """
    arguments, typed = parse(argv), [*program.words(), *argv]
    if "--version" in arguments.flags:
        print(f"snntrain {snntrain.__version__}")
    elif "--help" in arguments.flags:
        print(help_text(arguments.flags.get("--config-dir")))
    elif arguments.asks_for_completions():
        print(*completions(os.environ.get("COMP_LINE", "")), sep="\n")
    elif HYDRA_ANSWERS & arguments.flags.keys() or len(ONE_OF & arguments.flags.keys()) > 1:
        _hand_to_hydra(arguments)
    elif "--cfg" in arguments.flags and not resume.is_meant(arguments):
        with _composer(arguments) as compose:
            _validate(arguments, compose)
            _show(arguments, compose)
    else:
        one_process.check()
        # What is said is in train.log, and in the report of a sweep.
        streams.output_is_dispensable()
        _train(arguments, typed)


def _composer(arguments: Arguments) -> AbstractContextManager[Composer]:
    return composer(arguments.flags.get("--config-name", "config"), arguments.flags.get("--config-dir"))


def _train(arguments: Arguments, typed: Sequence[str]) -> None:
    if resume.is_meant(arguments):
        resume.command(arguments, typed)
        return
    with _composer(arguments) as compose:
        config = _validate(arguments, compose)
        if "--multirun" not in arguments.flags and (summary := _nothing_left(config)):
            print(own_folder.told(_folder(config), summary))
        else:
            _run(arguments, typed, compose, config)


def _validate(arguments: Arguments, compose: Composer) -> DictConfig:
    """The configuration, of a sweep that of its first job, once nothing is wrong with it."""
    multirun = "--multirun" in arguments.flags
    configs = checked(compose, arguments.overrides, multirun=multirun)
    package = arguments.flags.get("--package", "_global_")
    if package != "_global_" and OmegaConf.select(configs[0], package) is None:
        raise UserError(f"--package {package}: there is no such part of the configuration; one is neuron")
    hydras = configs[0].hydra
    if hydras.job.chdir:
        raise UserError(
            "hydra.job.chdir=true: a run finds data, and classes of your own, from the folder in which the command is "
            "given; leave it out, what a run writes lies in its own folder anyway"
        )
    if not multirun and str(hydras.mode).endswith(RunMode.MULTIRUN.name):
        raise UserError("hydra.mode=MULTIRUN: would begin a sweep that nobody reports on; give -m in its place")
    # Hydra reads them again.
    arguments.overrides = [*map(words.read, arguments.overrides), *words.in_home_folders(hydras)]
    if multirun:
        from snntrain.cli import sweep

        one_process.check_launcher(hydras)
        arguments.overrides = sweep.keep_with_swept_groups(arguments.overrides)
        sweep.check_folders(hydras, arguments.overrides)
    elif "--cfg" not in arguments.flags:
        _check_folder(configs[0])
    return configs[0]


def _check_folder(config: DictConfig) -> None:
    if not config.hydra.run.dir:
        raise UserError("hydra.run.dir=: names no folder; without it a run makes its own below outputs/")
    # Before Hydra writes there what the run is asked now.
    own_folder.check(_folder(config), config)


def _nothing_left(config: DictConfig) -> dict[str, Any] | None:
    return own_folder.nothing_left(_folder(config), config)


def _folder(config: DictConfig) -> Path:
    return user_path(config.hydra.run.dir, "hydra.run.dir")


def _run(arguments: Arguments, typed: Sequence[str], compose: Composer, config: DictConfig) -> None:
    # It imports torch, which takes seconds: whoever interrupts meanwhile shall not find a folder begun.
    with importing():
        import snntrain.training.run  # noqa: F401

    # Hydra prints lines of its own for what a job raises, so a single run's error goes around it.
    errors: list[Exception] = []

    def task(config: DictConfig) -> float:
        return _job(config, typed, errors)

    def launch() -> None:
        try:
            _launch(arguments, compose, config.hydra.mode, task)
        except OSError as error:
            # Inside the job every error is caught: this is Hydra, making the output folder.
            raise UserError(
                f"{error.filename}: cannot be written ({error.strerror}); choose another folder with hydra.run.dir=… "
                "(hydra.sweep.dir=… with -m)"
            ) from error

    if "--multirun" in arguments.flags:
        from snntrain.cli import sweep

        sweep.run(launch, typed)
        return
    launch()
    if errors:
        raise errors[0]


def _launch(arguments: Arguments, compose: Composer, mode: RunMode | None, task: Callable[[DictConfig], Any]) -> None:
    """Hands the task to Hydra, as its own main function does once it has found out the mode.

    Args:
        arguments: the command line.
        compose: with the compositions that the check has made.
        mode: that the configuration asks for.
        task: is called with the configuration of each job.
    """
    overrides = list(arguments.overrides)
    asked = RunMode.MULTIRUN if "--multirun" in arguments.flags else RunMode.RUN
    if mode is None or asked is RunMode.MULTIRUN:
        mode = asked
        overrides.append(f"hydra.mode={mode.name}")
    run = compose.hydra.multirun if mode is RunMode.MULTIRUN else compose.hydra.run
    with _told_in_a_line():
        run(config_name=compose.config_name, task_function=task, overrides=overrides)


def _show(arguments: Arguments, compose: Composer) -> None:
    """Prints the configuration, or a part of it."""
    flags = arguments.flags
    with _told_in_a_line():
        compose.hydra.show_cfg(
            config_name=compose.config_name,
            overrides=arguments.overrides,
            cfg_type=flags["--cfg"],
            package=flags.get("--package"),
            resolve="--resolve" in flags,
        )


def _no_job(config: DictConfig) -> None:
    """What Hydra is given to run where it runs nothing."""


def _hand_to_hydra(arguments: Arguments) -> None:
    """Hands the whole command to Hydra."""
    # A shell completes a command by its name; under python -m Hydra would take python for it.
    name = "snntrain" if "--shell-completion" in arguments.flags else sys.argv[0]
    sys.argv = [name, *arguments.argv()]
    prepare()
    with _told_in_a_line():
        hydra.main(version_base=VERSION_BASE, config_path=str(CONF), config_name="config")(_no_job)()


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    try:
        yield
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
        return float(summary.get("val_accuracy", "nan"))
    return job.run(config, folder, typed)
