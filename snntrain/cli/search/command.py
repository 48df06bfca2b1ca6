"""`snntrain search key=value …`: the same as `snntrain -m … sweep.search=tpe`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf

from snntrain.cli import launch, one_process, streams, sweep
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.composing import cannot_be_written, check_composed, check_overrides, composer_of, errors_in_one_line
from snntrain.cli.launchers import choice
from snntrain.cli.launchers.launcher import SweepCommand
from snntrain.cli.search import checks, optional
from snntrain.cli.search.asked import METHOD
from snntrain.cli.search.driver import Driver, Plan
from snntrain.cli.search.ending import conclude, stopped, writer
from snntrain.cli.search.objectives import named
from snntrain.cli.search.planning import check_folder, check_method, identity, is_beside, ladders
from snntrain.cli.search.study import Study
from snntrain.cli.search.suggest import TPE
from snntrain.cli.search.workers import Workers
from snntrain.config import words
from snntrain.config.compose import Composer
from snntrain.config.schema import Search
from snntrain.errors import UserError
from snntrain.files import whole
from snntrain.files.folder import Folder, Unsafe
from snntrain.files.paths import user_path
from snntrain.process import program
from snntrain.runs.layout import STUDY_FOLDER, SWEEP
from snntrain.signals import machine

HELP = """\
snntrain search key=value … key=values …

Tries values of the keys that have several, learns from each trial which values are good, prints the best trial and the
command that trains it, and writes a report. The same command with the same hydra.sweep.dir continues, and several such
commands at once share the work.
  key=a,b                        one of these values, as neuron=lif,plif
  'key=log(1e-4,1e-1)'           a number, its logarithm drawn evenly; also uniform(low,high), int(low,high)
  sweep.search=tpe               or random, grid, cmaes
  search.trials=40               configurations to try; snntrain --help lists all keys of the group search
  search.pruner=halving          stop hopeless trials early, after 1, 3, 9 … epochs; also hyperband
  search.objectives=[val_accuracy]   several give a Pareto front, as [val_accuracy,energy]"""


def command(argv: Sequence[str]) -> None:
    """Run `snntrain search`.

    Raises:
        UserError: with a line for each mistake, before anything is written.
        RunFailed: trial after trial has failed.
        Interrupted: a signal has ended the search; the same command continues it.
    """
    arguments = parse(argv)
    if "--help" in arguments.flags:
        print(HELP)
        return
    for flag in arguments.flags.keys() - {"--config-dir", "--config-name", "--multirun"}:
        raise UserError(
            f"{flag}: search takes key=value, -m, --config-dir and --config-name; see snntrain search --help"
        )
    one_process.check()
    # All output is also in the report and the logs of the trials.
    streams.output_is_dispensable()
    with composer_of(arguments) as compose:
        search(arguments, [*program.words(), "search", *argv], compose)


def search(arguments: Arguments, typed: Sequence[str], compose: Composer) -> None:
    """Check the command line, and search.

    Args:
        arguments: of the command line.
        typed: the command as it was typed.
        compose: composes configurations.

    Raises:
        UserError, RunFailed, Interrupted: as `command`.
    """
    check_overrides(arguments.overrides)
    asked = checks.read(compose, arguments.overrides)
    first = asked.first
    check_composed(first, arguments, multirun=True)
    one_process.check_launcher(first)
    settings = OmegaConf.to_object(first.node.search)
    assert isinstance(settings, Search)
    method = str(first.value(METHOD) or TPE)
    objectives = named(settings.objectives)
    epochs = int(first.value("trainer.epochs"))
    steps = ladders(settings, objectives, epochs)
    check_method(method, asked, settings, objectives)
    optional.optuna()
    if not first.value("hydra.sweep.dir"):
        raise UserError("hydra.sweep.dir=: names no folder; without it a search makes its own below multirun/")
    fixed = [words.read(word) for word in asked.fixed]
    seconds = None if settings.timeout_minutes is None else 60 * settings.timeout_minutes
    plan = Plan(method, settings.trials, settings.seed, tuple(word for word in fixed if not is_beside(word)), seconds)
    words_of_sweep = [*asked.groups(compose), *fixed]
    composed = launch.composed(compose, words_of_sweep, RunMode.MULTIRUN)
    folder = user_path(composed.value("hydra.sweep.dir"), "hydra.sweep.dir")
    check_folder(folder)
    with cannot_be_written(), errors_in_one_line(), _named(folder):
        config = composed.node
        callbacks = Callbacks(config)
        context = HydraContext(config_loader=compose.loader, callbacks=callbacks)
        callbacks.on_multirun_start(config=config, config_name=compose.config_name)
        place = Folder(folder) / STUDY_FOLDER
        place.make()
        command = SweepCommand(
            config_name=compose.config_name,
            config_dir=arguments.flags.get("--config-dir"),
            overrides=sweep.with_fixed_folder(words_of_sweep, folder),
            typed=tuple(typed),
            working_directory=os.getcwd(),
        )
        with Workers(place.path) as workers, choice.launcher(composed, context, command) as launcher:
            study = Study(place, asked.space, objectives, steps, identity(asked, method, settings))
            with workers.deciding():
                study.begin()
                if not Folder(folder).holds(SWEEP):
                    whole.write(Folder(folder), SWEEP, OmegaConf.to_yaml(config))
            driver = Driver(study, workers, plan, folder)
            again = _command(arguments, asked.fixed)
            driver.noted = writer(driver, workers, again)
            try:
                driver.run(launcher)
            except (Exception, KeyboardInterrupt) as error:
                if (number := machine.behind(error)) is None:
                    raise
                raise stopped(number, driver, again, typed) from error
            conclude(driver, again, typed)
        callbacks.on_multirun_end(config=config, config_name=compose.config_name)


def _command(arguments: Arguments, fixed: Sequence[str]) -> list[str]:
    """Return the words that train a run with the fixed overrides."""
    flags = [word for flag, value in arguments.flags.items() if value for word in (flag, value)]
    return [*program.words(), *flags, *(word for word in fixed if not is_beside(word))]


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Report a name in the folder that must not be written; add the folder to an error of writing without a name."""
    try:
        yield
    except Unsafe as error:
        raise UserError(f"{error.filename}: {error.fault}, and a search writes there; name another folder") from error
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(folder / STUDY_FOLDER)) from error
        raise
