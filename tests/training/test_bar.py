"""The bar, on a real terminal and off it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from snntrain.data.batch import Batch
from snntrain.network.readout import Rate
from snntrain.training.evaluation.evaluate import Tally
from snntrain.training.logs import bar

COLUMNS = 80


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(4):
        time.sleep(0.02)
        yield torch.zeros(500, 1), torch.zeros(500, dtype=torch.int64)


def read_all(ours: int) -> str:
    """Return the text written to a pseudo-terminal after its other end was closed."""
    shown = b""
    # On Linux the end of a terminal is an error.
    with os.fdopen(ours, "rb", buffering=0) as stream, contextlib.suppress(OSError):
        while part := stream.read(4096):
            shown += part
    return shown.decode()


def run() -> int:
    """Show an epoch of 2,000 images, all classified correctly; return the number of batches."""
    tally, count = Tally(2, torch.device("cpu"), Rate(votes=1)), 0
    for _, labels in bar.with_bar(batches(), 0, 4, "epoch 10/20", tally):
        count += 1
        tally.add(torch.tensor(0.125), torch.tensor([1.0, 0.0]).expand(1, len(labels), 2), Batch(labels, labels))
    return count


def test_nothing_is_shown_where_stdout_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert run() == 4
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_loss_accuracy_speed_and_time_left_on_80_columns(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bar, "SECONDS_BETWEEN_READINGS", 0.0)
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with os.fdopen(terminal, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert run() == 4
        monkeypatch.undo()
    shown = read_all(ours)
    lines = shown.split("\r")
    assert max(map(len, lines)) <= COLUMNS
    assert re.search(r"epoch 10/20 +\d+%\|.*\| 00:0\d left, loss 0\.1250, accuracy 1\.0000, [\d,]+ images/s", shown)
    # The line is wiped at the end, and nothing goes to the other stream.
    assert lines[-1].strip() == ""
    assert capfd.readouterr().err == ""
