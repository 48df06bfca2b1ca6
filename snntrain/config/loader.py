"""Hydra's loader of configs, with changes: config folders are data, a plugin does not change the options of others, and
each choice of options is composed once.
"""

from __future__ import annotations

import copy
import os
from collections import OrderedDict
from dataclasses import is_dataclass
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from snntrain.config.changes import ADDED
from snntrain.config.job_folder import joined
from snntrain.config.trust import config_files
from snntrain.config.trust.config_files import ConfigFolder

# Hydra's names of the sources whose files may come from a stranger: --config-dir and hydra.searchpath. Ours are "main".
CONFIG_FOLDERS = ("command-line", "hydra.searchpath in command-line")
# Keys that Hydra sets itself after composing the rest, or that name folders of options.
WRITTEN_BY_HYDRA = ("hydra.overrides", "hydra.runtime", "hydra.job", "hydra.searchpath")
# Number of compositions that are kept, one for each choice of options; each takes 0.15 MB.
MOST_KEPT = 300


class Loader(ConfigLoaderImpl):
    """A loader that composes the same as Hydra's own, but treats files as data only.

    Hydra composes the configuration of a run three times, and the configuration of a sweep's job twice. Reading and
    merging the files of the chosen options takes most of the time. So each file is read once, the configuration of each
    choice of options is kept, and values are set in a copy of it, as Hydra does. The jobs of a sweep hardly differ in
    other ways.
    """

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        _read_as_data(self.repository)
        self._kept: OrderedDict[tuple[Any, ...], DictConfig] = OrderedDict()
        self._files: dict[str | None, CachingConfigRepository] = {}
        # Of the composition at work: the groups that the command line chooses from, and the keys of each schema.
        self._chosen: set[str] = set()
        self._keys: dict[str, set[str]] = {}

    def _load_configuration_impl(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
        **newer: Any,  # Of Hydra 1.4.
    ) -> DictConfig:
        parsed, files = self._parse_overrides_and_create_caching_repo(config_name, overrides)
        how = (run_mode, from_shell, validate_sweep_overrides)
        self._chosen, self._keys = {override.key_or_group for override in parsed if not _is_value(override, files)}, {}
        if any(_is_below(override, WRITTEN_BY_HYDRA) for override in parsed):
            return _completed(super()._load_configuration_impl(config_name, overrides, *how, **newer))
        values = [override for override in parsed if _is_value(override, files)]
        choices = [override.input_line or "" for override in parsed if override not in values]
        # `from_shell` changes messages, not the composed configuration.
        # Hydra 1.4 passes the parsed overrides of all lines; here only those of the choices count.
        newer = {name: value for name, value in newer.items() if name != "parsed_overrides"}
        key = (config_name, run_mode, validate_sweep_overrides, *sorted(newer.items()), *choices)
        if key not in self._kept:
            self._kept[key] = _completed(super()._load_configuration_impl(config_name, choices, *how, **newer))
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        config = copy.deepcopy(self._kept[key])
        self._apply_overrides_to_config(values, config)
        _record(config, parsed)
        return config

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str], *newer: Any
    ) -> tuple[list[Override], CachingConfigRepository]:
        parsed = OverridesParser.create().parse_overrides(overrides)
        if any(_is_below(override, ("hydra.searchpath",)) for override in parsed):
            return super()._parse_overrides_and_create_caching_repo(config_name, overrides)
        if config_name not in self._files:
            _, self._files[config_name] = super()._parse_overrides_and_create_caching_repo(config_name, [])
        return parsed, self._files[config_name]

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        result = super()._load_single_config(default, _Unmatched(repo))
        if result.provider in CONFIG_FOLDERS:
            config_files.check_hydra(result.config, f"{default.config_path}.yaml")
        # A config without a package, such as a preset, is merged itself: without a copy, the result's changes would
        # reach it.
        result = copy.deepcopy(result)
        if isinstance(result.config, DictConfig) and default.package:
            self._keep_keys(result.config, default.package)
        elif isinstance(result.config, DictConfig):
            self._leave_out_replaced(result.config)
        return result

    def _keep_keys(self, config: DictConfig, package: str) -> None:
        """Keep the keys that a schema has; an option without one takes any key."""
        part = OmegaConf.select(config, package)
        if isinstance(part, DictConfig) and is_dataclass(OmegaConf.get_type(part)):
            self._keys[package] = set(part)

    def _leave_out_replaced(self, preset: DictConfig) -> None:
        """Leave out a preset's keys that were for another option than the one that the command line chooses.

        With `experiment=plif_mnist neuron=lif`, `neuron.init_tau` of the preset has no meaning.
        """
        for group in self._chosen & self._keys.keys():
            part = OmegaConf.select(preset, group)
            if isinstance(part, DictConfig):
                for key in set(part) - self._keys[group]:
                    del part[key]

    def _process_config_searchpath(
        self, config_name: str | None, parsed_overrides: list[Override], repo: CachingConfigRepository
    ) -> None:
        super()._process_config_searchpath(config_name, parsed_overrides, repo)
        assert isinstance(repo.delegate, ConfigRepository)
        _read_as_data(repo.delegate)


