"""When Python collects garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_in_imports() -> Iterator[None]:
    """Leave everything that the block imports out of garbage collection, then and later: modules stay.

    Otherwise each full collection looks through some hundred thousand objects of torch, which takes half as long as a
    short training.
    """
    modules, searched = len(sys.modules), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # If nothing was imported, as in a later job of a sweep, garbage would stay as well.
        if len(sys.modules) > modules:
            gc.freeze()
        if searched:
            gc.enable()
