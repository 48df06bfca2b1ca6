"""`snntrain key=value …`: checks the configuration, then trains one run, or with -m a sweep."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from hydra.types import RunMode

import snntrain
from snntrain.cli import job, one_process, resume, streams
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.complete import completions
from snntrain.cli.help import help_text
from snntrain.cli.imports import slow_imports
from snntrain.cli.ranks import joined, run
from snntrain.config import check, words
from snntrain.config.compose import CONF, Composer, checked, composer
from snntrain.config.composed import Composed
from snntrain.config.explain import key_of
from snntrain.errors import RunFailed, UserError, first_line
from snntrain.files.paths import user_path
from snntrain.process import program
from snntrain.runs import own_folder
from snntrain.runs.layout import HYDRA_FOLDER
from snntrain.runs.lock import Unavailable
from snntrain.runs.unstarted import discard

log = logging.getLogger("snntrain")

# Hydra answers these itself: it prints something and ends.
HYDRA_ANSWERS = {"--hydra-help", "--shell-completion", "--info"}
LOGGING = ("hydra.job_logging", "hydra.hydra_logging")
ONE_OF = {"--run", "--multirun", "--cfg"}


def command(argv: Sequence[str]) -> None:
    """Run a command line, without the name of the program.

    Raises:
        UserError: an argument cannot be used; nothing is left behind.
        RunFailed: the run, or a job of the sweep, failed.
    """
    arguments, typed = parse(argv), [*program.words(), *argv]
    if "--version" in arguments.flags:
        print(f"snntrain {snntrain.__version__}")
    elif "--help" in arguments.flags:
        print(help_text(arguments.flags.get("--config-dir")))
    elif arguments.asks_for_completions():
        print(*completions(os.environ.get("COMP_LINE", "")), sep="\n")
    elif len(several := [flag for flag in arguments.flags if flag in ONE_OF]) > 1:
        raise UserError(f"{' '.join(several)}: belong to different commands; give one of them")
    elif HYDRA_ANSWERS & arguments.flags.keys():
        _answer(arguments)
    elif "--cfg" in arguments.flags and not resume.is_meant(arguments):
        with _composer(arguments) as compose:
            _validate(arguments, compose)
            _show(arguments, compose)
    else:
        place = joined.start()
        run.hide_warnings_of_torch()
        if place is None:
            one_process.check()
        # All output is also in train.log, or in the report of a sweep.
        streams.output_is_dispensable()
        if place is not None and place.rank > 0:
            joined.assist(place)
        with run.leading(place):
            _train(arguments, typed)


def _composer(arguments: Arguments) -> AbstractContextManager[Composer]:
    return composer(arguments.flags.get("--config-name", "config"), arguments.flags.get("--config-dir"))


def _train(arguments: Arguments, typed: Sequence[str]) -> None:
    if resume.is_meant(arguments):
        resume.command(arguments, typed)
        return
    with _composer(arguments) as compose:
        composed = _validate(arguments, compose)
        if "--multirun" not in arguments.flags and (summary := _nothing_left(composed)):
            print(own_folder.nothing_left_note(_folder(composed), summary))
        else:
            _run(arguments, typed, compose)


def _validate(arguments: Arguments, compose: Composer) -> Composed:
    """Return the checked configuration; for a sweep, the configuration of its first job."""
    multirun = "--multirun" in arguments.flags
    for line in arguments.overrides:
        if key_of(line).replace("/", ".").startswith(LOGGING):
            raise UserError(
                f"{line}: snntrain logs by itself, to the terminal and to the run's train.log; leave it out, "
                "hydra.verbose=true shows debug messages"
            )
    first, *_ = checked(compose, arguments.overrides, multirun=multirun)
    if multirun:
        from snntrain.cli import sweep

        if swept := sweep.of_files(first, arguments.overrides):
            arguments.overrides = [*swept, *arguments.overrides]
            first, *_ = checked(compose, arguments.overrides, multirun=True)
    package = arguments.flags.get("--package", "_global_")
    if package != "_global_" and first.value(package) is None:
        raise UserError(
            f"--package {package}: there is no such part of the configuration; give one that exists, as neuron"
        )
    if first.value("hydra.job.chdir"):
        raise UserError(
            "hydra.job.chdir=true: a run finds data, and your own classes, relative to the current folder; "
            "leave it out, a run writes into its own folder anyway"
        )
    if not multirun and str(first.value("hydra.mode")).endswith(RunMode.MULTIRUN.name):
        raise UserError("hydra.mode=MULTIRUN: would start a sweep without a report; give -m instead")
    subdir = first.value("hydra.output_subdir")
    if subdir not in (None, HYDRA_FOLDER):
        raise UserError(
            f"hydra.output_subdir={subdir}: reports read the overrides from {HYDRA_FOLDER}/; "
            "leave it out, or give null to write no such folder"
        )
    # Hydra parses the words again.
    arguments.overrides = [*map(words.read, arguments.overrides)]
    if multirun:
        one_process.check_launcher(first)
        arguments.overrides = sweep.keep_with_swept_groups(arguments.overrides)
        sweep.check_folders(first, arguments.overrides)
    elif "--cfg" not in arguments.flags:
        _check_folder(first)
    return first


def _check_folder(composed: Composed) -> None:
    if not composed.value("hydra.run.dir"):
        raise UserError("hydra.run.dir=: names no folder; without it a run makes its own below outputs/")
    # Before Hydra writes the new overrides there.
    own_folder.check(_folder(composed), composed.values())


def _nothing_left(composed: Composed) -> dict[str, Any] | None:
    return own_folder.nothing_left(_folder(composed), composed.settings().trainer)


def _folder(composed: Composed) -> Path:
    return user_path(composed.value("hydra.run.dir"), "hydra.run.dir")


def _run(arguments: Arguments, typed: Sequence[str], compose: Composer) -> None:
    # This imports torch, which takes seconds; the folder is made afterwards.
    with slow_imports():
        import snntrain.training.run  # noqa: F401
        from snntrain.cli import launch, named_root, sweep, sweeper

    sweeping = "--multirun" in arguments.flags
    # Hydra prints lines of its own for an error in a job, so the error of a single run is kept here.
    errors: list[Exception] = []

    def task(composed: Composed, folder: Path, forbidden: Sequence[str]) -> tuple[float, str | None]:
        file = Path(arguments.flags.get("--config-dir", CONF))
        try:
            if forbidden:
                raise UserError(*forbidden)
            with named_root.kept(composed.value("dataset.root"), typed, file):
                return _job(composed, folder, typed, sweeping=sweeping), None
        except (UserError, RunFailed) as error:
            errors.append(error)
            if sweeping:
                log.error("%s", error)
            # A folder that is not available belongs to another process.
            elif isinstance(error, UserError) and not forbidden and not isinstance(error, Unavailable):
                logging.shutdown()
                discard(folder)
            return float("nan"), first_line(error)

    with _cannot_be_written(), _errors_in_one_line():
        asked = launch.composed(compose, arguments.overrides, RunMode.MULTIRUN if sweeping else RunMode.RUN)
        if sweeping:
            folder = user_path(asked.value("hydra.sweep.dir"))
            sweep.run(lambda: sweeper.sweep(compose, asked, task), folder, typed)
        else:
            launch.single(compose, asked, task)
    if errors and not sweeping:
        raise errors[0]


@contextmanager
def _cannot_be_written() -> Iterator[None]:
    """Report a folder that cannot be made, and the remedy; inside a job every error is caught."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename}: cannot be written ({error.strerror}); choose another folder with hydra.run.dir=… "
            "(hydra.sweep.dir=… with -m)"
        ) from error


