"""A thread that writes files while training goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Abandoned(Exception):
    """Nobody waits any longer for what is being written."""


class _Ticket:
    """A place in the queue; `thing` is None where a newer one has taken it over."""

    def __init__(self, thing: Callable[[], None]) -> None:
        self.thing: Callable[[], None] | None = thing


class Writer:
    """Calls one thing after the other, beside its caller, in the order in which they were given.

    Things have a name. One that is being written is finished; of those that wait under the same name the newest is
    kept. So at most two of a name are in memory, however slow the disk is.

    All methods but `check` are for one thread. `close` or `abandon` ends the other one. Should neither be called,
    Python does not wait for it. There is no lock: an error that the handler of a signal raises would leave it locked.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Ticket | SimpleQueue[None] | None] = SimpleQueue()
        self._newest: dict[str, _Ticket] = {}
        self._thread: threading.Thread | None = None
        self._given = 0
        # These the thread alone writes.
        self._done = 0
        self._failure: BaseException | None = None
        self._abandoned = False

    def write(self, name: str, thing: Callable[[], None]) -> None:
        """Have the thread call `thing`, after all that was given before and still waits.

        Raises:
            BaseException: what an earlier thing has raised; none is called after that one.
        """
        self._raise()
        self.forget(name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="snntrain-writer", daemon=True)
            self._thread.start()
        self._newest[name] = ticket = _Ticket(thing)
        self._given += 1
        self._queue.put(ticket)

    def forget(self, name: str) -> None:
        """Drop what waits under a name: the caller makes a newer one."""
        if (ticket := self._newest.pop(name, None)) is not None:
            ticket.thing = None

    def idle(self) -> bool:
        """Return whether nothing is being written or waits.

        Raises:
            BaseException: what a thing has raised.
        """
        self._raise()
        return self._done == self._given

    def wait(self) -> None:
        """Wait until everything is written.

        Raises:
            BaseException: what a thing has raised.
        """
        self._reach_the_end()
        self._raise()

    def close(self) -> None:
        """Write what waits, and end the thread.

        Raises:
            BaseException: what a thing has raised.
        """
        self._end()
        self._raise()

    def abandon(self) -> None:
        """End the thread as soon as it calls `check`; what waits is not written."""
        self._abandoned = True
        self._end()

    def check(self) -> None:
        """Let what is written end early: it calls this often, and before its last step.

        Raises:
            Abandoned: it shall leave everything as it was.
        """
        if self._abandoned:
            raise Abandoned

    def _end(self) -> None:
        # Not by `join`: a thread that was waited for so until a signal came counts as ended from then on.
        self._reach_the_end()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _reach_the_end(self) -> None:
        """Wait until the thread has come to the end of the queue."""
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
        thing, ticket.thing = ticket.thing, None
        if thing is None or self._failure is not None or self._abandoned:
            return
        try:
            thing()
        except Abandoned:
            pass
        except BaseException as error:
            self._failure = error
