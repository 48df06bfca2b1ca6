"""The parser of the command line: flags in any position, everything else an override."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from snntrain.errors import UserError
from snntrain.files.paths import user_path

# Hydra's flags: those without a value, and those with one.
SWITCHES = {
    "-h": "--help",
    "--help": "--help",
    "--version": "--version",
    "--hydra-help": "--hydra-help",
    "-m": "--multirun",
    "--multirun": "--multirun",
    "-r": "--run",
    "--run": "--run",
    "--resolve": "--resolve",
    "-sc": "--shell-completion",
    "--shell-completion": "--shell-completion",
}
VALUED = {
    "-c": "--cfg",
    "--cfg": "--cfg",
    "-p": "--package",
    "--package": "--package",
    "-cn": "--config-name",
    "--config-name": "--config-name",
    "-cd": "--config-dir",
    "--config-dir": "--config-dir",
}
INFO = ("-i", "--info")
INFO_WORDS = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
CFG_WORDS = ("job", "hydra", "all")


@dataclass
class Arguments:
    """Parsed arguments: `flags` by long name ('' for a switch), and `overrides` in the order given."""

    flags: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    def argv(self) -> list[str]:
        """The same command with the flags in front, as Hydra expects."""
        flags = [part for flag, value in self.flags.items() for part in (flag, value) if part]
        return [*flags, *self.overrides]

    def asks_for_completions(self) -> bool:
        """Return whether the shell asks for completions."""
        return "--shell-completion" in self.flags and any(word.startswith("query=") for word in self.overrides)


def parse(argv: Sequence[str]) -> Arguments:
    """Parse `argv`, without the name of the program.

    Raises:
        UserError: a flag that does not exist or lacks its value, or the home folder of an unknown user.
    """
    parsed, rest = Arguments(), list(argv)
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if not word.startswith("-"):
            parsed.overrides.append(word)
        elif word in SWITCHES:
            parsed.flags[SWITCHES[word]] = ""
        elif name in VALUED:
            if not has_value and not rest:
                raise UserError(f"{word}: needs a value, as in {word} <value>")
            parsed.flags[VALUED[name]] = value if has_value else rest.pop(0)
        elif name in INFO:
            given = value if has_value else rest.pop(0) if rest and rest[0] in INFO_WORDS else "all"
            parsed.flags["--info"] = given
        else:
            raise UserError(f"{word}: there is no such flag; snntrain --help lists the flags")
    if folder := parsed.flags.get("--config-dir"):
        parsed.flags["--config-dir"] = str(user_path(folder, "--config-dir"))
    _check_words(parsed)
    return parsed


def unquoted(value: str) -> str:
    """Return the value of a word that a command reads itself, without the quotes that an override may need."""
    if value[:1] not in ("'", '"'):
        return value
    # This imports Hydra, for which the other commands do not wait.
    from snntrain.config import words

    return words.unquoted(value)


def _check_words(parsed: Arguments) -> None:
    for flag, words in (("--cfg", CFG_WORDS), ("--info", INFO_WORDS)):
        if parsed.flags.get(flag, words[0]) not in words:
            raise UserError(f"{flag} {parsed.flags[flag]}: must be one of {', '.join(words)}")
    for flag, example in (("--resolve", "--resolve"), ("--package", "--package neuron")):
        if flag in parsed.flags and "--cfg" not in parsed.flags:
            raise UserError(f"{flag}: goes with --cfg, as in snntrain --cfg job {example}")
    if "--shell-completion" in parsed.flags and not any(
        word.startswith(("install=", "uninstall=", "query=")) for word in parsed.overrides
    ):
        raise UserError("--shell-completion: needs install=bash, or zsh, or fish (uninstall=bash removes it)")
