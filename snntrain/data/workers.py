"""Processes that read images ahead of the training process, started anew where one of them dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import NoReturn

import torch
from torch import Tensor

from snntrain.data.dataset import Split
from snntrain.errors import RunFailed

log = logging.getLogger("snntrain")

# Batches that are read ahead, a worker.
AHEAD = 2
# Deaths in a row, without a batch in between, that end the run.
MOST_DEATHS = 3
# Seconds between two looks of a worker whether the training process still lives.
LOOK = 1.0
# What a terminal or a scheduler sends to all processes, and is meant for the training process.
OF_THE_PARENT = (signal.SIGINT, signal.SIGUSR1)


class Workers:
    """Reads batches of `split` in `count` processes, which start with the first batch and stay for the next epochs.

    Not a DataLoader: that learns of a dead worker by a signal, which raises an error in whatever line the training
    process is at, a half-done step too. A pool learns of it by itself, and tells when it is asked for a batch.
    """

    def __init__(self, split: Split, count: int) -> None:
        self.split, self.count = split, count
        self._pool: ProcessPoolExecutor | None = None
        self._processes: list[BaseProcess] = []

    def read(self, batches: Sequence[list[int]]) -> Iterator[Tensor]:
        """The images of each batch of indices, stacked, in their order.

        A batch whose worker was killed is read again, so that what comes is the same.

        Raises:
            RunFailed: workers died `MOST_DEATHS` times, and no batch came in between.
            Exception: what the split raises.
        """
        ahead: deque[Future[Tensor]] = deque()
        due = deaths = 0
        while due < len(batches):
            pool = self._started()
            try:
                for rows in batches[due + len(ahead) : due + AHEAD * self.count]:
                    ahead.append(pool.submit(_read, rows))
                stored = ahead[0].result()
            except BrokenProcessPool:
                ahead.clear()
                deaths += 1
                self._bury(pool, deaths)
                continue
            ahead.popleft()
            due, deaths = due + 1, 0
            yield stored

    def _started(self) -> ProcessPoolExecutor:
        """The processes, running."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, initializer=_begin, initargs=(self.split, os.getpid()))
            others = multiprocessing.active_children()
            # No signal may reach a worker that has not yet said what it does with it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, (*OF_THE_PARENT, signal.SIGTERM))
            try:
                self._pool.submit(os.getpid)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._processes = [process for process in multiprocessing.active_children() if process not in others]
        return self._pool

    def _bury(self, pool: ProcessPoolExecutor, deaths: int) -> None:
        """Says that a worker of `pool` died, and lets go of the others, so that new ones are started.

        Raises:
            RunFailed: it is the last death that is put up with.
        """
        pool.shutdown()
        if pool is not self._pool:
            return
        self._pool = None
        cause = _cause(self._processes)
        what = "a worker process that reads the data died" + (f" ({cause})" if cause else "")
        if deaths == MOST_DEATHS:
            raise RunFailed(
                f"{what}, {deaths} times in a row: with dataset.workers=0 the training process reads by itself; "
                "SIGKILL mostly means that memory ran out, SIGBUS that /dev/shm is full"
            )
        log.warning(
            "%s; new ones are started and read the same batch again, so that nothing is lost. "
            "If it repeats, memory may be short: try dataset.workers=0",
            what,
        )


def _cause(processes: list[BaseProcess]) -> str:
    """What ended the first of them to die, '' if it is not known: the pool itself ends the others by SIGTERM."""
    codes = [process.exitcode for process in processes if process.exitcode]
    code = next((code for code in codes if code != -signal.SIGTERM), codes[0] if codes else 0)
    return signal.Signals(-code).name if code < 0 else f"exit status {code}" if code else ""


# ---- in a worker -----------------------------------------------------------------------------------------------------

_split: Split


def _begin(split: Split, parent: int) -> None:
    global _split
    _split = split
    # The threads of the parent's OpenMP are not there after a fork.
    torch.set_num_threads(1)
    for number in OF_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    # By this the pool ends what is left of it; the parent may have put a handler of its own there.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*OF_THE_PARENT, signal.SIGTERM))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> NoReturn:
    """Ends this process when the parent is gone, which would not tell it if it was killed."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


def _read(rows: list[int]) -> Tensor:
    """The images `rows` of the worker's split, stacked."""
    try:
        return stack(_split, rows)
    except Exception as error:
        raise _portable(error) from error


def _portable(error: Exception) -> Exception:
    """The error, or where it cannot be sent to another process and the pool would break of it, what it says."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


# ---- in either -------------------------------------------------------------------------------------------------------


def stack(split: Split, rows: Iterable[int]) -> Tensor:
    """The images `rows` of a split, one after the other."""
    return torch.stack([split[row] for row in rows])
