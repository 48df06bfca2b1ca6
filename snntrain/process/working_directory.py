"""Imports from the folder in which the command is given.

It may be a stranger's: somebody unpacks a bundle, enters it and evaluates the run in it. `import numba` must not find a
`numba.py` there. So the folder is on no search path. Only a package that the command line allows by name is searched
there, after everything that is installed, while that package is imported.
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
    """Finds only the packages and modules of these names in the folder where the command is given."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # The modules of a package are found by the path of the package.
        return PathFinder.find_spec(fullname, [os.getcwd()]) if path is None and fullname in self.names else None


@contextmanager
def importing(allowed: Sequence[str]) -> Iterator[None]:
    """Find the packages of the names `allowed` in the working directory as well, last of all, while the block runs."""
    finder = _Named(frozenset(name.partition(".")[0] for name in allowed))
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def leave_out() -> None:
    """Remove the working directory from the search path for imports, of this process and of those that it starts.

    `python -m` puts it in front. It stays if it holds this package itself, as in a checkout.
    """
    # torch starts Python programs to compile.
    os.environ["PYTHONSAFEPATH"] = "1"
    if sys.flags.safe_path:  # Then the first entry is from PYTHONPATH.
        return
    try:
        here = os.path.realpath(os.getcwd())
    except FileNotFoundError:  # It was removed.
        return
    package = Path(__file__).resolve().parents[1]
    if sys.path and os.path.realpath(sys.path[0]) == here != str(package.parent):
        del sys.path[0]
