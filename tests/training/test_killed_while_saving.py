"""Processes that end while their thread writes a checkpoint."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from snntrain.training.saving import checkpoint

from .jobs import _interrupted_by_nobody, rows, same, state, trained
from .slow_disk import (
    GIVEN,
    SECONDS,
    before_the_end,
    disk,
)

__all__ = ["_interrupted_by_nobody", "before_the_end", "disk"]

ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from snntrain.training.saving import checkpoint
from tests.training.jobs import trained
from tests.training.slow_disk import GIVEN

count = 0
write = checkpoint.write

def half(file, state, check):
    global count
    count += 1
    if count == 3:
        file.write(b"half a checkpoint")
        file.flush()
        {end}
    write(file, state, check)

checkpoint.write = half
trained(Path(sys.argv[1]), *GIVEN)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_while_its_thread_writes_resumes(tmp_path: Path) -> None:
    code = KILLED.format(end="os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hurt")], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    left = [path.name for path in (tmp_path / "hurt" / "checkpoints").glob("*.tmp")]
    assert left in (["last.pt.tmp"], ["best.pt.tmp"])
    for name in ("hurt", "alone"):
        trained(tmp_path / name, *GIVEN)
    assert same(state(tmp_path / "hurt"), state(tmp_path / "alone"), apart=("sizes",))
    assert same(state(tmp_path / "hurt", "best"), state(tmp_path / "alone", "best"))
    assert rows(tmp_path / "hurt") == rows(tmp_path / "alone")
    assert not list((tmp_path / "hurt" / "checkpoints").glob("*.tmp"))


LEFT = """
import sys, threading, time
from functools import partial
from pathlib import Path
import torch
from snntrain.training.saving.checkpoints import Checkpoints
from snntrain.training.saving.writer import Writer
from snntrain.files.folder import Folder

writes = threading.Event()

def slowly():
    writes.set()
    time.sleep(0.001)

writer, folder = Writer(), Folder(Path(sys.argv[1]))
writer.write("last", partial(Checkpoints(folder).save, {"model": {"w": torch.ones(3)}}))
writer.wait()
endless = {"model": {str(number): torch.zeros(1000) for number in range(2000)}}
writer.write("last", partial(Checkpoints(folder, slowly).save, endless))
print(writes.wait(60))
"""


@pytest.mark.slow
def test_a_program_that_ends_while_the_thread_writes_leaves_what_was_whole(tmp_path: Path) -> None:
    """The program did not close the writer."""
    given = [sys.executable, "-c", LEFT, str(tmp_path)]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, check=False, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"True\n"
    assert (tmp_path / "last.pt.tmp").exists()
    assert torch.equal(checkpoint.load(tmp_path / "last.pt")["model"]["w"], torch.ones(3))
