"""The folder of all data sets on this machine."""

import os
from pathlib import Path

from snntrain.files.paths import user_path


def data_root(root: str | None = None) -> Path:
    """Return the folder of all data sets: `root` if given, else `$SNNTRAIN_DATA`, else the user's cache folder.

    The cache folder is `$XDG_CACHE_HOME/snntrain/data`, by default `~/.cache/snntrain/data`.

    Raises:
        UserError: the path begins with ~name, and there is no such user.
    """
    if root:
        return user_path(root, "dataset.root")
    if given := os.environ.get("SNNTRAIN_DATA"):
        return user_path(given, "SNNTRAIN_DATA")
    cache = user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "XDG_CACHE_HOME")
    return cache / "snntrain" / "data"


def chosen_by(root: str | None = None) -> str:
    """Return the source of the data root: 'dataset.root', a variable such as '$SNNTRAIN_DATA', or 'the default'."""
    if root:
        return "dataset.root"
    given = (name for name in ("SNNTRAIN_DATA", "XDG_CACHE_HOME") if os.environ.get(name))
    return next((f"${name}" for name in given), "the default")
