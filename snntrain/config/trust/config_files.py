"""The content that a file of a config folder may have.

The user names the folder, but its files may come from a stranger. They choose options and set keys of the
configuration. They must not read the environment, as its values would then be in summaries and checkpoints. They set
only a few of Hydra's own keys, because Hydra makes folders, sets variables, starts processes and calls functions that
its keys name.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf

from snntrain.errors import UserError, first_line
from snntrain.files import bounded, safe_yaml

# A file in conf/ has 1 kB. Values that aliases unfold to are counted, too.
MOST_BYTES = 2**18
MOST_VALUES = 100_000
# Resolvers that `${…:…}` may use: the clock, a random number, other keys.
RESOLVERS = ("now", "short_id", "job_folder", "hydra", "oc.select", "oc.dict.keys", "oc.dict.values")
_REFERENCE = re.compile(r"\s*[\w.\[\]-]+\s*(?=\})")
_RESOLVER = re.compile(r"\s*([\w.]+)\s*:")
# Hydra's keys that a file may set; a group stands for all of its keys.
HYDRA_KEYS = (
    *("run.dir", "sweep.dir", "sweep.subdir", "sweeper.params", "sweeper.max_batch_size", "sweeper.n_trials"),
    *("sweeper.direction", "mode", "verbose", "job.name", "job.config.override_dirname"),
)
# Folders that Hydra makes; they must lie below the current folder.
FOLDERS = ("run.dir", "sweep.dir", "sweep.subdir")
# The group of launchers, and the option that starts nothing outside of this machine.
LAUNCHER, BASIC = "hydra/launcher", "basic"
_SWEPT_KEY = re.compile(r"[+]{0,2}[A-Za-z_][\w./@-]*")


class ConfigFolder(FileConfigSource):
    """A source that reads the files of one config folder as data.

    Raises:
        UserError: from every method, if a file is too large or more than data.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the content of a file."""
        name = self._normalize_file_name(config_path)
        if not self.is_config(config_path):
            raise ConfigLoadError(f"Config not found : {Path(self.path, name)}")
        content = read(Path(self.path, name))
        try:
            config = OmegaConf.load(io.StringIO(content))
            header = ConfigSource._get_header_dict(content[:512])
        except RecursionError as error:
            raise UserError(f"{Path(self.path, name)}: is nested too deep; write it flat") from error
        lines = [f"{Path(self.path, name)}: {reason}" for reason in _refused(config)]
        if lines:
            raise UserError(*lines)
        return ConfigResult(config=config, path=f"{self.scheme()}://{self.path}", provider=self.provider, header=header)

    def is_group(self, config_path: str) -> bool:
        """Return whether this folder has such a subfolder."""
        return self._lies_inside(config_path) and super().is_group(config_path)

    def is_config(self, config_path: str) -> bool:
        """Return whether this folder has such a file."""
        return self._lies_inside(self._normalize_file_name(config_path)) and super().is_config(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the options of a group."""
        return super().list(config_path, results_filter) if self._lies_inside(config_path) else []

    def _lies_inside(self, name: str) -> bool:
        """Return whether a name leads to a place inside the folder, after following all `..` and links."""
        folder = os.path.realpath(self.path)
        inside = os.path.realpath(os.path.join(folder, name))
        return ".." not in PurePosixPath(name).parts and Path(inside).is_relative_to(folder)


def read(file: Path) -> str:
    """Return the text of a config file.

    Raises:
        UserError: it is not a regular file, too long, not text or not YAML, or its aliases unfold to too many values.
    """
    try:
        content = bounded.text(file, MOST_BYTES)
        if safe_yaml.unfolded(content) > MOST_VALUES:
            raise UserError(f"{file}: its aliases unfold to more than {MOST_VALUES:,} values; write them out")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{file}: cannot be read ({first_line(error)}); fix it, or take another") from error
    return content


