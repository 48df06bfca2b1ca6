"""summary.json of any origin, as far as its values can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from snntrain.errors import UserError
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.summary import LONGEST_TEXT, read, typed


def test_a_summary_is_read_back_as_a_run_wrote_it(finished_run: Path) -> None:
    written = json.loads((finished_run / "summary.json").read_text())
    assert read(finished_run).known == {key: value for key, value in written.items() if value is not None}


NUMBERS = ("val_accuracy", "test_accuracy", "train_seconds", "images_per_second")
COUNTS = ("epochs", "best_epoch", "parameters")
NOT_NUMBERS = (10**400, -(10**400), 1e200, float("nan"), float("inf"), True, "0.9", [0.9], {"a": 1}, None)


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=range(len(NOT_NUMBERS)))
def test_values_that_are_not_numbers_in_range_are_left_out(value: Any) -> None:
    assert typed(dict.fromkeys((*NUMBERS, *COUNTS), value)) == {}


@pytest.mark.parametrize("value", [-1, 1.5, 2**60])
def test_values_that_are_not_counts_are_left_out(value: float) -> None:
    assert typed(dict.fromkeys(COUNTS, value)) == {}


@pytest.mark.parametrize("value", [3, None, ["failed"], {"a": 1}, "x" * (LONGEST_TEXT + 1)])
def test_values_that_are_not_short_texts_are_left_out(value: Any) -> None:
    assert typed({"status": value, "error": value, "device": value}) == {}


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1.0


COSTS = (
    nested(3),
    nested(200),
    {"layers": nested(3)},
    {"layers": [1]},
    {"layers": {"fc1": 3}},
    {"spikes_per_image": "3"},
    {"spikes_per_image": 10**400},
    {"x" * (LONGEST_TEXT + 1): 1.0},
    {"layers": {str(index): {} for index in range(20_000)}},
    [1.0],
    3,
)


@pytest.mark.parametrize("cost", COSTS, ids=range(len(COSTS)))
def test_an_invalid_cost_is_left_out(cost: Any) -> None:
    assert typed({"cost": cost, "epochs": 3}) == {"epochs": 3}


def test_a_cost_that_is_not_known_everywhere_is_kept() -> None:
    cost = {"spikes_per_image": None, "layers": {"fc1": {"effective_macs": None, "parameters": 3}}}
    assert typed({"cost": cost}) == {"cost": cost}


def test_unknown_keys_are_left_out() -> None:
    assert typed({"status": "completed", "more": [[[]]]}) == {"status": "completed"}


@pytest.mark.parametrize(
    "content", ['{"status": "completed", "cost": ' + "[" * 1000 + "]" * 1000 + "}", "[" * 100_000, "[]", "3", ""]
)
def test_a_run_that_ends_keeps_the_valid_values_of_a_strangers_summary(content: str, tmp_path: Path) -> None:
    """If the run is refused, the old summary is merged into the new one and written again."""
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(UserError), RunFolder(tmp_path, "snntrain"):
        raise UserError("dataset=digits: changed")
    reported = json.loads((tmp_path / "summary.json").read_text())
    assert reported["status"] in ("completed", "failed")
    assert reported["cost"] is None
