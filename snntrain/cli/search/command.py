"""`snntrain search key=value …`: the same as `snntrain -m … sweep.search=tpe`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf

from snntrain.cli import launch, one_process, streams
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.composing import cannot_be_written, check_composed, check_overrides, composer_of, errors_in_one_line
from snntrain.cli.imports import slow_imports
from snntrain.cli.launchers.in_process import InProcess
from snntrain.cli.report import show
from snntrain.cli.search import checks, optional, result
from snntrain.cli.search.asked import METHOD
from snntrain.cli.search.driver import MOST_FAILURES, Driver, Plan
from snntrain.cli.search.objectives import Objective, named
from snntrain.cli.search.rungs import Ladder, ladders, rungs
from snntrain.cli.search.study import Study
from snntrain.cli.search.suggest import CMAES, GRID, TPE
from snntrain.cli.search.workers import Workers
from snntrain.cli.sweep import command_to_resume
from snntrain.config import words
from snntrain.config.compose import Composer
from snntrain.config.explain import key_of
from snntrain.config.schema import Search
from snntrain.errors import Interrupted, RunFailed, UserError, first_line, on_one_line
from snntrain.files import whole
from snntrain.files.folder import Folder, Unsafe
from snntrain.files.paths import user_path
from snntrain.process import program
from snntrain.report.comparison import METRIC
from snntrain.report.files import write
from snntrain.report.report import make
from snntrain.runs.find import find
from snntrain.runs.layout import STUDY_FOLDER, SWEEP
from snntrain.runs.writable import check_sweep
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
# Keys of the command that decide nothing about a trial's values.
FREE = ("search.trials", "search.timeout_minutes", "search.space", METHOD)
SECONDS_BETWEEN_WRITES = 10.0


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
    settings: Search = OmegaConf.to_object(first.node.search)
    method = str(first.value(METHOD) or TPE)
    objectives = named(settings.objectives)
    epochs = int(first.value("trainer.epochs"))
    steps = _ladders(settings, objectives, epochs)
    _check_method(method, asked, settings, objectives)
    optional.optuna()
    if not first.value("hydra.sweep.dir"):
        raise UserError("hydra.sweep.dir=: names no folder; without it a search makes its own below multirun/")
    fixed = [words.read(word) for word in asked.fixed]
    seconds = None if settings.timeout_minutes is None else 60 * settings.timeout_minutes
    plan = Plan(method, settings.trials, settings.seed, tuple(word for word in fixed if not _is_beside(word)), seconds)
    composed = launch.composed(compose, [*asked.groups(compose), *fixed], RunMode.MULTIRUN)
    folder = user_path(composed.value("hydra.sweep.dir"), "hydra.sweep.dir")
    _check_folder(folder)
    with slow_imports():
        import snntrain.training.run  # noqa: F401
        from snntrain.cli.task import task_of
    with cannot_be_written(), errors_in_one_line(), _unsafe_in_one_line():
        config = composed.node
        callbacks = Callbacks(config)
        context = HydraContext(config_loader=compose.loader, callbacks=callbacks)
        callbacks.on_multirun_start(config=config, config_name=compose.config_name)
        place = Folder(folder) / STUDY_FOLDER
        place.make()
        launcher = InProcess(config, context, task_of(arguments, typed, [], sweeping=True))
        with Workers(place.path) as workers:
            study = Study(place, asked.space, objectives, steps, _identity(asked, method, settings))
            with workers.deciding():
                study.begin()
                if not Folder(folder).holds(SWEEP):
                    whole.write(Folder(folder), SWEEP, OmegaConf.to_yaml(config))
            driver = Driver(study, workers, plan, folder)
            again = _command(arguments, asked.fixed)
            driver.noted = _writer(driver, workers, again)
            try:
                driver.run(launcher)
            except (Exception, KeyboardInterrupt) as error:
                if (number := machine.behind(error)) is None:
                    raise
                raise _stopped(number, driver, again, typed) from error
            _conclude(driver, again, typed)
        callbacks.on_multirun_end(config=config, config_name=compose.config_name)


def _ladders(settings: Search, objectives: Sequence[Objective], epochs: int) -> list[Ladder]:
    """Return the rungs of each bracket.

    Raises:
        UserError: they do not fit the objectives or the number of epochs.
    """
    if settings.pruner is None:
        return ladders(None, (), settings.reduction)
    shown = f"search.pruner={settings.pruner}"
    if len(objectives) > 1:
        raise UserError(
            f"{shown}: compares trials by one figure, and search.objectives has {len(objectives)}; "
            "give one of them, or search.pruner=null"
        )
    if not objectives[0].early:
        raise UserError(
            f"{shown}: {objectives[0].name} is known or fair only at the end of a run; give "
            "search.objectives=[val_accuracy] or [val_loss], or search.pruner=null"
        )
    below = settings.rungs or rungs(epochs, settings.min_epochs, settings.reduction)
    if not below or list(below) != sorted(set(below)) or below[-1] >= epochs:
        given = f"search.rungs={settings.rungs}" if settings.rungs else f"search.min_epochs={settings.min_epochs}"
        raise UserError(
            f"{given}: rungs must rise and lie below trainer.epochs={epochs}; give lower ones, or more epochs"
        )
    return ladders(settings.pruner, below, settings.reduction)


def _check_method(method: str, asked: checks.Asked, settings: Search, objectives: Sequence[Objective]) -> None:
    """Check that a method can search this space.

    Raises:
        UserError: it cannot, or its package is not installed.
    """
    if method == GRID and (endless := [each.key for each in asked.space.dimensions if each.every() is None]):
        raise UserError(
            f"sweep.search=grid: {', '.join(endless)} takes any number of a range; give a list, or a step=…"
        )
    if settings.pruner and any(each.key == "trainer.epochs" for each in asked.space.dimensions):
        raise UserError(
            f"{checks.forms.SPACE}: trainer.epochs: search.pruner={settings.pruner} counts its rungs in epochs; "
            "give one number of epochs, or search.pruner=null"
        )
    if method != CMAES:
        return
    optional.cmaes()
    count = len(checks.ranges(asked.space))
    if settings.pruner or len(objectives) > 1 or count < 2:
        reason = f"it has {count}" if count < 2 else "there are rungs or several objectives"
        raise UserError(
            "sweep.search=cmaes: needs two ranges of numbers or more that every trial has, one objective and no "
            f"pruner; {reason}: take sweep.search=tpe"
        )


def _check_folder(folder: Path) -> None:
    """Check that a folder is free for this search, or belongs to a search.

    Raises:
        UserError: it holds runs of something else, or files that must not be written.
    """
    check_sweep(Folder(folder))
    if find([folder]) and not Folder(folder).holds(STUDY_FOLDER):
        raise UserError(f"hydra.sweep.dir={folder}: this folder holds runs that no search made; name another one")


def _identity(asked: checks.Asked, method: str, settings: Search) -> Mapping[str, str]:
    """Return what makes this search another than others: given again, it continues."""
    fixed = [word for word in asked.fixed if key_of(word) not in FREE and not key_of(word).startswith("hydra")]
    found = {"sweep.search": method, "search.seed": str(settings.seed)}
    found |= {f"space {each.key}": each.shown for each in asked.space.dimensions}
    found["overrides"] = shlex.join(sorted(word for word in fixed if not _is_beside(word)))
    found["search.objectives"] = ",".join(settings.objectives)
    found["search.pruner"] = str(settings.pruner or "null")
    if settings.pruner:
        found["rungs"] = f"reduction {settings.reduction}, min_epochs {settings.min_epochs}, rungs {settings.rungs}"
    return found


def _is_beside(word: str) -> bool:
    """Return whether an override is none of a run."""
    return key_of(word).replace("/", ".").partition(".")[0] in ("hydra", "sweep", "search")


def _command(arguments: Arguments, fixed: Sequence[str]) -> list[str]:
    """Return the words that train a run with the fixed overrides."""
    flags = [word for flag, value in arguments.flags.items() if value for word in (flag, value)]
    return [*program.words(), *flags, *(word for word in fixed if not _is_beside(word))]


def _writer(driver: Driver, workers: Workers, again: Sequence[str]) -> Callable[[], None]:
    """Return a function that writes search.json, but not too often."""
    written = time.monotonic()

    def noted() -> None:
        nonlocal written
        if time.monotonic() - written > SECONDS_BETWEEN_WRITES:
            with workers.deciding():
                result.write(result.Result(driver, again, driver.study.trials()), driver.folder)
            written = time.monotonic()

    return noted


def _conclude(driver: Driver, again: Sequence[str], typed: Sequence[str]) -> None:
    """Report on the search, and print its best trials.

    Raises:
        RunFailed: too many trials in a row have failed, or all of them.
    """
    found = _summarize(driver, again)
    resume = command_to_resume(typed, driver.folder)
    if driver.failures >= MOST_FAILURES or (found.trials and all(trial.state == "fail" for trial in found.trials)):
        error = next(trial.error for trial in reversed(found.trials) if trial.error)
        raise RunFailed(
            f"the search was stopped: {driver.failures} trials in a row have failed, the last one because: {error}; "
            f"fix that, then continue with: {resume}"
        )
    if driver.exhausted and len(found.trials) < driver.plan.trials:
        print(f"the space has no more than {len(found.trials)} combinations; all of them were tried")
    if driver.timed_out:
        print(f"the time of search.timeout_minutes is over; continue with: {resume}")
    elif running := driver.running_elsewhere():
        print(f"{running} trials are running in other processes; they write the report again at their end")


def _stopped(number: int, driver: Driver, again: Sequence[str], typed: Sequence[str]) -> Interrupted:
    """Report after a signal, and return the error; a second signal interrupts the report."""
    try:
        _summarize(driver, again)
    except OSError:
        pass  # The same Ctrl-C has ended the reader of the output, such as tee; or the disk is gone.
    except KeyboardInterrupt as once_more:
        number = machine.behind(once_more) or number
    return Interrupted(number, f"interrupted; resume with: {command_to_resume(typed, driver.folder)}")


def _summarize(driver: Driver, again: Sequence[str]) -> result.Result:
    """Write search.json and the report, print both, and return the result."""
    with driver.workers.deciding():
        found = result.Result(driver, again, driver.study.trials())
        if not found.trials:
            return found
        try:
            result.write(found, driver.folder)
            report = make([driver.folder], _metric(driver), time.time(), over=True)
            show(report, write(report, driver.folder))
        except Exception as error:
            # Nothing is lost: the folders of the trials have the results.
            print(f"no report: {on_one_line(first_line(error))}; snntrain report {driver.folder} tries again")
    print(f"\n{found.counts()} in {driver.folder}")
    print(*found.lines(), sep="\n", flush=True)
    return found


def _metric(driver: Driver) -> str:
    """Return the figure by which the report orders the runs."""
    name = driver.study.objectives[0].figure
    return METRIC if name == "val_loss" else name


@contextmanager
def _unsafe_in_one_line() -> Iterator[None]:
    """Report a name in the folder that must not be written."""
    try:
        yield
    except Unsafe as error:
        raise UserError(f"{error.filename}: {error.fault}, and a search writes there; name another folder") from error
