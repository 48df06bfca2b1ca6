"""Every key of the configuration: its type, its meaning and its bounds. The values are in conf/.

A YAML file of group `neuron` begins with `defaults: [/schema/neuron/lif@_here_, _self_]`: it takes over the types and
bounds declared here, so a wrong key or value is refused before anything is built.
"""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T")
    # The settings of a part: an instance of a class below, or the keys of a user's own class.
    Part = DataclassInstance | dict[str, Any]
    Checked = Annotated[T, "Any for OmegaConf, which takes no union of classes; `config.check` finds another type"]
else:
    Part = Any

    class Checked:
        """`Checked[T]` is T for a type checker, and Any for OmegaConf, which takes no union of classes."""

        def __class_getitem__(cls, declared: Any) -> Any:
            return Any


# The limits of a key that declares no limits. A number that counts something has its own.
GREATEST, MOST_ITEMS, LONGEST = sys.float_info.max, 1000, 1000


def option(
    meaning: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    most: float = GREATEST,
    most_items: int = MOST_ITEMS,
    longest: int = LONGEST,
) -> Any:
    """Declare a documented key; the bounds hold for a number and for every number of a list.

    The last three are not part of the meaning of a key. They are far beyond any real training, and prevent that the
    configuration of a stranger's run takes unlimited time and memory.

    Args:
        meaning: text in the help.
        at_least, above, at_most, below, choices: the allowed values.
        most: the greatest absolute value of a number.
        most_items: the maximum number of items of a list.
        longest: the maximum number of characters of a text.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most, "below": below, "choices": choices}
    limits = {"most": most, "most_items": most_items, "longest": longest}
    return field(default=MISSING, metadata={"meaning": meaning, **bounds, **limits})


@dataclass
class Neuron:
    """IF, and the keys that all neurons share."""

    _target_: str = option("class of the neuron")
    v_threshold: float = option("a neuron fires if its charged potential is >= this")


@dataclass
class LIF(Neuron):
    tau: float = option("membrane time constant, in time steps", above=0)


@dataclass
class PLIF(Neuron):
    init_tau: float = option("time constant at the start, in time steps; it is learnt", above=0)
    clamp: str | None = option(
        "function that keeps 1/tau between 0 and 1, or null to learn 1/tau itself",
        choices=("sigmoid", "reciprocal_abs_plus_1", "piecewise_exp"),
    )


@dataclass
class RIF(Neuron):
    init_w: float = option("weight of the self connection at the start; it is learnt")
    amplitude: Any = option("bounds of that weight: null for none, A for (-A, A), or [lo, hi]")


@dataclass
class Surrogate:
    _target_: str = option("class of the surrogate")
    alpha: float = option("steepness: the greater, the narrower the gradient around the threshold", above=0)


@dataclass
class PiecewiseLeakyReLU:
    _target_: str = option("class of the surrogate")
    w: float = option("half-width of the window around the threshold", above=0)
    c: float = option("gradient outside the window", above=0)


@dataclass
class Reset:
    v_reset: float | None = option("potential after a spike (hard reset), null subtracts the threshold (soft)")


@dataclass
class Augment:
    """Random changes of the training images, drawn again for each image."""

    degrees: float = option("rotation, up to +- this", at_least=0, at_most=180)
    translate: float = option("shift, up to +- this share of the side", at_least=0, below=1)
    scale: list[float] = option("range of the zoom, [lo, hi]", above=0)
    crop_padding: int = option("pixels of padding before a random crop to the old size", at_least=0, most=1000)
    flip: bool = option("mirror left to right with a probability of 1/2")


@dataclass
class Dataset:
    _target_: str = option("function that loads the data")
    root: str | None = option("folder of the data; null: $SNNTRAIN_DATA, else a user cache folder", longest=4096)
    validation: float = option("share of the training images held out for validation", above=0, below=1)
    split_seed: int = option("seed of that split, apart from the run's", at_least=0, most=2**63 - 1)
    mean: list[float] = option("mean intensity of each channel, in [0, 1]; encoder=direct subtracts it")
    std: list[float] = option("standard deviation of each channel; encoder=direct divides by it", above=0)
    augment: Augment = field(default_factory=Augment, metadata={"meaning": "random changes of the training images"})
    resident: str = option(
        "hold the whole set on the training device, or stream it", choices=("auto", "always", "never")
    )
    workers: int = option("worker processes of a streamed set", at_least=0, most=256)


@dataclass
class EMNIST(Dataset):
    split: str = option(
        "which of EMNIST's sets", choices=("balanced", "letters", "digits", "mnist", "byclass", "bymerge")
    )


@dataclass
class OwnDataset:
    """The keys of a user's own data set that this program reads; the keys of its class are attributes, too."""

    _target_: str
    mean: list[float]
    std: list[float]
    augment: "Augment | dict[str, Any]"
    resident: str
    workers: int


