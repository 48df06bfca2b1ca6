"""`~` is the home folder in every path, even if no shell has expanded it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from snntrain.cli.complete import completions
from snntrain.config import saved
from tests.conftest import TINY, Outcome
from tests.data.files import write_mnist

SMALL = (*TINY, "monitor=off")
Command = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def finished(home: Path, finished_run: Path) -> str:
    """Return a finished run in the home folder, written with `~`."""
    shutil.copytree(finished_run, home / "run")
    return "~/run"


@pytest.mark.parametrize("value", ["~/r1", '"~/r1"', "'~/r1'"])
def test_a_run_writes_into_the_home_folder(value: str, home: Path, snntrain: Command, tmp_path: Path) -> None:
    outcome = snntrain(*SMALL, f"hydra.run.dir={value}")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith(f"run={home / 'r1'}\n")
    assert (home / "r1" / "checkpoints" / "last.pt").is_file()
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("home")
def test_a_sweep_writes_into_the_home_folder_that_the_command_line_names(home: Path, snntrain: Command) -> None:
    for _ in ("begun", "resumed"):
        outcome = snntrain("-m", *SMALL, "seed=3", "hydra.sweep.dir=~/sweep ${seed}")
        assert (outcome.status, outcome.err) == (0, "")
        assert f"1 of 1 jobs completed in {home / 'sweep 3'}\n" in outcome.out
    assert "nothing is left to train" in outcome.out


def test_a_file_does_not_name_the_home_folder(home: Path, snntrain: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [config, _self_]\nhydra:\n  run:\n    dir: ~/one\n")
    outcome = snntrain(*SMALL, "--config-dir", ".", "--config-name", "mine")
    assert outcome.status == 2
    assert "hydra.run.dir=~/one: a file may name a folder below the current one" in outcome.err
    assert not list(home.iterdir())


def test_commands_on_a_run_find_and_leave_things_in_the_home_folder(
    home: Path, finished: str, snntrain: Command, tmp_path: Path
) -> None:
    Image.new("L", (8, 8)).save(home / "me.png")
    assert snntrain("inspect", f"run={finished}", "image=~/me.png", "out=~/seen").status == 0
    assert (home / "seen" / "index.html").is_file()
    assert snntrain("report", "~/run", "out=~/compared").status == 0
    assert (home / "compared" / "report.html").is_file()
    assert snntrain("resume=~/run", "trainer.epochs=3").status == 0
    assert len((home / "run" / "metrics.jsonl").read_text().splitlines()) == 3
    assert os.listdir(tmp_path) == []


def test_words_of_a_command_may_have_the_quotes_that_overrides_need(
    finished_run: Path, snntrain: Command, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "a run")
    Image.new("L", (8, 8)).save(tmp_path / "my face.png")
    words = ('run="a run"', "image='my face.png'", 'out="what, is seen"', "layer='fc*'")
    assert snntrain("inspect", *words).status == 0
    assert (tmp_path / "what, is seen" / "index.html").is_file()
    assert snntrain("resume='a run'").status == 0
    assert snntrain("report", "a run", 'out="my report"').status == 0
    assert (tmp_path / "my report" / "report.csv").is_file()


@pytest.mark.parametrize("variable", [False, True], ids=["dataset.root", "SNNTRAIN_DATA"])
def test_data_are_found_in_the_home_folder(
    variable: bool, home: Path, snntrain: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(home / "sets", train=100)
    if variable:
        monkeypatch.setenv("SNNTRAIN_DATA", "~/sets")
    root = () if variable else ("dataset.root=~/sets",)
    assert snntrain(*SMALL, "dataset=mnist", *root, "dataset.workers=0", "hydra.run.dir=run").status == 0
    # Another machine has another home folder.
    assert saved.read(tmp_path / "run" / "config.yaml")["dataset"]["root"] == (None if variable else "~/sets")


def test_the_folder_of_ones_own_options_lies_in_the_home_folder(home: Path, snntrain: Command) -> None:
    (home / "conf" / "reset").mkdir(parents=True)
    (home / "conf" / "reset" / "deep.yaml").write_text(
        "defaults: [/schema/reset/reset@_here_, _self_]\nv_reset: -9.0\n"
    )
    outcome = snntrain("--config-dir=~/conf", "reset=deep", "--cfg", "job", "-p", "reset")
    assert (outcome.status, outcome.out) == (0, "# @package reset\nv_reset: -9.0\n")
    assert completions("snntrain --config-dir=~/conf reset=d") == ["reset=deep"]


@pytest.mark.parametrize(
    "argv",
    [
        *("hydra.run.dir=~nobody_here/a", "-m seed=1 hydra.sweep.dir=~nobody_here/a", "--config-dir=~nobody_here/a"),
        *("eval run=~nobody_here/a", "resume=~nobody_here/a", "report ~nobody_here/a", "report . out=~nobody_here/a"),
        *("inspect run={run} image=~nobody_here/a", "inspect run={run} out=~nobody_here/a"),
        "network=mlp debug=smoke dataset=mnist dataset.root=~nobody_here/a",
    ],
)
def test_the_home_folder_of_an_unknown_user_is_reported(
    argv: str, snntrain: Command, finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    outcome = snntrain(*argv.format(run="run").split())
    assert (outcome.status, len(outcome.err.splitlines())) == (2, 1)
    assert "there is no user 'nobody_here'; write ./~nobody_here" in outcome.err
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_called_tilde_is_shown_by_a_path_that_leads_to_it(
    finished_run: Path, snntrain: Command, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path / "~" / "run")
    (tmp_path / "~" / "run" / "summary.json").write_text(json.dumps({"status": "interrupted", "error": None}))
    hint = "resume with: snntrain 'resume=./~/run'"
    assert hint in snntrain("report", "./~").out
    assert snntrain("resume=./~/run").status == 0


def test_a_relative_path_starts_where_the_command_was_given(snntrain: Command, tmp_path: Path) -> None:
    outcome = snntrain(*SMALL, "hydra.job.chdir=true", "hydra.run.dir=run")
    assert outcome.status == 2
    assert "hydra.job.chdir=true: a run finds data, and your own classes, relative to the current folder" in outcome.err
    assert os.listdir(tmp_path) == []


def test_a_run_is_called_by_its_name_setting(snntrain: Command, tmp_path: Path) -> None:
    assert snntrain(*SMALL, "name=李明 #1", "hydra.run.dir=läufe, 2024_01_02").status == 2
    assert snntrain(*SMALL, "name=李明 #1", "hydra.run.dir=läufe/2024_01_02").status == 0
    assert json.loads((tmp_path / "läufe" / "2024_01_02" / "summary.json").read_text())["name"] == "李明 #1"
