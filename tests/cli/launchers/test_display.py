"""The display of a sweep with workers: lines that fit a terminal, progress from the files of a run, durations."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest
from tqdm.utils import disp_len

from snntrain.cli.launchers.display import Display, shortened
from snntrain.cli.launchers.durations import duration
from snntrain.cli.launchers.launcher import Outcome, SweepJob
from snntrain.cli.launchers.progress import Progress

# Two jobs of three in two slots: one ends, and one fails with an error longer than a line.
SHOWING = """
import time
from snntrain.cli.launchers.display import Display
from snntrain.cli.launchers.launcher import Outcome, SweepJob
display = Display(("T=2",), slots=2, jobs=3)
jobs = [SweepJob(number, ("T=2", f"neuron=lif", "name=" + "größer" * 20)) for number in range(3)]
for position, job in enumerate(jobs[:2]):
    display.started(job, position)
display.ended(Outcome(jobs[0], None, 0.98123), 41.2)
display.started(jobs[2], 0)
display.ended(Outcome(jobs[1], None, error="the run failed: " + "no such luck " * 20), 3)
display.stopping(1, "SIGTERM")
display.refresh([])
display.close()
print("the end")
"""


@pytest.mark.parametrize("columns", [50, 80])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([sys.executable, "-c", SHOWING], stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # Linux reports the end of the other side so.
                break
    os.close(ours)
    assert running.returncode == 0, shown.decode()
    drawn = re.split(r"[\r\n]|\x1b\[A|\x1b\[K", shown.decode())
    assert max(map(disp_len, drawn)) < columns
    lines = [line for line in drawn if line.startswith("job ") and ": " in line]
    assert lines[0].endswith("val_accuracy=0.9812 in 41 s")
    assert ": failed: no such luck" in lines[1]
    assert "SIGTERM: saving 1 running jobs" in shown.decode()
    assert drawn[-3].strip() == "the end"


def test_away_from_a_terminal_each_job_has_one_whole_line(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(("T=2",), slots=2, jobs=None)
    job = SweepJob(3, ("T=2", "neuron=lif", "hydra.verbose=true", f"name={'x' * 200}"))
    display.started(job, 0)
    display.ended(Outcome(job, Path("f"), 0.5), 4.21)
    display.ended(Outcome(job, None, error="interrupted (SIGTERM)", signal=15), 4.21)
    display.refresh([])
    display.close()
    assert capsys.readouterr().out.splitlines() == [
        f"job 3 neuron=lif name={'x' * 200}: val_accuracy=0.5 in 4.2 s",
        f"job 3 neuron=lif name={'x' * 200}: interrupted (SIGTERM)",
    ]


def test_progress_comes_from_the_files_of_the_run(tmp_path: Path) -> None:
    progress = Progress()
    progress.look(tmp_path, now=0.0)
    assert progress.words(1.0, since=0.0) == "starts"
    (tmp_path / "config.yaml").write_text("trainer:\n  epochs: 5\n")
    # An earlier start has trained the first epoch.
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "val_accuracy": 0.25}\n')
    progress.look(tmp_path, now=10.0)
    assert progress.words(11.0, since=10.0) == "epoch 2/5 val_accuracy=0.250"
    (tmp_path / "metrics.jsonl").write_text(
        '{"epoch": 1, "val_accuracy": 0.25}\n{"epoch": 2, "val_accuracy": 0.5}\n{"epoch": 3, "val_accuracy": 0.75}\n'
    )
    progress.look(tmp_path, now=50.0)
    assert progress.words(55.0, since=10.0) == "epoch 4/5 val_accuracy=0.750, 35 s left"


@pytest.mark.parametrize("content", ["", "{", "[1]\n", '{"epoch": "x", "val_accuracy": "y"}\n', "\x00\n"])
def test_damaged_files_show_no_progress_and_no_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yaml").write_text("trainer: 3\n")
    (tmp_path / "metrics.jsonl").write_text(content)
    progress = Progress()
    progress.look(tmp_path, now=0.0)
    assert progress.words(1.0, since=0.0) == "starts"


def test_durations_are_short() -> None:
    assert [duration(seconds) for seconds in (4.21, 41.2, 99.9, 150, 7300)] == [
        *("4.2 s", "41 s", "100 s", "2 min", "2 h 02 min")
    ]


def test_a_text_is_shortened_with_a_sign() -> None:
    assert [shortened("abcdef", width) for width in (6, 5, 1)] == ["abcdef", "abcd…", "…"]
