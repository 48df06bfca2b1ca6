"""Processes that read images ahead of the training process, restarted if one of them dies."""

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

# Number of batches that are read ahead, per worker.
AHEAD = 2
# Number of consecutive worker deaths, without a batch in between, that end the run.
MOST_DEATHS = 3
# Seconds between two checks, by a worker, that the training process still lives.
LOOK = 1.0
# Signals that a terminal or a scheduler sends to all processes; only the training process reacts to them.
OF_THE_PARENT = (signal.SIGINT, signal.SIGUSR1)


class Workers:
    """Processes that read batches of `split`; they start with the first batch and remain for later epochs.

    Not a DataLoader: that notices a dead worker by a signal, which raises an error anywhere in the training process,
    even within a step. A pool notices it without a signal, and raises when it is asked for a batch.
    """

    def __init__(self, split: Split, count: int) -> None:
        self.split, self.count = split, count
        self._pool: ProcessPoolExecutor | None = None
        self._processes: list[BaseProcess] = []

    def read(self, batches: Sequence[list[int]]) -> Iterator[Tensor]:
        """Yield the images of each batch of indices, stacked, in order.

        If a worker is killed, its batch is read again, and the result stays the same.

        Raises:
            RunFailed: workers died `MOST_DEATHS` times without a batch in between.
            Exception: the error of the split.
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
        """Return the pool; start its processes if there are none."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, initializer=_begin, initargs=(self.split, os.getpid()))
            others = multiprocessing.active_children()
            # A worker must not receive these signals before it has set its handlers.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, (*OF_THE_PARENT, signal.SIGTERM))
            try:
                self._pool.submit(os.getpid)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._processes = [process for process in multiprocessing.active_children() if process not in others]
        return self._pool

    def _bury(self, pool: ProcessPoolExecutor, deaths: int) -> None:
        """Log that a worker of `pool` died, and drop the pool; new workers are started later.

        Raises:
            RunFailed: too many worker deaths in a row.
        """
        pool.shutdown()
        if pool is not self._pool:
            return
        self._pool = None
        cause = _cause(self._processes)
        what = "a worker process that reads the data died" + (f" ({cause})" if cause else "")
        if deaths == MOST_DEATHS:
            raise RunFailed(
                f"{what}, {deaths} times in a row: with dataset.workers=0 the training process reads the data itself; "
                "SIGKILL mostly means that memory ran out, SIGBUS that /dev/shm is full"
            )
        log.warning(
            "%s; new ones are started and read the same batch again, so that nothing is lost. "
            "If it repeats, memory may be short: try dataset.workers=0",
            what,
        )


def _cause(processes: list[BaseProcess]) -> str:
    """Return the cause of death of the first worker to die, '' if unknown; the pool ends the others with SIGTERM."""
    codes = [process.exitcode for process in processes if process.exitcode]
    code = next((code for code in codes if code != -signal.SIGTERM), codes[0] if codes else 0)
    return signal.Signals(-code).name if code < 0 else f"exit status {code}" if code else ""


# ---- in a worker -----------------------------------------------------------------------------------------------------

_split: Split


def _begin(split: Split, parent: int) -> None:
    global _split
    _split = split
    # A fork does not copy the threads of the parent's OpenMP.
    torch.set_num_threads(1)
    for number in OF_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    # The pool ends its other processes with SIGTERM; a handler of the parent would prevent that.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*OF_THE_PARENT, signal.SIGTERM))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> NoReturn:
    """End this process when the parent is gone: a parent that is killed cannot do it."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


def _read(rows: list[int]) -> Tensor:
    """Return the images `rows` of the worker's split, stacked."""
    try:
        return stack(_split, rows)
    except Exception as error:
        raise _portable(error) from error


def _portable(error: Exception) -> Exception:
    """Return the error; its message in a RuntimeError if it cannot be pickled, which would break the pool."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


# ---- in either -------------------------------------------------------------------------------------------------------


def stack(split: Split, rows: Iterable[int]) -> Tensor:
    """Return the images `rows` of a split, stacked; there may be none."""
    images = [split[row] for row in rows]
    return torch.stack(images) if images else split[0].new_empty(0, *split[0].shape)
