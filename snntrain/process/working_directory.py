"""Imports from the current folder.

The folder may come from a stranger: somebody unpacks a bundle, enters it and evaluates the run in it. `import numba`
must not find a `numba.py` there. So the folder is on no search path. Only packages that the command line allows by name
are searched there, after all installed packages, and only while they are imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


class _Named:
    """A finder of packages and modules with these names, in the current folder."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # The modules of a package are found by the package's path.
        return PathFinder.find_spec(fullname, [os.getcwd()]) if path is None and fullname in self.names else None


@contextmanager
def importing(allowed: Sequence[str]) -> Iterator[None]:
    """Also find the packages `allowed` in the working directory, after all others, while the block runs."""
    finder = _Named(frozenset(name.partition(".")[0] for name in allowed))
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def leave_out() -> None:
    """Remove the working directory from the search path for imports, in this process and those that it starts.

    `python -m` puts it first. It stays if it holds this package itself, as in a checkout.
    """
    # torch starts Python programs to compile.
    os.environ["PYTHONSAFEPATH"] = "1"
    if sys.flags.safe_path:  # Then the first entry comes from PYTHONPATH.
        return
    try:
        here = os.path.realpath(os.getcwd())
    except FileNotFoundError:  # It was removed.
        return
    package = Path(__file__).resolve().parents[1]
    if sys.path and os.path.realpath(sys.path[0]) == here != str(package.parent):
        del sys.path[0]
