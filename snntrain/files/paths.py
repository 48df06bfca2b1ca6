"""Files and folders as people name them: one reading for every key, flag, word and variable that takes one."""

from __future__ import annotations

import os
from pathlib import Path

from snntrain.errors import UserError


def user_path(given: str, key: str = "") -> Path:
    """Return the file or folder that a person means.

    `~` and `~name` at the beginning are home folders. A relative path lies where the command was given. `$` stands for
    itself: variables are filled in by the shell.

    Args:
        given: what was typed.
        key: what it was typed for, as `out`, for the message.

    Raises:
        UserError: no user has this name, nor does any file.
    """
    if not given.startswith("~"):  # A Path forgets ./ at the beginning.
        return Path(given)
    try:
        return Path(given).expanduser()
    except RuntimeError:
        if os.path.lexists(given):  # As a shell would take it.
            return Path(given)
        name = given.partition("/")[0].removeprefix("~")
        told = f"{key}={given}" if key else given
        raise UserError(f"{told}: there is no user '{name}'; write ./{given} if that is the name of a folder") from None


def as_typed(path: Path) -> str:
    """Return what to type for a path, such that neither `~` nor a quote at its beginning is read as a sign."""
    return f"./{path}" if str(path).startswith(("~", "'", '"')) else str(path)
