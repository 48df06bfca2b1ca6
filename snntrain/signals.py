"""The effect of a signal on a command: one state machine for every part that starts, trains or ends.

| state | when | a signal | an error is |
|---|---|---|---|
| starting | none of the states below | raises `Interrupted`; now leaving | an error |
| importing | torch and other packages are imported | ends the process at once | an error |
| training | a training that can be saved | the first is kept for `Stop.check`, the second as in starting | an error |
| leaving | `Interrupted` was raised | raises `Interrupted` | caused by the signal |

An error in the middle of torch's import aborts the process, so no error is raised there. A training stops after the
current step and is saved.

`Interrupted` may get lost: Python swallows errors that are raised in a destructor, and other code may turn it into its
own error, as torch does in the middle of a file. So the state `leaving` lasts and keeps the number of the signal:
`behind` finds it behind any error, and a training that starts in this state stops at its first check.

A signal that was ignored when the program started stays ignored, as a shell wants for a background job. The exit
status is 128 + the signal's number: 130 for Ctrl-C, 143 for SIGTERM, 138 for SIGUSR1, which a scheduler sends before
the end.
"""

from __future__ import annotations

import _thread
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from types import FrameType
from typing import TypeVar

from snntrain.errors import Interrupted

log = logging.getLogger("snntrain")

# Ctrl-C; the signal of a scheduler when the time is up; its signal some time before that.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

T = TypeVar("T")


class Stopped(Interrupted):
    """A signal has stopped the training between two steps: its state can be saved."""


class Stop:
    """The request of a signal to stop a training; `number` is the number of the signal, None without one."""

    def __init__(self, number: int | None = None) -> None:
        self.number = number

    def check(self) -> None:
        """End training if a signal has requested it; call it only when no work is half done.

        Raises:
            Stopped: a signal has requested it.
        """
        if self.number is not None:
            raise Stopped(self.number)

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Yield `items`, with a `check` before each."""
        for item in items:
            self.check()
            yield item


class State(Enum):
    """The states of the table above."""

    STARTING = "starting"
    IMPORTING = "importing"
    TRAINING = "training"
    LEAVING = "leaving"


class Machine:
    """The state of this process.

    Attributes:
        state: the current state.
        number: in `leaving` the signal that ends the command; None otherwise.
        stop: the request that a training checks, in `training`.
        silent: whether another process reports the signal.
    """

    def __init__(self) -> None:
        self.state = State.STARTING
        self.number: int | None = None
        self.stop = Stop()
        self.silent = False

    def begin(self, *, silent: bool = False) -> None:
        """Handle the signals of this process from now on; called once, by the command line.

        Args:
            silent: whether another process reports the signal.
        """
        self.silent = silent
        self._install()
        sys.unraisablehook = self._report_unraisable

    def finish(self) -> None:
        """Ignore signals from now on: all output is written, and Python may abort if a handler runs while it ends."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """End the process at once on a signal while the block runs."""
        with self._in(State.IMPORTING):
            yield

    @contextmanager
    def training(self) -> Iterator[Stop]:
        """Stop the block at its own checks after a signal, and at once after a second signal."""
        # A signal may have arrived before, and its error may have been lost.
        self.stop = Stop(self.number)
        with self._in(State.TRAINING):
            yield self.stop

    def behind(self, error: BaseException) -> int | None:
        """Return the number of the signal that caused an error; None if no signal did."""
        if isinstance(error, KeyboardInterrupt):
            return error.number if isinstance(error, Interrupted) else signal.SIGINT
        return self.number

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Act on a signal as the table describes; this is the signal handler.

        Raises:
            Interrupted: the command ends at once.
        """
        if self.state is State.IMPORTING:
            _exit(number, silent=self.silent)
        if self.state is State.TRAINING and self.stop.number is None:
            self.stop.number = number
            name = signal.Signals(number).name
            _report(f"stopping after this step, with a checkpoint ({name}; a second signal stops at once)")
            return
        self.state, self.number = State.LEAVING, number
        raise Interrupted(number)

    @contextmanager
    def _in(self, state: State) -> Iterator[None]:
        """Set a state while the block runs; a signal during the block may have led to `leaving`, which then stays."""
        before, self.state = self.state, state
        handlers = self._install()
        try:
            yield
        finally:
            if self.state is state:
                self.state = before
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _install(self) -> dict[signal.Signals, signal._HANDLER]:
        """Install the handler, and return the previous handlers."""
        # Python delivers signals to the main thread, and lets no other thread handle them.
        if threading.current_thread() is not threading.main_thread():
            return {}
        handled = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        return {number: signal.signal(number, self.handle) for number in handled}

    def _report_unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """Report an error that was raised in a destructor, as Python does; an interruption is only remembered."""
        if not isinstance(lost.exc_value, Interrupted):
            sys.__unraisablehook__(lost)


def _report(message: str) -> None:
    """Log a message from a thread of its own.

    The signal may have interrupted the writing of a message, and one message inside another is lost. It may also have
    interrupted `Thread.start`, whose lock a second `Thread.start` would wait for; `_thread` has no such lock.
    """
    _thread.start_new_thread(log.info, (message,))


def _exit(number: int, *, silent: bool) -> None:
    with suppress(OSError):  # Nobody reads it, or the disk is full.
        if not silent:
            os.write(2, b"snntrain: interrupted\n")
    os._exit(128 + number)


# There is one process, and so one state.
machine = Machine()
