"""The files that a run leaves in its folder, for every way to end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from snntrain.cli import job
from snntrain.errors import RunFailed, UserError
from snntrain.files import whole
from snntrain.files.folder import Folder
from snntrain.runs.run_folder import RunFolder
from snntrain.runs.summary import FIGURES
from snntrain.runs.unstarted import discard, holds_a_run
from snntrain.training import run
from snntrain.training.job.device_entries import device_entries
from snntrain.training.job.precision import choose
from snntrain.training.job.world import World
from tests.training.jobs import configured

CPU = device_entries(World(torch.device("cpu"), choose("fp32", torch.device("cpu"))))
HYDRA = (".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "train.log")


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def begun(folder: Path) -> RunFolder:
    return RunFolder(folder, "snntrain")


def test_a_finished_run_says_how_it_went(finished_run: Path) -> None:
    reported = summary(finished_run)
    assert list(reported) == ["status", "error", "name", *FIGURES]
    assert None not in [reported[key] for key in FIGURES]
    assert (reported["status"], reported["error"], reported["epochs"]) == ("completed", None, 2)
    assert (reported["device"], reported["precision"]) == ("cpu", "fp32")
    assert all(0 <= reported[key] <= 1 for key in ("test_accuracy", "test_accuracy_last", "val_accuracy"))
    weights = torch.load(finished_run / "checkpoints" / "last.pt", weights_only=True)["model"]
    assert reported["parameters"] == sum(value.numel() for value in weights.values())
    rows = [json.loads(line) for line in (finished_run / "metrics.jsonl").read_text().splitlines()]
    assert reported["val_accuracy"] == max(row["val_accuracy"] for row in rows)
    assert reported["train_seconds"] == pytest.approx(sum(row["seconds"] for row in rows), abs=0.01)
    assert reported["train_seconds"] < reported["wall_seconds"]


def test_metrics_have_one_line_per_epoch(finished_run: Path) -> None:
    rows = [json.loads(line) for line in (finished_run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    for row in rows:
        assert list(row) == [
            *("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_ties", "learning_rate"),
            *("skipped_steps", "seconds"),
            *("images_per_second", "firing_rates", "learnt"),
        ]
        assert row["firing_rates"].keys() == {"fc1_neuron", "out_neuron"}
        assert row["learnt"].keys() == {"tau/fc1_neuron", "tau/out_neuron"}


def test_the_best_checkpoint_is_of_the_best_epoch(finished_run: Path) -> None:
    best = torch.load(finished_run / "checkpoints" / "best.pt", weights_only=True)
    assert best["epoch"] == summary(finished_run)["best_epoch"]
    assert best["val_accuracy"] == summary(finished_run)["val_accuracy"]
    assert torch.load(finished_run / "checkpoints" / "last.pt", weights_only=True)["epoch"] == 2


def test_the_configuration_is_saved_resolved(finished_run: Path) -> None:
    text = (finished_run / "config.yaml").read_text()
    assert "${" not in text
    config = OmegaConf.create(text)
    assert (config.trainer.epochs, config.network.hidden) == (2, [16])
    assert "hydra" not in config


def test_no_temporary_file_is_left(finished_run: Path) -> None:
    assert not list(finished_run.rglob("*.tmp"))


def test_a_run_that_has_started_can_be_resumed(tmp_path: Path) -> None:
    """This holds even if it ends at once."""
    names = []
    write = whole.write

    def watched(folder: Folder, name: str, content: str | bytes) -> None:
        names.append(name)
        write(folder, name, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "write", watched)
        with RunFolder(tmp_path, "snntrain", (), configured()):
            assert names == ["config.yaml", "summary.json"]


def test_a_run_that_is_interrupted_while_it_opens_its_folder_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = RunFolder.write_summary

    def interrupted(folder: RunFolder) -> None:
        write(folder)
        if folder.summary["status"] == "running":
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "write_summary", interrupted)
    with pytest.raises(KeyboardInterrupt), begun(tmp_path):
        raise AssertionError("the folder is not open")
    assert summary(tmp_path)["status"] == "interrupted"


def test_a_run_is_running_until_it_ends(tmp_path: Path) -> None:
    with begun(tmp_path) as folder:
        assert summary(tmp_path)["status"] == "running"
        folder.summary["epochs"] = 1
    reported = summary(tmp_path)
    assert reported == {
        **{"status": "completed", "error": None, "name": "snntrain"},
        **dict.fromkeys(FIGURES),
        **{"epochs": 1, "wall_seconds": reported["wall_seconds"]},
    }


@pytest.mark.parametrize(
    ("error", "status"), [(UserError("dataset=digits: changed"), "completed"), (KeyboardInterrupt(), "interrupted")]
)
def test_a_run_that_trains_nothing_more_keeps_its_figures(error: BaseException, status: str, tmp_path: Path) -> None:
    with begun(tmp_path) as folder:
        folder.summary |= {"epochs": 3, "test_accuracy": 0.5}
    with pytest.raises(type(error)), begun(tmp_path):
        raise error
    reported = summary(tmp_path)
    assert (reported["status"], reported["error"], reported["epochs"], reported["test_accuracy"]) == (
        status,
        None,
        3,
        0.5,
    )


def test_a_run_has_a_status_and_every_figure_from_the_start(tmp_path: Path) -> None:
    with begun(tmp_path):
        assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["run.lock", "summary.json"]
        reported = summary(tmp_path)
    assert {"status", "error", "test_accuracy", "test_accuracy_last", "val_accuracy", "epochs"} <= reported.keys()
    assert {"train_seconds", "images_per_second", "parameters", "device", "precision"} <= reported.keys()
    assert all(reported[key] is None for key in FIGURES if key != "wall_seconds")


def test_the_wall_time_is_that_of_all_starts(tmp_path: Path) -> None:
    with begun(tmp_path):
        time.sleep(0.05)
    first = summary(tmp_path)["wall_seconds"]
    assert first >= 0.05
    with begun(tmp_path):
        assert summary(tmp_path)["wall_seconds"] >= first
        time.sleep(0.05)
    second = summary(tmp_path)["wall_seconds"]
    assert second >= first + 0.05
    # A killed run has the time of its last summary.
    killed = begun(tmp_path)
    with killed:
        time.sleep(0.05)
        killed.write_summary()
        left_behind = (tmp_path / "summary.json").read_bytes()
    assert json.loads(left_behind)["wall_seconds"] >= second + 0.05
    (tmp_path / "summary.json").write_bytes(left_behind)
    with begun(tmp_path):
        assert summary(tmp_path)["wall_seconds"] >= second + 0.05


@pytest.mark.parametrize("value", ["null", '"3"', "-1", "NaN", "Infinity", "true", "[1]", "1" + "0" * 400])
def test_an_invalid_wall_time_is_left_out_of_the_sum(value: str, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(f'{{"status": "completed", "wall_seconds": {value}}}')
    with begun(tmp_path):
        pass
    assert 0 <= summary(tmp_path)["wall_seconds"] < 60


def test_a_run_knows_its_size_device_and_precision_before_its_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise RunFailed("at once")

    monkeypatch.setattr(run, "fit", fail)
    with pytest.raises(RunFailed):
        run.train(configured(), tmp_path)
    reported = summary(tmp_path)
    assert (reported["device"], reported["device_name"], reported["precision"]) == ("cpu", "cpu", "fp32")
    assert reported["parameters"] > 0
    assert reported["epochs"] is None


def test_a_contradictory_configuration_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    """As that of a job of a large sweep, which is checked when the job starts."""
    with pytest.raises(UserError, match=r"reset.v_reset=2.0: must be below"):
        job.refuse(tmp_path, "snntrain", [], ["reset.v_reset=2.0: must be below neuron.v_threshold=1.0"])
    assert summary(tmp_path)["status"] == "failed"
    assert summary(tmp_path)["parameters"] is None


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (RunFailed("loss became nan\nsecond line"), "loss became nan"),
        (UserError("T=0: must be >= 1", "seed=-1: must be >= 0"), "T=0: must be >= 1"),
        (ValueError("  \n\nbad shape\nmore"), "ValueError: bad shape"),
        (MemoryError(), "MemoryError"),
        (AssertionError(""), "AssertionError"),
    ],
)
def test_a_failed_run_names_its_error_in_one_line(tmp_path: Path, error: Exception, reported: str) -> None:
    with pytest.raises(type(error)), begun(tmp_path):
        raise error
    assert summary(tmp_path)["status"] == "failed"
    assert summary(tmp_path)["error"] == reported


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), begun(tmp_path):
        raise KeyboardInterrupt
    assert (summary(tmp_path)["status"], summary(tmp_path)["error"]) == ("interrupted", None)


def test_an_interrupted_training_keeps_its_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "test", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.train(configured("trainer.epochs=2"), tmp_path)
    assert (summary(tmp_path)["status"], summary(tmp_path)["epochs"]) == ("interrupted", 2)
    assert (tmp_path / "checkpoints" / "last.pt").exists()


def test_the_summary_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run.write_summary()
    before = summary(tmp_path)
    run.summary["cost"] = object()
    with pytest.raises(TypeError):
        run.write_summary()
    assert summary(tmp_path) == before
    assert (tmp_path / "summary.json").read_text().endswith("}\n")
    run.summary["cost"] = {"parameters": 3}
    run.write_summary()
    assert summary(tmp_path)["cost"] == {"parameters": 3}
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def hydra_files(folder: Path) -> None:
    for name in HYDRA:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def test_a_run_that_never_started_is_removed_with_its_empty_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "2026-01-01" / "12-00-00"
    hydra_files(folder)
    discard(folder)
    assert os.listdir(tmp_path) == []


def test_files_of_someone_else_are_never_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a" / "b" / "c"
    hydra_files(folder)
    (folder / "notes.txt").write_text("mine")
    discard(folder)
    assert os.listdir(folder) == ["notes.txt"]


def test_a_run_that_trained_nothing_is_removed_with_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "2026-01-01" / "12-00-00"
    hydra_files(folder)
    with pytest.raises(UserError):
        run.train(configured("network=csnn", "network.channels=[4,4,4,4]"), folder)
    assert {"summary.json", "config.yaml", "environment.json"} <= set(os.listdir(folder))
    discard(folder)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mark", ["summary.json", "checkpoints/last.pt"])
def test_a_folder_with_a_run_is_recognised(tmp_path: Path, mark: str) -> None:
    hydra_files(tmp_path)
    assert not holds_a_run(tmp_path)
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).write_text("{}")
    assert holds_a_run(tmp_path)


@pytest.mark.parametrize("mark", ["metrics.jsonl", "tensorboard/events"])
def test_results_of_training_are_never_discarded(tmp_path: Path, mark: str) -> None:
    hydra_files(tmp_path)
    with begun(tmp_path):
        pass
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    discard(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
