"""The end of a process with its parent: a parent that is killed cannot end it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Send this process a signal when its parent ends; on Linux only.

    Args:
        parent: the process that started this one.
        number: the signal.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
    # The parent may have ended before.
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
