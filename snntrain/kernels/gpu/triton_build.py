"""The check that Triton can launch kernels on this machine.

Before its first launch Triton compiles a module in C, against Python's headers and the CUDA driver, and keeps it in its
cache; version 3.6 compiles another one for each kernel. pip installs neither a C compiler nor these headers.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

log = logging.getLogger("snntrain")

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
INSTALL = (
    f"install gcc and the headers of Python {VERSION} (Debian and Ubuntu: apt install gcc python{VERSION}-dev), "
    "or name another compiler in CC"
)
NAME_LIBRARY = "name the folder of libcuda.so.1 in TRITON_LIBCUDA_PATH"
SEE = f"{os.path.basename(sys.executable)} -c 'from triton.runtime import driver; driver.active' shows the whole error"


class Obstacle(NamedTuple):
    """Why Triton cannot launch kernels, and what to do about it."""

    why: str
    remedy: str


def launches() -> bool:
    """Return whether Triton can launch kernels here; the first time that it cannot, log the reason and a remedy."""
    return _obstacle_logged_once() is None


# Set as torch.compiler.assume_constant_result does, without importing torch's compiler: tracing calls the function.
launches._dynamo_marked_constant = True  # type: ignore[attr-defined]


@cache
def _obstacle_logged_once() -> Obstacle | None:
    found = obstacle()
    if found is not None:
        log.warning(
            "Triton cannot launch kernels on this machine: %s. So plain PyTorch computes neurons and pooling on the "
            "GPU, several times slower: %s",
            *found,
        )
    return found


@cache
def obstacle() -> Obstacle | None:
    """Let Triton build its launcher before the first launch; return the obstacle, or None if there is no obstacle."""
    try:
        from triton import knobs
        from triton.runtime import driver
    except Exception as error:  # A broken installation may raise anything.
        return Obstacle(f"it cannot be imported, {_in_short(error)}", "reinstall it")
    # A build method of the user's own needs no compiler.
    why = None if knobs.build.impl else _no_compiler()
    try:
        if why is None:
            active = driver.active
        else:
            with knobs.build.scope():
                knobs.build.impl = _refuse
                # Modules in the cache need no compiler.
                active = driver.active
    except Exception as error:  # Triton asserts, and passes on errors of its tools.
        return Obstacle(why, INSTALL) if why else Obstacle(_in_short(error), _remedy(error))
    return Obstacle(why, INSTALL) if why and _builds_for_each_kernel(active) else None


def _no_compiler() -> str | None:
    """Return the problem of the compiler that Triton uses, or of the headers; None if both work."""
    named = os.environ.get("CC")
    compiler = shutil.which("gcc") or shutil.which("clang") if named is None else shutil.which(named)
    if compiler is None:
        return "there is no C compiler, neither gcc nor clang" if named is None else f"CC={named} is not a command"
    command = [compiler, "-E", "-x", "c", f"-I{_headers()}", "-"]
    includes = "#include <stdlib.h>\n#include <Python.h>\n"
    try:
        run = subprocess.run(command, input=includes, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        return f"{compiler} does not run, {_in_short(error)}"
    if run.returncode == 0:
        return None
    errors = [line.rpartition("error:")[2].strip() for line in run.stderr.splitlines() if "error:" in line]
    return f"{compiler} says {errors[0]}" if errors else f"{compiler} ends with status {run.returncode}"


def _headers() -> str:
    """Return the folder in which Triton looks for Python.h."""
    scheme = sysconfig.get_default_scheme()
    # Debian's own scheme names a folder that does not have the headers of Debian's packages.
    return sysconfig.get_paths("posix_prefix" if scheme == "posix_local" else scheme)["include"]


def _refuse(*_: Any) -> str:
    raise RuntimeError("there is nothing to build with")


def _builds_for_each_kernel(active: Any) -> bool:
    return hasattr(import_module(type(active).__module__), "make_launcher")


def _remedy(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"its output is above; {INSTALL}"
    return NAME_LIBRARY if "libcuda" in str(error) or "ldconfig" in str(error) else SEE


def _in_short(error: Exception) -> str:
    """Return the error in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        return f"{error.cmd[0]} ends with status {error.returncode}"
    return " ".join(str(error).split()) or type(error).__name__
