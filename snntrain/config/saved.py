"""The configuration that a finished run saved: read with its types, with overrides applied."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snntrain.config import check, schema, words
from snntrain.config.changes import ADDED
from snntrain.config.compose import CONF, Composer, composer
from snntrain.config.composed import Composed
from snntrain.config.explain import OF_OVERRIDES, explain, key_of
from snntrain.config.schema import Config
from snntrain.config.trust import targets
from snntrain.errors import UserError, first_line
from snntrain.files import bounded, safe_yaml

ALLOW = "allow_targets"
# A config.yaml has 2 kB.
MOST_BYTES = 2**20
EXAMPLE = "run=outputs/<date>/<time>-<id>"
WHOLE = "it must be the whole file that snntrain wrote; get it again from its source"


def load(run: Path, overrides: Sequence[str], config_dir: str | None = None) -> Config:
    """Return the settings that a run has saved, with overrides applied.

    A saved configuration may come from a stranger: its `allow_targets` does not count and must be given again.

    Args:
        run: the run's folder.
        overrides: choices of groups, or single keys.
        config_dir: a folder with the user's own options.

    Raises:
        UserError: not a run folder, a damaged file, or overrides that do not fit, with a line for each mistake.
    """
    config = _typed(read(run / "config.yaml"), run)
    config[ALLOW] = []
    whole, lines = words.unsplit(overrides)
    refused: list[str] = []
    with composer(config_dir=config_dir) as compose:
        for line in sorted(whole, key=lambda o: o.partition("=")[0] not in compose.groups):
            try:
                _apply(config, compose, line)
            except UserError as error:
                lines += error.lines
            except OF_OVERRIDES as error:
                lines.append(explain(error, line, config, compose.groups))
                refused.append(key_of(line))
    values = OmegaConf.to_container(config, resolve=False)
    assert isinstance(values, dict)
    lines += targets.forbidden(values, config[ALLOW]) + check.errors(config, refused)
    if lines:
        raise UserError(*lines)
    return Composed(config).settings()


def read(file: Path) -> dict[str, Any]:
    """Return the plain values of a run's config.yaml.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        content = safe_yaml.parse(bounded.text(file, MOST_BYTES))
        interpolation = next(_interpolations(content), None)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"run={file.parent}: not a run folder, it has no config.yaml; give one as {EXAMPLE}") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{file}: cannot be read ({first_line(error)}); {WHOLE}") from error
    if not isinstance(content, dict):
        raise UserError(f"{file}: is not the configuration of a run, keys with values; {WHOLE}")
    if interpolation is not None:
        # Otherwise it would be resolved on the machine of the person who evaluates the run.
        raise UserError(f"{file}: {interpolation}: a run saves values, not interpolations; {WHOLE}")
    return content


def _interpolations(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _interpolations(key, f"key of {path or 'the file'}")
            yield from _interpolations(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _interpolations(below, f"{path}[{index}]")
    elif isinstance(value, str) and "${" in value:
        yield f"{path}={value}"


def _typed(content: dict[str, Any], run: Path) -> DictConfig:
    """Return the plain content as a Config whose groups have their types again."""
    try:
        config: DictConfig = OmegaConf.structured(schema.Config)
        for key, value in {**_added_groups(), **content}.items():
            config[key] = _subtree(key, value) if isinstance(value, dict) else value
    except (OmegaConfBaseException, RecursionError, ValueError) as error:
        raise UserError(f"{run / 'config.yaml'}: {first_line(error)}; {WHOLE}") from error
    OmegaConf.set_struct(config, True)
    return config


def _subtree(group: str, content: dict[str, Any]) -> Any:
    if (defaults := CONF / group / "default.yaml").is_file():
        # Keys that did not exist yet when the run was made.
        content = {key: value for key, value in _default(defaults).items() if key != "defaults"} | content
    added = _added(group)
    for path, declared in schema.SCHEMAS.items():
        keys = {field.name for field in fields(declared)}
        if path.startswith(f"{group}/") and keys - added.keys() <= content.keys() <= keys:
            own = {key: value for key, value in added.items() if key in keys}
            return OmegaConf.merge(OmegaConf.structured(declared), own, content)
    # The keys belong to a user's own class.
    return content


def _added_groups() -> dict[str, Any]:
    """Return the groups that older runs do not have."""
    return {key.removesuffix("._target_"): _added(key.removesuffix("._target_")) for key in ADDED if "._target_" in key}


def _added(group: str) -> dict[str, Any]:
    """Return the keys of a group that older runs do not have; those of a deeper part have values in its schema."""
    direct = ((key.removeprefix(f"{group}."), value) for key, value in ADDED.items() if key.startswith(f"{group}."))
    return {key: value for key, value in direct if "." not in key}


@cache
def _default(file: Path) -> dict[str, Any]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def _apply(config: DictConfig, compose: Composer, line: str) -> None:
    override = compose.parse(line)
    if override.is_sweep_override() or override.is_add() or override.is_delete():
        raise UserError(f"{line}: give one value, as in T=8; keys of a finished run cannot be swept, added or removed")
    key = override.key_or_group
    if key in words.GROUPS.values():
        raise UserError(f"{line}: presets are for training; give the keys to change")
    if key in compose.groups:
        composed = compose([override.input_line or line])
        if key not in composed:
            raise UserError(f"{line}: presets are for training; give the keys to change")
        config[key] = composed[key]
        return
    _set(config, key, override)


def _set(config: DictConfig, key: str, override: Override) -> None:
    parent, _, leaf = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig) or leaf not in node:
        raise AttributeError(f"Could not find {key}")
    node[leaf] = override.value()
