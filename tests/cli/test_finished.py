"""Parts that eval and inspect share: the progress bar on a real terminal, and the message when memory runs out."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from snntrain.training.evaluation.on_test_images import metrics_on_test
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
    # On Linux the end of a terminal is an error.
    with os.fdopen(ours, "rb", buffering=0) as stream, contextlib.suppress(OSError):
        while part := stream.read(4096):
            shown += part
    lines = shown.decode().split("\r")
    assert any(re.fullmatch(r"test images +\d+%\|.*\| \S+ left", line) for line in lines)
    assert max(map(len, lines)) <= 80
    assert lines[-1].strip() == ""
    assert metrics.confusion.sum() == len(job.data.test)


# The process may take half a gigabyte more than it has.
SCARCE = """
import resource
import sys
import snntrain.cli.evaluate, snntrain.cli.inspect
from snntrain.cli.main import status

pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**29,) * 2)
sys.exit(status(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is read from /proc")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ("eval", "T=100000"),
            "in evaluation with trainer.eval_batch_size=512, T=100000, precision fp32: "
            "try trainer.eval_batch_size=256 or trainer.precision=bf16 or a lower T or a machine with more memory",
        ),
        pytest.param(
            ("inspect", "T=100000", f"sample={','.join(map(str, range(100)))}"),
            "in the inspection of 100 images with T=100000, precision fp32: "
            "try fewer images with sample=<index>,… or monitor.samples=<number> or trainer.precision=bf16 "
            "or a lower T or a machine with more memory",
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_that_runs_out_of_memory_says_which_settings_to_lower(
    command: tuple[str, ...], message: str, finished_run: Path
) -> None:
    name, *overrides = command
    argv = [sys.executable, "-c", SCARCE, name, f"run={finished_run}", *overrides]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"snntrain: out of memory on the CPU {message}\n"
