"""`snntrain --help`: built from the commands, the schema and the files of conf/, and therefore always complete."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import MISSING

from snntrain.cli.commands import COMMANDS
from snntrain.config import schema, words
from snntrain.config.check import bounds
from snntrain.config.compose import CONF, Composer, composer
from snntrain.errors import UserError, first_line
from snntrain.files import bounded, safe_yaml

USAGE_COLUMN = 47
HEAD = """\
snntrain trains spiking neural networks from a composed config.
"""
REST = """\
Examples
  snntrain                                     the embedded digits, in about a minute on a CPU
  snntrain neuron=plif dataset=mnist
  snntrain -m neuron=if,lif,plif,rif reset=hard,soft surrogate=atan,sigmoid
  tensorboard --logdir outputs                 shown at http://localhost:6006, to this machine alone

Flags, in any position
  --help --version     this text; the version
  -m, --multirun       run every combination of the comma-separated values
  --cfg job            print the composed config and stop; with --resolve, interpolations resolved
  -cd, --config-dir    a folder of your own, with neuron/, experiment/ … files; eval, inspect and doctor take it
  -cn, --config-name   another primary config
  --shell-completion   install=bash prints the line to eval for completion by the tab key
  --hydra-help         more flags, of Hydra
"""
MEANING_COLUMN = 40
# The group of launchers is Hydra's; its default option is Hydra's, too, and has no keys.
LAUNCHERS, BASIC = "hydra/launcher", "basic"
WIDTH = 120


def help_text(config_dir: str | None = None) -> str:
    """Return the whole text; groups and options of `config_dir` are listed with the built-in ones.

    Raises:
        UserError: a file of `config_dir` cannot be read, or extends a schema that does not exist.
    """
    # Not composed, which would take half of the time of this text.
    primary = _read(CONF / "config.yaml")
    chosen = {group: name for entry in primary["defaults"] if isinstance(entry, dict) for group, name in entry.items()}
    with composer(config_dir=config_dir) as compose:
        lines = [HEAD, *_usage(), REST, "Keys at the top, with their defaults", *_top_level(primary)]
        lines += ["", "Groups, the default option in brackets, and their keys"]
        for group in sorted(compose.groups):
            lines += ["", *_group(compose, group, compose.groups[group], chosen.get(group))]
        lines += ["", *_group(compose, LAUNCHERS, [BASIC, *_names(CONF / LAUNCHERS)], BASIC)]
    return "\n".join(lines)


def _usage() -> Iterator[str]:
    """Yield the lines of each command."""
    for usage, meaning in (line for command in COMMANDS for line in command.usage):
        left = f"  snntrain {usage}"
        if len(left) < USAGE_COLUMN:
            yield f"{left:<{USAGE_COLUMN}}{meaning}"
        else:
            yield left
            yield f"{'':{USAGE_COLUMN}}{meaning}"


def _top_level(primary: Mapping[str, Any]) -> Iterator[str]:
    for field in fields(schema.Composition):
        if field.name in primary:
            yield _line(field.name, primary[field.name], _described(field.metadata))


def _names(folder: Path) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.yaml"))


def _group(compose: Composer, group: str, options: list[str], chosen: str | None) -> Iterator[str]:
    meanings = {field.name: field.metadata["meaning"] for field in fields(schema.Composition)}
    meanings[LAUNCHERS] = "where the jobs of a sweep run: in processes of this machine, or on a cluster"
    yield f"{group}: {meanings.get(group, 'presets for several groups at once')}"
    shown = ", ".join(f"[{option}]" if option == chosen else option for option in options)
    yield textwrap.fill(f"  {group}={shown}", WIDTH, subsequent_indent=" " * (len(group) + 3), break_on_hyphens=False)
    documented = {option: dict(_documented(compose, group, option)) for option in options}
    for key in dict.fromkeys(key for keys in documented.values() for key in keys):
        having = [option for option in options if key in documented[option]]
        # A key may have different meanings in different options.
        for text in dict.fromkeys(documented[option][key][1] for option in having):
            alike = [option for option in having if documented[option][key][1] == text]
            # The value of the default option, if the default has the key with this meaning.
            value, _ = documented[chosen if chosen in alike else alike[0]][key]
            yield _line(f"{group.replace('/', '.')}.{key}", value, _options_with(alike, options) + text)
    for key, own in words.GROUPS.items():
        if key.startswith(f"{group}."):
            names = ", ".join(_names(CONF / own))
            yield _line(key, "…", f"several of these keys at once, by the name of a choice: {names}")


def _options_with(having: list[str], options: list[str]) -> str:
    """Return 'lif: ' for a key that only lif has, 'all but if: ' if that is shorter, '' if all have it."""
    lacking = [option for option in options if option not in having]
    if not lacking:
        return ""
    return f"all but {', '.join(lacking)}: " if len(lacking) < len(having) else f"{', '.join(having)}: "


def _documented(compose: Composer, group: str, option: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield each key of an option with its value and its meaning; nothing for a file that extends no schema."""
    file = next((file for folder in compose.folders if (file := folder / group / f"{option}.yaml").is_file()), None)
    if file is not None:
        content = _read(file)
        for declared in _extended(file, content):
            yield from _meanings(declared, content)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = safe_yaml.parse(bounded.text(file)) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{file}: cannot be read ({first_line(error)}); fix it") from error
    if not isinstance(content, dict):
        raise UserError(f"{file}: must be a mapping, keys with values, as the files of conf/ are")
    return content


def _extended(file: Path, content: Mapping[str, Any]) -> Iterator[type]:
    """Yield the schemas that the file extends."""
    for entry in map(str, content.get("defaults") or []):
        path, _, _ = entry.removeprefix("/schema/").partition("@")
        if entry.startswith("/schema/"):
            if path not in schema.SCHEMAS:
                raise UserError(f"{file}: there is no /schema/{path}; there are {', '.join(schema.SCHEMAS)}")
            yield schema.SCHEMAS[path]


def _meanings(declared: type, content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, tuple[Any, str]]]:
    for field in fields(declared):
        value = content.get(field.name, None if field.default == MISSING else field.default)
        if isinstance(value, dict) and isinstance(field.type, type) and is_dataclass(field.type):
            yield from _meanings(field.type, value, f"{prefix}{field.name}.")
        elif field.name != "_target_":
            yield f"{prefix}{field.name}", (value, _described(field.metadata))


def _described(metadata: Mapping[str, Any]) -> str:
    """Return the meaning of a key and its bounds."""
    limits = bounds(metadata)
    return f"{metadata['meaning']} ({limits})" if limits else str(metadata["meaning"])


def _line(key: str, value: Any, text: str) -> str:
    """Return a key with its default on the left and its description on the right."""
    shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    left = f"  {f'{key}={shown}':<{MEANING_COLUMN}} "
    more = " " * (MEANING_COLUMN + 3)
    return textwrap.fill(text, WIDTH, initial_indent=left, subsequent_indent=more, break_on_hyphens=False)
