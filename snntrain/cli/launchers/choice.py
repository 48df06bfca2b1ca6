"""The launcher that a sweep's configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.types import HydraContext

from snntrain.cli.imports import slow_imports
from snntrain.cli.launchers import slots
from snntrain.cli.launchers.display import Display
from snntrain.cli.launchers.in_process import InProcess
from snntrain.cli.launchers.job_folders import JobFolders
from snntrain.cli.launchers.launcher import Launcher, SweepCommand
from snntrain.cli.launchers.pool import Pool
from snntrain.cli.launchers.ray_tasks import RayTasks
from snntrain.cli.launchers.slurm.launcher import SlurmArrays
from snntrain.cli.launchers.slurm.parameters import gpus_of_a_job
from snntrain.config.compose import CONF
from snntrain.config.composed import Composed
from snntrain.config.schema import Ray, SubmititSlurm
from snntrain.config.validate import MOST_JOBS
from snntrain.files.folder import Folder
from snntrain.files.paths import user_path


@contextmanager
def launcher(
    composed: Composed, context: HydraContext, command: SweepCommand, jobs: int | None = None
) -> Iterator[Launcher]:
    """Yield the launcher for a sweep; it leaves no process behind.

    Args:
        composed: the configuration of the sweep.
        context: Hydra's loader and callbacks.
        command: the sweep's command, for launchers that start other processes.
        jobs: the number of jobs; None if it is not known.
    """
    settings = composed.launcher()
    if isinstance(settings, SubmititSlurm | Ray):
        with _cluster(settings, composed, context, command, jobs) as cluster:
            yield cluster
        return
    if composed.value("sweep.workers") == 1:
        # This imports torch, which takes seconds.
        with slow_imports():
            import snntrain.training.run  # noqa: F401
            from snntrain.cli import sweep_job

        yield InProcess(composed.node, context, sweep_job.task(command.typed, Path(command.config_dir or CONF)))
        return
    with Pool(command, given := _slots(composed, jobs), Display(command.overrides, len(given), jobs)) as pool:
        yield pool


def _cluster(
    settings: SubmititSlurm | Ray, composed: Composed, context: HydraContext, command: SweepCommand, jobs: int | None
) -> SlurmArrays | RayTasks:
    folders, display = JobFolders(composed.node, context), Display(command.overrides, 0, jobs)
    device = composed.value("trainer.device")
    if isinstance(settings, Ray):
        return RayTasks(settings, device, command, folders, display)
    sweep = Folder(user_path(composed.value("hydra.sweep.dir")))
    return SlurmArrays(settings, gpus_of_a_job(settings, device), sweep, command, folders, display)


def _slots(composed: Composed, jobs: int | None) -> list[slots.Slot]:
    workers, per_job = composed.value("sweep.workers"), composed.value("sweep.gpus_per_job")
    on_cpu = composed.value("trainer.device") == "cpu"
    machine = slots.this_machine()
    return slots.divided(slots.Machine(machine.cores) if on_cpu else machine, workers, per_job, jobs or MOST_JOBS)
