"""The check of every value of a saved state before the state is restored.

A checkpoint with a correct checksum may still come from somebody else. Its keys, types and shapes are compared with the
state of the job before training, and its counts with their possible range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from snntrain.training.job.average import Average
from snntrain.training.job.build import Job
from snntrain.training.job.model import Model
from snntrain.training.progress import Progress
from snntrain.training.saving.random_states import random_states
from snntrain.training.schedule.of_groups import FURTHER

# No count of epochs, batches or images is larger.
MOST = 2**53
# Number of words in the state of Python's and of NumPy's random generator.
WORDS = 624
# The keys that an optimizer needs in a parameter group, and its tensors that have the shape of the parameter.
NEEDED = ("params", "lr", "betas", "eps", "weight_decay", "momentum", "dampening", "nesterov")
OF_A_SHAPE = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "grad_avg")
# The entries that an optimizer of torch keeps for a parameter after its first step.
KEPT: dict[type[torch.optim.Optimizer], frozenset[str]] = {
    torch.optim.Adam: frozenset({"step", "exp_avg", "exp_avg_sq"}),
    torch.optim.NAdam: frozenset({"step", "mu_product", "exp_avg", "exp_avg_sq"}),
    torch.optim.RAdam: frozenset({"step", "exp_avg", "exp_avg_sq"}),
    torch.optim.RMSprop: frozenset({"step", "square_avg"}),
}


class Wrong(ValueError):
    """A value that no run saves under this key."""


def check(job: Job, progress: Progress, state: Mapping[str, Any]) -> None:
    """Check a saved state, except for the state of the step.

    Args:
        job: a fresh job that will be restored from the state.
        progress: progress of a fresh run.
        state: the saved state.

    Raises:
        Wrong, LookupError: the state does not belong to this job.
    """
    _check_beside(job, state)
    _check_progress(job, progress, state["progress"])
    _check_weights("trained", state["trained"], job.model.state_dict())
    _check_average(job.average, state["average"])
    _check_optimizer(job, state["optimizer"])
    _check_schedule(job, state["scheduler"], state["progress"])
    if job.scaler.is_enabled() and state["scaler"]:
        alike("scaler", state["scaler"], job.scaler.state_dict())
    _check_random(job, state["random"])


def check_step(state: Any, own: Mapping[str, Any]) -> None:
    """Check the saved state of a step against the state of a fresh one, `own`.

    Raises:
        Wrong, LookupError: the states have different structures.
    """
    alike("step", state, own)
    for name in ("row", "since"):
        count(f"step.bad_steps.{name}", state["bad_steps"][name])


def count(name: str, value: Any, least: int = 0, most: int = MOST) -> int:
    """Return a whole number.

    Raises:
        Wrong: not a whole number, or not from `least` to `most`.
    """
    if type(value) is not int or not least <= value <= most:
        raise Wrong(f"{name} is {_shown(value)}, not a whole number from {least} to {most}")
    return value


def mapping(name: str, value: Any, *keys: str) -> Mapping[str, Any]:
    """Return a dictionary with these keys.

    Raises:
        Wrong: not a dictionary, or a key is missing.
    """
    lacking = [key for key in keys if key not in value] if isinstance(value, dict) else keys
    if lacking:
        raise Wrong(f"{name} is {_shown(value)}, without {', '.join(lacking)}")
    assert isinstance(value, dict)
    return value


def alike(name: str, value: Any, own: Any) -> None:
    """Check that a value has the same type as the job's `own`, at every level.

    Any number may replace another, and null may replace true and false. Sequences have the same length, tensors the
    same shape and dtype, dictionaries the same keys.

    Raises:
        Wrong: the values have different types.
    """
    if isinstance(own, Mapping):
        if not isinstance(value, dict) or value.keys() != own.keys():
            raise Wrong(f"{name} does not have the keys {', '.join(map(str, own))}")
        for key in own:
            alike(f"{name}.{key}", value[key], own[key])
    elif isinstance(own, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(own):
            raise Wrong(f"{name} is {_shown(value)}, not {len(own)} values")
        for index, (part, of_own) in enumerate(zip(value, own, strict=True)):
            alike(f"{name}[{index}]", part, of_own)
    elif isinstance(own, Tensor):
        if not isinstance(value, Tensor) or (value.shape, value.dtype) != (own.shape, own.dtype):
            raise Wrong(f"{name} is {_shown(value)}, not a tensor {list(own.shape)} of {own.dtype}")
    elif isinstance(own, str):
        if not isinstance(value, str):
            raise Wrong(f"{name} is {_shown(value)}, not a word")
    elif isinstance(own, bool | None):
        if not isinstance(value, bool | None):
            raise Wrong(f"{name} is {_shown(value)}, neither true nor false")
    else:
        number(name, value)


def number(name: str, value: Any, least: float = -MOST, most: float = MOST) -> float:
    """Return a number; on a GPU some numbers, such as the learning rate, are tensors.

    Raises:
        Wrong: not a number, or not from `least` to `most`.
    """
    if isinstance(value, Tensor) and value.numel() == 1 and value.dtype != torch.bool and not value.is_complex():
        return number(name, value.item(), least, most)
    if type(value) not in (int, float) or not math.isfinite(value) or not least <= value <= most:
        raise Wrong(f"{name} is {_shown(value)}, not a number from {least:g} to {most:g}")
    return float(value)


def _check_beside(job: Job, state: Mapping[str, Any]) -> None:
    count("epoch", state["epoch"])
    count("processes", state.get("processes", 1), 1)
    sizes = mapping("sizes", state["sizes"], "metrics", "events")
    count("sizes.metrics", sizes["metrics"])
    if not isinstance(sizes["events"], list):
        raise Wrong(f"sizes.events is {_shown(sizes['events'])}, not a list")
    for index, size in enumerate(sizes["events"]):
        count(f"sizes.events[{index}]", size)
    if not isinstance(state["config"], dict):
        raise Wrong(f"config is {_shown(state['config'])}, not a configuration")
    if (undrawn := state["undrawn"]) is not None:
        mapping("undrawn", undrawn, "epoch", "confusion")
        count("undrawn.epoch", undrawn["epoch"])
        _check_counts("undrawn.confusion", undrawn["confusion"], (job.classes, job.classes))


def _check_progress(job: Job, progress: Progress, state: Mapping[str, Any]) -> None:
    mapping("progress", state, "epoch", "batch", "images", "learning_rate", "clock", "tally", "best")
    mapping("progress.clock", state["clock"], "seconds", "train_seconds")
    finished = count("progress.epoch", state["epoch"], 1) - 1
    count("progress.batch", state["batch"], 0, len(job.train))
    count("progress.images", state["images"])
    number("progress.learning_rate", state["learning_rate"], 0)
    rates = mapping("progress.learning_rates", state.get("learning_rates", {}))
    for name, rate in rates.items():
        if name not in {group.name for group in job.groups}:
            raise Wrong(f"progress.learning_rates has {_shown(name)}, which is not a group of parameters")
        number(f"progress.learning_rates.{name}", rate, 0)
    for name in ("seconds", "train_seconds"):
        number(f"progress.clock.{name}", state["clock"][name], 0)
    sums = progress.tally.sums()
    # An earlier version counted no ties.
    tally = {"ties": sums["ties"], **state["tally"]} if isinstance(state["tally"], dict) else state["tally"]
    alike("progress.tally", tally, sums)
    _check_counts("progress.tally.confusion", state["tally"]["confusion"], (job.classes**2,))
    best = mapping("progress.best", state["best"], "epoch", "score", "weights")
    # There is a best epoch as soon as one is finished.
    count("progress.best.epoch", best["epoch"], min(1, finished), finished)
    if not isinstance(best["score"], tuple) or [type(part) for part in best["score"]] != [float, float]:
        raise Wrong(f"progress.best.score is {_shown(best['score'])}, not accuracy and loss")
    _check_weights("progress.best.weights", best["weights"], job.evaluated.network.state_dict() if finished else {})


def _check_counts(name: str, value: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(value, Tensor) or value.dtype != torch.int64 or value.shape != shape or bool((value < 0).any()):
        raise Wrong(f"{name} is {_shown(value)}, not counts {list(shape)}")


def _check_weights(name: str, value: Any, own: Mapping[str, Any]) -> None:
    """Check that tensors have the names and shapes of the job's own; the dtype may differ."""
    if not isinstance(value, dict) or value.keys() != own.keys():
        raise Wrong(f"{name} does not have the names of this network's weights")
    for key, of_own in own.items():
        given = value[key]
        if isinstance(of_own, Tensor) and (not isinstance(given, Tensor) or given.shape != of_own.shape):
            raise Wrong(f"{name}.{key} is {_shown(given)}, not a tensor {list(of_own.shape)}")


