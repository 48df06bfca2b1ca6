"""Who names the data root: what the command line names is downloaded to, what a file names is only read from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from omegaconf import DictConfig

from snntrain.data.download import only_read

KEY = "dataset.root="


def kept(config: DictConfig, overrides: Sequence[str], file: Path) -> AbstractContextManager[None]:
    """In the block nothing is downloaded to the data root of a configuration that is from a file.

    Args:
        config: it has the data root.
        overrides: of the command line; where they name a data root, it is the user's.
        file: from which the configuration is otherwise.
    """
    typed = any(override.lstrip("+").startswith(KEY) for override in overrides)
    return only_read(None if typed else config.dataset.get("root"), file)
