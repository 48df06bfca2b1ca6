"""A checkpoint with a good checksum and a stranger's state: an unusable value is reported in one line."""

from __future__ import annotations

import copy
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.errors import UserError
from snntrain.training import run
from snntrain.training.saving import checkpoint
from tests.training.jobs import configured, trained, write_checkpoint

from .fuzz import Tried, dice, few_and_many, is_readable

KINDS: dict[str, tuple[str, ...]] = {
    "Adam, an average": ("trainer.ema=0.5", "optimizer=adam"),
    "momentum, one cycle": ("optimizer=sgd", "optimizer.momentum=0.9", "scheduler=onecycle"),
}
REPLACEMENTS: tuple[Any, ...] = (
    *(None, -1, 3, 10**12, 10**30, 0.5, math.nan, math.inf, -1.0, True, "x", "\x1b[2J"),
    *([], [1], {}, {"x": 1}, (), (1, 2)),
    *(torch.zeros(()), torch.zeros(3), torch.zeros(3, dtype=torch.int64), torch.full((2, 2), -1)),
)
REMOVED = object()

Where = tuple[Any, ...]


def places(value: Any, where: Where = ()) -> Iterator[Where]:
    """Yield every place in a state, but only a few of long lists."""
    if where:
        yield where
    if isinstance(value, dict):
        for key, below in value.items():
            yield from places(below, (*where, key))
    elif isinstance(value, list | tuple):
        for index in range(min(len(value), 3)):
            yield from places(value[index], (*where, index))


def changed(value: Any, where: Where, new: Any) -> Any:
    """Return the state with another value at that place."""
    if not where:
        return new
    key, *rest = where
    if isinstance(value, dict):
        copied: Any = {k: v for k, v in value.items() if not (k == key and not rest and new is REMOVED)}
        if key in copied:
            copied[key] = changed(value[key], tuple(rest), new)
        return copied
    parts = [changed(part, tuple(rest), new) if i == key else part for i, part in enumerate(value)]
    return type(value)(part for part in parts if part is not REMOVED)


@pytest.fixture(scope="module", params=KINDS)
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("begun") / "run"
    trained(folder, *KINDS[request.param])
    return folder, KINDS[request.param]


def resumed(folder: Path, state: dict[str, Any], overrides: tuple[str, ...], epochs: int = 2) -> str | None:
    """Resume a run in a copy of the folder from `state`; return the message of a refusal, or None if it completes."""
    Tried.cases += 1
    write_checkpoint(folder / "checkpoints" / "last.pt", state)
    (folder / "checkpoints" / "previous.pt").unlink(missing_ok=True)
    try:
        run.train(configured(*overrides, f"trainer.epochs={epochs}"), folder)
    except UserError as error:
        assert is_readable(error), error.lines
        return str(error)
    return None


@few_and_many(3, 10)
def test_any_other_value_is_reported_or_makes_no_difference(
    count: int, begun: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    source, overrides = begun
    state = checkpoint.load(source / "checkpoints" / "last.pt")
    draw = dice(f"states {overrides}")
    everywhere = [where for where in places(state) if where[0] not in ("config", "format", "model", "data")]
    cases = [(where, draw.choice(REPLACEMENTS)) for where in draw.choices(everywhere, k=count)]
    # A weight that never had a gradient is not in the optimizer's state, so a missing one cannot be noticed.
    removed = [where for where in everywhere if where[:2] != ("optimizer", "state") or len(where) != 3]
    cases += [(where, REMOVED) for where in draw.choices(removed, k=count // 2)]
    for number, (where, new) in enumerate(cases):
        folder = tmp_path / str(number)
        shutil.copytree(source, folder)
        resumed(folder, changed(state, where, copy.deepcopy(new) if new is not REMOVED else new), overrides)
        shutil.rmtree(folder)


WRONG: dict[str, tuple[Where, Any]] = {
    "a schedule that never ends": (("scheduler", "last_epoch"), 10**12),
    "a schedule before its beginning": (("scheduler", "last_epoch"), -1),
    "a schedule in words": (("scheduler", "last_epoch"), "1"),
    "no sizes": (("sizes",), REMOVED),
    "sizes of another kind": (("sizes",), [1]),
    "a size below nothing": (("sizes", "metrics"), -1),
    "a size in words": (("sizes", "metrics"), "x"),
    "sizes of events in words": (("sizes", "events"), ["x"]),
    "a size of events below nothing": (("sizes", "events"), [-1]),
    "an epoch in words": (("progress", "epoch"), "x"),
    "an epoch before the first": (("progress", "epoch"), 0),
    "a batch beyond the last": (("progress", "batch"), 10**6),
    "a tally of another shape": (("progress", "tally", "loss"), torch.zeros(1, dtype=torch.float64)),
    "counts below nothing": (("progress", "tally", "confusion"), torch.full((100,), -1)),
    "no best weights": (("progress", "best", "weights"), {}),
    "a best epoch to come": (("progress", "best", "epoch"), 7),
    "a score in words": (("progress", "best", "score"), ("x", 1.0)),
    "a row of bad steps in words": (("step", "bad_steps", "row"), "x"),
    "norms of another shape": (("step", "gradient_norms", "sums"), torch.zeros(1)),
    "random numbers of another kind": (("random", "python"), (1, (1, 2), None)),
    "random numbers in words": (("random", "numpy"), ["x", [1], 1, 0, 0.0]),
    "random bytes of another length": (("random", "torch"), torch.zeros(3, dtype=torch.uint8)),
    "a learning rate in words": (("optimizer", "param_groups", 0, "lr"), "x"),
    "a learning rate of None": (("optimizer", "param_groups", 0, "lr"), None),
    "weights of another network": (("optimizer", "param_groups", 0, "params"), [0, 0, 0]),
    "what is kept of no weight": (("optimizer", "state"), {10**9: {}}),
    "no random numbers": (("random",), REMOVED),
    "undrawn pictures of no classes": (("undrawn",), {"epoch": 1, "confusion": torch.zeros(2)}),
}


@pytest.mark.parametrize(("where", "new"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("begun", ["Adam, an average"], indirect=True)
def test_the_message_names_the_fault_and_the_remedy(
    where: Where, new: Any, begun: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    source, overrides = begun
    state = checkpoint.load(source / "checkpoints" / "last.pt")
    shutil.copytree(source, tmp_path / "run")
    said = resumed(tmp_path / "run", changed(state, where, new), overrides)
    assert said is not None
    assert "does not fit this run" in said
    assert "put a good copy there" in said
    assert str(where[-1]) in said or "random" in said or "optimizer" in said
