"""Runs that version 0.1.0 wrote before its modules moved: all commands still accept them.

`written_before/` holds a finished run, a sweep of two jobs and a run that SIGTERM stopped in its second epoch. `whole/`
holds the last checkpoint and the metrics of the same run without the signal.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Outcome

BEFORE = Path(__file__).with_name("written_before")
Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _copied(tmp_path: Path) -> None:
    shutil.copytree(BEFORE, tmp_path, dirs_exist_ok=True)


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def weights(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / "checkpoints" / "last.pt", weights_only=True)["model"]
    return state


def test_eval_gives_the_accuracy_that_the_run_measured(snntrain: Command, tmp_path: Path) -> None:
    done = snntrain("eval", "run=finished")
    assert done.status == 0, done.err
    before = json.loads((tmp_path / "finished" / "summary.json").read_text())["test_accuracy"]
    found = re.search(r"test accuracy (\d\.\d+)", done.out)
    assert found is not None
    # Another processor may round differently, which moves a spike and the class of an image or two.
    assert float(found[1]) == pytest.approx(before, abs=0.01)


def test_inspect_takes_it_with_overrides(snntrain: Command, tmp_path: Path) -> None:
    done = snntrain("inspect", "run=finished", "sample=1,2", "T=6", "out=seen")
    assert done.status == 0, done.err
    assert (tmp_path / "seen" / "index.html").is_file()


def test_the_stopped_run_resumes_and_ends_as_the_undisturbed_one(snntrain: Command, tmp_path: Path) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    first = rows(stopped)[0]
    done = snntrain("resume=stopped")
    assert done.status == 0, done.err
    assert json.loads((stopped / "summary.json").read_text())["status"] == "completed"
    assert rows(stopped)[0] == first
    assert [row["epoch"] for row in rows(stopped)] == [1, 2, 3]
    # The bits are the same on the processor that wrote them; another one rounds differently.
    for now, before in zip(rows(stopped), rows(whole), strict=True):
        assert now["val_accuracy"] == pytest.approx(before["val_accuracy"], abs=0.1)
    for name, value in weights(whole).items():
        assert (weights(stopped)[name].float() - value.float()).abs().mean() < 0.02, name


def test_the_finished_run_trains_for_more_epochs(snntrain: Command, tmp_path: Path) -> None:
    before = rows(tmp_path / "finished")
    done = snntrain("resume=finished", "trainer.epochs=7")
    assert done.status == 0, done.err
    assert [row["epoch"] for row in rows(tmp_path / "finished")] == [1, 2, 3, 4, 5, 6, 7]
    assert rows(tmp_path / "finished")[:6] == before


def test_the_report_knows_the_jobs_of_the_sweep(snntrain: Command) -> None:
    done = snntrain("report", "sweep")
    assert done.status == 0, done.err
    assert "neuron" in done.out
    assert "rif" in done.out


def test_a_job_of_the_sweep_resumes(snntrain: Command, tmp_path: Path) -> None:
    job = "sweep/1_neuron=rif"
    done = snntrain(f"resume='{job}'", "trainer.epochs=2")
    assert done.status == 0, done.err
    assert [row["epoch"] for row in rows(tmp_path / job)] == [1, 2]
