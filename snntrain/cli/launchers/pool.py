"""A launcher that runs jobs of a sweep at once on this machine, each in a worker process of its own."""

from __future__ import annotations

import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType

from snntrain.cli.launchers import messages
from snntrain.cli.launchers.display import Display
from snntrain.cli.launchers.killed_job import record
from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob
from snntrain.cli.launchers.slots import Slot
from snntrain.cli.launchers.worker_process import Worker
from snntrain.errors import RunFailed, on_one_line
from snntrain.signals import Stop, Stopped, machine

# Between two looks at the signals, at workers that have ended, and at the progress of jobs.
SECONDS = 0.2
# For the end of a worker: one that runs no job; one that has to save its job after an error of the sweep; one that a
# second signal ends.
TO_END, TO_SAVE, AT_ONCE = 10.0, 60.0, 2.0
# After so many workers in a row that have ended before they could run a job, more would end as well.
MOST_FALSE_STARTS = 3


class Pool:
    """A launcher with a worker for each slot; as a context manager it leaves no process behind.

    A worker that dies takes only its own job with it. The first signal stops all jobs, each with a checkpoint; the
    second ends them at once.

    Args:
        command: the command of the sweep.
        slots: the slots.
        display: shows the jobs.
    """

    isolates = True

    def __init__(self, command: SweepCommand, slots: Sequence[Slot], display: Display) -> None:
        self.command, self.display = command, display
        self.slots = self.at_once = len(slots)
        self._given = slots
        self._workers: dict[int, Worker] = {}
        self._ended: deque[Outcome] = deque()
        self._false_starts = 0
        self._selector = selectors.DefaultSelector()
        self._running = ExitStack()
        self._stop: Stop | None = None

    def __enter__(self) -> Pool:
        # They start up while the sweep lists its jobs.
        try:
            for position in range(self.slots):
                self._hire(position)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        by_signal = error is not None and machine.behind(error) is not None
        try:
            self._end_all(machine.number or signal.SIGTERM, AT_ONCE if by_signal else TO_SAVE)
        finally:
            # One more signal does not prevent this.
            for worker in self._workers.values():
                worker.remove()
            self._running.close()
            self._selector.close()
            self.display.close()

    def start(self, job: SweepJob) -> None:
        """Start a job in a worker that has none."""
        if self._stop is None:
            # From now on a signal does not raise an error here, but stops the jobs.
            self._stop = self._running.enter_context(machine.training())
        position = next(
            position
            for position in range(self.slots)
            if position not in self._workers or self._workers[position].job is None
        )
        worker = self._workers.get(position)
        if worker is not None and worker.has_ended():
            # It was killed between two jobs.
            self._dismiss(worker)
            worker = None
        worker = worker or self._hire(position)
        worker.begin(job)
        self.display.started(job, worker.position)

    def outcome(self) -> Outcome:
        """Wait for a job to end, and return its outcome.

        Raises:
            RunFailed: no worker can start.
            Stopped: a signal has stopped all jobs.
        """
        self._wait(lambda: bool(self._ended))
        if self._stop is not None and self._stop.number is not None:
            self._stop_jobs(self._stop.number)
        outcome = self._ended.popleft()
        if not self._busy() and not self._ended:
            self._stop = None
            self._running.close()
        return outcome

    def _hire(self, position: int) -> Worker:
        worker = Worker(self.command, self._given[position], position)
        self._workers[position] = worker
        self._selector.register(worker.reports, selectors.EVENT_READ, worker)
        return worker

    def _dismiss(self, worker: Worker, seconds: float = 0.0) -> None:
        self._selector.unregister(worker.reports)
        worker.remove(seconds)
        del self._workers[worker.position]

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.job is not None]

    def _wait(self, over: Callable[[], bool]) -> None:
        """Handle messages until `over()`, or until a signal has come."""
        while not over() and (self._stop is None or self._stop.number is None):
            self._handle()

    def _handle(self) -> None:
        """Wait for messages a moment, and handle them."""
        for key, _ in self._selector.select(SECONDS):
            self._read(key.data)
        for worker in [*self._workers.values()]:
            if worker.has_ended():
                self._read(worker)
                if self._workers.get(worker.position) is worker:
                    self._has_died(worker)
        self.display.refresh(self._busy())

    def _read(self, worker: Worker) -> None:
        for kind, content in worker.received():
            if kind == messages.READY:
                worker.ready, self._false_starts = True, 0
            elif kind == messages.BEGINS:
                worker.folder, worker.since = messages.to_folder(content), time.monotonic()
            else:
                assert worker.job is not None
                again = content.pop("again")
                self._has_ended(worker, messages.to_outcome(content, worker.job))
                if not again:
                    worker.close()
                    self._dismiss(worker, TO_END)
                    return

    def _has_ended(self, worker: Worker, outcome: Outcome) -> None:
        self.display.ended(outcome, time.monotonic() - worker.since)
        worker.job = None
        self._ended.append(outcome)

    def _has_died(self, worker: Worker) -> None:
        """Report the job of a worker that has ended without an outcome, and clear up.

        Raises:
            RunFailed: workers end before they are ready.
        """
        reason, number = worker.ending()
        if not worker.ready and number is None:
            self._false_starts += 1
            reason = f"{reason} before it was ready: {on_one_line(worker.last_output() or 'without a message')}"
        self._dismiss(worker)
        if worker.job is not None:
            outcome = Outcome(worker.job, worker.folder, error=reason, signal=number)
            if number is None:
                record(outcome)
            self._has_ended(worker, outcome)
        if self._false_starts >= MOST_FALSE_STARTS:
            raise RunFailed(f"the workers of the sweep do not start: {reason}; sweep.workers=1 needs none")

    def _stop_jobs(self, number: int) -> None:
        """Stop all jobs with a checkpoint, and wait for them.

        Raises:
            Stopped: always.
        """
        self.display.stopping(len(self._busy()), signal.Signals(number).name)
        self._send_to_all(number)
        while self._busy():
            self._handle()
        raise Stopped(number)

    def _send_to_all(self, number: int, *, at_once: bool = False) -> None:
        for worker in self._busy():
            worker.stop(number, at_once=at_once)

    def _end_all(self, number: int, seconds: float) -> None:
        """End all workers; a job that still runs is stopped, and gets this time."""
        busy = self._busy()
        self._send_to_all(number, at_once=seconds == AT_ONCE)
        for worker in self._workers.values():
            if worker not in busy:
                worker.close()
        deadline = time.monotonic() + seconds
        for worker in busy:
            worker.wait(deadline - time.monotonic())
        for worker in self._workers.values():
            worker.wait(TO_END)
