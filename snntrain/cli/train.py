"""`snntrain key=value …`: checks the configuration, then trains one run, or with -m a sweep."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from hydra.types import RunMode

import snntrain
from snntrain.cli import one_process, resume, streams, whole_sweep
from snntrain.cli.arguments import Arguments, parse
from snntrain.cli.complete import completions
from snntrain.cli.composing import (
    cannot_be_written,
    check_composed,
    check_overrides,
    composer_of,
    errors_in_one_line,
)
from snntrain.cli.help import help_text
from snntrain.cli.imports import slow_imports
from snntrain.cli.ranks import joined, run
from snntrain.cli.search import asked as searching
from snntrain.config import words
from snntrain.config.compose import Composer
from snntrain.config.composed import Composed
from snntrain.config.validate import checked
from snntrain.errors import UserError
from snntrain.files.paths import user_path
from snntrain.process import program
from snntrain.runs import own_folder

# Hydra answers these itself: it prints something and ends.
HYDRA_ANSWERS = {"--hydra-help", "--shell-completion", "--info"}
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
        with composer_of(arguments) as compose:
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


def _train(arguments: Arguments, typed: Sequence[str]) -> None:
    if resume.is_meant(arguments):
        resume.command(arguments, typed)
        return
    with composer_of(arguments) as compose:
        if "--multirun" in arguments.flags and searching.is_asked(compose, arguments.overrides):
            from snntrain.cli.search.command import search

            search(arguments, typed, compose)
            return
        composed = _validate(arguments, compose)
        if "--multirun" in arguments.flags:
            _sweep(arguments, typed, compose)
        elif summary := _nothing_left(composed):
            print(own_folder.nothing_left_note(_folder(composed), summary))
        else:
            _run(arguments, typed, compose)


def _validate(arguments: Arguments, compose: Composer) -> Composed:
    """Return the checked configuration; for a sweep, the configuration of its first job."""
    multirun = "--multirun" in arguments.flags
    check_overrides(arguments.overrides)
    first, *_ = checked(compose, arguments.overrides, multirun=multirun)
    if multirun:
        from snntrain.cli import sweep

        if swept := sweep.of_files(first, arguments.overrides):
            arguments.overrides = [*swept, *arguments.overrides]
            first, *_ = checked(compose, arguments.overrides, multirun=True)
    check_composed(first, arguments, multirun=multirun)
    if "--cfg" not in arguments.flags:
        searching.check_not_meant(first, arguments.overrides)
    # Hydra parses the words again.
    arguments.overrides = [*map(words.read, arguments.overrides)]
    if multirun or "--cfg" not in arguments.flags:
        whole_sweep.check(arguments.overrides, multirun=multirun)
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
        from snntrain.cli import launch
        from snntrain.cli.task import task_of

    # Hydra prints lines of its own for an error in a job, so the error is kept here.
    errors: list[Exception] = []
    with cannot_be_written(), errors_in_one_line():
        asked = launch.composed(compose, arguments.overrides, RunMode.RUN)
        launch.single(compose, asked, task_of(arguments, typed, errors))
    if errors:
        raise errors[0]


def _sweep(arguments: Arguments, typed: Sequence[str], compose: Composer) -> None:
    with slow_imports():
        from snntrain.cli import launch, sweep, sweeper
        from snntrain.cli.launchers.launcher import SweepCommand

    with cannot_be_written(), errors_in_one_line():
        asked = launch.composed(compose, arguments.overrides, RunMode.MULTIRUN)
        folder = user_path(asked.value("hydra.sweep.dir"))
        command = SweepCommand(
            config_name=compose.config_name,
            config_dir=arguments.flags.get("--config-dir"),
            overrides=sweep.with_fixed_folder(arguments.overrides, folder),
            typed=tuple(typed),
            working_directory=os.getcwd(),
        )
        sweep.run(lambda: sweeper.sweep(compose, asked, command), folder, typed)


def _show(arguments: Arguments, compose: Composer) -> None:
    """Print the configuration, or a part of it."""
    flags = arguments.flags
    with errors_in_one_line():
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
    with composer_of(arguments) as compose, errors_in_one_line():
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
