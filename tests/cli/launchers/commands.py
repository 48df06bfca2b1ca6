"""Sweeps as separate processes, whose jobs train for as long as a test needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.cli.conftest import MAIN
from tests.conftest import TINY

# A neuron that is hurt as long as a file in the working directory asks for it; its threshold names the job.
MODULE = """
import os, signal
from pathlib import Path
from snntrain.neuron import IFNode

class Hurt(IFNode):
    def __init__(self, harm: str, **arguments):
        super().__init__(**arguments)
        if harm == "fails" and Path("hurts").exists():
            raise RuntimeError("of its own")
        if harm == "is killed" and Path("hurts").exists():
            os.kill(os.getpid(), signal.SIGKILL)
"""
# The machine may be slow: each job imports torch.
SECONDS = 400.0


def own_neuron(folder: Path) -> tuple[str, ...]:
    """Put the neuron into `folder`, and return the arguments that select it."""
    (folder / "hurting.py").write_text(MODULE)
    (folder / "own" / "neuron").mkdir(parents=True)
    (folder / "own" / "neuron" / "hurt.yaml").write_text("_target_: hurting.Hurt\nharm: none\n")
    (folder / "hurts").touch()
    return "--config-dir", "own", "neuron=hurt", "allow_targets=[hurting]"


def sweep(*given: str, epochs: int = 1) -> tuple[str, ...]:
    """Return the arguments of a sweep in the folder `sweep`."""
    length = (f"trainer.epochs={epochs}", "trainer.limit_batches=2", "monitor=off", "hydra.sweep.dir=sweep")
    device = () if any(word.startswith("trainer.device=") for word in given) else ("trainer.device=cpu",)
    return ("-m", *TINY[:2], "trainer.precision=fp32", *device, "T=2", *length, *given)


class Started:
    """A command in a process of its own; its output is in files, as its jobs may outlive it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], argv: tuple[str, ...]) -> None:
        with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", MAIN, *argv],
                cwd=folder,
                env=os.environ | dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.folder = folder

    def ended(self) -> tuple[int, str, str]:
        """Wait for the end, and return the exit status and the output."""
        status = self.process.wait(SECONDS)
        return status, (self.folder / "out").read_text(), (self.folder / "err").read_text()


def wait_until(condition: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    until = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
    return found


def jobs(folder: Path) -> dict[int, Path]:
    """Return the folders of the jobs of the sweep below `folder`, by number."""
    found = (folder / "sweep").glob("[0-9]*_*")
    return {int(path.name.partition("_")[0]): path for path in found}


def summaries(folder: Path) -> dict[int, dict[str, Any]]:
    """Return the summaries of the jobs, by number."""
    files = {number: path / "summary.json" for number, path in sorted(jobs(folder).items())}
    return {number: json.loads(file.read_text()) for number, file in files.items() if file.exists()}


def epochs(folder: Path, number: int) -> int:
    """Return the number of epochs that a job has trained."""
    path = jobs(folder).get(number)
    file = path / "metrics.jsonl" if path else None
    return file.read_text().count("\n") if file and file.exists() else 0


def left_behind(marker: str) -> list[str]:
    """Return the commands of all processes with a text in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes() and process.name != str(os.getpid()):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # It has ended, or is somebody else's.
            continue
    return found


def interrupt(started: Started, number: int = signal.SIGINT) -> None:
    """Send a signal to a command as a terminal does: to all processes of its group."""
    os.killpg(started.process.pid, number)
