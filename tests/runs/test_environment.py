"""environment.json: everything needed to repeat a run, and its earlier starts."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.runs.environment import environment
from snntrain.runs.run_folder import RunFolder
from snntrain.training import run
from snntrain.training.job.device_entries import device_entries
from snntrain.training.job.precision import choose
from snntrain.training.job.world import World
from tests.hostile.test_run_folders import JSON_BOMBS
from tests.training.jobs import configured

CPU = device_entries(World(torch.device("cpu"), choose("fp32", torch.device("cpu"))))


def environment_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "environment.json").read_text())
    return content


def test_the_environment_has_everything_needed_to_repeat_a_run(finished_run: Path) -> None:
    reported = environment_in(finished_run)
    assert reported.keys() == {
        *("started", "earlier"),
        *("command", "folder", "git_commit", "python", "platform", "packages", "device", "device_name", "cuda"),
        *("processes", "cpu_threads"),
    }
    assert reported["earlier"] == []
    assert datetime.fromisoformat(reported["started"]) <= datetime.now().astimezone()
    assert reported["command"][0] == "snntrain"
    assert "trainer.epochs=2" in reported["command"]
    assert reported["packages"]["torch"] == version("torch")
    assert reported["folder"] == str(finished_run.parent)


def test_a_resumed_run_keeps_the_environments_of_its_earlier_starts(tmp_path: Path) -> None:
    reported = []
    for epochs in (1, 2, 3):
        run.train(configured(f"trainer.epochs={epochs}"), tmp_path, ["snntrain", f"trainer.epochs={epochs}"])
        reported.append(environment_in(tmp_path))
    assert [start["command"][1] for start in reported] == [f"trainer.epochs={epochs}" for epochs in (1, 2, 3)]
    first, second, third = ({key: value for key, value in start.items() if key != "earlier"} for start in reported)
    assert [start["earlier"] for start in reported] == [[], [first], [first, second]]
    assert third["started"] >= second["started"] >= first["started"]


def test_the_environment_of_a_version_that_kept_no_earlier_ones_is_kept(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text('{"command": ["snntrain"], "python": "3.11.0"}')
    RunFolder(tmp_path, "some").write_environment(CPU, ["snntrain", "resume=."])
    assert environment_in(tmp_path)["earlier"] == [{"command": ["snntrain"], "python": "3.11.0"}]


# Python 3.12 reads the second of them, but cannot write it again.
NESTED = ['{"a":' * depth + "1" + "}" * depth for depth in (900, 1200)]


@pytest.mark.parametrize("text", [*JSON_BOMBS.values(), *NESTED, '{"earlier": 3}'])
def test_a_hostile_environment_file_does_not_stop_a_run_from_starting(text: str, tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(text)
    RunFolder(tmp_path, "some").write_environment(CPU, ["snntrain"])
    assert environment_in(tmp_path)["command"] == ["snntrain"]


def test_the_commit_is_that_of_the_checkout_even_with_changed_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert environment(CPU, [])["git_commit"] is None
    git: Callable[..., Any] = lambda *words: subprocess.run(  # noqa: E731
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, capture_output=True
    )
    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    commit = environment(CPU, [])["git_commit"]
    assert re.fullmatch("[0-9a-f]{40}", commit)
    (tmp_path / "file").write_text("2")
    assert environment(CPU, [])["git_commit"] == commit
