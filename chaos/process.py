"""The command line as a process that can be disturbed.

Importing torch takes seconds, so a start is a fork of this process. It has imported everything that a training imports,
and has computed nothing, so that there are no threads yet. `fresh=True` starts Python anew, as a user does.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import itertools
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "from snntrain.cli.main import main; main()"
# A very short training, which imports what all trainings import.
SMOKE = ("debug=smoke", "trainer.device=cpu", "network.channels=[2]", "network.hidden=[4]")
# A constant of prctl(2).
PR_SET_PDEATHSIG = 1
# Every scenario takes less than a tenth of this.
STUCK_SECONDS = 120.0
_numbers = itertools.count()


def nothing() -> None:
    """Do nothing before or after a start."""


def end_with_parent() -> None:
    """Interrupt this process, as by Ctrl-C, when its parent ends, so that file systems are unmounted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process ignores it
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


class Stuck(Exception):
    """A process should have ended long ago."""


def import_all(place: Path) -> None:
    """Import everything that a training imports, which would otherwise take half of the time of each start.

    Args:
        place: a folder for a training that is run to find these modules.
    """
    listed = place / "modules"
    if code := start(SMOKE, place, after=partial(_list_modules, listed)).wait():
        raise AssertionError(f"a training of a moment ended with {code}; see {place}")
    for name in listed.read_text().splitlines():
        with suppress(ImportError):
            importlib.import_module(name)
    # Numba imports more modules at its first compilation.
    importlib.import_module("numba").njit(_same)(1)


def _list_modules(path: Path) -> None:
    path.write_text("\n".join(sys.modules))


def _same(x: int) -> int:
    return x


class Process:
    """A start of the command line; `out` and `err` are the files of its output."""

    def __init__(self, pid: int, place: Path, name: str) -> None:
        self.pid = pid
        self.out, self.err = place / f"{name}.out", place / f"{name}.err"
        self.started, self.born = time.monotonic(), time.time()
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or minus the number of the signal that ended it; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, seconds: float = STUCK_SECONDS) -> int:
        """Wait for its end and return the exit status; after `seconds` kill it and raise Stuck."""
        if not self.until(lambda: False, seconds) and self._code is None:
            self.kill_all()
            raise Stuck(f"process still lived after {seconds:.0f} s: {' '.join(self.said()[-1:])}")
        assert self._code is not None
        return self._code

    def until(self, happened: Callable[[], bool], seconds: float = STUCK_SECONDS, pause: float = 0.002) -> bool:
        """Wait until something has happened; return False if the process ended or the time was over before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if happened():
                return True
            if self.poll() is not None:
                return False
            time.sleep(pause)
        return False

    def lives(self, seconds: float) -> bool:
        """Wait so long; return whether the process still runs."""
        self.until(lambda: False, seconds, 0.0005)
        return self.poll() is None

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> bool:
        """Send kill -9 to the process alone; return whether that ended it."""
        self.send(signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def kill_all(self) -> bool:
        """Send kill -9 to the process and its children, which share its session."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def children(self) -> list[int]:
        """Return the processes that it has started."""
        found: list[int] = []
        with suppress(OSError):
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    def said(self) -> list[str]:
        """Return the lines on stderr."""
        return self.err.read_text(errors="replace").splitlines()


def start(
    argv: Sequence[str],
    place: Path,
    *,
    fresh: bool = False,
    before: Callable[[], None] = nothing,
    after: Callable[[], None] = nothing,
) -> Process:
    """Start `snntrain argv` in the folder `place`; return once it is about to begin.

    Args:
        fresh: start a new Python instead of a fork of this one.
        before: called first in the new process.
        after: called last in a fork.
    """
    name = f"start-{next(_numbers)}-{os.getpid()}"
    ready, begun = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        _become(argv, Process(os.getpid(), place, name), begun, fresh, before, after)
    os.close(begun)
    os.read(ready, 1)
    os.close(ready)
    return Process(pid, place, name)


def _become(
    argv: Sequence[str],
    here: Process,
    begun: int,
    fresh: bool,
    before: Callable[[], None],
    after: Callable[[], None],
) -> None:
    """Run the child; never return."""
    code = 70
    try:
        os.setsid()
        os.chdir(here.out.parent)
        for number, path in ((1, here.out), (2, here.err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        before()
        # A process that a shell started in the background ignores Ctrl-C, and so do its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if fresh:
            os.set_inheritable(begun, False)
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            os.execve(sys.executable, [sys.executable, "-c", PROGRAM, *argv], environment)
        _own_random_numbers()
        sys.argv = ["snntrain", *argv]
        from snntrain.cli.main import main

        os.close(begun)
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    after()
    finish(code)


def _own_random_numbers() -> None:
    """Reseed: two forks of this process must not draw the same numbers."""
    import random

    import numpy as np
    import torch

    random.seed()
    np.random.seed()  # noqa: NPY002  the global generator is what is meant
    torch.seed()


def finish(code: int) -> None:
    """End as Python does: join threads, run exit functions, flush."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        code = code or 120
    os._exit(code)
