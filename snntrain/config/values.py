"""The plain values of typed settings, for saving, comparing and showing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

import yaml
from omegaconf._utils import get_omega_conf_dumper


def values_of(settings: Any) -> dict[str, Any]:
    """Return the keys of settings with plain values, in their order.

    Args:
        settings: a dataclass of the schema, with the keys that a user has added; or a mapping.
    """
    content = settings if isinstance(settings, Mapping) else vars(settings)
    return {key: _value_of(value) for key, value in content.items()}


def value_at(settings: Any, key: str) -> Any:
    """Return one value of settings; None if they do not have the key, as settings of a user's own class may."""
    return settings.get(key) if isinstance(settings, Mapping) else getattr(settings, key, None)


def as_yaml(settings: Any) -> str:
    """Return settings as the text of config.yaml."""
    # OmegaConf's own dumper: it quotes texts that its grammar would read as something else.
    text: str = yaml.dump(
        values_of(settings),
        Dumper=get_omega_conf_dumper(),
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
    )
    return text


def _value_of(value: Any) -> Any:
    if isinstance(value, Mapping) or is_dataclass(value):
        return values_of(value)
    return [_value_of(item) for item in value] if isinstance(value, list | tuple) else value
