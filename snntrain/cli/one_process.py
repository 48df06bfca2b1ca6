"""The check that a command is one process; several are refused before anything is written.

A training may be several processes of torchrun or srun, see `snntrain.cli.ranks.joined`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from snntrain.errors import UserError

if TYPE_CHECKING:
    from snntrain.config.composed import Composed

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
    """Check that the launcher of a sweep is Hydra's basic one, or one of ours that works here.

    Raises:
        UserError: it is another one, or it lacks a package or a command.
    """
    # The commands that call only `check` do not wait for the import of Hydra.
    from snntrain.cli.launchers import available

    name = str((composed.value("hydra.runtime.choices") or {}).get("hydra/launcher"))
    if (settings := composed.launcher()) is not None:
        available.check(name, settings, composed.value("sweep"))
    elif composed.value("hydra.launcher._target_") != LAUNCHER:
        raise UserError(
            f"hydra/launcher={name}: cannot stop and resume the jobs of a sweep; give submitit_slurm or ray for a "
            "cluster, or leave hydra/launcher out: sweep.workers=N runs N jobs at once on this machine"
        )
