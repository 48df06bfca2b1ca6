"""A launcher that runs each job of a sweep as a task of Ray, on the machines of a cluster or on this one."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from snntrain.cli import log, streams
from snntrain.cli.launchers import remote_job
from snntrain.cli.launchers.display import Display
from snntrain.cli.launchers.job_folders import JobFolders
from snntrain.cli.launchers.killed_job import record
from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob
from snntrain.config.schema import Ray
from snntrain.config.validate import MOST_JOBS
from snntrain.errors import Interrupted, UserError, first_line, on_one_line
from snntrain.signals import SIGNALS, machine

if TYPE_CHECKING:
    from ray import ObjectRef

# Seconds between two looks at a signal that has arrived.
TICK = 0.5
# Seconds in which cancelled jobs are saved.
END_SECONDS = 60.0
CONNECT_SECONDS = 20.0
# A folder that only root writes to: Ray puts the working directory of this process on its workers' search path.
NEUTRAL = "/"


def _run(command: SweepCommand, job: SweepJob) -> tuple[Outcome, float]:
    """Run a job in a worker of Ray, which runs nothing before and after it; return its outcome and its seconds.

    Ray cancels a task by a KeyboardInterrupt in the main thread, through the handler of SIGINT: the training is saved.
    """
    machine.begin()
    # All that the job prints goes into its train.log.
    streams.output_is_dispensable()
    log.into_folders_only()
    began = time.monotonic()
    try:
        return remote_job.run(command, job), time.monotonic() - began
    finally:
        log.leave_folder()


class RayTasks:
    """A launcher with a slot for each job: Ray decides how many run at once.

    Use it as a context manager: it connects to a cluster, or starts one, and at the end cancels the jobs that are left,
    each of which is saved.

    Args:
        settings: the keys of hydra.launcher.
        device: `trainer.device`.
        command: the sweep's command.
        folders: finds the run folder of a job.
        display: shows the jobs.
    """

    slots = MOST_JOBS
    isolates = True

    def __init__(
        self, settings: Ray, device: str, command: SweepCommand, folders: JobFolders, display: Display
    ) -> None:
        self.settings, self.device, self.command = settings, device, command
        self.folders, self.display = folders, display
        self._running: dict[ObjectRef[Any], SweepJob] = {}
        self._ended: list[tuple[Outcome, float]] = []

    def __enter__(self) -> RayTasks:
        """Connect to the cluster.

        Raises:
            UserError: Ray cannot be reached, or no machine is large enough for a job.
        """
        import ray

        with _own_signal_handlers():
            self._connect()
        try:
            gpus = self._gpus()
            self.at_once = self._capacity(gpus)
        except BaseException:
            ray.shutdown()
            raise
        self._task = ray.remote(
            num_cpus=self.settings.num_cpus,
            num_gpus=gpus,
            # A process trains one job: a signal stops all that it trains. And a job that died is not trained again
            # before somebody has read why.
            max_calls=1,
            max_retries=0,
        )(_run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import ray

        try:
            if self._running:
                self._cancel()
        finally:
            self.display.close()
            ray.shutdown()

    def start(self, job: SweepJob) -> None:
        """Submit a job, unless an earlier start has completed it."""
        if (outcome := self.folders.completed(job)) is not None:
            self._ended.append((outcome, 0.0))
        else:
            self._running[self._task.remote(self.command, job)] = job

    def outcome(self) -> Outcome:
        """Wait for a job to end, and return its outcome."""
        import ray

        while not self._ended:
            try:
                done, _ = ray.wait(list(self._running), timeout=TICK)
            except KeyboardInterrupt as error:
                # Ray replaces the error of any signal by its own.
                raise Interrupted(machine.number or signal.SIGINT) from error
            self._ended += [self._result(reference) for reference in done]
            self.display.refresh(())
        outcome, seconds = self._ended.pop(0)
        self.display.ended(outcome, seconds)
        return outcome

    def _connect(self) -> None:
        import ray

        # Ray reports who uses it, unless this is set.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = self.settings.address or os.environ.get("RAY_ADDRESS") or "local"
        try:
            _check_port(address)
            with contextlib.chdir(NEUTRAL):
                ray.init(
                    address=address,
                    include_dashboard=False if address == "local" else None,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            # When a machine dies, Ray prints the end of that machine's log. The switch has no public name.
            ray._private.worker._worker_logs_enabled = False
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(
                f"hydra.launcher.address={address}: Ray does not answer ({on_one_line(first_line(error))}); start it "
                "there with ray start --head, or leave the address out for a cluster of this machine alone"
            ) from error

    def _gpus(self) -> float:
        import ray

        if self.settings.num_gpus is not None:
            return self.settings.num_gpus
        return 1 if self.device != "cpu" and ray.cluster_resources().get("GPU") else 0

    def _capacity(self, gpus: float) -> int:
        """Return how many jobs the cluster runs at once.

        Raises:
            UserError: it runs none, and would let them wait forever.
        """
        import ray

        wanted = {"CPU": self.settings.num_cpus, "GPU": gpus}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        places = [min(node.get(kind, 0) / count for kind, count in wanted.items() if count) for node in nodes]
        if (at_once := sum(map(int, places))) == 0:
            largest = {kind: max((node.get(kind, 0) for node in nodes), default=0) for kind in wanted}
            raise UserError(
                f"hydra.launcher.num_cpus={self.settings.num_cpus:g} num_gpus={gpus:g}: no machine of the Ray cluster "
                f"has that much, at most {largest['CPU']:g} CPU cores and {largest['GPU']:g} GPUs; give less"
            )
        return at_once

    def _result(self, reference: ObjectRef[Any]) -> tuple[Outcome, float]:
        import ray

        job = self._running.pop(reference)
        try:
            outcome, seconds = ray.get(reference)
        except Exception as error:  # Ray's own, for a worker or a machine that died; or the worker lacks a package.
            reason = f"{type(error).__name__}: {first_line(error)}"
            outcome, seconds = Outcome(job, None, error=on_one_line(f"ended without a result: {reason}")), 0.0
        if outcome.folder is None:
            outcome = replace(outcome, folder=self.folders.path(job))
        if outcome.error is not None:
            record(outcome)
        return outcome, seconds

    def _cancel(self) -> None:
        """Cancel the jobs that are left, and wait until they are saved."""
        import ray

        left = list(self._running)
        for reference in left:
            ray.cancel(reference)
        self.display.say("the jobs are cancelled; waiting until they are saved")
        until = time.monotonic() + END_SECONDS
        while left and time.monotonic() < until:
            _, left = ray.wait(left, num_returns=len(left), timeout=TICK)


def _check_port(address: str) -> None:
    """Check that something listens at host:port, for which Ray itself would wait minutes.

    Raises:
        OSError: nothing does.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()


@contextlib.contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Keep the handlers of this process: Ray installs one that ends it without a word to the jobs."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
