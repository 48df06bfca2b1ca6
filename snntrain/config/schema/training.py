"""The keys of a training: optimizer, schedule, trainer and monitor."""

from dataclasses import dataclass
from typing import Any

from snntrain.config.schema.option import option
from snntrain.config.schema.parameter_rule import ParameterRule


@dataclass
class Optimizer:
    _target_: str = option("class of the optimizer")
    lr: float = option("learning rate", above=0)
    weight_decay: float = option("decoupled decay (adamw), or L2 penalty (all others)", at_least=0)
    decay_norm: bool = option("whether normalisations, biases and constants of neurons decay, too")
    groups: list[ParameterRule] = option(
        "parameters with a learning rate, weight decay or schedule of their own, as [{match: '*delay*', lr: 0.1}]",
        most_items=100,
    )


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
    init_from: str | None = option(
        "run folder, or checkpoint, with whose weights the run starts, where names and shapes agree; null: none",
        longest=4096,
    )
    curriculum: Any = option(
        "time steps in training from an epoch on, as [[1,2],[10,4]]; null: T; still images only",
        at_least=1,
        most=1_000_000,
        nested=True,
    )
    random_T: list[int] | None = option(
        "least and greatest of the time steps that are drawn for each training step; null: T; still images only",
        at_least=1,
        most=100_000,
    )
    checkpoint_layers: int | None = option(
        "layers of a segment of the network whose activations are computed again in the backward pass, which saves "
        "memory; null: all activations are kept",
        at_least=1,
        most=1_000_000,
    )
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
