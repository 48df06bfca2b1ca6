"""A run on several devices of this machine: this process starts one process per device, and waits for them.

The processes are in sessions of their own, so Ctrl-C reaches this process alone, which forwards it once. They end with
this process, however it ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

from snntrain.cli.imports import slow_imports
from snntrain.cli.ranks.member import HOST, Orders
from snntrain.cli.ranks.work import Work
from snntrain.config.schema import Config
from snntrain.errors import Interrupted, RunFailed, UserError
from snntrain.process import cores
from snntrain.runs import summary as summaries
from snntrain.signals import SIGNALS

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.distributed.distributed_c10d import Store

LOOK_SECONDS = 0.05
# After one process has failed, the others end by themselves within this time, or are terminated.
SECONDS_TO_END = 20.0
SECONDS_TO_TERMINATE = 8.0
STOPPED = {128 + number for number in SIGNALS}
# Letters of the standard error of a process that has died without a report.
LAST_WORDS = 2000


def run(config: Config, folder: Path, typed: Sequence[str]) -> float:
    """Train a run with `trainer.devices` processes, and return its best validation accuracy.

    Raises:
        UserError, RunFailed: a process has failed; the message names it if it is not process 0.
        Interrupted: a signal has ended the run.
    """
    size = config.trainer.devices
    with Processes(size) as processes:
        # They import torch at the same time as this process.
        store = own_store()
        processes.begin(store.port, Work.of(config, folder, typed).to_json())
        number = processes.wait(store)
        _raise_failure(store, processes, number, folder)
    return float(summaries.read(folder).known.get("val_accuracy") or "nan")


def own_store() -> TCPStore:
    """Serve a key-value store that the processes of this machine, and no other machine, can reach."""
    with slow_imports():
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

    # The system chooses a free port. A store that opens its port itself accepts connections from all networks.
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    return TCPStore(HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())


class Processes:
    """The processes of a run; on exit none is left."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.started: list[subprocess.Popen[bytes]] = []
        # Their ranks, in the order in which they have ended.
        self.ended: list[int] = []
        # Those that had to be ended after another had failed.
        self.hanging: list[int] = []
        self.errors: list[IO[bytes]] = []
        self.files = ExitStack()

    def __enter__(self) -> Processes:
        try:
            for rank in range(self.size):
                self._start(rank)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def begin(self, port: int, work: str) -> None:
        """Give each process its place and the work."""
        for rank, process in enumerate(self.started):
            orders = Orders(rank, self.size, port, work)
            assert process.stdin is not None
            # A process that has died already is noticed below. The pipe stays open: its end shows that of this process.
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(asdict(orders)).encode() + b"\n")
                process.stdin.flush()

    def wait(self, store: Store) -> int | None:
        """Wait until all processes have ended; if one fails, the others must end soon.

        Returns:
            The number of the signal that has ended the run; None if no signal has.
        """
        number: int | None = None
        while True:
            try:
                self._wait(store)
                break
            except Interrupted as interrupted:
                self._send(signal.Signals(interrupted.number))
                if number is not None:
                    raise
                number = interrupted.number
        stopped = [code - 128 for code in self.codes() if code in STOPPED]
        return number if number is not None else stopped[0] if stopped else None

    def codes(self) -> list[int | None]:
        """Return the exit status of each process; None while it runs, negative if a signal has killed it."""
        return [process.poll() for process in self.started]

    def last_words(self, rank: int) -> str:
        """Return the end of the standard error of a process other than process 0."""
        if rank == 0:
            return ""
        file = self.errors[rank - 1]
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS))
        return file.read().decode(errors="replace").strip()

    def _start(self, rank: int) -> None:
        # Only process 0 shows anything.
        output: int | None = None if rank == 0 else subprocess.DEVNULL
        errors: IO[bytes] | None = None
        if rank:
            errors = self.files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  closed with the others
            self.errors.append(errors)
        self.started.append(
            subprocess.Popen(
                [sys.executable, "-m", "snntrain.cli.ranks.member"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                env=environment(self.size),
            )
        )

    def _wait(self, store: Store) -> None:
        ends_by: float | None = None
        while self._look(store):
            if ends_by is None and any(code not in (None, 0) and code not in STOPPED for code in self.codes()):
                ends_by = time.monotonic() + SECONDS_TO_END
            if ends_by is not None and time.monotonic() > ends_by:
                self.hanging = [rank for rank, code in enumerate(self.codes()) if code is None]
                return
            time.sleep(LOOK_SECONDS)

    def _look(self, store: Store) -> bool:
        """Report each process that has ended without a report of its own, and return whether one still runs."""
        from snntrain.training.job.group import Failure, first_failure, report

        codes = self.codes()
        for rank, code in enumerate(codes):
            if code is None or rank in self.ended:
                continue
            self.ended.append(rank)
            if code < 0:
                report(store, Failure(rank, (killed(rank, -code),), traceback=self.last_words(rank)))
            # The first to end: a later one may have ended because of it.
            elif code > 0 and code not in STOPPED and len(self.ended) == 1 and not first_failure(store, self.size):
                report(store, Failure(rank, (silent(rank, code),), traceback=self.last_words(rank)))
        return None in codes

    def _send(self, number: signal.Signals) -> None:
        for process in self.started:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def _end(self) -> None:
        """End all processes: by a signal that they can handle, then by one that they cannot."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if None not in self.codes():
                break
            self._send(number)
            end = time.monotonic() + SECONDS_TO_TERMINATE
            while None in self.codes() and time.monotonic() < end:
                time.sleep(LOOK_SECONDS)
        for process in self.started:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
        self.files.close()


def environment(size: int) -> dict[str, str]:
    """Return the environment of a process of a run: its share of the cores, and connections within this machine."""
    own = {"OMP_NUM_THREADS": str(max(1, cores.usable() // size))}
    if sys.platform == "linux":
        own["GLOO_SOCKET_IFNAME"] = "lo"
    return own | os.environ


def killed(rank: int, number: int) -> str:
    """Return the message for a process that a signal has killed."""
    name = signal.Signals(number).name
    hint = "; the system does this if memory runs out" if number == signal.SIGKILL else ""
    return f"process {rank} was killed by signal {number} ({name}){hint}"


def silent(rank: int, code: int) -> str:
    """Return the message for a process that has ended by itself, before the run was over."""
    return f"process {rank} ended with status {code} and without an error message, before the run was over"


def _raise_failure(store: Store, processes: Processes, number: int | None, folder: Path) -> None:
    """Raise the error that has ended the run, if one has."""
    from snntrain.training.job.group import Failure, first_failure, log_traceback

    codes = processes.codes()
    if number is not None:
        raise Interrupted(number)
    if not any(codes):
        return
    failure = first_failure(store, processes.size)
    if failure is None:
        # One has left with status 0, and another has missed it.
        rank = processes.ended[0]
        failure = Failure(rank, (silent(rank, codes[rank] or 0),), traceback=processes.last_words(rank))
    log_traceback(failure, processes.size)
    if failure.users:
        raise UserError(*failure.named_lines)
    # Process 0 has said more itself.
    if failure.rank == 0 and failure.lines[0].startswith("the run failed"):
        raise RunFailed(_with_hanging(failure.named, processes.hanging))
    where = f" (traceback in {folder / 'train.log'})" if failure.traceback else ""
    raise RunFailed(_with_hanging(f"the run failed: {failure.named}{where}", processes.hanging))


def _with_hanging(line: str, hanging: Sequence[int]) -> str:
    """Name the processes that did not end by themselves."""
    if not hanging:
        return line
    several = "es" if len(hanging) > 1 else ""
    return f"{line}; process{several} {', '.join(map(str, hanging))} did not end, and had to be ended"
