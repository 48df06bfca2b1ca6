"""Numba without a configuration from the working directory; all compiled code of the CPU imports Numba from here.

Numba reads `.numba_config.yaml` in that directory, on import and before each compilation. Such a file could point
Numba's cache at somebody else's code. Numba skips the file if it cannot import YAML, so YAML is hidden during the
import of Numba. Afterwards the name of the file is changed to one that does not exist. Variables such as
NUMBA_CACHE_DIR still count: the user sets them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from snntrain.files.private_folder import private_cache


@contextmanager
def _without_yaml() -> Iterator[None]:
    before = sys.modules.get("yaml")
    sys.modules["yaml"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings(action="ignore"):  # Numba warns that it cannot read the file.
            yield
    finally:
        del sys.modules["yaml"]
        if before is not None:
            sys.modules["yaml"] = before


if "numba" not in sys.modules:
    with _without_yaml():
        import numba.core.config
    numba.core.config._config_fname = os.devnull

from numba import carray, cfunc, config, from_dtype, njit, types  # noqa: E402
from numba.extending import (  # noqa: E402
    intrinsic,
    lower_builtin,
    models,
    overload,
    register_model,
    type_callable,
)

__all__ = [
    "carray",
    "cfunc",
    "config",
    "from_dtype",
    "intrinsic",
    "kept_privately",
    "lower_builtin",
    "models",
    "njit",
    "overload",
    "register_model",
    "type_callable",
    "types",
]


@contextmanager
def kept_privately() -> Iterator[None]:
    """Let Numba keep compiled code in a private folder of this user during the block, unless NUMBA_CACHE_DIR is set.

    By default Numba takes a folder beside the code or below the home folder, even if others can write there.
    """
    before = config.CACHE_DIR
    config.CACHE_DIR = before or str(private_cache("numba"))
    try:
        yield
    finally:
        config.CACHE_DIR = before
