"""Rules between values: which keys must fit each other, and the message if they do not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from snntrain.config import schema
from snntrain.config.schema import Config
from snntrain.config.values import value_at

# Device types that PyTorch can use but snntrain cannot, and why.
UNSUPPORTED = {
    "mps": "Apple's GPUs have no float64, in which losses and scores are summed, and snntrain is untested there",
    "xpu": "snntrain is untested on Intel's GPUs",
}
# Dynamo gives up at the exchange, with warnings, and compiles the parts between.
UNCOMPILED = "torch.compile cannot trace the exchange between several processes"
# torch keeps the index in 8 bits, and mistakes a greater one for another.
DEVICE = re.compile(r"auto|cpu|cuda(:(\d|[1-9]\d|1[01]\d|12[0-7]))?", re.ASCII)


def reset_below_threshold(config: Config) -> Iterator[str]:
    threshold, v_reset = value_at(config.neuron, "v_threshold"), config.reset.v_reset
    # A class of the user's own may have no threshold, and a parallel neuron has no reset.
    if not isinstance(threshold, int | float) or isinstance(config.neuron, schema.ParallelNeuron):
        return
    if v_reset is None and threshold <= 0:
        yield f"neuron.v_threshold={threshold}: must be > 0 with reset=soft, where the potential rests at 0"
    elif v_reset is not None and v_reset >= threshold:
        yield f"reset.v_reset={v_reset}: must be below neuron.v_threshold={threshold}"
    elif value_at(config.neuron, "learn_threshold") and threshold <= 0:
        yield f"neuron.v_threshold={threshold}: must be > 0 with neuron.learn_threshold=true, where it stays above 0"


def time_constant_within_clamp(config: Config) -> Iterator[str]:
    if not isinstance(config.neuron, schema.PLIF) or config.neuron.clamp is None:
        return
    tau, pair = config.neuron.init_tau, config.neuron.clamp
    if tau < 1 or (tau == 1 and pair != "reciprocal_abs_plus_1"):
        yield f"neuron.init_tau={tau}: must be > 1 with neuron.clamp={pair}; neuron.clamp=null takes any tau > 0"


def weight_within_amplitude(config: Config) -> Iterator[str]:
    if not isinstance(config.neuron, schema.RIF) or config.neuron.amplitude is None:
        return
    w, amplitude = config.neuron.init_w, config.neuron.amplitude
    pair = list(amplitude) if isinstance(amplitude, list) else [amplitude, amplitude]
    shown = f"neuron.amplitude={amplitude}"
    if len(pair) != 2 or any(isinstance(a, bool) or not isinstance(a, int | float) for a in pair):
        yield f"{shown}: must be null, a number A for (-A, A), or two numbers [lo, hi]"
        return
    lo, hi = pair if isinstance(amplitude, list) else (-amplitude, amplitude)
    if not lo < hi:
        yield f"{shown}: must be an open interval, A > 0 or [lo, hi] with lo < hi"
    elif not lo < w < hi:
        yield f"neuron.init_w={w}: must lie inside the open interval ({lo}, {hi}) of {shown}"


def scale_is_a_range(config: Config) -> Iterator[str]:
    if isinstance(config.dataset, schema.Dataset):
        scale = list(config.dataset.augment.scale)
        if len(scale) != 2 or scale[0] > scale[1]:
            yield f"dataset.augment.scale={scale}: must be two numbers [lo, hi] with lo <= hi"


def policies_exclude_each_other(config: Config) -> Iterator[str]:
    if isinstance(config.dataset, schema.Dataset):
        augment = config.dataset.augment
        if augment.trivial_augment and augment.rand_augment:
            yield (
                f"dataset.augment.trivial_augment=true: is in place of dataset.augment.rand_augment="
                f"{augment.rand_augment}, not beside it; set one of them to false or 0"
            )


def a_duration_has_a_length(config: Config) -> Iterator[str]:
    dataset = config.dataset
    if isinstance(dataset, schema.EventDataset) and dataset.frames_by == "duration" and dataset.frame_us is None:
        yield f"dataset.frames_by={dataset.frames_by}: needs dataset.frame_us, the microseconds of a frame, as 10000"


def mean_and_std_are_numbers(config: Config) -> Iterator[str]:
    for key in ("mean", "std"):
        value = value_at(config.dataset, key)
        numbers = value if isinstance(value, list) and value else [None]
        if value != "auto" and any(
            isinstance(number, bool) or not isinstance(number, int | float) for number in numbers
        ):
            yield f"dataset.{key}={value}: must be auto, or one number per channel, as [0.5]"


def balance_is_known(config: Config) -> Iterator[str]:
    # The schema checks the others.
    if not isinstance(config.dataset, schema.Dataset):
        balance = value_at(config.dataset, "balance")
        if balance not in (None, "none", "sampler", "loss"):
            yield f"dataset.balance={balance}: must be none, sampler or loss"


def pictures_have_a_size_and_colours(config: Config) -> Iterator[str]:
    if not isinstance(config.dataset, schema.ImageFolder):
        return
    if len(config.dataset.size) != 2:
        yield f"dataset.size={config.dataset.size}: must be height and width, as [32,32]"
    if config.dataset.channels == 2:
        yield "dataset.channels=2: must be 1 for grey pictures, or 3 for colours"


def sensors_have_rows(config: Config) -> Iterator[str]:
    if isinstance(config.dataset, schema.EventFolder) and len(config.dataset.sensor) != 2:
        yield f"dataset.sensor={config.dataset.sensor}: must be height and width, as [128,128]"


def betas_are_two(config: Config) -> Iterator[str]:
    if isinstance(config.optimizer, schema.Adam) and len(config.optimizer.betas) != 2:
        yield f"optimizer.betas={config.optimizer.betas}: must be two numbers, as [0.9,0.999]"


def nesterov_needs_momentum(config: Config) -> Iterator[str]:
    if isinstance(config.optimizer, schema.SGD) and config.optimizer.nesterov and config.optimizer.momentum == 0:
        yield "optimizer.nesterov=true: needs optimizer.momentum > 0, as 0.9"


def device_is_named_right(config: Config) -> Iterator[str]:
    device = config.trainer.device
    kind, _, index = device.partition(":")
    if kind in UNSUPPORTED and (index.isdecimal() or ":" not in device):
        yield f"trainer.device={device}: cannot be used: {UNSUPPORTED[kind]}; take cpu, or cuda on an NVIDIA GPU"
    elif not DEVICE.fullmatch(device):
        yield f"trainer.device={device}: must be auto, cpu, cuda or cuda:<index> with an index from 0 to 127"


def precision_has_its_device(config: Config) -> Iterator[str]:
    precision = config.trainer.precision
    if config.trainer.device == "cpu" and precision in ("tf32", "fp16"):
        yield f"trainer.precision={precision}: needs a GPU; on a CPU use fp32 or bf16"


def each_process_has_its_device(config: Config) -> Iterator[str]:
    device, devices = config.trainer.device, config.trainer.devices
    if devices > 1 and device.startswith("cuda:"):
        yield f"trainer.device={device}: is one GPU, and trainer.devices={devices} needs one for each process; use cuda"


def each_process_has_rows(config: Config) -> Iterator[str]:
    rows, devices = config.trainer.batch_size, config.trainer.devices
    if devices > rows:
        yield (
            f"trainer.devices={devices}: a batch of trainer.batch_size={rows} cannot be shared by so many processes; "
            f"give at most trainer.devices={rows}, or a greater trainer.batch_size"
        )


def several_processes_are_not_compiled(config: Config) -> Iterator[str]:
    if config.trainer.compile and config.trainer.devices > 1:
        yield f"trainer.compile=true: {UNCOMPILED}; leave it out with trainer.devices={config.trainer.devices}"


def checkpointing_is_not_compiled(config: Config) -> Iterator[str]:
    layers = config.trainer.checkpoint_layers
    if config.trainer.compile and layers is not None:
        yield (
            f"trainer.checkpoint_layers={layers}: torch.compile cannot trace the second computation of neurons; leave "
            "it out with trainer.compile=true"
        )


def time_steps_have_one_course(config: Config) -> Iterator[str]:
    curriculum, bounds = config.trainer.curriculum, config.trainer.random_T
    if curriculum is not None:
        yield from _wrong_curriculum(curriculum)
    if bounds is not None and (len(bounds) != 2 or bounds[0] > bounds[1]):
        yield f"trainer.random_T={bounds}: must be two numbers [lo, hi] with lo <= hi, as [2,6]"
    if curriculum is not None and bounds is not None:
        yield f"trainer.random_T={bounds}: cannot be drawn with a trainer.curriculum; give one of the two"


def _wrong_curriculum(curriculum: Any) -> Iterator[str]:
    pairs = curriculum if isinstance(curriculum, list) else []
    right = [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2 and {type(n) for n in pair} == {int}]
    epochs = [pair[0] for pair in right]
    if not pairs or len(right) < len(pairs) or epochs != sorted(set(epochs)):
        yield (
            f"trainer.curriculum={curriculum}: must be pairs of an epoch and the time steps from then on, by rising "
            "epochs, as [[1,2],[10,4]]"
        )


def workers_are_a_number_or_auto(config: Config) -> Iterator[str]:
    workers = value_at(value_at(config, "sweep"), "workers")
    if workers != "auto" and type(workers) is not int:
        yield f"sweep.workers={workers}: must be a whole number >= 1, or auto"


def gpus_are_whole_or_a_share(config: Config) -> Iterator[str]:
    gpus = value_at(value_at(config, "sweep"), "gpus_per_job")
    if isinstance(gpus, float) and gpus > 1 and not gpus.is_integer():
        yield f"sweep.gpus_per_job={gpus}: must be a whole number, or below 1 for jobs that share a GPU, as 0.5"


def a_job_has_a_gpu_for_each_process(config: Config) -> Iterator[str]:
    sweep, devices = value_at(config, "sweep"), config.trainer.devices
    gpus = value_at(sweep, "gpus_per_job")
    # With one worker a job has all GPUs.
    if value_at(sweep, "workers") == 1 or config.trainer.device != "cuda" or not isinstance(gpus, int | float):
        return
    if 0 < gpus < devices and devices > 1:
        yield f"sweep.gpus_per_job={gpus:g}: a job with trainer.devices={devices} needs {devices}"


@dataclass(frozen=True)
class Rule:
    """A rule between values: `broken` yields a line if the values of `keys` do not fit each other."""

    keys: tuple[str, ...]
    # It gets settings with the groups of `keys` only; the other fields have no values.
    broken: Callable[[Config], Iterator[str]]

    @property
    def groups(self) -> frozenset[str]:
        """The groups of the keys."""
        return frozenset(key.partition(".")[0] for key in self.keys)

    def reads(self, key: str) -> bool:
        """Return whether `key` is one of the rule's keys, or lies above or below one."""
        path = key.replace("/", ".")
        return any(f"{path}.".startswith(f"{own}.") or f"{own}.".startswith(f"{path}.") for own in self.keys)


