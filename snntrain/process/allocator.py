"""How the C library treats freed memory, which on a CPU decides half of a training step's time."""

import ctypes
import logging
import os
import sys

log = logging.getLogger(__name__)

# Parameters of mallopt(3).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
SETTINGS = {M_MMAP_THRESHOLD: 2**30, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 2**29}


def keep_freed_memory() -> bool:
    """Has glibc keep freed memory for the next tensor instead of giving it back to the system; whether it will.

    By default every large tensor is mapped, faulted in page by page, and unmapped again. Nothing is changed on other
    systems, nor where the environment gives settings of the user's own.
    """
    if hindrance():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = all(mallopt(parameter, value) == 1 for parameter, value in SETTINGS.items())
    log.debug("freed memory is kept: %s", kept)
    return kept


def hindrance() -> str:
    """Why the C library is left as it is; '' where it is not."""
    own = [name for name in os.environ if name == "GLIBC_TUNABLES" or name.startswith("MALLOC_")]
    if own:
        return f"{', '.join(own)} in the environment"
    if sys.platform != "linux" or "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return "the C library is not glibc"
    return "" if hasattr(ctypes.CDLL(None), "mallopt") else "the C library has no mallopt"