class _Unmatched(CachingConfigRepository):
    """A repository in which a file is not merged into the schema with its name that a plugin has registered.

    Hydra does so, with a warning, and will drop it. hydra-submitit-launcher registers a hydra/launcher=submitit_slurm.
    """

    def __init__(self, repository: IConfigRepository) -> None:
        # Hydra's own copies the repository, which takes long.
        self.delegate, self.cache = repository, {}

    def get_schema_source(self) -> ConfigSource:
        """Raise the error for a schema that does not exist."""
        raise ConfigLoadError("a file names its schema in its defaults")


def _read_as_data(repository: ConfigRepository) -> None:
    """Replace each folder that is not ours with a `ConfigFolder`."""
    repository.sources = [
        ConfigFolder(source.provider, source.path)
        # Hydra imports its plugins in its own way: their classes differ from those that are imported here.
        if source.provider in CONFIG_FOLDERS and source.scheme() == ConfigFolder.scheme()
        else source
        for source in repository.sources
    ]


def _completed(config: DictConfig) -> DictConfig:
    """Give keys without a value that of older versions: a user's file may extend a schema from before they existed."""
    for key, value in ADDED.items():
        parent, _, leaf = key.rpartition(".")
        node = OmegaConf.select(config, parent)
        if isinstance(node, DictConfig) and OmegaConf.is_missing(node, leaf):
            node[leaf] = value
    return config


def _is_value(override: Override, files: CachingConfigRepository) -> bool:
    """Return whether an override sets a key instead of choosing an option, by Hydra's own rule."""
    if override.is_sweep_override():
        return False
    return isinstance(override.value(), dict) or not files.group_exists(override.key_or_group)


def _is_below(override: Override, keys: tuple[str, ...]) -> bool:
    key = override.key_or_group
    return key == "hydra" or any(key == own or key.startswith(f"{own}.") for own in keys)


def _record(config: DictConfig, overrides: list[Override]) -> None:
    """Record the overrides and the working directory in the configuration, as Hydra does."""
    config.hydra.runtime.cwd = os.getcwd()
    own = [override for override in overrides if not override.is_hydra_override()]
    config.hydra.overrides.task = [override.input_line for override in own]
    config.hydra.overrides.hydra = [override.input_line for override in overrides if override.is_hydra_override()]
    if not OmegaConf.is_interpolation(config.hydra.job, "override_dirname"):  # In Hydra 1.4 it is one.
        how = config.hydra.job.config.override_dirname
        # Hydra 1.4 deprecates this key; a command line may still name it.
        config.hydra.job.override_dirname = joined(
            config.hydra.overrides.task, how.exclude_keys, how.item_sep, how.kv_sep
        )
