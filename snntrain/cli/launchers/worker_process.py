"""A worker as the sweep sees it: a process in a session of its own, with a pipe in each direction."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import snntrain
from snntrain.cli.launchers import messages
from snntrain.cli.launchers.launcher import SweepCommand, SweepJob
from snntrain.cli.launchers.slots import Slot
from snntrain.errors import RunFailed
from snntrain.signals import SIGNALS

# Without an installation, as in a checkout, the package itself is not on the search path.
START = """
import sys
if {home!r} not in sys.path:
    sys.path.insert(0, {home!r})
from snntrain.cli.launchers import worker
worker.main({jobs}, {reports}, {parent})
"""
HOME = str(Path(snntrain.__file__).resolve().parents[1])
# The end of what a worker has printed, for the reason why it did not start.
MOST_OUTPUT = 10_000


class Worker:
    """A worker process.

    Attributes:
        slot: its share of the machine.
        position: the number of its slot.
        job: the job that it runs; None between two.
        folder: the folder of that job, once it is known.
        since: the time at which the job began to run.
        ready: whether it has composed the sweep.
    """

    def __init__(self, command: SweepCommand, slot: Slot, position: int) -> None:
        self.slot, self.position = slot, position
        self.job: SweepJob | None = None
        self.folder: Path | None = None
        self.since = 0.0
        self.ready = False
        self._rest = b""
        # Text that is printed outside of a job.
        self._output = tempfile.TemporaryFile("a+b")  # noqa: SIM115
        self._jobs: int | None
        theirs, self._jobs = os.pipe()
        self.reports, theirs_too = os.pipe()
        os.set_blocking(self.reports, False)
        try:
            self.process = subprocess.Popen(
                [*_python(), START.format(home=HOME, jobs=theirs, reports=theirs_too, parent=os.getpid())],
                env=slot.environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=(theirs, theirs_too),
                start_new_session=True,
            )
        except OSError as error:
            raise RunFailed(
                f"a worker of the sweep cannot be started ({error.strerror}); give a smaller sweep.workers"
            ) from error
        finally:
            os.close(theirs)
            os.close(theirs_too)
        self._send(messages.COMMAND, messages.from_command(command))

    def begin(self, job: SweepJob) -> None:
        """Start a job."""
        self.job, self.folder, self.since = job, None, time.monotonic()
        self._send(messages.JOB, messages.from_job(job))

    def stop(self, number: int, *, at_once: bool = False) -> None:
        """Stop the job with a checkpoint as this signal does; `at_once` ends it without."""
        self._send(messages.STOP, {"signal": number, "at_once": at_once})

    def received(self) -> list[tuple[str, Any]]:
        """Return the messages that have arrived."""
        while True:
            try:
                more = os.read(self.reports, 65536)
            except BlockingIOError:
                break
            if not more:
                break
            self._rest += more
        *lines, self._rest = self._rest.split(b"\n")
        return [messages.kind_of(line) for line in lines]

    def has_ended(self) -> bool:
        """Return whether the process has ended; its pipe may be open in processes that a job has started."""
        return self.process.poll() is not None

    def ending(self) -> tuple[str, int | None]:
        """Return why the process has ended, and the number of the signal that stopped it with a checkpoint."""
        code = self.process.wait()
        number = code - 128 if code > 128 else -code
        if number in SIGNALS:
            return f"interrupted ({_name(number)})", number
        if code >= 0:
            return f"its process ended with status {code}", None
        memory = "; out of memory?" if code == -signal.SIGKILL else ""
        return f"its process was killed by signal {-code} ({_name(-code)}{memory})", None

    def last_output(self) -> str:
        """Return the last line that the process has printed outside of a job."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - MOST_OUTPUT))
        lines = self._output.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """Let the process end if it runs no job."""
        if self._jobs is not None:
            os.close(self._jobs)
            self._jobs = None

    def wait(self, seconds: float) -> None:
        """Wait so long for the end of the process."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, seconds))

    def remove(self, seconds: float = 0.0) -> None:
        """Wait so long for the process, then kill it and all that it has started in its session."""
        self.close()
        self.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.reports)
        self._output.close()

    def _send(self, kind: str, content: Any) -> None:
        # A worker that has ended is found by `has_ended`.
        if self._jobs is not None:
            with contextlib.suppress(OSError):
                messages.send(self._jobs, kind, content)


def _python() -> list[str]:
    """Return the words that start Python: nothing from the working directory is imported, and no output is held."""
    utf8 = ["-X", "utf8"] if sys.flags.utf8_mode else []
    return [sys.executable, *utf8, "-P", "-u", "-c"]


def _name(number: int) -> str:
    return signal.Signals(number).name if number in signal.valid_signals() else "unknown"
