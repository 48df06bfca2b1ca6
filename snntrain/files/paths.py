"""Paths as users write them: one rule for every key, flag, word and variable that takes a path."""

from __future__ import annotations

import os
from pathlib import Path

from snntrain.errors import UserError


def user_path(given: str, key: str = "") -> Path:
    """Return the file or folder that the user means.

    `~` and `~name` at the beginning are home folders. A relative path starts in the working directory. `$` is kept: the
    shell replaces variables.

    Args:
        given: the text that the user typed.
        key: the key that takes the path, such as `out`, for the message.

    Raises:
        UserError: there is no user and no file with this name.
    """
    if not given.startswith("~"):  # A Path drops ./ at the beginning.
        return Path(given)
    try:
        return Path(given).expanduser()
    except RuntimeError:
        if os.path.lexists(given):  # As a shell does.
            return Path(given)
        name = given.partition("/")[0].removeprefix("~")
        word = f"{key}={given}" if key else given
        raise UserError(f"{word}: there is no user '{name}'; write ./{given} if that is the name of a folder") from None


def as_typed(path: Path) -> str:
    """Return the text to type for a path, so that a `~` or a quote at its beginning is taken literally."""
    return f"./{path}" if str(path).startswith(("~", "'", '"')) else str(path)


def short(path: Path) -> Path:
    """Return the path relative to the working directory if it lies below that."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)


def shown(path: Path) -> str:
    """Return the text to type for a path, in its short form."""
    return as_typed(short(path))
