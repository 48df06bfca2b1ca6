"""Messages of the launchers for clusters."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from snntrain.cli.launchers import available
from snntrain.cli.launchers.display import Display
from snntrain.cli.launchers.job_folders import JobFolders
from snntrain.cli.launchers.launcher import SweepCommand
from snntrain.cli.launchers.ray_tasks import RayTasks
from snntrain.cli.launchers.slurm import queue, submission
from snntrain.cli.launchers.slurm.launcher import SlurmArrays
from snntrain.config.schema import Ray, SubmititSlurm
from snntrain.files.folder import Folder

from .of_trust import experiment
from .world import Case, World, overrides

SLURM = "hydra/launcher=submitit_slurm"
COMMAND = SweepCommand("config", None, (), (), "/")
# Messages that the packages of the clusters cause are caused here without them.
NOWHERE: Any = None


def missing(world: World) -> None:
    world.patch.setattr(importlib.util, "find_spec", lambda name: None)
    available.check("submitit_slurm", SubmititSlurm(), {"workers": 1, "gpus_per_job": 1.0})


def found(world: World) -> None:
    world.patch.setattr(importlib.util, "find_spec", lambda name: name)


def workers(world: World) -> None:
    found(world)
    available.check("submitit_slurm", SubmititSlurm(), {"workers": 4})


def no_commands(world: World) -> None:
    found(world)
    world.patch.setenv("PATH", "/nowhere")
    available.check("submitit_slurm", SubmititSlurm(), {"workers": 1, "gpus_per_job": 1.0})


def refused(world: World) -> None:
    """Submit to an sbatch that refuses."""

    class Failed(RuntimeError):
        pass

    class Executor:
        def __init__(self, **given: Any) -> None:
            pass

        update_parameters = __init__

        def submit_array(self, jobs: Any) -> None:
            raise Failed("sbatch: error: Invalid account")

    errors = SimpleNamespace(FailedJobError=Failed, FailedSubmissionError=Failed)
    world.patch.setitem(sys.modules, "submitit", SimpleNamespace(SlurmExecutor=Executor))
    world.patch.setitem(sys.modules, "submitit.core", SimpleNamespace(utils=errors))
    world.patch.setitem(sys.modules, "submitit.core.utils", errors)
    submission.submit(world.folder / "none", [], {})


# A switch of Ray's without a public name.
PRIVATE = {"_private": SimpleNamespace(worker=SimpleNamespace(_worker_logs_enabled=True))}


def silent_queue(world: World) -> None:
    (world.folder / "sweep" / ".slurm" / "snntrain-0123abcd").mkdir(parents=True, exist_ok=True)
    world.patch.setattr(queue, "queued", lambda names: None)
    settings = SubmititSlurm(array_parallelism=1)
    launcher = SlurmArrays(settings, 0, Folder(world.folder / "sweep"), COMMAND, NOWHERE, Display((), 0, None))
    launcher.start(NOWHERE)
    launcher.outcome()


def pattern(world: World) -> None:
    folder = Folder(world.folder / "50%a")
    with SlurmArrays(SubmititSlurm(array_parallelism=1), 0, folder, COMMAND, NOWHERE, Display((), 0, None)):
        pass


def ray(settings: Ray, **functions: Any) -> Callable[[World], None]:
    """Return a case that connects to a Ray with these functions."""

    def connect(world: World) -> None:
        nothing = {"init": lambda **given: None, "shutdown": lambda: None, "cluster_resources": dict}
        world.patch.setitem(sys.modules, "ray", SimpleNamespace(**(PRIVATE | nothing | functions)))
        world.patch.setenv("RAY_USAGE_STATS_ENABLED", os.environ.get("RAY_USAGE_STATS_ENABLED", "0"))
        with RayTasks(settings, "cpu", COMMAND, JobFolders(NOWHERE, NOWHERE), Display((), 0, None)):
            pass

    return connect


def _no_answer(**given: Any) -> None:
    raise ConnectionError("no route to host")


CASES: dict[str, Case] = {
    # config/launchers.py
    "a signal after the end": (
        overrides(SLURM, "hydra.launcher.timeout_min=2", "hydra.launcher.signal_delay_s=120"),
        (
            "hydra.launcher.signal_delay_s=120",
            "must be below the 120 seconds of hydra.launcher.timeout_min=2",
            "no time",
        ),
    ),
    "options of sbatch": (
        overrides(SLURM, "hydra.launcher.additional_parameters={a:[1]}"),
        ("hydra.launcher.additional_parameters=", "options of sbatch with a value each", "as in {reservation: mine}"),
    ),
    "an option of sbatch of ours": (
        overrides(SLURM, "hydra.launcher.additional_parameters={time:1}"),
        ("hydra.launcher.additional_parameters=", "snntrain sets time itself", "leave it out"),
    ),
    "Ray's client": (
        overrides("hydra/launcher=ray", "hydra.launcher.address=ray://head:10001"),
        ("hydra.launcher.address=ray://head:10001", "cannot stop jobs safely", "start snntrain on a machine"),
    ),
    "one and a half GPUs": (
        overrides("hydra/launcher=ray", "hydra.launcher.num_gpus=1.5"),
        ("hydra.launcher.num_gpus=1.5", "must be a whole number, or a fraction below 1", "for jobs that share a GPU"),
    ),
    # config/trust/config_files.py
    "a launcher of a file": (
        experiment("defaults: [override /hydra/launcher: submitit_slurm]\n", "-m seed=1,2"),
        ("hydra/launcher=submitit_slurm", "only counts on the command line", "a file leaves it at basic"),
    ),
    # cli/launchers/available.py
    "no package": (missing, ("hydra/launcher=submitit_slurm", "not installed", "pip install 'snntrain[slurm]'")),
    "workers": (workers, ("sweep.workers=4", "is for processes of this machine", "leave sweep.workers out")),
    "no sbatch": (no_commands, ("hydra/launcher=submitit_slurm", "there is no sbatch in PATH", "such as a login node")),
    # cli/launchers/slurm/
    "sbatch refuses": (
        refused,
        ("submitit_slurm", "sbatch refuses the jobs (Invalid account)", "change hydra.launcher."),
    ),
    "squeue is silent": (silent_queue, ("submitit_slurm", "squeue does not answer", "try again when it does")),
    "a pattern of SLURM": (pattern, ("50%a", "SLURM replaces % and the letter after it", "name another folder")),
    # cli/launchers/ray_tasks.py
    "no Ray": (
        ray(Ray(address="auto", num_cpus=1, num_gpus=0), init=_no_answer),
        ("hydra.launcher.address=auto", "Ray does not answer (no route to host)", "ray start --head"),
    ),
    "too large for a node": (
        ray(
            Ray(address="auto", num_cpus=64, num_gpus=None),
            nodes=lambda: [{"Alive": True, "Resources": {"CPU": 8.0}}],
        ),
        ("hydra.launcher.num_cpus=64 num_gpus=0", "at most 8 CPU cores and 0 GPUs", "give less"),
    ),
}