def _check_average(average: Average[Model] | None, state: Any) -> None:
    if average is not None:
        own = average.state_dict()
        mapping("average", state, "model", "begun")
        _check_weights("average.model", state["model"], own["model"])
        if not isinstance(state["begun"], bool):
            raise Wrong(f"average.begun is {_shown(state['begun'])}, neither true nor false")


def _check_optimizer(job: Job, state: Mapping[str, Any]) -> None:
    own = job.optimizer.state_dict()["param_groups"]
    mapping("optimizer", state, "param_groups", "state")
    groups, kept = state["param_groups"], state["state"]
    if not isinstance(groups, list) or len(groups) != len(own) or not isinstance(kept, dict):
        raise Wrong(f"optimizer is not one of {len(own)} groups of weights")
    for index, (group, of_own) in enumerate(zip(groups, own, strict=True)):
        name = f"optimizer.param_groups[{index}]"
        if not isinstance(group, dict) or not group.keys() >= of_own.keys() & set(NEEDED):
            raise Wrong(f"{name} does not have {', '.join(of_own.keys() & set(NEEDED))}")
        for key in group.keys() & of_own.keys() - {"capturable"}:
            alike(f"{name}.{key}", group[key], of_own[key])
        if list(group["params"]) != of_own["params"]:
            raise Wrong(f"{name}.params belong to another network")
    parameters = [parameter for group in job.optimizer.param_groups for parameter in group["params"]]
    for key, of_one in kept.items():
        count("a key of optimizer.state", key, 0, len(parameters) - 1)
        _check_kept(f"optimizer.state.{key}", of_one, parameters[key], job.optimizer)
    # SGD has taken its first step for all parameters or for none.
    if len({of_one.get("momentum_buffer") is None for of_one in kept.values()}) > 1:
        raise Wrong("optimizer.state has a momentum_buffer of some weights and not of others")


