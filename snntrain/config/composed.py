"""A composed configuration, the source of the typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from snntrain.config.schema import BESIDE_THE_RUN, LAUNCHERS, Config, OwnDataset
from snntrain.config.values import values_of


@dataclass(frozen=True)
class Composed:
    """The values of conf/ and the command line, and in `hydra` Hydra's own part; only `config/` and `cli/` see it."""

    node: DictConfig

    def settings(self) -> Config:
        """Return the typed settings; `check.errors` must have found no mistakes."""
        found = OmegaConf.to_object(_own(self.node))
        assert isinstance(found, dict)
        config = Config(**{str(key): value for key, value in found.items()})
        if isinstance(config.dataset, Mapping):
            config.dataset = _own_dataset(config.dataset)
        return config

    def values(self) -> dict[str, Any]:
        """Return the plain values of the run's settings, with all references resolved."""
        values = OmegaConf.to_container(_own(self.node), resolve=True)
        assert isinstance(values, dict)
        return values_of(values)

    def text(self) -> str:
        """Return the run's settings as YAML, with references as they are."""
        return OmegaConf.to_yaml(_own(self.node))

    def value(self, key: str) -> Any:
        """Return the plain value of a dotted key; None if it is absent."""
        found = OmegaConf.select(self.node, key)
        return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found

    def launcher(self) -> Any:
        """Return the settings of the launcher, if it is one of ours; else None."""
        node = OmegaConf.select(self.node, "hydra.launcher")
        return OmegaConf.to_object(node) if OmegaConf.get_type(node) in LAUNCHERS else None

    def is_reference(self, key: str) -> bool:
        """Return whether the value of a dotted key refers to others, like ${hydra.job.num}."""
        parent, _, leaf = key.rpartition(".")
        return OmegaConf.is_interpolation(OmegaConf.select(self.node, parent), leaf)


def _own(node: DictConfig) -> DictConfig:
    return OmegaConf.masked_copy(node, [str(key) for key in node if key not in BESIDE_THE_RUN])


def _own_dataset(content: Mapping[str, Any]) -> OwnDataset:
    """Return the settings of a data set that extends no schema."""
    read = {field.name for field in fields(OwnDataset)}
    dataset = OwnDataset(**{key: value for key, value in content.items() if key in read})
    for key in content.keys() - read:
        setattr(dataset, key, content[key])
    return dataset
