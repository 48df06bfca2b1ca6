"""The import of torch and of packages that need it, which takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from snntrain.process.garbage import none_in_imports
from snntrain.signals import machine


@contextmanager
def slow_imports() -> Iterator[None]:
    """Import in the block: a signal ends the process at once, and Python collects no garbage."""
    with machine.importing(), none_in_imports():
        yield
