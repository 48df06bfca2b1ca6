"""The check that a launcher can run jobs from here, before anything is written."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from snntrain.cli.launchers.slurm import queue
from snntrain.config.schema import Ray, SubmititSlurm
from snntrain.errors import UserError

# The package of a launcher, and the extra of ours that installs it.
PACKAGES: dict[type, tuple[str, str]] = {SubmititSlurm: ("submitit", "slurm"), Ray: ("ray", "ray")}

# What to give instead of sweep.gpus_per_job.
GPUS: dict[type, str] = {
    SubmititSlurm: ", give hydra.launcher.gpus_per_task",
    Ray: ", give hydra.launcher.num_gpus",
}


def check(name: str, settings: Any, sweep: Mapping[str, Any]) -> None:
    """Check that a launcher of ours has its package and its commands.

    Args:
        name: the option of hydra/launcher.
        settings: its keys.
        sweep: the keys of the group sweep.

    Raises:
        UserError: something is missing, or does not fit.
    """
    package, extra = PACKAGES[type(settings)]
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"hydra/launcher={name}: needs the package {package}, which is not installed; install it with: "
            f"pip install 'snntrain[{extra}]'"
        )
    for key in ("workers", "gpus_per_job"):
        if sweep[key] != 1:
            instead = GPUS[type(settings)] if key == "gpus_per_job" else ""
            raise UserError(
                f"sweep.{key}={sweep[key]}: is for processes of this machine, and hydra/launcher={name} runs the jobs "
                f"elsewhere; leave sweep.{key} out{instead}"
            )
    if isinstance(settings, SubmititSlurm) and (command := queue.missing()) is not None:
        raise UserError(
            f"hydra/launcher={name}: there is no {command} in PATH; start the sweep on a machine that submits jobs to "
            "SLURM, such as a login node, or leave hydra/launcher out"
        )
