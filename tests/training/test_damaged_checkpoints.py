"""A resume from checkpoints that are old, damaged or from another run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from snntrain.errors import RunFailed, UserError
from snntrain.training.saving import checkpoint, resume

from .interrupted_runs import (
    LOSS,
    finished,
    same_end,
    stopped,
)
from .jobs import _interrupted_by_nobody, rows, trained, undisturbed, write_checkpoint

__all__ = ["_interrupted_by_nobody"]


def test_a_checkpoint_of_a_version_that_counted_no_ties_can_be_resumed(tmp_path: Path) -> None:
    undisturbed(tmp_path / "alone", *LOSS)
    stopped(tmp_path / "old", 7)
    path = tmp_path / "old" / "checkpoints" / "last.pt"
    content = checkpoint.load(path)
    del content["progress"]["tally"]["ties"]
    write_checkpoint(path, content)
    finished(tmp_path / "old")
    same_end(tmp_path / "alone", tmp_path / "old")


@pytest.mark.parametrize("damaged", [("last",), ("best",), ("previous", "best"), ("last", "best")])
def test_a_damaged_checkpoint_is_skipped(damaged: tuple[str, ...], tmp_path: Path) -> None:
    undisturbed(tmp_path / "alone", *LOSS)
    stopped(tmp_path / "hurt", 12)
    for name in damaged:
        path = tmp_path / "hurt" / "checkpoints" / f"{name}.pt"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    finished(tmp_path / "hurt")
    same_end(tmp_path / "alone", tmp_path / "hurt")


def test_without_an_intact_checkpoint_nothing_is_overwritten(tmp_path: Path) -> None:
    undisturbed(tmp_path, *LOSS)
    for name in ("last", "previous"):
        (tmp_path / "checkpoints" / f"{name}.pt").write_bytes(b"")
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(UserError, match=r"to resume from, last\.pt and previous\.pt cannot be used; put a good"):
        trained(tmp_path, *LOSS)
    assert (tmp_path / "metrics.jsonl").read_text() == before
    shutil.rmtree(tmp_path / "checkpoints")
    assert trained(tmp_path, *LOSS)["status"] == "completed"


@pytest.mark.parametrize("name", ["last", "previous", "best"])
def test_a_folder_in_the_place_of_a_checkpoint_is_reported_before_training(name: str, tmp_path: Path) -> None:
    undisturbed(tmp_path / "alone", *LOSS)
    stopped(tmp_path / "hurt", 12)
    path = tmp_path / "hurt" / "checkpoints" / f"{name}.pt"
    path.unlink()
    path.mkdir()
    before = rows(tmp_path / "hurt")
    with pytest.raises(UserError, match=rf"{name}\.pt: is a folder, .*; move it away, and start the run again"):
        trained(tmp_path / "hurt", *LOSS)
    assert rows(tmp_path / "hurt") == before
    path.rename(tmp_path / "away")
    finished(tmp_path / "hurt")
    same_end(tmp_path / "alone", tmp_path / "hurt")


def test_the_checkpoint_of_another_run_is_skipped(tmp_path: Path) -> None:
    trained(tmp_path / "other", *LOSS, "network.hidden=[17]")
    undisturbed(tmp_path / "alone", *LOSS)
    stopped(tmp_path / "hurt", 12)
    shutil.copy(tmp_path / "other" / "checkpoints" / "last.pt", tmp_path / "hurt" / "checkpoints" / "last.pt")
    finished(tmp_path / "hurt")
    same_end(tmp_path / "alone", tmp_path / "hurt")


@pytest.mark.parametrize("key", ["config", "trained", "optimizer", "progress", "random", "step"])
def test_a_state_with_a_hole_and_a_good_checksum_is_reported(key: str, tmp_path: Path) -> None:
    undisturbed(tmp_path, *LOSS)
    for name in ("last", "previous"):
        path = tmp_path / "checkpoints" / f"{name}.pt"
        content = checkpoint.load(path)
        del content["format"], content[key]
        write_checkpoint(path, content)
    with pytest.raises(UserError, match=r"cannot be used; put a good|does not fit this run"):
        trained(tmp_path, *LOSS, "trainer.epochs=5")


def test_memory_that_runs_out_in_a_resume_is_not_blamed_on_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    undisturbed(tmp_path, *LOSS)
    monkeypatch.setattr(resume, "load_state_dict", full)
    with pytest.raises(RunFailed, match="out of memory on the CPU in training with"):
        trained(tmp_path, *LOSS, "trainer.epochs=5")
