"""The section of a report about a search, from a search.json that may come from a stranger."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snntrain.report.page import html
from snntrain.report.report import make
from snntrain.report.search.reading import read
from tests.report.folders import write_run

CONTENT: dict[str, Any] = {
    "format": 1,
    "method": "tpe",
    "objectives": [{"name": "val_accuracy", "maximize": True}],
    "trials": [
        {"number": 0, "state": "complete", "results": [0.8], "rungs": [[1, 0.5], [3, 0.7]]},
        {"number": 1, "state": "stopped", "results": None, "rungs": [[1, 0.4]]},
        {"number": 2, "state": "fail", "results": None, "rungs": []},
        {"number": 3, "state": "complete", "results": [0.9], "rungs": [[1, None], [3, 0.85]]},
    ],
    "best": [{"number": 3, "command": "snntrain optimizer.lr=0.01"}],
    "rungs": [
        {"bracket": 0, "epochs": 1, "trials": 3, "resumed": 2, "best": 0.5},
        {"bracket": 0, "epochs": 3, "trials": 2, "resumed": 2, "best": 0.85},
    ],
    "importances": {"epochs": 1, "by": {"val_accuracy": {"optimizer.lr": 0.75, "neuron": 0.25}}},
}


def page(folder: Path, content: Any) -> str:
    write_run(folder / "0_T=4")
    (folder / "search.json").write_text(content if isinstance(content, str) else json.dumps(content))
    report = make([folder], "val_accuracy", 0.0)
    return html(report, report.links(folder))


def test_the_page_shows_the_best_trial_the_rungs_and_the_importances(tmp_path: Path) -> None:
    text = page(tmp_path, CONTENT)
    assert "4 trials by tpe: 2 complete, 1 stopped at a rung, 1 failed. Wanted: the greatest val_accuracy." in text
    assert "trial 3: val_accuracy 0.9000; train it with <code>snntrain optimizer.lr=0.01</code>" in text
    rows = [row.partition("</tr>")[0] for row in text.partition("<h3>Rungs</h3>")[2].split("<tr>")[2:4]]
    cells = [[cell.partition("<")[0] for cell in row.split('<td class="number">')[1:]] for row in rows]
    assert cells == [["1", "3", "2", "1", "0.5000"], ["3", "2", "2", "0", "0.8500"]]
    assert ">75%</td>" in text
    assert "Best so far" in text


def test_several_objectives_are_drawn_as_a_front(tmp_path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["objectives"].append({"name": "energy", "maximize": False})
    for trial in content["trials"]:
        trial["results"] = trial["results"] and [*trial["results"], 3.0 + trial["number"]]
    text = page(tmp_path, content)
    assert "<h3>val_accuracy against energy</h3>" in text
    assert "Best so far" not in text
    drawn = text.partition('class="drawing"')[2]
    assert drawn.partition("</svg>")[0].count("<circle") == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.pop("trials"),
        lambda content: content.update(trials={}),
        lambda content: content.update(objectives=[]),
        lambda content: content.update(method=3),
        lambda content: content["trials"][0].update(results=[1.0, 2.0]),
        lambda content: content["trials"][0].update(results=["x"]),
        lambda content: content["trials"][0].update(number=-1),
        lambda content: content["trials"][0].update(rungs=[[1]]),
        lambda content: content["best"][0].update(command="x" * 20_000),
        lambda content: content["rungs"][0].update(trials=True),
        lambda content: content.update(importances=[]),
        lambda content: content["importances"]["by"].update(x={"y": 1e300}),
    ],
)
def test_a_search_json_of_something_else_is_left_out(tmp_path: Path, spoil: Callable[[Any], Any]) -> None:
    content = copy.deepcopy(CONTENT)
    spoil(content)
    assert "<h2>Search</h2>" not in page(tmp_path, content)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 100_000, '{"trials": NaN}'])
def test_a_damaged_search_json_is_left_out(tmp_path: Path, text: str) -> None:
    assert "<h2>Search</h2>" not in page(tmp_path, text)


def test_a_pipe_in_place_of_search_json_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "search.json")
    assert read(tmp_path) is None
