"""The processes of a run on several devices, as forks of the process that starts them.

A new Python imports torch for seconds; a fork has it already. The forks take part as the new processes do.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import traceback
import weakref
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import IO, ClassVar

from chaos.process import finish


def fork_members() -> None:
    """Fork the processes of a run from this one from now on; call it before the run starts them."""
    from snntrain.cli.ranks import started

    vars(started)["subprocess"] = SimpleNamespace(
        Popen=Forked, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
    )


class Forked:
    """A fork that does the work of `python -m snntrain.cli.ranks.member`; it has the methods of `Popen` in use."""

    started: ClassVar[list[Forked]] = []

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int,
        stdout: int | None,
        stderr: IO[bytes] | None,
        env: Mapping[str, str],
        start_new_session: bool,
    ) -> None:
        assert (command[-1], stdin, start_new_session) == ("snntrain.cli.ranks.member", subprocess.PIPE, True)
        self.returncode: int | None = None
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(writing)
            _become(reading, stdout, stderr, env)
        os.close(reading)
        self.stdin = os.fdopen(writing, "wb")
        Forked.started.append(self)

    def poll(self) -> int | None:
        """Return the exit status, or minus the number of the signal that ended it; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _become(stdin: int, stdout: int | None, stderr: IO[bytes] | None, env: Mapping[str, str]) -> None:
    """Run a member; never return."""
    code = 70
    try:
        os.setsid()
        os.dup2(stdin, 0)
        if stdout == subprocess.DEVNULL:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if stderr is not None:
            os.dup2(stderr.fileno(), 2)
        # A pipe to another member that is open here would hide the end of the parent from it.
        for other in Forked.started:
            other.stdin.close()
        # A temporary folder belongs to the parent, and would be removed at the end of this process.
        for finalizer in [*weakref.finalize._registry]:  # type: ignore[attr-defined]
            finalizer.detach()
        os.environ.update(env)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for name in (None, "snntrain", "snntrain.file"):
            logging.getLogger(name).handlers.clear()
        from snntrain.cli.ranks import member

        member.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finish(code)
