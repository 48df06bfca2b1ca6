"""The words that started this program, so that printed commands start it again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

AS_MODULE = ("-m", "snntrain")
# In a process that works for another one, the words that started that one.
_of_parent: list[str] = []


def words() -> list[str]:
    """Return the words that start the program: `snntrain`, or the words that run the package as a module."""
    if _of_parent:
        return [*_of_parent]
    as_module = Path(sys.argv[0]) == Path(__file__).parents[1] / "__main__.py"
    return [sys.orig_argv[0], *AS_MODULE] if as_module else ["snntrain"]


def works_for(command: Sequence[str]) -> None:
    """Return the words of this command from now on, the command of the process for which this one works."""
    _of_parent[:] = command[:3] if tuple(command[1:3]) == AS_MODULE else command[:1]
