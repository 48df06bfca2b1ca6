"""The processes that train a run together, connected by torch.distributed.

Every call of a group is made by all of its processes in the same order. If one of them ends or does not answer, the
call raises in the others, so that none waits for ever.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from snntrain.errors import RunFailed, first_line
from snntrain.process import signs_of_life

log_file = logging.getLogger("snntrain.file")

# Keys of the store that all processes share.
FAILURE, JOINED = "snntrain/failure", "snntrain/joined"
DONE, ALIVE = "snntrain/done", "snntrain/alive"
# A process that lets others wait reports that it lives at most so often.
SECONDS_BETWEEN_SIGNS = 1.0
# A process that ends reports its error within this time.
SECONDS_FOR_A_REPORT = 5.0
# Backends that end a call after a time say so in words like these.
TIMED_OUT = ("timed out", "timeout")


@dataclass(frozen=True)
class Place:
    """The place of a process in its group.

    Args:
        rank: its number, from 0.
        size: number of processes.
        local_rank: its number among the processes of its machine; it selects the GPU.
        has_own_gpu: whether the program that started it may have hidden the other GPUs from it.
    """

    rank: int
    size: int
    local_rank: int
    has_own_gpu: bool = False


@dataclass(frozen=True)
class Failure:
    """The error that ended a process.

    Args:
        rank: the process.
        lines: the error, in one line; a user's mistakes one line each.
        users: whether the user's input is wrong.
        traceback: where it was raised; '' if that is known.
    """

    rank: int
    lines: tuple[str, ...]
    users: bool = False
    traceback: str = ""

    @property
    def named_lines(self) -> tuple[str, ...]:
        """The lines, each with the process if it is not process 0."""
        name = f"process {self.rank}"
        return tuple(f"{name}: {line}" if self.rank and not line.startswith(name) else line for line in self.lines)

    @property
    def named(self) -> str:
        """The lines as one."""
        return "; ".join(self.named_lines)


@dataclass(frozen=True)
class Peers:
    """The other processes of a run, before they are connected.

    Args:
        place: the place of this process.
        store: a key-value store that all processes share.
    """

    place: Place
    store: Store

    def join(self, device: torch.device, seconds: float) -> Group:
        """Connect this process to the others, which may need some time to start.

        Args:
            device, seconds: as in `Group`.

        Raises:
            OtherFailed: another process has failed before it was connected.
            RunFailed: another process does not come.
        """
        ranks = range(self.place.size)
        end = time.monotonic() + seconds
        try:
            self.store.set(f"{JOINED}/{self.place.rank}", "")
            while missing := [rank for rank in ranks if not self.store.check([f"{JOINED}/{rank}"])]:
                if (failure := first_failure(self.store, self.place.size)) is not None:
                    raise OtherFailed(failure.named)
                if time.monotonic() > end:
                    raise RunFailed(
                        f"of {self.place.size} processes these have not come within {seconds / 60:g} minutes "
                        f"(trainer.timeout_minutes): {', '.join(map(str, missing))}"
                    )
                time.sleep(0.02)
        except DistError as error:
            raise OtherFailed(f"the process that connects the others does not answer ({first_line(error)})") from error
        return Group(self.place, self.store, device, seconds)


class OtherFailed(RunFailed):
    """Another process of the group has failed, so this one cannot continue."""


class Group:
    """The connection of this process to the others.

    Args:
        place: the place of this process.
        store: a key-value store that all processes share.
        device: device of the tensors: those of a GPU go through NCCL, those of a CPU through Gloo.
        seconds: the longest time that a call waits for the other processes.

    Raises:
        RunFailed: the others do not answer.
    """

    def __init__(self, place: Place, store: Store, device: torch.device, seconds: float) -> None:
        self.place, self.store, self.seconds = place, store, seconds
        self._turns = 0
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with self._explained():
            dist.init_process_group(
                backend,
                store=store,
                rank=place.rank,
                world_size=place.size,
                timeout=timedelta(seconds=seconds),
                device_id=device if device.type == "cuda" else None,
            )

    def close(self) -> None:
        """Leave the group."""
        # A process that has failed has closed its connections.
        with suppress(RuntimeError):
            dist.destroy_process_group()

    def sum(self, value: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place, and return it; all get the same bits."""
        with self._explained():
            dist.all_reduce(value)
        return value

    def greatest(self, numbers: Sequence[int]) -> list[int]:
        """Return the greatest of each number over all processes."""
        value = torch.tensor(list(numbers))
        with self._explained():
            dist.all_reduce(value, op=dist.ReduceOp.MAX)
        greatest: list[int] = value.tolist()
        return greatest

    def broadcast(self, value: Tensor) -> Tensor:
        """Copy the tensor of process 0 into that of each process, and return it."""
        with self._explained():
            dist.broadcast(value, src=0)
        return value

    def broadcast_bytes(self, content: bytes | None) -> bytes:
        """Return the bytes of process 0; the others give None."""
        size = self.broadcast(torch.tensor([len(content or b"")]))
        sent = torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)
        whole = sent if self.place.rank == 0 else torch.empty(int(size), dtype=torch.uint8)
        return self.broadcast(whole).numpy().tobytes() if int(size) else b""

    @contextmanager
    def first_of_each_machine(self) -> Iterator[None]:
        """Run the block in the first process of each machine, and only then in the others.

        The first one may need longer than the time that a call waits if it gives signs of life, as the conversion of
        recordings does.

        Raises:
            OtherFailed, RunFailed: as every call, if another process ends or gives no sign of life.
        """
        self._turns += 1
        done, alive = f"{DONE}/{self._turns}", f"{ALIVE}/{self._turns}"
        is_first = self.place.local_rank == 0
        machines = int(self.sum(torch.tensor([int(is_first)])))
        if is_first:
            with signs_of_life.heard_by(self._report_life(alive)):
                yield
            with self._explained():
                self.store.add(done, 1)
        # The first of one machine waits for that of another, which may be slower.
        self._wait(done, alive, machines)
        if not is_first:
            yield

    def _report_life(self, key: str) -> Callable[[], None]:
        """Return a function that counts up a number in the store, but not more often than is needed."""
        last = 0.0

        def report() -> None:
            nonlocal last
            if time.monotonic() - last > SECONDS_BETWEEN_SIGNS:
                last = time.monotonic()
                with self._explained():
                    self.store.add(key, 1)

        return report

    def _wait(self, key: str, alive: str, count: int) -> None:
        """Wait until a number in the store has reached `count`, as long as another number grows."""
        signs, seen = -1, time.monotonic()
        with self._explained():
            while self.store.add(key, 0) < count:
                if (failure := first_failure(self.store, self.place.size)) is not None:
                    raise OtherFailed(failure.named)
                if (now := self.store.add(alive, 0)) != signs:
                    signs, seen = now, time.monotonic()
                if time.monotonic() - seen > self.seconds:
                    raise self._silence()
                time.sleep(0.05)

    def _silence(self) -> RunFailed:
        return RunFailed(
            f"another process did not answer for {self.seconds / 60:g} minutes (trainer.timeout_minutes); "
            "it hangs, or is much slower than this one"
        )

    def report(self, failure: Failure) -> None:
        """Report the error that ends this process; the others look for it."""
        report(self.store, failure)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn an error of torch.distributed into one that says what happened to the others.

        Raises:
            OtherFailed: another process has ended.
            RunFailed: another process does not answer.
        """
        began = time.monotonic()
        try:
            yield
        except RuntimeError as error:
            waited = time.monotonic() - began
            failure = first_failure(self.store, self.place.size, SECONDS_FOR_A_REPORT)
            if failure is not None:
                raise OtherFailed(failure.named) from error
            if waited >= 0.9 * self.seconds or any(words in str(error).lower() for words in TIMED_OUT):
                raise self._silence() from error
            raise OtherFailed("another process has ended without an error message; it may have been killed") from error


def report(store: Store, failure: Failure) -> None:
    """Report an error to the processes that share the store; the first report of a process counts."""
    content = [failure.lines, failure.users, failure.traceback]
    # The process that serves the store may be gone, and then nobody reads it.
    with suppress(RuntimeError):
        store.compare_set(f"{FAILURE}/{failure.rank}", "", json.dumps(content))


def first_failure(store: Store, size: int, seconds: float = 0.0) -> Failure | None:
    """Return the error of the process with the lowest rank that has reported one; wait for it for some seconds."""
    end = time.monotonic() + seconds
    while True:
        with suppress(RuntimeError):
            for rank in range(size):
                if store.check([f"{FAILURE}/{rank}"]):
                    lines, users, traceback = json.loads(store.get(f"{FAILURE}/{rank}"))
                    return Failure(rank, tuple(lines), users, traceback)
        if time.monotonic() >= end:
            return None
        time.sleep(0.05)


def log_traceback(failure: Failure | None, size: int) -> None:
    """Write the traceback of the process that has failed into train.log, if it is known."""
    if failure is not None and failure.traceback:
        log_file.error("process %d of %d failed\n%s", failure.rank, size, failure.traceback)
