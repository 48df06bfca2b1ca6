"""The launcher that a sweep's configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.types import HydraContext

from snntrain.cli.imports import slow_imports
from snntrain.cli.launchers.in_process import InProcess
from snntrain.cli.launchers.job_folders import JobFolders
from snntrain.cli.launchers.launcher import Launcher, SweepCommand
from snntrain.config.compose import CONF
from snntrain.config.composed import Composed
from snntrain.config.schema import Ray, SubmititSlurm
from snntrain.files.folder import Folder
from snntrain.files.paths import user_path


@contextmanager
def launcher(composed: Composed, context: HydraContext, command: SweepCommand) -> Iterator[Launcher]:
    """Yield the launcher for a sweep; it leaves no process behind.

    Args:
        composed: the configuration of the sweep.
        context: Hydra's loader and callbacks.
        command: the sweep's command, for launchers that start other processes.
    """
    settings = composed.launcher()
    if isinstance(settings, SubmititSlurm):
        from snntrain.cli.launchers.slurm.launcher import SlurmArrays
        from snntrain.cli.launchers.slurm.parameters import gpus_of_a_job

        gpus = gpus_of_a_job(settings, composed.value("trainer.device"))
        sweep = Folder(user_path(composed.value("hydra.sweep.dir")))
        with SlurmArrays(settings, gpus, sweep, command, JobFolders(composed.node, context)) as slurm:
            yield slurm
        return
    if isinstance(settings, Ray):
        from snntrain.cli.launchers.ray_tasks import RayTasks

        folders = JobFolders(composed.node, context)
        with RayTasks(settings, composed.value("trainer.device"), command, folders) as ray:
            yield ray
        return
    # This imports torch, which takes seconds.
    with slow_imports():
        import snntrain.training.run  # noqa: F401
        from snntrain.cli import sweep_job

    yield InProcess(composed.node, context, sweep_job.task(command.typed, Path(command.config_dir or CONF)))
