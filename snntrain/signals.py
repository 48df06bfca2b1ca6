"""Signals that ask a run to end: it does so where nothing is lost."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeVar

from snntrain.errors import Interrupted
from snntrain.process.garbage import none_in_imports

log = logging.getLogger("snntrain")

# Ctrl-C; what a scheduler sends when the time is up; what it sends some time before that.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

T = TypeVar("T")


class Stopped(Interrupted):
    """Training has stopped between two steps, as a signal asked it to: what it has come to can be saved."""


# Which signal has come before there was anything to stop.
_came: int | None = None


def end_at_once(number: int, frame: FrameType | None = None) -> None:
    """The handler of the signals where nothing is to be saved.

    What it raises may be lost, in a destructor, or others, in whose code Python happens to be, may make an error of
    their own of it, as torch does in the middle of a file; so it is remembered, see `came` and `signal_behind`, and
    ends the training that then begins.

    Raises:
        Interrupted: always.
    """
    global _came
    _came = number
    raise Interrupted(number)


def came() -> int | None:
    """The signal that has come before training began, whatever has become of the error that it raised."""
    return _came


def signal_behind(error: BaseException) -> int | None:
    """The signal that has led to an error, also where others have made their own of the interruption; None: it is not
    about one.
    """
    if isinstance(error, KeyboardInterrupt):
        return error.number if isinstance(error, Interrupted) else signal.SIGINT
    return came()


@contextmanager
def importing() -> Iterator[None]:
    """In the block a signal ends the program at once: the import of torch aborts it where an error is raised inside."""
    with _handling(_leave), none_in_imports():
        yield


def _leave(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):  # Nobody reads it, or the disk is full.
        os.write(2, b"snntrain: interrupted\n")
    os._exit(128 + number)


class Stop:
    """Whether a signal has asked to stop, and which: `number`, None so far."""

    def __init__(self, number: int | None = None) -> None:
        self.number = number

    def check(self) -> None:
        """Ends training, if that was asked; to be called where nothing is half done.

        Raises:
            Stopped: it was.
        """
        if self.number is not None:
            raise Stopped(self.number)

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Passes `items` on, with a `check` before each."""
        for item in items:
            self.check()
            yield item

    def request(self, number: int, frame: FrameType | None = None) -> None:
        """The handler of the signals: the first one is kept for `check`.

        Raises:
            Interrupted: it is the second one; whoever sends that does not want to wait.
        """
        if self.number is not None:
            end_at_once(number, frame)
        self.number = number
        log.info("stopping after this step, with a checkpoint (%s; once more: at once)", signal.Signals(number).name)


def is_ignored(number: int) -> bool:
    """Whether the program was started so, as a shell starts those that are not to see its Ctrl-C."""
    return signal.getsignal(number) is signal.SIG_IGN


@contextmanager
def on_signals() -> Iterator[Stop]:
    """In the block signals no longer end the program by themselves; whoever runs in it has to `check`."""
    stop = Stop(came())
    with _handling(stop.request):
        yield stop


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    # Python delivers signals to the main thread, and lets no other one handle them.
    ours = threading.current_thread() is threading.main_thread()
    handled = [number for number in SIGNALS if ours and not is_ignored(number)]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
