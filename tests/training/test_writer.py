"""A thread that writes beside its caller: in order, only the newest version, and never after its end."""

from __future__ import annotations

import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from snntrain.training.saving.writer import Writer


class Slow:
    """Contents to be written; each write waits for `release`."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.begun = threading.Event()
        self.release = threading.Event()

    def thing(self, name: str) -> Callable[[], None]:
        return partial(self._write, name)

    def _write(self, name: str) -> None:
        self.begun.set()
        assert self.release.wait(20)
        self.written.append(name)


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.release.set()


@pytest.fixture
def writer(slow: Slow) -> Iterator[Writer]:
    made = Writer()
    yield made
    slow.release.set()
    made.abandon()


def alive() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "snntrain-writer"]


def test_the_newest_content_is_written_in_the_given_order(writer: Writer, slow: Slow) -> None:
    writer.write("last", slow.thing("last 1"))
    assert slow.begun.wait(20)
    for number in (2, 3, 4):
        writer.write("best", slow.thing(f"best {number}"))
        writer.write("last", slow.thing(f"last {number}"))
    writer.write("last", slow.thing("last 5"))
    assert not writer.idle()
    slow.release.set()
    writer.wait()
    assert slow.written == ["last 1", "best 4", "last 5"]
    assert writer.idle()


def test_replaced_and_forgotten_content_is_released_at_once(writer: Writer, slow: Slow) -> None:
    class Snapshot:
        def write(self) -> None:
            raise AssertionError("it was replaced")

    writer.write("last", slow.thing("1"))
    assert slow.begun.wait(20)
    old, forgotten = Snapshot(), Snapshot()
    references = [weakref.ref(old), weakref.ref(forgotten)]
    writer.write("last", old.write)
    writer.write("last", forgotten.write)
    writer.forget("last")
    del old, forgotten
    assert [reference() for reference in references] == [None, None]


def test_a_failure_is_raised_at_the_next_call_and_nothing_is_written_after_it(writer: Writer, slow: Slow) -> None:
    def fail() -> None:
        raise OSError("no space")

    slow.release.set()
    writer.write("best", fail)
    with pytest.raises(OSError, match="no space"):
        writer.wait()
    for call in (writer.idle, writer.close, partial(writer.write, "last", slow.thing("later"))):
        with pytest.raises(OSError, match="no space"):
            call()
    assert slow.written == []
    assert not alive()


def test_waiting_content_is_written_before_the_end_and_no_thread_is_left(writer: Writer, slow: Slow) -> None:
    writer.write("last", slow.thing("1"))
    writer.write("best", slow.thing("2"))
    threading.Timer(0.1, slow.release.set).start()
    writer.close()
    assert slow.written == ["1", "2"]
    assert not alive()


def test_an_abandoned_writer_stops_writing(writer: Writer, slow: Slow) -> None:
    begun = threading.Event()

    def endless() -> None:
        begun.set()
        while True:
            writer.check()
            time.sleep(0.001)

    writer.write("last", endless)
    writer.write("best", slow.thing("best"))
    assert begun.wait(20)
    slow.release.set()
    writer.abandon()
    assert slow.written == []
    assert not alive()


@pytest.mark.parametrize("method", ["wait", "close"])
def test_a_signal_ends_the_waiting(writer: Writer, slow: Slow, method: str) -> None:
    class Again(Exception):
        pass

    def handler(number: int, frame: object) -> None:
        raise Again

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        writer.write("last", slow.thing("1"))
        assert slow.begun.wait(20)
        threading.Timer(0.1, partial(signal.pthread_kill, threading.main_thread().ident, signal.SIGUSR1)).start()
        with pytest.raises(Again):
            getattr(writer, method)()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert alive()
    slow.release.set()
    writer.abandon()
    assert not alive()


def test_a_writer_that_has_nothing_to_write_has_no_thread(writer: Writer) -> None:
    assert writer.idle()
    writer.wait()
    writer.close()
    assert not alive()
