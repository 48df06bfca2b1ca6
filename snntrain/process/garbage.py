"""The time at which Python collects garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_in_imports() -> Iterator[None]:
    """Exclude everything that the block imports from garbage collection, now and later: modules are never freed.

    Otherwise each full collection visits some hundred thousand objects of torch, which takes half as long as a short
    training.
    """
    modules, searched = len(sys.modules), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # If nothing was imported, as in a later job of a sweep, garbage would also stay.
        if len(sys.modules) > modules:
            gc.freeze()
        if searched:
            gc.enable()
