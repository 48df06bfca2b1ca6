"""A run that pauses after some epochs, and is resumed as the run that it would have been."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from snntrain.runs.reading import read
from tests.conftest import Outcome

SMALL = (
    *("network=mlp", "network.hidden=[8]", "network.dropout=0.2", "T=2", "trainer.batch_size=16", "monitor=off"),
    *("trainer.limit_batches=3", "trainer.device=cpu", "trainer.precision=fp32", "trainer.epochs=4", "trainer.ema=0.9"),
)


def course(run: Path) -> list[dict[str, Any]]:
    """Return the figures of each epoch that do not depend on the time."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row if "second" not in key} for row in rows]


def weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    return dict(torch.load(run / "checkpoints" / name, weights_only=False)["model"])


def test_a_run_in_parts_is_the_run_in_one_to_the_bit(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    assert snntrain(*SMALL, "hydra.run.dir=whole").status == 0
    first = snntrain(*SMALL, "trainer.pause_after=1", "hydra.run.dir=parts")
    assert first.status == 0
    assert "paused after 1 of 4 epochs, as trainer.pause_after=1 says: val_accuracy=" in first.err + first.out
    summary = json.loads((tmp_path / "parts" / "summary.json").read_text())
    assert (summary["status"], summary["error"], summary["epochs"]) == ("paused", None, 1)
    assert summary["test_accuracy"] is None
    assert not (tmp_path / "parts" / "test.json").exists()
    found = read(tmp_path / "parts", 0.0)
    assert found is not None
    assert (found.status, found.ending) == ("paused", None)
    assert snntrain(*SMALL, "trainer.pause_after=3", "hydra.run.dir=parts").status == 0
    assert snntrain("resume=parts", "trainer.pause_after=null").status == 0
    assert course(tmp_path / "parts") == course(tmp_path / "whole")
    assert (tmp_path / "parts" / "config.yaml").read_text() == (tmp_path / "whole" / "config.yaml").read_text()
    for name in ("best.pt", "last.pt"):
        parts, whole = (weights(tmp_path / run, name) for run in ("parts", "whole"))
        assert all(torch.equal(parts[key], whole[key]) for key in whole)


def test_a_paused_run_has_nothing_left_before_its_pause(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    words = (*SMALL, "trainer.epochs=2", "hydra.run.dir=run")
    assert snntrain(*words, "trainer.pause_after=1").status == 0
    again = snntrain(*words, "trainer.pause_after=1")
    assert again.status == 0
    assert "nothing is left to train before the pause after epoch 1; to resume the run, give" in again.out
    # Its epochs are all trained, so that it is tested and ends.
    assert snntrain(*words, "trainer.epochs=1", "trainer.pause_after=1").status == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["status"], summary["epochs"]) == ("completed", 1)
    assert summary["test_accuracy"] is not None


def test_a_sweep_of_paused_runs_has_not_failed(snntrain: Callable[..., Outcome]) -> None:
    words = ("-m", *SMALL, "trainer.epochs=2", "trainer.pause_after=1,2", "hydra.sweep.dir=sweep")
    outcome = snntrain(*words)
    assert (outcome.status, outcome.err) == (0, "")
    assert "1 of 2 jobs completed (1 paused as trainer.pause_after says) in sweep" in outcome.out
