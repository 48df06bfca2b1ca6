"""`snntrain resume=<folder>`: resumes a run in its own folder."""

from __future__ import annotations

from collections.abc import Sequence

from snntrain.cli import log
from snntrain.cli.arguments import Arguments, unquoted
from snntrain.cli.ranks import run
from snntrain.config import saved
from snntrain.config.values import value_at, values_of
from snntrain.errors import UserError
from snntrain.runs import own_folder
from snntrain.runs.latest import named_run

KEY = "resume="


def is_meant(arguments: Arguments) -> bool:
    """Return whether the command line names a run to resume."""
    return any(word.startswith(KEY) for word in arguments.overrides)


def command(arguments: Arguments, typed: Sequence[str]) -> None:
    """Resume the run that `resume=` names, with the other words as overrides.

    Raises:
        UserError: there is no such run, another process trains it, or the overrides would make it another run.
        RunFailed: training failed.
    """
    for flag in arguments.flags.keys() - {"--config-dir"}:
        raise UserError(f"{flag}: {KEY}<folder> takes overrides and --config-dir")
    value = [word for word in arguments.overrides if word.startswith(KEY)][-1].removeprefix(KEY)
    if not value:
        raise UserError(f"{KEY}: names no run; give its folder, as in {KEY}outputs/<date>/<time>-<id>, or {KEY}latest")
    folder = named_run("resume", unquoted(value))
    overrides = [word for word in arguments.overrides if not word.startswith(KEY)]
    config = saved.load(folder, overrides, arguments.flags.get("--config-dir"))
    own_folder.check(folder, values_of(config))
    if summary := own_folder.nothing_left(folder, config.trainer):
        print(own_folder.nothing_left_note(folder, summary))
        return
    # A wrong command is reported before this import.
    from snntrain.cli import named_root

    log.begin(folder)
    with named_root.kept(value_at(config.dataset, "root"), overrides, folder / "config.yaml"):
        run.train(config, folder, typed)
