"""`python -m snntrain` is `snntrain`; the commands that it prints start with `python -m snntrain`."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import snntrain as package
from tests.conftest import TINY

SMALL = (*TINY, "monitor=off")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def module(tmp_path: Path) -> Start:
    """Return a function that starts `python -m snntrain` in `tmp_path`."""

    def start(*argv: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snntrain", *argv]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.mark.parametrize(
    ("argv", "code", "out", "err"),
    [
        ("--version", 0, f"snntrain {package.__version__}\n", ""),
        ("T=0", 2, "", "snntrain: T=0: must be >= 1 (time steps)\n"),
        ("eval", 2, "", "snntrain: eval needs run=<folder>, the folder of a finished run, as in "),
        ("--cfg job -p reset", 0, "# @package reset\nv_reset: 0.0\n", ""),
    ],
)
@pytest.mark.sample(2)
def test_it_has_the_output_and_exit_status_of_the_script(
    argv: str, code: int, out: str, err: str, module: Start
) -> None:
    running = module(*argv.split())
    said = running.communicate(timeout=60)
    assert (running.returncode, said[0]) == (code, out)
    assert said[1].startswith(err)


def test_completion_is_that_of_the_script(module: Start) -> None:
    out, _ = module("--shell-completion", "install=bash").communicate(timeout=60)
    assert out.endswith("-F hydra_bash_completion snntrain\n")


@pytest.mark.slow
def test_a_run_with_worker_processes_is_one_run(module: Start, tmp_path: Path) -> None:
    """Each worker imports the main module again, which must not start another."""
    running = module(*SMALL, "dataset.resident=never", "dataset.workers=1", "hydra.run.dir=run")
    _, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")
    command = json.loads((tmp_path / "run" / "environment.json").read_text())["command"]
    assert command[:4] == [sys.executable, "-m", "snntrain", SMALL[0]]


@pytest.mark.parametrize("multirun", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["run", "sweep"])
@pytest.mark.slow
def test_the_printed_resume_command_uses_the_module(multirun: bool, module: Start, tmp_path: Path) -> None:
    words = (*SMALL, "trainer.epochs=100000", "hydra.run.dir=run", "hydra.sweep.dir=run")
    running = module(*words, *(("-m",) if multirun else ()))
    while not any((tmp_path / "run").glob("**/metrics.jsonl")):
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 143
    said, _, command = err.strip().partition("; resume with: ")
    assert said == "snntrain: interrupted"
    given = shlex.split(command)
    assert given[:3] == [sys.executable, "-m", "snntrain"]
    if multirun:
        assert f"{sys.executable} -m snntrain 'resume=run/" in out
        assert sorted(given[3:]) == sorted([*words[:-1], "-m", "hydra.sweep.dir=run"])
    else:
        done = len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
        again = subprocess.run(
            [*given, f"trainer.epochs={done + 1}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (again.returncode, again.stderr) == (0, "")
        assert "resuming from epoch" in again.stdout
