"""The words that started this program, so that printed commands start it again."""

from __future__ import annotations

import sys
from pathlib import Path


def words() -> list[str]:
    """Return the words that start the program: `snntrain`, or the words that run the package as a module."""
    as_module = Path(sys.argv[0]) == Path(__file__).parents[1] / "__main__.py"
    return [sys.orig_argv[0], "-m", "snntrain"] if as_module else ["snntrain"]
