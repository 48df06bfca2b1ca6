"""A command line in a fork of this process: it may hang, eat memory or be killed, and starts in under a second."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from snntrain.cli.main import status

# Address space in addition to that of the process. A training in the tests takes a tenth of it.
MORE_BYTES = 2 * 2**30
SECONDS = 60
TOO_LONG = -1


@dataclass(frozen=True)
class Ended:
    """The end of a command: its status (TOO_LONG if it had to be killed), its output, and the seconds it took."""

    status: int
    out: str
    err: str
    seconds: float


def command(folder: Path, *argv: str, before: Callable[[], None] = lambda: None) -> Ended:
    """Run a command line in `folder`.

    Args:
        folder: its working directory.
        argv: its words.
        before: called first in the fork.
    """
    said = [folder.parent / f"{folder.name}.{name}" for name in ("out", "err")]
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_the_command(folder, argv, said, before)
    code = _waited_for(child)
    texts = [file.read_text(errors="replace") for file in said]
    for file in said:
        file.unlink()
    return Ended(code, texts[0], texts[1], time.monotonic() - began)


def _be_the_command(folder: Path, argv: tuple[str, ...], said: list[Path], before: Callable[[], None]) -> None:
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        for number, file in enumerate(said, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        sys.argv = ["snntrain", *argv]
        os.environ["HYDRA_FULL_ERROR"] = "0"
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MORE_BYTES, size + MORE_BYTES))
        before()
        code = status(argv)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _waited_for(child: int) -> int:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(code)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG
