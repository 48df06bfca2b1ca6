"""A run whose processes torchrun or srun has started: process 0 reads the command line, and the others wait for it.

Each run of process 0, one or the jobs of a sweep, is work for all. They meet in a key-value store of torch.distributed:
that of torchrun, or under srun one that process 0 serves.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from snntrain.cli import job
from snntrain.cli.imports import slow_imports
from snntrain.cli.ranks.member import take_part
from snntrain.cli.ranks.work import Work
from snntrain.config.rules import UNCOMPILED
from snntrain.config.schema import Config
from snntrain.errors import RunFailed, UserError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

    from snntrain.training.job.group import Peers

# Keys of the store: the work of a run; its end; and for each process whether it has come, and has read the end.
WORK, OVER, HERE, LEFT = "work", "over", "here", "left"
# Nodes of a cluster may start this command minutes apart.
MINUTES_TO_MEET, MINUTES_TO_CONNECT = 10, 1
LOOK_SECONDS = 0.1
SECONDS_OF_A_TRY = 3.0
# After an error of process 0, the others have this time to read that all is over; those that still start have more.
SECONDS_TO_LEAVE, SECONDS_TO_COME = 5.0, 60.0
# Ports from here on are free for programs of users, below those that a system gives out by itself.
FIRST_PORT, PORTS = 15_000, 15_000
# The first name in a list of nodes: of node7, of node[07-12,15], or of gpu-a[1,3],login.
FIRST_NODE = re.compile(r"([^\[,]+)(?:\[(\d+))?")


@dataclass(frozen=True)
class Start:
    """The place of this process, as the program that started it says.

    Args:
        starter: that program.
        rank, size, local_rank: the place.
        address, port: where the processes meet.
        has_own_gpu: whether the program may have hidden the GPUs of the others.
        serves: whether this process serves the store in which they meet.
    """

    starter: str
    rank: int
    size: int
    local_rank: int
    address: str
    port: int
    has_own_gpu: bool
    serves: bool


def start(environment: Mapping[str, str] = os.environ) -> Start | None:
    """Return the place of this process; None if it is the only one.

    Raises:
        UserError: the environment names several processes, but not which of them this is.
    """
    if _number(environment, "WORLD_SIZE") > 1:
        return _of_torchrun(environment)
    if _number(environment, "SLURM_STEP_NUM_TASKS") > 1 and "SLURM_PROCID" in environment:
        return _of_srun(environment)
    return None


def _of_torchrun(environment: Mapping[str, str]) -> Start:
    size = environment["WORLD_SIZE"]
    needed = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in needed if not environment.get(name)]:
        raise UserError(
            f"WORLD_SIZE={size} without {' and '.join(missing)}: torchrun sets them all; start the command with "
            f"torchrun, or put env -u WORLD_SIZE in front of it to train in one process"
        )
    rank, port = _number(environment, "RANK", -1), _number(environment, "MASTER_PORT", -1)
    if not 0 <= rank < int(size) or not 0 < port < 2**16:
        raise UserError(
            f"WORLD_SIZE={size} RANK={environment['RANK']} MASTER_PORT={environment['MASTER_PORT']}: a rank lies "
            f"between 0 and {int(size) - 1}, a port between 1 and 65535; start the command with torchrun"
        )
    local = _number(environment, "LOCAL_RANK", rank)
    # Clusters set these variables, too, and leave it to process 0 to serve the store.
    served = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return Start("torchrun", rank, int(size), local, environment["MASTER_ADDR"], port, False, rank == 0 and not served)


def _of_srun(environment: Mapping[str, str]) -> Start:
    job_number, step = _number(environment, "SLURM_JOB_ID"), _number(environment, "SLURM_STEP_ID")
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST") or "127.0.0.1"
    rank = _number(environment, "SLURM_PROCID")
    return Start(
        "srun",
        rank,
        _number(environment, "SLURM_STEP_NUM_TASKS"),
        _number(environment, "SLURM_LOCALID"),
        environment.get("MASTER_ADDR") or first_node(nodes),
        # All processes compute the same port; two steps of a job get different ones.
        _number(environment, "MASTER_PORT") or FIRST_PORT + (31 * job_number + step) % PORTS,
        True,
        rank == 0,
    )


def first_node(nodes: str) -> str:
    """Return the first node of a list in Slurm's notation, like node[07-12,15]."""
    found = FIRST_NODE.match(nodes)
    return f"{found[1]}{found[2] or ''}" if found else nodes


def _number(environment: Mapping[str, str], name: str, otherwise: int = 0) -> int:
    value = environment.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() else otherwise


class Meeting:
    """The store in which the processes meet, for process 0 and for the others."""

    def __init__(self, place: Start) -> None:
        self.place = place
        self.runs = 0
        # A second try would wait as long as the first.
        self.unreachable = False
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The store; this process connects to it when it is first used, which imports torch.

        Raises:
            UserError: it cannot be reached.
        """
        if self._store is None:
            with slow_imports():
                from torch.distributed import DistError

                import snntrain.training.run  # noqa: F401
            try:
                self._store = _connect(self.place)
            except DistError as error:
                self.unreachable = True
                raise UserError(_no_meeting(self.place, error)) from error
        return self._store

    def train(self, config: Config, folder: Path, typed: Sequence[str]) -> float:
        """Train a run together with the other processes, as process 0.

        Raises:
            UserError: `trainer.devices` contradicts the number of processes.
            UserError, RunFailed, Interrupted: as `job.run`.
        """
        devices, size = config.trainer.devices, self.place.size
        if devices not in (1, size):
            raise UserError(
                f"trainer.devices={devices}: {self.place.starter} has started {size} processes; leave the key out"
            )
        if config.trainer.compile:
            raise UserError(
                f"trainer.compile=true: {UNCOMPILED}, and {self.place.starter} has started {size}; leave it out"
            )
        if size > config.trainer.batch_size:
            raise UserError(
                f"{self.place.starter} has started {size} processes: a batch of trainer.batch_size="
                f"{config.trainer.batch_size} cannot be shared by so many; start fewer"
            )
        from snntrain.training.job.group import first_failure, log_traceback

        number, self.runs = self.runs, self.runs + 1
        self.store.set(f"{WORK}/{number}", Work.of(config, folder, typed).to_json())
        peers = _peers(self.place, self.store, number)
        try:
            return job.run(config, folder, typed, peers)
        except RunFailed:
            log_traceback(first_failure(peers.store, size), size)
            raise

    def assist(self) -> int:
        """Wait for the work of process 0 and take part in it, until it has no more; return the exit status.

        Raises:
            UserError: process 0 cannot be reached.
            RunFailed: it has ended without a word.
        """
        from torch.distributed import DistError

        number = 0
        while True:
            try:
                self.store.set(f"{HERE}/{self.place.rank}", "")
                found = _first_key(self.store, f"{WORK}/{number}", OVER)
                content = self.store.get(found).decode()
                if found == OVER:
                    self.store.set(f"{LEFT}/{self.place.rank}", "")
                    return int(content)
            except DistError as error:
                raise RunFailed(f"process 0 of {self.place.size} has ended; its train.log may say why") from error
            take_part(Work.from_json(content), _peers(self.place, self.store, number))
            number += 1

    def end(self, status: int) -> None:
        """Report to the other processes that there is no more work."""
        from torch.distributed import DistError

        if self.unreachable:
            return
        with suppress(DistError, UserError):
            self.store.set(OVER, str(status))
            if self.place.serves:
                self._wait_for_all()

    def _wait_for_all(self) -> None:
        """Wait until the others have read the end, because the store ends with this process; some may still start."""
        began, left = time.monotonic(), list(range(1, self.place.size))
        while left := [rank for rank in left if not self.store.check([f"{LEFT}/{rank}"])]:
            all_here = all(self.store.check([f"{HERE}/{rank}"]) for rank in left)
            if time.monotonic() - began > (SECONDS_TO_LEAVE if all_here else SECONDS_TO_COME):
                return
            time.sleep(LOOK_SECONDS)


@contextmanager
def meeting(place: Start, status_of: Callable[[BaseException], int]) -> Iterator[Meeting]:
    """Lead the other processes in the block, as process 0."""
    met = Meeting(place)
    try:
        yield met
    except BaseException as error:
        met.end(status_of(error))
        raise
    met.end(0)


def assist(place: Start) -> NoReturn:
    """Take part in all work of process 0, and exit with its status."""
    raise SystemExit(Meeting(place).assist())


def _connect(place: Start) -> Store:
    from torch.distributed import DistError, TCPStore  # type: ignore[attr-defined]
    from torch.distributed.distributed_c10d import PrefixStore

    # torchrun serves it before it starts the processes.
    minutes = MINUTES_TO_CONNECT if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" else MINUTES_TO_MEET
    tries = min(SECONDS_OF_A_TRY, 60 * minutes)
    end = time.monotonic() + 60 * minutes
    store: Store | None = None

    def connect() -> Store:
        seconds = timedelta(seconds=tries)
        return TCPStore(place.address, place.port, None, place.serves, seconds, wait_for_workers=False)

    while store is None:
        try:
            store = _while_signals_are_handled(connect)
        except DistError:
            if place.serves or time.monotonic() > end:
                raise
    store.set_timeout(timedelta(minutes=MINUTES_TO_MEET))
    # After a restart by torchrun the keys of the earlier start are still there.
    return PrefixStore(f"snntrain/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _while_signals_are_handled(work: Callable[[], Store]) -> Store:
    """Return the result of work in a thread: another program at that port may accept a connection and never answer."""
    results: queue.SimpleQueue[Store | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(work())
        except Exception as error:
            results.put(error)

    threading.Thread(target=run, name="connection", daemon=True).start()
    while True:
        with suppress(queue.Empty):
            result = results.get(timeout=LOOK_SECONDS)
            if isinstance(result, Exception):
                raise result
            return result


def _no_meeting(place: Start, error: Exception) -> str:
    """Return the message for a store that cannot be served or reached."""
    where, reason = f"{place.address}:{place.port}", str(error).splitlines()[0]
    if place.serves:
        return (
            f"MASTER_PORT={place.port}: process 0 of {place.size} cannot listen there, another program may do so "
            f"({reason}); set MASTER_PORT to a free port, the same for all processes"
        )
    return (
        f"{place.starter}: process {place.rank} of {place.size} cannot reach the others at {where} ({reason}); "
        "MASTER_ADDR and MASTER_PORT must name the machine of process 0 and its port"
    )


def _peers(place: Start, store: Store, number: int) -> Peers:
    from torch.distributed.distributed_c10d import PrefixStore

    from snntrain.training.job.group import Peers, Place

    own = Place(place.rank, place.size, place.local_rank, place.has_own_gpu)
    return Peers(own, PrefixStore(f"run/{number}", store))


def _first_key(store: Store, *keys: str) -> str:
    """Wait until the store has one of the keys, and return it; a signal ends the wait."""
    while True:
        for key in keys:
            if store.check([key]):
                return key
        time.sleep(LOOK_SECONDS)
