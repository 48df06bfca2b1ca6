"""The end of a process with its parent: a parent that is killed cannot end it."""

from __future__ import annotations

import os
import signal
import threading
import time

# A process that handles the signal ends within this time, unless it hangs.
SECONDS_TO_END = 30.0


def end_with(pipe: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Send this process a signal when its parent ends, and end it if it does not end by itself.

    Args:
        pipe: the reading end of a pipe; only the parent has the other end, and keeps it open.
        number: the signal.
    """
    threading.Thread(target=_watch, args=(pipe, number), name="parent", daemon=True).start()


def _watch(pipe: int, number: signal.Signals) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), number)
    time.sleep(SECONDS_TO_END)
    os.kill(os.getpid(), signal.SIGKILL)
