"""The rule for downloads: only to a data root that the command line names; a root from a file is only read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from snntrain.data.download import only_read

KEY = "dataset.root="


def kept(root: str | None, overrides: Sequence[str], file: Path) -> AbstractContextManager[None]:
    """Prevent downloads to a data root that a file names while the block runs.

    Args:
        root: the data root of the configuration.
        overrides: overrides of the command line; if they name a data root, it is the user's own choice.
        file: source of the rest of the configuration.
    """
    typed = any(override.lstrip("+").startswith(KEY) for override in overrides)
    return only_read(None if typed else root, file)
