"""The settings of a schedule that a group of parameters names: those of an option in conf/scheduler/, changed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from snntrain.config.compose import CONF
from snntrain.errors import UserError

NAME, TARGET = "name", "_target_"


def settings_of(schedule: Any, where: str) -> dict[str, Any]:
    """Return the settings of a schedule as plain values with `_target_`.

    Args:
        schedule: the name of an option in conf/scheduler/; or a mapping with that name under `name`, or with
            `_target_`, and with keys.
        where: the key that has this value, for messages.

    Raises:
        UserError: no such option, or something else.
    """
    given = {NAME: schedule} if isinstance(schedule, str) else schedule
    if not isinstance(given, Mapping) or len(given.keys() & {NAME, TARGET}) != 1:
        raise UserError(
            f"{where}={schedule}: must be the name of a schedule, as cosine, or a mapping with that name or _target_, "
            "as {name: cosine, final: 0.1}"
        )
    values = {str(key): value for key, value in given.items()}
    if TARGET in values:
        return values
    name, options = values.pop(NAME), _options()
    if not isinstance(name, str) or name not in options:
        near = difflib.get_close_matches(str(name), options, n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{where}: there is no schedule '{name}'{guess}; there are {', '.join(options)}")
    return _values(options[name]) | values


@cache
def _options() -> dict[str, Path]:
    return {path.stem: path for path in sorted((CONF / "scheduler").glob("*.yaml"))}


def _values(file: Path) -> dict[str, Any]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key != "defaults"}
