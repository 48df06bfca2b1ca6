"""The check that a launcher can run jobs from here, before anything is written."""

from __future__ import annotations

import importlib.util
from typing import Any

from snntrain.cli.launchers.slurm import queue
from snntrain.config.schema import Ray, SubmititSlurm
from snntrain.errors import UserError

# The package of a launcher, and the extra of ours that installs it.
PACKAGES: dict[type, tuple[str, str]] = {SubmititSlurm: ("submitit", "slurm"), Ray: ("ray", "ray")}


def check(name: str, settings: Any, workers: Any) -> None:
    """Check that a launcher of ours has its package and its commands.

    Args:
        name: the option of hydra/launcher.
        settings: its keys.
        workers: `sweep.workers`.

    Raises:
        UserError: something is missing, or does not fit.
    """
    package, extra = PACKAGES[type(settings)]
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"hydra/launcher={name}: needs the package {package}, which is not installed; install it with: "
            f"pip install 'snntrain[{extra}]'"
        )
    if workers != 1:
        raise UserError(
            f"sweep.workers={workers}: is for processes of this machine, and hydra/launcher={name} runs the jobs "
            "elsewhere; leave sweep.workers out"
        )
    if isinstance(settings, SubmititSlurm) and (command := queue.missing()) is not None:
        raise UserError(
            f"hydra/launcher={name}: there is no {command} in PATH; start the sweep on a machine that submits jobs to "
            "SLURM, such as a login node, or leave hydra/launcher out"
        )
