"""A signal to the command or to one of its processes: the run is saved once, and resumes to the same bits."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from chaos import compare
from tests.cli.ranks.conftest import Start
from tests.cli.ranks.programs import LONG, ROOT, TWO, left_behind

slow = pytest.mark.slow
HANGING = ("loss._target_=faulty.Hangs", "allow_targets=[faulty]")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("receiver", "number"),
    [
        ("parent", signal.SIGTERM),
        pytest.param("parent", signal.SIGINT, marks=slow),
        pytest.param("parent", signal.SIGUSR1, marks=slow),
        pytest.param("process 0", signal.SIGTERM, marks=slow),
        pytest.param("process 1", signal.SIGTERM, marks=slow),
    ],
)
def test_a_signal_saves_once_and_the_printed_command_resumes_to_the_same_bits(
    receiver: str, number: signal.Signals, command: Start, folder: Path, undisturbed: Path
) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run")
    program.trains()
    sent = time.monotonic()
    os.kill(program.pid if receiver == "parent" else program.ranks()[int(receiver[-1])], number)
    assert program.wait() == 128 + number
    assert time.monotonic() - sent < 10
    assert program.lines() == ["snntrain: interrupted; resume with: snntrain resume=run"]
    for place in (program.out, folder / "run" / "train.log"):
        assert place.read_text().count("stopping after this step, with a checkpoint") == 1
    assert not left_behind(folder)
    assert json.loads((folder / "run" / "summary.json").read_text())["status"] == "interrupted"
    resumed = command(*shlex.split(program.lines()[0].rpartition("snntrain ")[2]))
    assert resumed.wait() == 0, resumed.shown()
    assert "resuming from epoch" in resumed.out.read_text()
    assert compare.differences(folder / "run", undisturbed) == []


@slow
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait(first: signal.Signals, command: Start, folder: Path) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run", *HANGING)
    program.until(lambda: (folder / "hangs").exists())
    program.send(first)
    time.sleep(1)
    assert program.poll() is None
    program.send(signal.SIGINT)
    assert program.wait(15) == 130
    assert program.lines() == ["snntrain: interrupted; resume with: snntrain resume=run 'allow_targets=[faulty]'"]


@slow
def test_ctrl_c_at_a_terminal_saves_once(folder: Path) -> None:
    """The terminal sends the signal to all processes of the foreground group."""
    main, terminal = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "snntrain", *TWO, *LONG, "hydra.run.dir=run"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    shown = b""
    while b"epoch  1/" not in shown:
        shown += os.read(main, 1 << 16)
    os.write(main, b"\x03")
    try:
        while found := os.read(main, 1 << 16):
            shown += found
    except OSError:  # The terminal has no more users.
        pass
    assert program.wait(30) == 130
    os.close(main)
    text = shown.decode()
    assert text.count("snntrain: interrupted; resume with: ") == 1
    assert text.endswith(" -m snntrain resume=run\r\n")
    assert text.count("stopping after this step") == 1
    assert "Traceback" not in text


@slow
@pytest.mark.parametrize("seconds", [1, 3, 5, 7, 10])
def test_a_signal_while_the_processes_start_ends_the_command(seconds: float, command: Start, folder: Path) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run", fresh=True)
    time.sleep(seconds)
    if program.poll() is None:
        program.send(signal.SIGTERM)
        # Python has not reached our first line yet.
        assert program.wait(40) in (143, -signal.SIGTERM)
    assert len(program.lines()) <= 1, program.shown()
    assert not left_behind(folder)
