"""Typed settings as JSON, for another process of the same program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from snntrain.config.schema import SCHEMAS, Augment, Config, OwnDataset, ParameterRule

# Beside the keys of a dataclass, the name of its class.
CLASS = "__class__"
CLASSES = {kind.__name__: kind for kind in (*SCHEMAS.values(), Config, Augment, OwnDataset, ParameterRule)}


def to_json(config: Config) -> str:
    """Return settings as JSON, which `from_json` reads."""
    return json.dumps(_plain(config))


def from_json(text: str) -> Config:
    """Return the settings; they were checked before they were sent."""
    config = _typed(json.loads(text))
    assert isinstance(config, Config)
    return config


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        # A dataclass of the user's own data set has more attributes than fields.
        return {CLASS: type(value).__name__, **{key: _plain(below) for key, below in vars(value).items()}}
    if isinstance(value, Mapping):
        return {str(key): _plain(below) for key, below in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _typed(value: Any) -> Any:
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if not isinstance(value, dict):
        return value
    content = {key: _typed(below) for key, below in value.items() if key != CLASS}
    if CLASS not in value:
        return content
    kind = CLASSES[value[CLASS]]
    known = {field.name for field in fields(kind)}
    settings = kind(**{key: below for key, below in content.items() if key in known})
    vars(settings).update(content)
    return settings
