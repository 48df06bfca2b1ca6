"""What types alone cannot say: bounds of single values, and values that must fit each other."""

import math
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snntrain.config import schema

# The groups whose keys this program reads itself; of the others it builds what _target_ names.
READ = {"reset": schema.Reset, "trainer": schema.Trainer, "monitor": schema.Monitor}
ALSO_READ = {"dataset": ("mean", "std", "augment", "resident", "workers")}


def errors(config: DictConfig) -> list[str]:
    """A line for every value of a composed configuration that is missing or out of range."""
    lines = [*_wrong_values(config), *_wrong_groups(config)]
    # A rule that compares values is only worth asking where each of them is right by itself.
    return lines or [line for rule in RULES for line in rule(config)]


def _wrong_values(node: DictConfig, path: str = "") -> Iterator[str]:
    declared = OmegaConf.get_type(node)
    metadata = {f.name: f.metadata for f in fields(declared)} if is_dataclass(declared) else {}
    keys = [str(key) for key in node if path or key != "hydra"]
    if metadata:
        yield from (f"{path}{key}: there is no key '{key}' here" for key in keys if key not in metadata)
        yield from (f"{path}{key} is needed and cannot be taken away" for key in metadata if key not in keys)
    for key in keys:
        where = f"{path}{key}"
        if OmegaConf.is_missing(node, key):
            yield f"{where} has no value: give it one, {where}=…"
            continue
        try:
            value = node[key]
        except OmegaConfBaseException as error:
            yield f"{where}={node._get_node(key)}: {str(error).partition(chr(10))[0]}"
            continue
        if isinstance(value, DictConfig):
            yield from _wrong_values(value, f"{where}.")
        elif "choices" in metadata.get(key, {}) and value is not None:
            yield from _out_of_range(where, value, metadata[key])


def _wrong_groups(config: DictConfig) -> Iterator[str]:
    """Subtrees from files of the user's own that lack what this program reads of them."""
    for group in (field.name for field in fields(schema.Config) if field.type is Any and field.name in config):
        node = config._get_node(group)
        if not isinstance(node, DictConfig) or node._is_none():
            yield f"{group}={node}: must be a mapping, keys with values"
        elif group in READ:
            if not _is(node, READ[group]):
                yield f"{group}: its file must begin with defaults: [/schema/{group}/{group}@_here_, _self_]"
        elif lacking := [key for key in ("_target_", *ALSO_READ.get(group, ())) if key not in node]:
            yield f"{group} has no {', '.join(lacking)}: its file must give them, as conf/{group}/ does"


def _out_of_range(where: str, value: Any, metadata: Any) -> Iterator[str]:
    numbers = value if isinstance(value, ListConfig) else [value]
    if not all(_within(number, metadata) for number in numbers):
        yield f"{where}={value}: must be {bounds(metadata) or 'a finite number'} ({metadata['meaning']})"


def bounds(metadata: Any) -> str:
    """What a field allows, in words: '> 0', '>= 1 and < 10', 'one of a, b'."""
    signs = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}
    parts = [f"{sign} {metadata[name]:g}" for name, sign in signs.items() if metadata.get(name) is not None]
    if metadata.get("choices"):
        parts.append(f"one of {', '.join(metadata['choices'])}")
    return " and ".join(parts)


def _within(value: Any, metadata: Any) -> bool:
    if metadata.get("choices"):
        return value in metadata["choices"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (
        math.isfinite(value)
        and (metadata["at_least"] is None or value >= metadata["at_least"])
        and (metadata["above"] is None or value > metadata["above"])
        and (metadata["at_most"] is None or value <= metadata["at_most"])
        and (metadata["below"] is None or value < metadata["below"])
    )


# ---- values that must fit each other ---------------------------------------------------------------------------------


def reset_below_threshold(config: DictConfig) -> Iterator[str]:
    threshold = config.neuron.get("v_threshold")
    v_reset = config.reset.get("v_reset")
    if not isinstance(threshold, int | float):  # A class of the user's own may be without.
        return
    if v_reset is None and threshold <= 0:
        yield f"neuron.v_threshold={threshold}: must be > 0 with reset=soft, where the potential rests at 0"
    elif v_reset is not None and v_reset >= threshold:
        yield f"reset.v_reset={v_reset}: must be below neuron.v_threshold={threshold}"


def time_constant_within_clamp(config: DictConfig) -> Iterator[str]:
    if not _is(config.neuron, schema.PLIF) or config.neuron.clamp is None:
        return
    tau, pair = config.neuron.init_tau, config.neuron.clamp
    if tau < 1 or (tau == 1 and pair != "reciprocal_abs_plus_1"):
        yield f"neuron.init_tau={tau}: must be > 1 with neuron.clamp={pair}; neuron.clamp=null takes any tau > 0"


def weight_within_amplitude(config: DictConfig) -> Iterator[str]:
    if not _is(config.neuron, schema.RIF) or config.neuron.amplitude is None:
        return
    w, amplitude = config.neuron.init_w, config.neuron.amplitude
    pair = list(amplitude) if isinstance(amplitude, ListConfig) else [amplitude, amplitude]
    shown = f"neuron.amplitude={amplitude}"
    if len(pair) != 2 or any(isinstance(a, bool) or not isinstance(a, int | float) for a in pair):
        yield f"{shown}: must be null, a number A for (-A, A), or two numbers [lo, hi]"
        return
    lo, hi = pair if isinstance(amplitude, ListConfig) else (-amplitude, amplitude)
    if not lo < hi:
        yield f"{shown}: must be an open interval, A > 0 or [lo, hi] with lo < hi"
    elif not lo < w < hi:
        yield f"neuron.init_w={w}: must lie inside the open interval ({lo}, {hi}) of {shown}"


def scale_is_a_range(config: DictConfig) -> Iterator[str]:
    if _is(config.dataset, schema.Dataset):
        scale = list(config.dataset.augment.scale)
        if len(scale) != 2 or scale[0] > scale[1]:
            yield f"dataset.augment.scale={scale}: must be two numbers [lo, hi] with lo <= hi"


def betas_are_two(config: DictConfig) -> Iterator[str]:
    if _is(config.optimizer, schema.Adam) and len(config.optimizer.betas) != 2:
        yield f"optimizer.betas={config.optimizer.betas}: must be two numbers"


def nesterov_needs_momentum(config: DictConfig) -> Iterator[str]:
    if _is(config.optimizer, schema.SGD) and config.optimizer.nesterov and config.optimizer.momentum == 0:
        yield "optimizer.nesterov=true: needs optimizer.momentum > 0"


def device_is_named_right(config: DictConfig) -> Iterator[str]:
    device = config.trainer.device
    kind, _, index = device.partition(":")
    if not (device in ("auto", "cpu", "cuda") or (kind == "cuda" and index.isdigit())):
        yield f"trainer.device={device}: must be auto, cpu, cuda or cuda:<index>"


def fp16_has_a_gpu(config: DictConfig) -> Iterator[str]:
    if config.trainer.device == "cpu" and config.trainer.precision == "fp16":
        yield "trainer.precision=fp16: needs a GPU; on a CPU use fp32 or bf16"


RULES: tuple[Callable[[DictConfig], Iterator[str]], ...] = (
    reset_below_threshold,
    time_constant_within_clamp,
    weight_within_amplitude,
    scale_is_a_range,
    betas_are_two,
    nesterov_needs_momentum,
    device_is_named_right,
    fp16_has_a_gpu,
)


def _is(node: Any, declared: type) -> bool:
    found = OmegaConf.get_type(node)
    return isinstance(found, type) and issubclass(found, declared)