@dataclass
class Encoder:
    _target_: str = option("class of the encoder")


@dataclass
class MLP:
    _target_: str = option("class of the network")
    hidden: list[int] = option("neurons of each hidden layer", at_least=1, most=1_000_000)
    votes: int = option("output neurons per class, averaged", at_least=1, most=10_000)
    dropout: float = option("probability of silencing a neuron; one mask for all time steps", at_least=0, below=1)


@dataclass
class CSNN(MLP):
    channels: list[int] = option(
        "channels of each 3x3 convolution; each is followed by pooling", at_least=1, most=100_000, most_items=100
    )
    pool: str = option("how pooling halves the sides: the greatest or the mean of 2x2", choices=("max", "avg"))


@dataclass
class MSERate:
    _target_: str = option("class of the loss")


@dataclass
class CERate:
    _target_: str = option("class of the loss")
    scale: float = option("factor that turns firing rates into logits", above=0)
    label_smoothing: float = option("share of the target spread over all classes", at_least=0, below=1)


@dataclass
class Optimizer:
    _target_: str = option("class of the optimizer")
    lr: float = option("learning rate", above=0)
    weight_decay: float = option("L2 penalty (adam, sgd) or decoupled decay (adamw)", at_least=0)


@dataclass
class Adam(Optimizer):
    betas: list[float] = option("decay rates of the two running means", at_least=0, below=1)


@dataclass
class SGD(Optimizer):
    momentum: float = option("share of the last step that is added to the next", at_least=0, below=1)
    nesterov: bool = option("compute the gradient after the move by that momentum (Nesterov)")


@dataclass
class Scheduler:
    _target_: str = option("function that makes the schedule")


@dataclass
class Cosine(Scheduler):
    warmup: float = option(
        "share of the run in which the learning rate rises in a line, from lr/(1 + steps of the rise)",
        at_least=0,
        below=1,
    )
    final: float = option("learning rate after the last step, as a share of the greatest", at_least=0, at_most=1)


@dataclass
class OneCycle(Scheduler):
    warmup: float = option(
        "share of the run in which the learning rate rises, from lr/25, and momentum (or betas[0]), whatever is given, "
        "falls from 0.95 to 0.85",
        above=0,
        below=1,
    )


@dataclass
class Trainer:
    epochs: int = option("passes over the training images", at_least=1, most=1_000_000)
    pause_after: int | None = option(
        "epochs after which the run pauses without a test, to be resumed; the schedule still spans all epochs",
        at_least=1,
        most=1_000_000,
    )
    batch_size: int = option("images per training batch", at_least=1, most=10_000_000)
    eval_batch_size: int = option("images per batch of validation and test", at_least=1, most=10_000_000)
    device: str = option("auto, cpu, cuda or cuda:<index>")
    devices: int = option(
        "processes that train the run together, each on a GPU of its own, or all on the CPU; they share each batch",
        at_least=1,
        most=100_000,
    )
    timeout_minutes: float = option(
        "minutes after which a process that waits for another one ends the run", above=0, most=100_000
    )
    precision: str = option(
        "auto: bf16 where the device has it natively, else fp16 on a GPU and fp32 on a CPU; fp32 is IEEE float32 "
        "throughout, tf32 rounds the factors of a GPU's convolutions and matrix products",
        choices=("auto", "fp32", "tf32", "bf16", "fp16"),
    )
    limit_batches: int | None = option(
        "batches per epoch at most, of training and of validation each, for quick tries; the test is whole",
        at_least=1,
        most=10**9,
    )
    clip_grad_norm: float | None = option("gradients of a greater norm are scaled down to it; null: no limit", above=0)
    accumulate: int = option("batches whose gradients are averaged into one step", at_least=1, most=1_000_000)
    ema: float | None = option(
        "decay of an average of the weights, which is evaluated in their place; null: no average", above=0, below=1
    )
    early_stopping: int | None = option(
        "epochs without a better validation (accuracy, then loss) before stopping", at_least=1, most=1_000_000
    )
    compile: bool = option("compile the network with torch.compile, for training")
    checkpoint_minutes: float | None = option(
        "minutes between checkpoints within an epoch; null: only at the end of each epoch", at_least=0
    )
    deterministic: bool = option("refuse operations that are not reproducible to the bit")
    max_bad_steps: int = option(
        "steps in a row that are left out because loss or gradient is not finite before the run stops",
        at_least=0,
        most=10**9,
    )


