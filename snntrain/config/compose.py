"""The composition of a configuration from conf/ and the command line."""

import copy
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from snntrain.config import primary, schema, versions, words
from snntrain.config.combinations import SUBTREES
from snntrain.config.explain import key_of
from snntrain.config.job_folder import job_folder
from snntrain.config.loader import Loader
from snntrain.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel conf/ lies inside the package, in a checkout beside it.
CONF = PACKAGE / "conf" if (PACKAGE / "conf").is_dir() else PACKAGE.parent / "conf"
# If a scheduler starts a thousand jobs in one second, two of them share a folder in one of nine thousand such cases;
# with two bytes, seven pairs would share one each time.
ID_BYTES = 4
# By the search path and the names in Hydra's store, which plugins may change.
_loaders: dict[str, Loader] = {}


def is_top_level(word: str) -> bool:
    """Return whether a word names a key or group at the top of the configuration, or a key below one, such as T.x."""
    name = re.split(r"[./@]", word)[0]
    return name in {*SUBTREES, *(folder.name for folder in CONF.iterdir() if folder.is_dir())}


def prepare() -> None:
    """Register our schemas and resolvers with Hydra; a second call has no effect."""
    schema.register()
    versions.register_resolver("short_id", lambda: secrets.token_hex(ID_BYTES), use_cache=True)
    versions.register_resolver("job_folder", job_folder)


class Composer:
    """A composer of one primary config with different overrides; use it inside `composer()`."""

    def __init__(self, config_name: str, config_dir: str | None) -> None:
        self.config_name = config_name
        self.folders = [CONF, *([Path(config_dir)] if config_dir else [])]
        main = GlobalHydra.instance().hydra
        assert main is not None
        self.hydra = main
        self.loader = main.config_loader
        self.parser = OverridesParser.create(config_loader=self.loader)
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """The options of each config group."""
        assert isinstance(self.loader, ConfigLoaderImpl)
        # The loader's own method copies all configs first, which takes thirty times as long.
        options = self.loader.repository.get_group_options
        names = [name for name in options("", ObjectType.GROUP) if name not in ("schema", "hydra")]
        return {name: options(name, ObjectType.CONFIG) for name in names}

    def parse(self, line: str) -> Override:
        """Return the override of a line, with quotes around its value if Hydra needs them.

        Raises:
            UserError: the line cannot be read.
        """
        (override,) = self.parser.parse_overrides([words.read(line)])
        return override

    def __call__(self, overrides: Sequence[str]) -> DictConfig:
        """Return the composed configuration, with Hydra's own part under `hydra`; it is kept, so do not change it."""
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = hydra.compose(self.config_name, [*overrides], return_hydra_config=True)
        return self._composed[key]

    def chooses(self, override: str) -> bool:
        """Return whether an override chooses an option of a group, which needs a new composition."""
        return key_of(override) in self.groups or "/" in key_of(override)

    def with_value(self, config: DictConfig, override: str) -> DictConfig:
        """Return a copy of a composed configuration with one more value, much faster than composing it again."""
        changed = copy.deepcopy(config)
        ConfigLoaderImpl._apply_overrides_to_config(self.parser.parse_overrides([override]), changed)
        return changed


@contextmanager
def composer(config_name: str = "config", config_dir: str | None = None) -> Iterator[Composer]:
    """Set up Hydra's search for configs while the block runs, and return a Composer.

    Raises:
        UserError: `config_dir` is not a folder, or no config has the name `config_name`.
    """
    if config_dir is not None and not Path(config_dir).is_dir():
        raise UserError(
            f"--config-dir {config_dir}: there is no such folder; give the folder with your neuron/, experiment/ …"
        )
    prepare()
    with hydra.initialize_config_dir(str(CONF), job_name="train", **versions.INITIALIZE):
        main = GlobalHydra.instance().hydra
        assert main is not None
        main.config_loader = _loader(_search_path(main.config_loader.get_search_path(), config_dir), config_dir)
        compose = Composer(config_name, config_dir)
        primary.check(config_name, compose.loader, compose.folders)
        yield compose


def _loader(search_path: ConfigSearchPath, folder: str | None) -> Loader:
    """Return a loader; it is kept if only the package's own files are searched, since they do not change."""
    if folder is not None:
        return Loader(search_path)
    key = f"{search_path} {_names(ConfigStore.instance().repo)}"
    if key not in _loaders:
        _loaders[key] = Loader(search_path)
    return _loaders[key]


def _names(store: dict[str, Any]) -> list[Any]:
    """Return the names of all configs in Hydra's store, by group."""
    return [(name, _names(below) if isinstance(below, dict) else None) for name, below in store.items()]


def _search_path(search_path: ConfigSearchPath, folder: str | None) -> ConfigSearchPath:
    """Add a folder to Hydra's search path, as Hydra's own --config-dir does: after ours, before the schemas."""
    if folder is not None:
        search_path.prepend("command-line", f"file://{os.path.abspath(folder)}", SearchPathQuery(provider="schema"))
    return search_path
