"""The settings of a launcher that must fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snntrain.config import schema

# A broken rule: the key below hydra.launcher, and the message.
Broken = tuple[str, str]
# Options of sbatch that the launcher sets itself, as sbatch writes them.
SET_ITSELF = (
    *("array", "error", "export", "job-name", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output"),
    *("requeue", "no-requeue", "signal", "time", "wrap"),
)


def broken(settings: Any) -> Iterator[Broken]:
    """Yield a line for each setting of a launcher that does not fit; each is right on its own."""
    if isinstance(settings, schema.SubmititSlurm):
        yield from _of_slurm(settings)
    elif isinstance(settings, schema.Ray):
        yield from _of_ray(settings)


def _of_slurm(settings: schema.SubmititSlurm) -> Iterator[Broken]:
    if settings.signal_delay_s >= 60 * settings.timeout_min:
        yield (
            "signal_delay_s",
            f"hydra.launcher.signal_delay_s={settings.signal_delay_s}: must be below the {60 * settings.timeout_min} "
            f"seconds of hydra.launcher.timeout_min={settings.timeout_min}, or no time is left to train",
        )
    others = settings.additional_parameters
    if others is None:
        return
    where = f"hydra.launcher.additional_parameters={others}"
    if not isinstance(others, Mapping) or not all(isinstance(value, str | int | float) for value in others.values()):
        yield (
            "additional_parameters",
            f"{where}: must be options of sbatch with a value each, as in {{reservation: mine}}",
        )
    elif own := [key for key in others if str(key).replace("_", "-") in SET_ITSELF]:
        yield (
            "additional_parameters",
            f"{where}: snntrain sets {', '.join(map(str, own))} itself; leave it out, hydra.launcher.timeout_min and "
            "hydra.launcher.array_parallelism set the time and the number of jobs at once",
        )


def _of_ray(settings: schema.Ray) -> Iterator[Broken]:
    if "://" in (settings.address or ""):
        yield (
            "address",
            f"hydra.launcher.address={settings.address}: is for Ray's client, which cannot stop jobs safely; start "
            "snntrain on a machine of the cluster, with host:port or auto",
        )
    if settings.num_gpus is not None and settings.num_gpus > 1 and settings.num_gpus % 1:
        yield (
            "num_gpus",
            f"hydra.launcher.num_gpus={settings.num_gpus}: must be a whole number, or a fraction below 1 for jobs that "
            "share a GPU",
        )
