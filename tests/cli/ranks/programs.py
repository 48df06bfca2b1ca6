"""The command line as a process that starts other processes, or is one of several that another program has started.

A start of Python imports torch for seconds, so most programs are forks of a server that has imported it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STUCK_SECONDS = 120.0
SMALL = (
    *("network=mlp", "network.hidden=[16]", "T=2", "trainer.device=cpu", "trainer.precision=fp32", "monitor=off"),
    *("neuron.v_threshold=0.3", "trainer.batch_size=32"),
)
TWO = (*SMALL, "trainer.devices=2")
SHORT = ("trainer.epochs=2", "trainer.limit_batches=4")
# Takes longer than a test waits before it disturbs the run.
LONG = ("trainer.epochs=12", "trainer.checkpoint_minutes=0.002")
FAULTY = Path(__file__).with_name("faulty.py")


class Program:
    """A start of the command line in a folder, `out` and `err` are the files of its output."""

    def __init__(self, folder: Path, process: BaseProcess | subprocess.Popen[bytes], name: str) -> None:
        self.folder, self.process = folder, process
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        """Return the exit status, or minus the number of the signal that ended it; None while it runs."""
        return self.process.poll() if isinstance(self.process, subprocess.Popen) else self.process.exitcode

    def wait(self, seconds: float = STUCK_SECONDS) -> int:
        """Return the exit status once it has ended."""
        self.until(lambda: self.poll() is not None, seconds)
        code = self.poll()
        assert code is not None
        return code

    def until(self, happened: Callable[[], bool], seconds: float = STUCK_SECONDS) -> None:
        """Wait until something has happened while the program runs."""
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"nothing happened: {self.shown()}"
            assert self.poll() is None or happened(), f"it has ended with {self.poll()}: {self.shown()}"
            time.sleep(0.005)

    def trains(self, run: str = "run", epochs: int = 1) -> None:
        """Wait until a run has finished some epochs."""
        metrics = self.folder / run / "metrics.jsonl"
        self.until(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= epochs)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def lines(self) -> list[str]:
        """Return the lines of standard error."""
        return self.err.read_text().splitlines()

    def shown(self) -> str:
        """Return all output."""
        return self.out.read_text() + self.err.read_text()

    def ranks(self) -> list[int]:
        """Return the processes that it has started for the run, by rank; waits for them."""
        found: list[int] = []
        self.until(lambda: len(found.__setitem__(slice(None), _children(self.pid)) or found) == 2)
        return found


def start(folder: Path, *argv: str, environment: Mapping[str, str] = os.environ, fresh: bool = False) -> Program:
    """Start `snntrain argv` in `folder`.

    Args:
        environment: variables to add.
        fresh: start a new Python, as a user does, not a fork.
    """
    name = f"program-{len(list(folder.glob('program-*.out')))}"
    (folder / f"{name}.out").touch()
    added = {} if environment is os.environ else dict(environment)
    if fresh:
        with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err:
            process: BaseProcess | subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-m", "snntrain", *argv],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | added,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
    else:
        process = _server().Process(target=_become, args=(str(folder), name, argv, added))
        process.start()
    return Program(folder, process, name)


@cache
def _server() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.cli.ranks.preloaded"])
    return context


def _become(folder: str, name: str, argv: Sequence[str], added: Mapping[str, str]) -> None:
    """Be the command line, in a fork of the server."""
    from chaos.forked import fork_members
    from chaos.process import finish

    os.setsid()
    os.chdir(folder)
    for number, ending in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{name}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(added)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fork_members()
    sys.argv = ["snntrain", *argv]
    sys.path.insert(0, str(ROOT))
    from snntrain.cli.main import main

    code = 70
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finish(code)


def left_behind(folder: Path) -> list[str]:
    """Return the command of each process that runs in a folder, after those that are ending have ended."""
    end = time.monotonic() + 5
    while (found := _in(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == folder and "Z" not in (process / "stat").read_text().rpartition(")")[2]:
                found.append(f"{process.name} {(process / 'cmdline').read_text()!r}")
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return sorted(found)
