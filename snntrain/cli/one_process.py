"""The check that a command is one process; several are refused before anything is written.

A training may be several processes of torchrun or srun, see `snntrain.cli.ranks.joined`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from snntrain.config.composed import Composed
from snntrain.errors import UserError

# Programs that start processes, the variable with their number, and variables of which each process has at least one.
# SLURM_NTASKS is not used: Slurm also sets it in a batch script, which is one process.
STARTERS = (
    ("torchrun", "WORLD_SIZE", ("RANK", "LOCAL_RANK", "TORCHELASTIC_RUN_ID")),
    ("srun", "SLURM_STEP_NUM_TASKS", ("SLURM_PROCID",)),
    ("mpirun", "OMPI_COMM_WORLD_SIZE", ("OMPI_COMM_WORLD_RANK",)),
    ("mpiexec", "PMI_SIZE", ("PMI_RANK",)),
)
LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


def check(environment: Mapping[str, str] = os.environ) -> None:
    """Check that this process is the only one of its command.

    Raises:
        UserError: there are several processes, which would all do the same.
    """
    for starter, number, ranks in STARTERS:
        count = environment.get(number, "")
        if count.isdecimal() and int(count) > 1 and any(rank in environment for rank in ranks):
            raise UserError(
                f"{number}={count}: {starter} starts this command {count} times, but it is one process; start it "
                f"without {starter}; if each process is to run something else, put env -u {number} in front of the "
                "command; a training takes several processes by trainer.devices, torchrun or srun"
            )


def check_launcher(composed: Composed) -> None:
    """Check that the jobs of a sweep run in this process.

    Raises:
        UserError: the launcher starts other processes, which are neither stopped nor reported with the sweep.
    """
    if composed.value("hydra.launcher._target_") != LAUNCHER:
        name = (composed.value("hydra.runtime.choices") or {}).get("hydra/launcher")
        raise UserError(
            f"hydra/launcher={name}: a sweep runs its jobs one after the other in its own process, which stops and "
            "reports them; leave hydra/launcher out; to run jobs in parallel, start several sweeps, each with a part "
            "of the values and its own hydra.sweep.dir"
        )
