"""Mean and standard deviation with dataset.mean=auto: computed once, logged, kept with the weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from snntrain.data.statistics import Statistics
from snntrain.errors import UserError
from snntrain.training.job import build, normalisation, world
from snntrain.training.saving import checkpoint
from tests.conftest import TINY, Outcome

from .jobs import OURS, configured, prepared, same, state, trained, write_checkpoint

AUTO = ("dataset.mean=auto", "dataset.std=auto")
OWN = (*TINY, "dataset=tensors", "dataset.file=my.npz", "monitor=off", "trainer.limit_batches=null")
Command = Callable[..., Outcome]


def write(folder: Path, train: float = 1.0) -> None:
    """Write a data set; only its training samples depend on `train`."""
    random = np.random.default_rng(0)
    y = np.arange(120) % 2
    x = random.normal(3, 2, (120, 6, 6)).astype(np.float32) + 2 * y[:, None, None]
    np.savez(folder / "my.npz", x_train=x[:60] * train, y_train=y[:60], x_test=x[60:], y_test=y[60:])


def accuracy_and_loss(said: str) -> list[str]:
    return re.findall(r"test (?:accuracy|loss) +(\S+)", said)


def test_the_digits_get_the_numbers_of_their_training_split() -> None:
    job = prepared(*AUTO)
    images = job.data.train.images.double() / 16  # type: ignore[attr-defined]
    assert job.normalisation.mean == pytest.approx([images.mean().item()], rel=1e-5)
    assert job.normalisation.std == pytest.approx([images.std(correction=0).item()], rel=1e-5)
    assert job.model.encoder.mean.flatten().tolist() == pytest.approx(job.normalisation.mean)


def test_one_key_may_be_given_and_the_other_computed() -> None:
    job = prepared("dataset.mean=[0.25]", "dataset.std=auto")
    assert job.normalisation == Statistics((0.25,), prepared(*AUTO).normalisation.std)


def test_a_checkpoint_has_the_numbers_and_they_come_before_those_of_the_data() -> None:
    before = Statistics((0.125,), (0.5,))
    config = configured(*AUTO)
    assert build.prepare(config, world.decide(config.trainer), before).normalisation == before
    given = configured("dataset.mean=[0.25]", "dataset.std=auto")
    assert build.prepare(given, world.decide(given.trainer), before).normalisation == Statistics((0.25,), (0.5,))


def test_sequences_have_one_number_per_channel() -> None:
    job = prepared(OURS, "dataset._target_=tests.training.jobs.moving_dots", *AUTO, "trainer.limit_batches=null")
    assert len(job.normalisation.mean) == len(job.normalisation.std) == 2


def test_training_logs_the_numbers_and_keeps_them(snntrain: Command, tmp_path: Path) -> None:
    write(tmp_path)
    assert snntrain(*OWN, "hydra.run.dir=run").status == 0
    text = (tmp_path / "run" / "train.log").read_text()
    found = re.search(r"from 54 training samples: dataset\.mean=\[(\S+)\] dataset\.std=\[(\S+)\]", text)
    assert found is not None
    for name in ("best", "last"):
        kept = state(tmp_path / "run", name)[normalisation.KEY]
        assert kept == {"mean": [float(found[1])], "std": [float(found[2])]}
    assert "mean: auto" in (tmp_path / "run" / "config.yaml").read_text()


def test_eval_and_inspect_use_the_numbers_of_the_training_although_its_data_have_changed(
    snntrain: Command, tmp_path: Path
) -> None:
    write(tmp_path)
    assert snntrain(*OWN, "hydra.run.dir=run").status == 0
    before = snntrain("eval", "run=run")
    write(tmp_path, train=7.0)
    after = snntrain("eval", "run=run")
    assert accuracy_and_loss(after.out) == accuracy_and_loss(before.out) != []
    seen = snntrain("inspect", "run=run", "sample=0,1", "out=seen")
    assert seen.status == 0, seen.err
    images = np.load(tmp_path / "seen" / "recordings.npz")
    assert images.files


def test_a_run_that_pauses_resumes_with_the_same_numbers_to_the_same_bits(tmp_path: Path) -> None:
    options = (*AUTO, "trainer.epochs=2", "dataset.balance=sampler")
    trained(tmp_path / "whole", *options)
    trained(tmp_path / "paused", *options, "trainer.pause_after=1")
    trained(tmp_path / "paused", *options)
    whole, paused = state(tmp_path / "whole"), state(tmp_path / "paused")
    assert same(whole["trained"], paused["trained"])
    assert whole[normalisation.KEY] == paused[normalisation.KEY]


def test_a_resumed_run_takes_the_numbers_of_its_checkpoint(tmp_path: Path) -> None:
    trained(tmp_path, *AUTO, "trainer.epochs=2", "trainer.pause_after=1")
    last = tmp_path / "checkpoints" / "last.pt"
    other = {"mean": [0.5], "std": [0.75]}
    write_checkpoint(last, checkpoint.load(last) | {normalisation.KEY: other})
    trained(tmp_path, *AUTO, "trainer.epochs=2")
    assert state(tmp_path)[normalisation.KEY] == other


def test_a_checkpoint_of_an_earlier_version_has_no_numbers() -> None:
    assert normalisation.kept({}) is None


@pytest.mark.parametrize(
    "found",
    [
        *(7, [], {}, {"mean": [0.5]}, {"mean": 0.5, "std": 0.5}, {"mean": [0.5], "std": [0.5, 0.5]}),
        *({"mean": [], "std": []}, {"mean": ["a"], "std": [1.0]}, {"mean": [0.5], "std": [0.0]}),
        *({"mean": [float("nan")], "std": [1.0]}, {"mean": [1.0], "std": [float("inf")]}),
        *({"mean": [0.5] * 10**6, "std": [0.5] * 10**6}, {"mean": torch.ones(1), "std": torch.ones(1)}),
    ],
    ids=lambda found: f"{found!r:.40}",
)
def test_other_values_in_a_checkpoint_are_refused(found: Any) -> None:
    with pytest.raises(UserError, match="the mean and the standard deviation in the checkpoint"):
        normalisation.kept({normalisation.KEY: found})


@pytest.mark.parametrize("value", ["automatic", "0.5", "[[0.5]]", "[a]", "{a:1}", "true", "[true]", "null", "[]"])
def test_other_values_of_the_keys_are_refused_in_one_line(value: str, snntrain: Command) -> None:
    for key in ("dataset.mean", "dataset.std"):
        done = snntrain(*TINY, f"{key}={value}")
        assert done.status == 2, value
        assert key in done.err
        assert len(done.err.splitlines()) == 1


def test_intensities_beyond_one_are_refused_for_probabilities(snntrain: Command, tmp_path: Path) -> None:
    write(tmp_path)
    done = snntrain(*OWN, "encoder=poisson")
    assert done.status == 2
    assert "encoder=poisson: takes intensities from 0 to 1" in done.err