def _refused(config: Any) -> Iterator[str]:
    for where, text in _texts(OmegaConf.to_container(config, resolve=False)):
        if reference := _foreign_reference(text):
            yield (
                f"{where}={text}: {reference} only counts on the command line, as a file may come from a stranger; "
                f"a file refers to other keys, or to {', '.join(RESOLVERS)}; give {where}=… on the command line"
            )
    if isinstance(config, DictConfig) and OmegaConf.select(config, "hydra.searchpath") is not None:
        yield "hydra.searchpath: only counts on the command line; give it there, or copy the files"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _texts(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _texts(below, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def _foreign_reference(text: str) -> str | None:
    """Return the first interpolation in a text that neither names a key nor uses a known resolver."""
    for begun in re.finditer(r"\$\{", text):
        rest = text[begun.end() :]
        resolver = _RESOLVER.match(rest)
        if not (_REFERENCE.match(rest) or (resolver and resolver[1] in RESOLVERS)):
            return "${" + rest.partition("}")[0].strip() + "}"
    return None


def check_hydra(config: Any, file: str) -> None:
    """Check that a file sets only allowed keys of Hydra's own.

    Args:
        config: the content of the file.
        file: its name, for messages.

    Raises:
        UserError: it sets a key that a file may not set.
    """
    own = config._get_node("hydra") if isinstance(config, DictConfig) else None
    if own is None:
        return
    if not isinstance(own, DictConfig) or own._is_interpolation():
        raise UserError(f"{file}: hydra: must stay a mapping; set its keys, as in hydra.run.dir")
    lines = []
    for key, value in _leaves(OmegaConf.to_container(own, resolve=False)):
        if not _is_below(key, HYDRA_KEYS):
            keys = ", ".join(f"hydra.{known}" for known in HYDRA_KEYS)
            lines.append(
                f"{file}: hydra.{key}: can only be set on the command line, as a file may come from a stranger; "
                f"a file may set {keys}"
            )
        elif _is_below(key, ("sweeper.params",)) and (reason := _wrong_sweep(key, value)):
            lines.append(f"{file}: hydra.{key}={value}: {reason}")
    if lines:
        raise UserError(*lines)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    # A key of sweeper.params contains dots, and is a leaf.
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _wrong_sweep(key: str, value: Any) -> str | None:
    swept = key.removeprefix("sweeper.params").removeprefix(".")
    if not swept and value in ({}, None):
        return None
    own = swept.lstrip("+")
    if not _SWEPT_KEY.fullmatch(swept) or own.startswith(("hydra.", "hydra/")) or own.split(".")[0] in ("hydra",):
        return "a sweep in a file is over keys and groups of the configuration, as in neuron: if,lif"
    if own.partition("[")[0] == "allow_targets":
        return "allow_targets only counts on the command line; give it there"
    if not isinstance(value, str | int | float) or (isinstance(value, str) and "${" in value):
        return "the values of a sweep are a text, as in neuron: if,lif"
    return None


def check_folders(hydra: DictConfig, given: Sequence[str]) -> list[str]:
    """Return a line for each folder outside of the current one that a file names.

    Args:
        hydra: Hydra's part of the composed configuration.
        given: the keys that the command line sets.
    """
    lines = []
    for key in FOLDERS:
        if f"hydra.{key}" in given or key == "sweep.subdir":
            continue
        folder = str(OmegaConf.select(hydra, key))
        if leads_out(folder):
            lines.append(
                f"hydra.{key}={folder}: a file may name a folder below the current one, without ..; "
                f"give hydra.{key}=… on the command line"
            )
    return lines


def check_launcher(hydra: DictConfig, given: Sequence[str]) -> list[str]:
    """Return a line if a file chooses where the jobs of a sweep run, as on a cluster.

    Args:
        hydra: Hydra's part of the composed configuration.
        given: the keys that the command line sets.
    """
    chosen = OmegaConf.select(hydra, "runtime.choices") or {}
    launcher = chosen.get(LAUNCHER)
    if launcher in (None, BASIC) or LAUNCHER in given:
        return []
    return [
        f"{LAUNCHER}={launcher}: only counts on the command line, as a file may come from a stranger; a file leaves it "
        f"at {BASIC}; give {LAUNCHER}={launcher} on the command line"
    ]


def leads_out(folder: str) -> bool:
    """Return whether the name of a folder may lead outside of the folder to which it is relative."""
    path = PurePosixPath(folder)
    return path.is_absolute() or ".." in path.parts or folder.startswith("~")


def _is_below(key: str, keys: Sequence[str]) -> bool:
    return any(key == own or key.startswith(f"{own}.") for own in keys)
