"""Processes that work ahead of this one, restarted if one of them dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.process import BaseProcess
from typing import Any, Generic, NoReturn, TypeVar

import torch

from snntrain.errors import RunFailed

log = logging.getLogger("snntrain")

# Number of tasks that are done ahead, per process.
AHEAD = 2
# Number of consecutive deaths, without a result in between, that end the run.
MOST_DEATHS = 3
# Seconds between two checks, by a worker, that its parent still lives.
LOOK = 1.0
# Signals that a terminal or a scheduler sends to all processes; only the parent reacts to them.
OF_THE_PARENT = (signal.SIGINT, signal.SIGUSR1)

Task = TypeVar("Task")
Result = TypeVar("Result")


class Processes(Generic[Task, Result]):
    """Processes that do tasks in order; they start with the first task and remain until `close`.

    Not a DataLoader: that notices a dead worker by a signal, which raises an error anywhere in this process, even
    within a training step. A pool notices it without a signal, and raises when it is asked for a result.

    Args:
        work: does one task; it must be safe to do a task twice. Its result must be short when it is pickled, as tensors
            are, which travel in shared memory: a process that dies in the middle of a long message leaves this one
            waiting for the rest.
        count: number of processes.
        doing: the work in words, after "a worker process that", for messages.
        remedy: a remedy in words, if they die again and again.
        hint: the same in short.
    """

    def __init__(self, work: Callable[[Task], Result], count: int, *, doing: str, remedy: str, hint: str) -> None:
        self.work, self.count = work, count
        self.doing, self.remedy, self.hint = doing, remedy, hint
        self._pool: ProcessPoolExecutor | None = None
        self._processes: list[BaseProcess] = []

    def results(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield the result of each task, in order. Tasks are taken a few ahead of the results.

        If a process is killed, its task is done again, and the result stays the same.

        Raises:
            RunFailed: processes died `MOST_DEATHS` times without a result in between.
            Exception: the error of a task.
        """
        waiting: deque[Task] = deque()
        ahead: deque[Future[Result]] = deque()
        left, deaths = iter(tasks), 0
        while True:
            waiting.extend(islice(left, AHEAD * self.count - len(waiting)))
            if not waiting:
                return
            pool = self._started()
            try:
                for task in islice(waiting, len(ahead), None):
                    ahead.append(pool.submit(_do, task))
                result = ahead[0].result()
            except BrokenProcessPool:
                ahead.clear()
                deaths += 1
                self._bury(pool, deaths)
                continue
            waiting.popleft()
            ahead.popleft()
            deaths = 0
            yield result

    def close(self) -> None:
        """End the processes, also in the middle of a task."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        for process in self._processes:
            process.terminate()
        pool.shutdown(cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        """Return the pool; start its processes if there are none."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, initializer=_begin, initargs=(self.work, os.getpid()))
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
        """Log that a process of `pool` died, and drop the pool; new processes are started later.

        Raises:
            RunFailed: too many deaths in a row.
        """
        pool.shutdown()
        if pool is not self._pool:
            return
        self._pool = None
        cause = _cause(self._processes)
        what = f"a worker process that {self.doing} died" + (f" ({cause})" if cause else "")
        if deaths == MOST_DEATHS:
            raise RunFailed(
                f"{what}, {deaths} times in a row: {self.remedy}; "
                "SIGKILL mostly means that memory ran out, SIGBUS that /dev/shm is full"
            )
        log.warning(
            "%s; new ones are started and do the same work again, so that nothing is lost. "
            "If it repeats, memory may be short: %s",
            what,
            self.hint,
        )


def _cause(processes: list[BaseProcess]) -> str:
    """Return the cause of death of the first worker to die, '' if unknown; the pool ends the others with SIGTERM."""
    codes = [process.exitcode for process in processes if process.exitcode]
    code = next((code for code in codes if code != -signal.SIGTERM), codes[0] if codes else 0)
    return signal.Signals(-code).name if code < 0 else f"exit status {code}" if code else ""


# ---- in a worker -----------------------------------------------------------------------------------------------------

_work: Callable[[Any], Any]


def _begin(work: Callable[[Any], Any], parent: int) -> None:
    global _work
    _work = work
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


def _do(task: Any) -> Any:
    """Return the result of a task, in a worker."""
    try:
        return _work(task)
    except Exception as error:
        raise _portable(error) from error


def _portable(error: Exception) -> Exception:
    """Return the error; its message in a RuntimeError if it cannot be pickled, which would break the pool."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