@dataclass
class Monitor:
    every: int = option(
        "epochs between pictures, which the first and last epoch get, too; 0: no monitor",
        at_least=0,
        most=1_000_000,
    )
    layers: list[str] = option("spiking layers that are watched, names or patterns as in [conv*,out_neuron]")
    samples: int = option("validation images that are watched, one per class first", at_least=1, most=1000)
    neurons: int = option(
        "neurons of a picture at most: rows of a raster or heat map, channels of spike counts", at_least=1, most=10_000
    )


@dataclass
class Config:
    """All settings of a run: the keys at the top, and one part per group."""

    name: str = option("name of the run, shown in its summary and reports")
    T: int = option("time steps", at_least=1, most=100_000)
    seed: int = option("seed of weights, batches, augmentation, dropout and noise", at_least=0, below=2**32)
    detach_reset: bool = option("keep the reset out of the gradient")
    allow_targets: list[str] = option("prefixes that _target_ may name besides those trusted in its group")
    neuron: Checked[Part] = option("the neuron model of every spiking layer")
    surrogate: Checked[Part] = option("the surrogate gradient of the spike")
    reset: Checked[Reset] = option("what happens to the potential after a spike")
    dataset: Checked[Dataset | OwnDataset] = option("the images and their split")
    encoder: Checked[Part] = option("how an image becomes an input over T steps")
    network: Checked[Part] = option("the layers from the encoded image to the classes")
    loss: Checked[Part] = option("what is minimised")
    optimizer: Checked[Part] = option("how the gradients move the weights")
    scheduler: Checked[Part] = option("the course of the learning rate over the run")
    trainer: Checked[Trainer] = option("length, batch, device, precision")
    monitor: Checked[Monitor] = option("voltages and spikes in TensorBoard")


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

SCHEMAS: dict[str, type] = {
    "config": Composition,
    "neuron/if": Neuron,
    "neuron/lif": LIF,
    "neuron/plif": PLIF,
    "neuron/rif": RIF,
    "surrogate/surrogate": Surrogate,
    "surrogate/piecewise_leaky_relu": PiecewiseLeakyReLU,
    "reset/reset": Reset,
    "dataset/digits": Dataset,
    "dataset/torchvision": Dataset,
    "dataset/emnist": EMNIST,
    "encoder/encoder": Encoder,
    "network/mlp": MLP,
    "network/csnn": CSNN,
    "loss/mse_rate": MSERate,
    "loss/ce_rate": CERate,
    "optimizer/adam": Adam,
    "optimizer/sgd": SGD,
    "scheduler/none": Scheduler,
    "scheduler/cosine": Cosine,
    "scheduler/onecycle": OneCycle,
    "trainer/trainer": Trainer,
    "monitor/monitor": Monitor,
    "sweep/sweep": Sweep,
    "search/search": Search,
    "launcher/submitit_slurm": SubmititSlurm,
    "launcher/ray": Ray,
}


def register() -> None:
    """Register the schemas with Hydra, in a group of their own so that no list of options shows them."""
    store = ConfigStore.instance()
    # Hydra 1.4 warns of a second registration.
    if "config.yaml" in store.repo.get("schema", {}):
        return
    for path, node in SCHEMAS.items():
        group, _, name = f"schema/{path}".rpartition("/")
        store.store(group=group, name=name, node=node)
