"""The run folders of a sweep's jobs, as the process of the sweep sees them."""

from __future__ import annotations

from pathlib import Path

from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from snntrain.cli import launch
from snntrain.cli.launchers.in_process import BELOW, FOLDER
from snntrain.cli.launchers.launcher import Outcome, SweepJob
from snntrain.config import check
from snntrain.config.composed import Composed
from snntrain.config.explain import OF_OVERRIDES
from snntrain.errors import UserError
from snntrain.runs import own_folder


class JobFolders:
    """Finds the run folder of a job, and whether the job is completed.

    Args:
        config: the composed configuration of the sweep.
        context: Hydra's loader and callbacks.
    """

    def __init__(self, config: DictConfig, context: HydraContext) -> None:
        self.config, self.context = config, context

    def path(self, job: SweepJob) -> Path | None:
        """Return the run folder of a job; None if its configuration cannot be composed."""
        try:
            return launch.job_folder(self._composed(job), FOLDER, BELOW).path
        except (*OF_OVERRIDES, UserError):
            return None

    def completed(self, job: SweepJob) -> Outcome | None:
        """Return the outcome of a job that an earlier start has completed; None if something is left to do."""
        try:
            config = self._composed(job)
            path, composed = launch.job_folder(config, FOLDER, BELOW).path, Composed(config)
            own_folder.check(path, composed.values())
            if check.errors(config) or not (summary := own_folder.nothing_left(path, composed.settings().trainer)):
                return None
        except (*OF_OVERRIDES, UserError):  # The job itself reports it.
            return None
        return Outcome(job, path, float(summary.get("val_accuracy", "nan")))

    def _composed(self, job: SweepJob) -> DictConfig:
        config = self.context.config_loader.load_sweep_config(self.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        return config
