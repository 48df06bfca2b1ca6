"""A launcher that runs the jobs of a sweep in this process, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

from hydra.core.utils import filter_overrides
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from snntrain.cli import launch
from snntrain.cli.launch import Task
from snntrain.cli.launchers.launcher import Outcome, SweepJob

FOLDER, BELOW = "hydra.sweep.dir", "hydra.sweep.subdir"


class InProcess:
    """A launcher with one slot, this process.

    Args:
        config: the composed configuration of the sweep.
        context: Hydra's loader and callbacks.
        task: runs a job.
    """

    slots = at_once = 1
    isolates = False

    def __init__(self, config: DictConfig, context: HydraContext, task: Task) -> None:
        self.config, self.context, self.task = config, context, task
        self._ended: deque[Outcome] = deque()

    def start(self, job: SweepJob) -> None:
        """Run a job."""
        print(f"\njob {job.number}: {' '.join(filter_overrides(job.overrides))}", flush=True)
        self._ended.append(self.run(job, lambda folder: None))

    def outcome(self) -> Outcome:
        """Return the outcome of the job that was started first."""
        return self._ended.popleft()

    def run(self, job: SweepJob, begins: Callable[[Path], None]) -> Outcome:
        """Run a job, and return its outcome.

        Args:
            job: the job.
            begins: called with the folder of the job before it runs.

        Raises:
            Exception: an error that is not the job's own.
            Interrupted: a signal has ended the job.
        """
        config = self.context.config_loader.load_sweep_config(self.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        begins(launch.job_folder(config, FOLDER, BELOW).path)
        done = launch.run_job(self.context, config, self.task, FOLDER, BELOW)
        # This raises an error that is not the job's own.
        value, error = done.return_value
        assert done.hydra_cfg is not None
        return Outcome(job, Path(done.hydra_cfg.hydra.runtime.output_dir), value, error)
