"""What is imported from the folder in which the command is given.

It may be a stranger's: somebody unpacks a bundle, enters it and evaluates the run in it. A `numba.py` there must not be
what `import numba` finds. So it is on no search path. A package that the command line allows by name is looked for in
it, after everything that is installed, while that package is imported.
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
    """Finds the packages and modules of these names, and no others, in the folder where the command is given."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # What is in a package is found by the path that the package has.
        return PathFinder.find_spec(fullname, [os.getcwd()]) if path is None and fullname in self.names else None


@contextmanager
def importing(allowed: Sequence[str]) -> Iterator[None]:
    """In the block the packages of the names `allowed` are found in the working directory as well, last of all."""
    finder = _Named(frozenset(name.partition(".")[0] for name in allowed))
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def leave_out() -> None:
    """Takes the working directory off the search path for imports, of this process and of those that it starts.

    `python -m` puts it in front. Where this package itself is found by it, as in a checkout, it stays.
    """
    # The programs that torch starts to compile are Pythons, too.
    os.environ["PYTHONSAFEPATH"] = "1"
    if sys.flags.safe_path:  # What stands in front then is named by PYTHONPATH.
        return
    try:
        here = os.path.realpath(os.getcwd())
    except FileNotFoundError:  # It was removed.
        return
    package = Path(__file__).resolve().parents[1]
    if sys.path and os.path.realpath(sys.path[0]) == here != str(package.parent):
        del sys.path[0]
