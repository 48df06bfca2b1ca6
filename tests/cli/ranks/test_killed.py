"""kill -9 of one process: the others end, none is left behind, and the same command resumes to the same bits."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from chaos import compare
from tests.cli.ranks.conftest import Start
from tests.cli.ranks.programs import LONG, TWO, left_behind

slow = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize(
    "killed", [pytest.param("process 0", marks=slow), "process 1", pytest.param("parent", marks=slow)]
)
def test_a_killed_process_ends_the_run_and_the_same_command_resumes_to_the_same_bits(
    killed: str, command: Start, folder: Path, undisturbed: Path
) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run")
    program.trains()
    program.until((folder / "run" / "checkpoints" / "last.pt").exists)
    began = time.monotonic()
    os.kill(program.pid if killed == "parent" else program.ranks()[int(killed[-1])], signal.SIGKILL)
    if killed == "parent":
        assert program.wait() == -signal.SIGKILL
    else:
        assert program.wait() == 1
        (line,) = program.lines()
        assert line.startswith(f"snntrain: the run failed: {killed} was killed by signal 9 (SIGKILL)")
    while left := left_behind(folder):
        assert time.monotonic() - began < 40, left
    resumed = command(*TWO, *LONG, "hydra.run.dir=run")
    assert resumed.wait() == 0, resumed.shown()
    assert "resuming from epoch" in resumed.out.read_text()
    assert compare.differences(folder / "run", undisturbed) == []


@slow
def test_a_process_that_hangs_is_ended_with_a_parent_that_is_killed(command: Start, folder: Path) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run", "loss._target_=faulty.Hangs", "allow_targets=[faulty]")
    program.until((folder / "hangs").exists)
    program.send(signal.SIGKILL)
    began = time.monotonic()
    while left := left_behind(folder):
        assert time.monotonic() - began < 55, left


@slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_stopped_process_is_reported_and_ended(rank: int, command: Start, folder: Path) -> None:
    program = command(*TWO, *LONG, "hydra.run.dir=run", "trainer.timeout_minutes=0.1")
    program.trains()
    os.kill(program.ranks()[rank], signal.SIGSTOP)
    assert program.wait() == 1
    (line,) = program.lines()
    assert "did not answer for 0.1 minutes (trainer.timeout_minutes)" in line
    assert line.endswith(f"; process {rank} did not end, and had to be ended")
