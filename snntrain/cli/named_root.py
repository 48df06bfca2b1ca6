"""Data is downloaded only to a data root that the command line names; a root from a file is only read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from snntrain.data.download import only_read

KEY = "dataset.root="


def kept(root: str | None, overrides: Sequence[str], file: Path) -> AbstractContextManager[None]:
    """Download nothing to a data root that a file names while the block runs.

    Args:
        root: the data root of the configuration.
        overrides: those of the command line; if they name a data root, it is the user's own.
        file: the file that the rest of the configuration comes from.
    """
    typed = any(override.lstrip("+").startswith(KEY) for override in overrides)
    return only_read(None if typed else root, file)
