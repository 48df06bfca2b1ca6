"""The states of a command, and the effect of a signal in each; every signal here is a real one."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from snntrain.errors import Interrupted
from snntrain.signals import SIGNALS, Machine, State, Stopped

NUMBERS = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
IMPORTING = """
import signal
from snntrain.signals import machine
machine.begin()
with machine.importing():
    try:
        signal.raise_signal(signal.{name})
    except BaseException:
        print("raised in an import")
print("the process has not ended")
"""
# A handler that is slow to write, so that the signal arrives inside a message.
WRITING = """
import io, logging, signal, sys, time
from snntrain.signals import machine
class Slow(io.RawIOBase):
    def writable(self):
        return True
    def write(self, data):
        if b"first" in bytes(data):
            signal.raise_signal(signal.SIGTERM)
        sys.stdout.write(bytes(data).decode())
        return len(data)
log = logging.getLogger("snntrain")
log.setLevel(logging.INFO)
log.addHandler(logging.StreamHandler(io.TextIOWrapper(io.BufferedWriter(Slow()), write_through=True)))
machine.begin()
with machine.training() as stop:
    log.info("first")
    time.sleep(0.5)
    log.info("last")
"""
IGNORED = """
import signal
from snntrain.signals import machine
signal.signal(signal.SIGINT, signal.SIG_IGN)
machine.begin()
signal.raise_signal(signal.SIGINT)
with machine.training() as stop:
    signal.raise_signal(signal.SIGINT)
    stop.check()
print("still here")
"""


@pytest.fixture
def begun() -> Machine:
    """Return a state machine in its own training, so that real signals reach it."""
    return Machine()


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@NUMBERS
def test_a_signal_while_the_command_starts_ends_it_and_is_remembered(begun: Machine, number: signal.Signals) -> None:
    with pytest.raises(Interrupted) as ended:
        begun.handle(number)
    assert ended.value.number == number
    assert (begun.state, begun.number) == (State.LEAVING, number)
    assert begun.behind(ValueError("of others")) == number


def test_a_signal_inside_a_message_is_reported_after_it() -> None:
    done = run(WRITING)
    first, second, third = done.stdout.splitlines()
    assert (first, third, done.stderr) == ("first", "last", "")
    assert second.startswith("stopping after this step, with a checkpoint (SIGTERM")


@NUMBERS
def test_a_signal_in_an_import_ends_the_process_at_once(number: signal.Signals) -> None:
    done = run(IMPORTING.format(name=number.name))
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "snntrain: interrupted\n")


@NUMBERS
def test_the_first_signal_in_a_training_waits_for_its_check(begun: Machine, number: signal.Signals) -> None:
    with begun.training() as stop:
        stop.check()
        signal.raise_signal(number)
        assert (begun.state, stop.number) == (State.TRAINING, number)
        assert begun.behind(ValueError("of its own")) is None
        with pytest.raises(Stopped) as stopped:
            stop.check()
    assert stopped.value.number == number
    assert begun.state is State.STARTING


def test_the_second_signal_in_a_training_ends_it_at_once(begun: Machine) -> None:
    with begun.training():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted) as ended:
            signal.raise_signal(signal.SIGTERM)
    assert not isinstance(ended.value, Stopped)
    assert (begun.state, begun.number) == (State.LEAVING, signal.SIGTERM)


def test_a_signal_while_the_command_leaves_ends_it_with_its_own_number(begun: Machine) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with pytest.raises(Interrupted) as ended:
            begun.handle(number)
        assert ended.value.number == number
    assert begun.behind(ValueError("of others")) == signal.SIGTERM


def test_a_training_that_starts_while_the_command_leaves_stops_at_its_first_check(begun: Machine) -> None:
    with pytest.raises(Interrupted):
        begun.handle(signal.SIGTERM)
    with begun.training() as stop, pytest.raises(Stopped):
        next(iter(stop.between([1])))


def test_a_state_ends_with_its_block(begun: Machine) -> None:
    handlers = [signal.getsignal(number) for number in SIGNALS]
    with begun.importing():
        assert begun.state is State.IMPORTING
    with pytest.raises(ZeroDivisionError), begun.training():
        raise ZeroDivisionError
    assert begun.state is State.STARTING
    assert [signal.getsignal(number) for number in SIGNALS] == handlers


def test_an_interruption_without_a_number_is_ctrl_c(begun: Machine) -> None:
    assert begun.behind(KeyboardInterrupt()) == signal.SIGINT


def test_a_signal_that_was_ignored_at_the_start_stays_ignored() -> None:
    assert run(IGNORED).stdout == "still here\n"
