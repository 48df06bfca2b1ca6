"""The primary config, the start of every composition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader

from snntrain.config.explain import did_you_mean
from snntrain.errors import UserError


def check(name: str, loader: ConfigLoader, folders: Sequence[Path]) -> None:
    """Check that there is a primary config with this name.

    Args:
        name: with or without its ending.
        loader: finds configs.
        folders: the folders that are searched.

    Raises:
        UserError: no config has this name.
    """
    assert isinstance(loader, ConfigLoaderImpl)
    if loader.repository.config_exists(name):
        return
    known = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    raise UserError(
        f"--config-name {name}: there is no {file} in {' or '.join(map(str, folders))}; there are {', '.join(known)}"
        f"{did_you_mean(name, known)}; --config-dir names a folder of your own"
    )
