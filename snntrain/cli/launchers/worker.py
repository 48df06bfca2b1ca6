"""A worker: a process that runs jobs of a sweep, one after the other, until the sweep closes its pipe.

It gets the numbers of two pipes and of the process that runs the sweep: `main(jobs, reports, parent)`. If that process
ends without a word, the worker saves its job and ends, too.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from snntrain.cli import log, start, streams
from snntrain.cli.launchers import messages, remote_job
from snntrain.cli.launchers.launcher import Outcome, SweepCommand
from snntrain.errors import Interrupted
from snntrain.signals import machine

# The signal that the system sends after the end of the parent comes at once, if at all.
SECONDS_TO_WAIT_FOR_SIGNAL = 5.0
# A job without a sweep that has not stopped by then hangs.
SECONDS_TO_SAVE = 600.0
# The number of prctl(2) that asks for a signal when the parent ends.
PR_SET_PDEATHSIG = 1
# Words in the error of a job after which its process is not used again: CUDA reports an error to every later call, and
# memory that is used up in pieces stays so.
SPOILT = ("cuda", "out of memory", "memoryerror", "alloc")


def main(jobs: int, reports: int, parent: int) -> None:
    """Run the jobs that arrive in one pipe, and report in the other.

    Args:
        jobs, reports: descriptors of the pipes.
        parent: number of the process that runs the sweep.
    """
    _end_with(parent)
    faulthandler.enable()
    streams.prepare()
    streams.output_is_dispensable()
    log.into_folders_only()
    start.prepare()
    machine.begin()
    code = 0
    try:
        _serve(_Inbox(jobs), reports)
    except KeyboardInterrupt as error:
        code = 128 + (machine.behind(error) or signal.SIGINT)
    except BrokenPipeError:  # The sweep is gone.
        code = 1
    streams.flush()
    machine.finish()
    sys.exit(code)


def _serve(inbox: _Inbox, reports: int) -> None:
    command = inbox.command()
    remote_job.prepared(command)
    messages.send(reports, messages.READY, os.getpid())
    while (content := inbox.next_job()) is not None:
        outcome = _run(command, content, reports)
        spoilt = outcome.error is not None and any(word in outcome.error.lower() for word in SPOILT)
        again = outcome.signal is None and not spoilt
        messages.send(reports, messages.ENDED, messages.from_outcome(outcome) | {"again": again})
        if outcome.signal is not None:
            raise Interrupted(outcome.signal)
        if not again:
            return


def _run(command: SweepCommand, content: Mapping[str, Any], reports: int) -> Outcome:
    job = messages.to_job(content)
    try:
        return remote_job.run(command, job, lambda folder: messages.send(reports, messages.BEGINS, str(folder)))
    finally:
        log.leave_folder()
        _free_memory()


def _free_memory() -> None:
    """Free what the last job has left: other jobs may share the GPU."""
    gc.collect()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


class _Inbox:
    """The messages of the sweep, read by a thread: a stop must reach a job that runs."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe
        self.running = False
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def command(self) -> SweepCommand:
        """Wait for the command of the sweep, the first message."""
        content = self._waiting.get()
        if content is None:
            raise BrokenPipeError
        return messages.to_command(content)

    def next_job(self) -> Any:
        """Wait for the next job, and return its content; None if there are no more."""
        self.running = False
        content = self._waiting.get()
        self.running = content is not None
        return content

    def _read(self) -> None:
        with os.fdopen(self.pipe, "rb") as lines:
            for line in lines:
                kind, content = messages.kind_of(line)
                if kind == messages.STOP:
                    _stop(content["signal"], at_once=content["at_once"])
                else:
                    self._waiting.put(content)
        self._waiting.put(None)
        if self.running:
            _save_and_end()


def _stop(number: int, *, at_once: bool) -> None:
    """Send this process a signal, unless it has had one: a second one would end the job without a checkpoint."""
    if at_once or not _is_stopping():
        # The main thread may wait, and only a signal of its own wakes it for certain.
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _is_stopping() -> bool:
    return machine.number is not None or machine.stop.number is not None


def _save_and_end() -> None:
    """Stop the job after the end of the sweep's process; the system's signal may have done so already."""
    deadline = time.monotonic() + SECONDS_TO_WAIT_FOR_SIGNAL
    while not _is_stopping() and time.monotonic() < deadline:
        time.sleep(0.1)
    _stop(signal.SIGTERM, at_once=False)
    time.sleep(SECONDS_TO_SAVE)
    os._exit(1)


def _end_with(parent: int) -> None:
    """Ask the system for SIGTERM when the parent ends, and end if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
