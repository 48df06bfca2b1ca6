"""The submission of a job array by submitit."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snntrain.cli.launchers.slurm.node import NodeJob
from snntrain.errors import UserError

if TYPE_CHECKING:
    from submitit import Job

# Variables of the allocation in which the sweep itself runs; a job has its own.
_OF_AN_ALLOCATION = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_")
_KEPT = ("SLURM_CONF", "SLURM_CLUSTERS")


def submit(place: Path, jobs: Sequence[NodeJob], parameters: Mapping[str, Any]) -> list[Job[Any]]:
    """Submit jobs as one array, and return submitit's handles.

    Args:
        place: a new folder for submitit's files and the output of the jobs.
        jobs: the jobs.
        parameters: see `snntrain.cli.launchers.slurm.parameters`.

    Raises:
        UserError: SLURM refuses the jobs; the folder is removed.
    """
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    # -P: the working directory is on no search path for imports.
    executor = submitit.SlurmExecutor(folder=place, python=f"{shlex.quote(sys.executable)} -P")
    executor.update_parameters(**parameters)
    try:
        # submitit prints what sbatch prints, which is in the error, too.
        with _without_allocation(), redirect_stderr(StringIO()):
            return executor.submit_array(jobs)
    except (FailedJobError, FailedSubmissionError, OSError) as error:
        shutil.rmtree(place, ignore_errors=True)
        said = str(error).strip().splitlines() or [type(error).__name__]
        reason = said[-1].removeprefix("sbatch: error: ")
        raise UserError(
            f"hydra/launcher=submitit_slurm: sbatch refuses the jobs ({reason}); change hydra.launcher.partition, "
            "account, gpus_per_task and the like: --cfg hydra --package hydra.launcher prints them"
        ) from error


@contextmanager
def _without_allocation() -> Iterator[None]:
    """Hide the variables of the allocation in which this command runs, which srun of a job would mix with its own."""
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.startswith(_OF_AN_ALLOCATION) and name not in _KEPT
    }
    try:
        yield
    finally:
        os.environ.update(hidden)
