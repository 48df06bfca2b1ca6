"""When Python looks for garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_in_imports() -> Iterator[None]:
    """Spares what is imported in the block the search for garbage, then and later: modules stay.

    Some hundred thousand objects of torch's are looked through at each full search otherwise, which takes as long as
    half of a short training.
    """
    modules, searched = len(sys.modules), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Where nothing was imported, as in a further job of a sweep, what is garbage by now would stay, too.
        if len(sys.modules) > modules:
            gc.freeze()
        if searched:
            gc.enable()
