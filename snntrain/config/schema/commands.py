"""The keys of a command that makes several runs, which no run saves: sweep, search, and where their jobs run."""

from dataclasses import dataclass
from typing import Any

from snntrain.config.schema.option import Checked, option
from snntrain.config.schema.run import Config


@dataclass
class Sweep:
    workers: Any = option(
        "jobs that run at once: 1, in the process of the sweep; or a number of processes, or auto for as many as the "
        "GPUs, or the cores of the CPU, allow",
        at_least=1,
        most=1000,
    )
    gpus_per_job: float = option(
        "GPUs of a job with several workers: a whole number, or a share such as 0.5; 0: none; no effect without GPUs",
        at_least=0,
        most=1000,
    )
    search: str | None = option(
        "with -m, how the next values are chosen: null trains every combination; the others are snntrain search",
        choices=("random", "tpe", "grid", "cmaes"),
    )


@dataclass
class Search:
    space: Any = option("the values to search, by key: a list, or log(1e-4, 1e-1) and the like")
    trials: int = option("configurations to try", at_least=1, most=100_000)
    seed: int = option("seed of the choice of values, apart from the runs' seed", at_least=0, below=2**32)
    objectives: list[str] = option("figures to make better, as val_accuracy; several give a Pareto front")
    pruner: str | None = option(
        "how hopeless trials are stopped early; null: each is trained to its end", choices=("halving", "hyperband")
    )
    reduction: int = option("of so many trials that reach a rung, one is resumed", at_least=2, most=1000)
    min_epochs: int = option(
        "epochs of the first rung; each further rung has reduction times as many", at_least=1, most=1_000_000
    )
    rungs: list[int] | None = option(
        "epochs of the rungs before the end, in place of those of min_epochs and reduction, as [1,3,9]",
        at_least=1,
        most=1_000_000,
        most_items=20,
    )
    timeout_minutes: float | None = option("minutes after which a command starts no further trial", above=0)


@dataclass
class Composition(Config):
    """All keys of a command: the settings of a run, and how a command makes several runs, which no run saves."""

    sweep: Checked[Sweep] = option("where the jobs of a sweep run")
    search: Checked[Search] = option("which values a search tries, and how it finds better ones")


@dataclass
class SubmititSlurm:
    """The jobs of a sweep as a job array of SLURM; the names are those of submitit."""

    partition: str | None = option("partition of the jobs; null: the cluster's default")
    account: str | None = option("account that is charged; null: your default")
    qos: str | None = option("quality of service; null: your default")
    constraint: str | None = option("features that a node must have, as in 'a100|h100'; null: any node")
    timeout_min: int = option(
        "time limit of a job in minutes; it is saved and requeued before", at_least=1, most=10_000_000
    )
    cpus_per_task: int = option("CPU cores of a job", at_least=1, most=100_000)
    gpus_per_task: int | None = option("GPUs of a job; null: 1, or 0 with trainer.device=cpu", at_least=0, most=100_000)
    mem_gb: float | None = option("memory of a job in GB; null: the cluster's default", above=0, most=1e6)
    array_parallelism: int = option("jobs that run at once, at most", at_least=1, most=1_000_000)
    signal_delay_s: int = option("seconds before the time limit at which a job is saved", at_least=1, at_most=65535)
    max_num_timeout: int = option("times that a job is requeued, at most", at_least=0, most=1_000_000)
    setup: list[str] = option("lines of shell that run before a job, as in ['module load cuda']")
    additional_parameters: Any = option("other options of sbatch, as in {reservation: mine}; null: none")


@dataclass
class Ray:
    """The jobs of a sweep as tasks of Ray."""

    address: str | None = option(
        "address of a Ray cluster, as host:6379, or auto; null: $RAY_ADDRESS, else a cluster of this machine alone"
    )
    num_cpus: float = option("CPU cores of a job", above=0, most=100_000)
    num_gpus: float | None = option(
        "GPUs of a job, also a fraction; null: 1 in a cluster with GPUs, 0 with trainer.device=cpu",
        at_least=0,
        most=100_000,
    )


# The launchers of our own, each an option of hydra/launcher.
LAUNCHERS: tuple[type, ...] = (SubmititSlurm, Ray)
# The parts of a composed configuration that are not settings of a run.
BESIDE_THE_RUN = ("hydra", "sweep", "search")
