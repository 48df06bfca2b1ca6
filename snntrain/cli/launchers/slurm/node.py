"""A job on a node of the cluster: it trains, and requeues itself when its time is nearly up.

submitit requeues a job from a signal handler, in the middle of a step. Here the signal ends the training after the
step, with a checkpoint; then the job asks SLURM to start it again, and the next start resumes in the same run folder.

| signal | sent by | effect |
|---|---|---|
| SIGUSR1 | SLURM, some time before the time limit | save, requeue |
| SIGTERM | scancel, preemption, the time limit | save, end; SLURM itself requeues a preempted job |
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from typing import Any

from snntrain.cli.launchers import remote_job
from snntrain.cli.launchers.launcher import Outcome, SweepCommand, SweepJob
from snntrain.errors import on_one_line
from snntrain.signals import machine

LONGEST_ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """The end of a job.

    Args:
        outcome: its outcome.
        seconds: the time since its last start.
    """

    outcome: Outcome
    seconds: float = 0.0


@dataclass
class NodeJob:
    """A job as submitit pickles it and calls it on a node.

    Args:
        command: the sweep's command.
        job: the job.
        requeues: the number of times that it may be requeued.
    """

    command: SweepCommand
    job: SweepJob
    requeues: int

    def __call__(self) -> Ended:
        """Run the job, and return its end.

        Raises:
            SystemExit: a signal has ended it; the job has no outcome yet, or was cancelled.
        """
        # From here on, submitit's handlers are replaced.
        machine.begin()
        began = time.monotonic()
        outcome = remote_job.run(self.command, self.job)
        if outcome.signal is None:
            return Ended(outcome, time.monotonic() - began)
        # All is saved: what SLURM sends now, as after the requeue, must not disturb the end.
        machine.finish()
        if outcome.signal == signal.SIGUSR1 and (reason := self._requeue()):
            return Ended(replace(outcome, error=f"the time limit has ended it, {reason}; the same command resumes it"))
        raise SystemExit(128 + outcome.signal)

    def _requeue(self) -> str | None:
        """Ask SLURM to start this job again; return why it does not, None if it does."""
        if int(os.environ.get("SLURM_RESTART_COUNT") or 0) >= self.requeues:
            return f"after hydra.launcher.max_num_timeout={self.requeues} requeues"
        refused = _requeue()
        return f"and SLURM does not requeue it ({refused})" if refused else None

    def checkpoint(self) -> Any:
        """Return the submission that submitit requeues if its own handler gets the signal, before the job has begun."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _requeue() -> str | None:
    """Ask SLURM to start this job again; return why it refuses, None if it does not."""
    from submitit import JobEnvironment

    command = ["scontrol", "requeue", JobEnvironment().job_id]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return on_one_line(str(error))
    return on_one_line(done.stderr.strip() or "scontrol failed") if done.returncode else None
