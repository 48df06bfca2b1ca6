"""The completions of the command line; `--shell-completion install=bash` makes the shell ask for them."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import ascii_letters, digits

from hydra._internal.core_plugins.bash_completion import BashCompletion

from snntrain.cli.arguments import SWITCHES, VALUED, parse
from snntrain.cli.commands import BY_NAME, TRAIN
from snntrain.config.compose import composer
from snntrain.files.paths import user_path

CHECKPOINTS = ("checkpoint=best", "checkpoint=last")
CHOICE = "dataset="
# Every shell takes these characters literally, at any position in a word.
PLAIN = frozenset(f"{ascii_letters}{digits}_-./,:@%+=")


def completions(line: str) -> list[str]:
    """Return the words that may replace the last word of a line; all possible words if it ends with a space.

    A shell expands the words that it gets: bash runs the command in `$(…)`. The names of folders, options and keys may
    come from a stranger, so words with other than plain characters are left out. A shell also shows everything that is
    printed here, so an unreadable line has no completions.
    """
    begun = line.split()[1:]
    last = begun.pop() if begun and not line.endswith(" ") else ""
    try:
        return sorted(word for word in _words(begun, last) if word.startswith(last) and _is_plain(word))
    except Exception:  # The line is half typed and may contain any mistake.
        return []


def _is_plain(word: str) -> bool:
    """Return whether a shell leaves a word as it is: `PLAIN`, and letters, marks and digits beyond ASCII."""
    return all(sign in PLAIN or (sign > "\x7f" and unicodedata.category(sign)[0] in "LMN") for sign in word)


def _words(begun: list[str], last: str) -> Iterator[str]:
    if last.startswith("-"):
        yield from (*SWITCHES, *VALUED)
        return
    command = BY_NAME.get(begun[0]) if begun else None
    if command is not None:
        begun = begun[1:]
        yield from command.words
        if command.folders:
            yield from _folders(last)
        if command.sets:
            yield from (word.removeprefix(CHOICE) for word in _of_hydra([], CHOICE))
        if command.runs:
            yield from (*(f"run={folder}" for folder in ("latest", *_runs())), *CHECKPOINTS)
            begun = [word for word in begun if not word.startswith(("run=", "checkpoint="))]
        if not command.overrides:
            return
        # Hydra reads neither these words nor the names of data sets.
        begun = [word for word in begun if not word.startswith(command.words) and (not command.sets or "=" in word)]
    elif not begun:
        yield from (name for name in BY_NAME if name != TRAIN.name)
        yield from (f"resume={folder}" for folder in ("latest", *_runs()))
    yield from _of_hydra(begun, last)


def _runs() -> Iterable[Path]:
    """Yield the folders of runs and of sweeps' jobs in the default places."""
    found = (Path().glob(pattern) for pattern in ("outputs/*/*/summary.json", "multirun/*/*/*/summary.json"))
    return (path.parent for paths in found for path in paths)


def _folders(last: str) -> Iterable[str]:
    """Yield the folders to which the path `last` can be completed, one level deeper."""
    begun, slash, _ = last.rpartition("/")
    above = user_path(begun or slash or ".")
    return (f"{begun}{slash}{path.name}/" for path in above.iterdir() if path.is_dir() and path.name[0] != ".")


def _of_hydra(begun: list[str], last: str) -> Iterator[str]:
    """Yield groups, their options and keys."""
    arguments = parse(begun)
    with composer(config_dir=arguments.flags.get("--config-dir")) as compose:
        line = " ".join([*arguments.overrides, last])
        found = BashCompletion(compose.loader)._query(compose.config_name, line)
        groups = compose.groups
    for word in found:
        if word.partition("/")[0] != "schema":
            # Hydra offers a group that has groups below it without the sign.
            yield f"{word}=" if word in groups else word
