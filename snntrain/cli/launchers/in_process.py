"""A launcher that runs the jobs of a sweep in this process, one after the other."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from hydra.core.utils import filter_overrides
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from snntrain.cli.launch import Task, run_job
from snntrain.cli.launchers.launcher import Outcome, SweepJob


class InProcess:
    """A launcher with one slot, this process.

    Args:
        config: the composed configuration of the sweep.
        context: Hydra's loader and callbacks.
        task: runs a job.
    """

    slots = 1

    def __init__(self, config: DictConfig, context: HydraContext, task: Task) -> None:
        self.config, self.context, self.task = config, context, task
        self._ended: deque[Outcome] = deque()

    def start(self, job: SweepJob) -> None:
        """Run a job."""
        print(f"\njob {job.number}: {' '.join(filter_overrides(job.overrides))}", flush=True)
        config = self.context.config_loader.load_sweep_config(self.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        done = run_job(self.context, config, self.task, "hydra.sweep.dir", "hydra.sweep.subdir")
        # This raises an error that is not the job's own.
        value, error = done.return_value
        assert done.hydra_cfg is not None
        self._ended.append(Outcome(job, Path(done.hydra_cfg.hydra.runtime.output_dir), value, error))

    def outcome(self) -> Outcome:
        """Return the outcome of the job that was started first."""
        return self._ended.popleft()
