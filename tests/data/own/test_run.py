"""A run on pictures of the user's own: paused, resumed, evaluated, with pictures that change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TINY, Outcome
from tests.data.own.folders import classes, pixels, save
from tests.training.jobs import same, state

Command = Callable[..., Outcome]
OWN = (
    *(*TINY, "monitor=off", "trainer.limit_batches=null", "trainer.batch_size=8", "dataset.workers=0"),
    *("dataset=image_folder", "dataset.root=my pictures", "dataset.size=[8,8]", "dataset.balance=sampler"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return classes(tmp_path / "my pictures", 15, ("große Katze", "dog"))


def test_a_paused_run_resumes_to_the_same_bits(snntrain: Command, root: Path, tmp_path: Path) -> None:
    assert snntrain(*OWN, "trainer.epochs=2", "hydra.run.dir=whole").status == 0
    assert snntrain(*OWN, "trainer.epochs=2", "trainer.pause_after=1", "hydra.run.dir=paused").status == 0
    done = snntrain("resume=paused", "trainer.pause_after=null")
    assert done.status == 0, done.err
    assert same(state(tmp_path / "whole")["trained"], state(tmp_path / "paused")["trained"])
    said = snntrain("eval", "run=paused")
    assert said.status == 0, said.err
    assert "große Katze" in said.out


def test_a_run_does_not_resume_with_other_pictures(snntrain: Command, root: Path) -> None:
    assert snntrain(*OWN, "trainer.epochs=2", "trainer.pause_after=1", "hydra.run.dir=run").status == 0
    for number in range(15):
        save(root / "dog" / f"{number:03}.png", pixels(number, 9, 9))
    done = snntrain("resume=run", "trainer.pause_after=null")
    assert done.status == 2
    assert "its files are not those with which this run began" in done.err


def test_the_pictures_may_move(snntrain: Command, root: Path, tmp_path: Path) -> None:
    assert snntrain(*OWN, "trainer.epochs=2", "trainer.pause_after=1", "hydra.run.dir=run").status == 0
    root.rename(tmp_path / "moved")
    done = snntrain("resume=run", "trainer.pause_after=null", "dataset.root=moved")
    assert done.status == 0, done.err


def test_no_cache_is_written_into_a_folder_that_only_a_file_names(
    snntrain: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert snntrain(*OWN, "hydra.run.dir=run").status == 0
    other = classes(tmp_path / "other", 15, ("große Katze", "dog"))
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace("my pictures", "other"))
    done = snntrain("eval", "run=run")
    assert done.status == 0, done.err
    assert sorted(os.listdir(other)) == ["dog", "große Katze"]


def test_bad_pictures_end_the_command_before_training(snntrain: Command, root: Path, tmp_path: Path) -> None:
    (root / "dog" / "bad one.png").write_text("no picture")
    done = snntrain(*OWN, "hydra.run.dir=run")
    assert done.status == 2
    assert "1 of 31 pictures cannot be read" in done.err
    assert "bad one.png: it is not a picture" in done.err
    assert snntrain(*OWN, "dataset.skip_bad=true", "hydra.run.dir=skipped").status == 0
    assert "1 of 31" in (tmp_path / "skipped" / "train.log").read_text()