def _check_kept(name: str, kept: Any, parameter: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Check the numbers and tensors of an optimizer for a parameter; those of torch's own have known shapes."""
    if not isinstance(kept, dict):
        raise Wrong(f"{name} is {_shown(kept)}, not a dictionary")
    needed = next((keys for kind, keys in KEPT.items() if isinstance(optimizer, kind)), frozenset())
    if kept and not kept.keys() >= needed:
        raise Wrong(f"{name} does not have {', '.join(sorted(needed))}")
    for key, value in kept.items():
        of_a_shape = key in OF_A_SHAPE and not (value is None and key == "momentum_buffer")
        if of_a_shape and (not isinstance(value, Tensor) or value.shape != parameter.shape):
            raise Wrong(f"{name}.{key} is {_shown(value)}, not a tensor {list(parameter.shape)}")
        if key == "step":
            number(f"{name}.step", value, 0)
            if isinstance(optimizer, tuple(KEPT)) and not (isinstance(value, Tensor) and value.shape == ()):
                raise Wrong(f"{name}.step is {_shown(value)}, not a tensor of one number")
        elif not isinstance(value, Tensor | int | float | None):
            raise Wrong(f"{name}.{key} is {_shown(value)}, neither a tensor nor a number")


def _check_schedule(job: Job, state: Any, progress: Mapping[str, Any]) -> None:
    """Check that the position of the schedule lies in the epochs that were trained."""
    most = progress["epoch"] * -(-len(job.train) // job.config.trainer.accumulate)
    own = job.scheduler.state_dict()
    mapping("scheduler", state)
    if state.keys() == own.keys():
        for key in own.keys() - {"lr_lambdas"}:
            alike(f"scheduler.{key}", state[key], own[key])
    others = state.get(FURTHER, [])
    if not isinstance(others, list):
        raise Wrong(f"scheduler.{FURTHER} is {_shown(others)}, not a list")
    for index, of_one in enumerate([state, *others]):
        _check_one_schedule(f"scheduler.{FURTHER}[{index - 1}]" if index else "scheduler", of_one, most)


def _check_one_schedule(name: str, state: Any, most: int) -> None:
    mapping(name, state, "last_epoch")
    last = count(f"{name}.last_epoch", state["last_epoch"], 0, most)
    count(f"{name}._step_count", state.get("_step_count", 0), 0, last + 1)
    if "scale" in state:
        # The settings of the schedule may have changed since; its history counts still.
        number(f"{name}.scale", state["scale"], 0, 1)
        number(f"{name}.best", state.get("best"))
        for key in ("epochs", "waited"):
            count(f"{name}.{key}", state.get(key))


def _check_random(job: Job, states: Mapping[str, Any]) -> None:
    own = random_states(job.world.device)
    mapping("random", states, "python", "numpy", "torch", "cuda")
    alike("random.torch", states["torch"], own["torch"])
    # The last value of Python's state is None until a normal number was drawn.
    alike("random.python", states["python"][:2], own["python"][:2])
    if len(states["python"]) != 3 or states["python"][2] is not None:
        number("random.python[2]", states["python"][2])
    alike("random.numpy", states["numpy"], own["numpy"])
    version, words, _ = states["python"]
    kind, keys, place, has_gauss, _ = states["numpy"]
    if version != own["python"][0] or kind != own["numpy"][0]:
        raise Wrong(f"random is of another kind: {_shown(version)}, {_shown(kind)}")
    count("random.numpy[3]", has_gauss, 0, 1)
    for word in (*words[:-1], *keys):
        count("a word of random", word, 0, 2**32 - 1)
    for where in (words[-1], place):
        count("a place of random", where, 0, WORDS)
    if states["cuda"] is not None and own["cuda"] is not None:
        alike("random.cuda", states["cuda"], own["cuda"])


def _shown(value: Any) -> str:
    """Return a short description of a value."""
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {value.dtype}"
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{value!r:.40}"