def _show(arguments: Arguments, compose: Composer) -> None:
    """Print the configuration, or a part of it."""
    flags = arguments.flags
    with _errors_in_one_line():
        compose.hydra.show_cfg(
            config_name=compose.config_name,
            overrides=arguments.overrides,
            cfg_type=flags["--cfg"],
            package=flags.get("--package"),
            resolve="--resolve" in flags,
        )


def _answer(arguments: Arguments) -> None:
    """Print an answer that Hydra gives itself."""
    flags = arguments.flags
    with _composer(arguments) as compose, _errors_in_one_line():
        if "--info" in flags:
            mode = RunMode.MULTIRUN if "--multirun" in flags else RunMode.RUN
            compose.hydra.show_info(flags["--info"], compose.config_name, arguments.overrides, mode)
        elif "--shell-completion" in flags:
            # A shell completes a command by its name; under python -m Hydra would use the name python.
            sys.argv = ["snntrain", *arguments.argv()]
            compose.hydra.shell_completion(compose.config_name, arguments.overrides)
        else:
            parser = get_args_parser()
            compose.hydra.hydra_help(None, parser, parser.parse_args(arguments.argv()))


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except (HydraException, ValueError) as error:
        raise UserError(first_line(error)) from error


def _job(composed: Composed, folder: Path, typed: Sequence[str], *, sweeping: bool) -> float:
    """Train one run in its folder, and return its best validation accuracy; a completed job is not trained again.

    Raises:
        UserError, RunFailed: an error ended the run.
    """
    if sweeping:
        own_folder.check(folder, composed.values())
    # Not every combination of a large sweep is checked before.
    if wrong := check.errors(composed.node):
        job.refuse(folder, composed.value("name"), composed.value("allow_targets"), wrong)
    config = composed.settings()
    if sweeping and (summary := own_folder.nothing_left(folder, config.trainer)):
        log.info("%s", own_folder.nothing_left_note(folder, summary))
        return float(summary.get("val_accuracy", "nan"))
    return run.train(config, folder, typed)
