"""The treatment of freed memory by the C library, which decides half of the time of a training step on a CPU."""

import ctypes
import logging
import os
import sys

log = logging.getLogger(__name__)

# Parameters of mallopt(3).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
SETTINGS = {M_MMAP_THRESHOLD: 2**30, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 2**29}


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory for the next tensor; return whether it does.

    By default every large tensor is mapped, faulted in page by page, and unmapped again. Nothing changes on other
    systems, or if the environment has the user's own settings.
    """
    if hindrance():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = all(mallopt(parameter, value) == 1 for parameter, value in SETTINGS.items())
    log.debug("freed memory is kept: %s", kept)
    return kept


def hindrance() -> str:
    """Return why the settings of the C library stay unchanged; '' if they can be changed."""
    own = [name for name in os.environ if name == "GLIBC_TUNABLES" or name.startswith("MALLOC_")]
    if own:
        return f"{', '.join(own)} in the environment"
    if sys.platform != "linux" or "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return "the C library is not glibc"
    return "" if hasattr(ctypes.CDLL(None), "mallopt") else "the C library has no mallopt"
