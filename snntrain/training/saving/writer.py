"""A thread that writes files while training continues."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Abandoned(Exception):
    """Raised in a job if its file is no longer needed."""


class _Ticket:
    """A place in the queue; `job` is None if a newer one has replaced it."""

    def __init__(self, job: Callable[[], None]) -> None:
        self.job: Callable[[], None] | None = job


class Writer:
    """A thread that runs jobs in the order in which they are given.

    Jobs have names. A running job is finished; among waiting jobs of one name only the newest is kept. So at most two
    jobs of a name are in memory, however slow the disk is.

    All methods but `check` belong to the caller's thread. `close` or `abandon` ends the writing thread; without them
    Python exits without waiting for it. There is no lock: an error raised by a signal handler would leave it locked.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Ticket | SimpleQueue[None] | None] = SimpleQueue()
        self._newest: dict[str, _Ticket] = {}
        self._thread: threading.Thread | None = None
        self._given = 0
        # Only the writing thread sets these.
        self._done = 0
        self._failure: BaseException | None = None
        self._abandoned = False

    def write(self, name: str, job: Callable[[], None]) -> None:
        """Queue `job` behind all waiting jobs.

        Raises:
            BaseException: the error of an earlier job; no job runs after it.
        """
        self._raise()
        self.forget(name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="snntrain-writer", daemon=True)
            self._thread.start()
        self._newest[name] = ticket = _Ticket(job)
        self._given += 1
        self._queue.put(ticket)

    def forget(self, name: str) -> None:
        """Drop the waiting job with this name: the caller makes a newer one."""
        if (ticket := self._newest.pop(name, None)) is not None:
            ticket.job = None

    def idle(self) -> bool:
        """Return whether no job runs or waits.

        Raises:
            BaseException: the error of a job.
        """
        self._raise()
        return self._done == self._given

    def wait(self) -> None:
        """Wait until all jobs are done.

        Raises:
            BaseException: the error of a job.
        """
        self._reach_the_end()
        self._raise()

    def close(self) -> None:
        """Run the waiting jobs, and end the thread.

        Raises:
            BaseException: the error of a job.
        """
        self._end()
        self._raise()

    def abandon(self) -> None:
        """End the thread as soon as its job calls `check`; drop the waiting jobs."""
        self._abandoned = True
        self._end()

    def check(self) -> None:
        """Raise if the running job is abandoned; jobs call this often, and before their last step.

        Raises:
            Abandoned: the job must leave the files unchanged.
        """
        if self._abandoned:
            raise Abandoned

    def _end(self) -> None:
        # Not `join`: if a signal interrupts it, Python regards the thread as ended from then on.
        self._reach_the_end()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _reach_the_end(self) -> None:
        """Wait until the thread has reached the end of the queue."""
        if self._thread is not None:
            reached: SimpleQueue[None] = SimpleQueue()
            self._queue.put(reached)
            reached.get()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (given := self._queue.get()) is not None:
            if isinstance(given, _Ticket):
                self._call(given)
                self._done += 1
            else:
                given.put(None)

    def _call(self, ticket: _Ticket) -> None:
        job, ticket.job = ticket.job, None
        if job is None or self._failure is not None or self._abandoned:
            return
        try:
            job()
        except Abandoned:
            pass
        except BaseException as error:
            self._failure = error
