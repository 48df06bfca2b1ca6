"""What eval and inspect share: the test's bar, on a real terminal."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest

from snntrain.cli.finished import metrics_on_test
from snntrain.training import run
from tests.training.jobs import prepared


def test_a_test_shows_how_much_is_left_and_wipes_the_line_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    job = prepared()
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        metrics = metrics_on_test(job)
        monkeypatch.undo()
    shown = b""
    # The end of a terminal is an error, on Linux.
    with os.fdopen(ours, "rb", buffering=0) as stream, contextlib.suppress(OSError):
        while part := stream.read(4096):
            shown += part
    lines = shown.decode().split("\r")
    assert any(re.fullmatch(r"test images +\d+%\|.*\| \S+ left", line) for line in lines)
    assert max(map(len, lines)) <= 80
    assert lines[-1].strip() == ""
    assert metrics.confusion.tolist() == run.metrics_on_test(job).confusion.tolist()