RULES = (
    Rule(("neuron.v_threshold", "reset.v_reset"), reset_below_threshold),
    Rule(("neuron.init_tau", "neuron.clamp"), time_constant_within_clamp),
    Rule(("neuron.init_w", "neuron.amplitude"), weight_within_amplitude),
    Rule(("dataset.augment.scale",), scale_is_a_range),
    Rule(("dataset.augment.trivial_augment", "dataset.augment.rand_augment"), policies_exclude_each_other),
    Rule(("dataset.frames_by", "dataset.frame_us"), a_duration_has_a_length),
    Rule(("dataset.mean", "dataset.std"), mean_and_std_are_numbers),
    Rule(("dataset.balance",), balance_is_known),
    Rule(("dataset.size", "dataset.channels"), pictures_have_a_size_and_colours),
    Rule(("dataset.sensor",), sensors_have_rows),
    Rule(("optimizer.betas",), betas_are_two),
    Rule(("optimizer.nesterov", "optimizer.momentum"), nesterov_needs_momentum),
    Rule(("trainer.device",), device_is_named_right),
    Rule(("trainer.device", "trainer.precision"), precision_has_its_device),
    Rule(("trainer.device", "trainer.devices"), each_process_has_its_device),
    Rule(("trainer.batch_size", "trainer.devices"), each_process_has_rows),
    Rule(
        ("sweep.gpus_per_job", "sweep.workers", "trainer.devices", "trainer.device"), a_job_has_a_gpu_for_each_process
    ),
    Rule(("sweep.workers",), workers_are_a_number_or_auto),
    Rule(("sweep.gpus_per_job",), gpus_are_whole_or_a_share),
    Rule(("trainer.compile", "trainer.devices"), several_processes_are_not_compiled),
    Rule(("trainer.compile", "trainer.checkpoint_layers"), checkpointing_is_not_compiled),
    Rule(("trainer.curriculum", "trainer.random_T"), time_steps_have_one_course),
)
