"""The parameters of a job array, in submitit's names for the options of sbatch."""

from __future__ import annotations

from typing import Any

from snntrain.config.schema import SubmititSlurm

# The signal that ends a training with a checkpoint, before the time limit.
SIGNAL = "USR1"


def parameters(settings: SubmititSlurm, name: str, gpus: int, arrays: int) -> dict[str, Any]:
    """Return the parameters.

    Args:
        settings: the keys of hydra.launcher.
        name: the name of the jobs.
        gpus: GPUs of a job.
        arrays: the number of arrays that share the jobs at once.
    """
    given: dict[str, Any] = {
        "job_name": name,
        "time": settings.timeout_min,
        "nodes": 1,
        # sbatch takes the GPUs of a task only together with the number of tasks.
        "ntasks_per_node": 1,
        "cpus_per_task": settings.cpus_per_task,
        "array_parallelism": max(1, settings.array_parallelism // arrays),
        "signal_delay_s": settings.signal_delay_s,
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "constraint": settings.constraint,
        # submitit's own is refused where such keys are checked.
        "wckey": None,
        "stderr_to_stdout": True,
        # torch would use all cores of a node where SLURM does not bind jobs to theirs.
        "setup": [f"export OMP_NUM_THREADS=${{OMP_NUM_THREADS:-{settings.cpus_per_task}}}", *settings.setup],
        # Without requeue, SLURM refuses the job's own order where the administrator has set so.
        "additional_parameters": {
            "requeue": True,
            "signal": f"{SIGNAL}@{settings.signal_delay_s}",
            **(settings.additional_parameters or {}),
        },
    }
    if gpus:
        given["gpus_per_task"] = gpus
    if settings.mem_gb is not None:
        given["mem"] = f"{round(settings.mem_gb * 1024)}M"
    return given


def gpus_of_a_job(settings: SubmititSlurm, device: str) -> int:
    """Return the number of GPUs of a job that trains on `trainer.device`."""
    if settings.gpus_per_task is not None:
        return settings.gpus_per_task
    return 0 if device == "cpu" else 1
