"""Time steps that grow with the epochs, and random ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from snntrain.errors import UserError
from snntrain.signals import Stop
from snntrain.training.evaluation.evaluate import Metrics
from snntrain.training.job.time_steps import TimeSteps
from snntrain.training.loop import validate

from .jobs import OURS, one_epoch, prepared, rows, same, state, stepping, trained


def steps_seen(*overrides: str, epochs: int = 4) -> tuple[list[list[int]], list[int]]:
    """Return the time steps of each training step of some epochs, and those of the validations."""
    job = prepared("T=8", f"trainer.epochs={epochs}", *overrides)
    seen: list[int] = []
    job.model.network.register_forward_hook(lambda network, given, output: seen.append(len(output)))
    step, trained_steps, validated = stepping(job), [], []
    for number in range(1, epochs + 1):
        one_epoch(job, step, number)
        trained_steps.append(seen[:])
        seen.clear()
        result: Metrics = validate(job, Stop())[0]
        assert result.loss > 0
        validated += seen
        seen.clear()
    assert job.model.encoder.T == 8
    return trained_steps, validated


def test_a_curriculum_changes_the_steps_of_training_alone() -> None:
    trained_steps, validated = steps_seen("trainer.curriculum=[[2,3],[4,5]]")
    assert trained_steps == [[8, 8], [3, 3], [3, 3], [5, 5]]
    assert set(validated) == {8}


def test_random_steps_are_drawn_for_each_step_within_their_bounds() -> None:
    trained_steps, validated = steps_seen("trainer.random_T=[2,6]", "trainer.limit_batches=20")
    every = [steps for epoch in trained_steps for steps in epoch]
    assert set(every) == {2, 3, 4, 5, 6}
    assert trained_steps[0] != trained_steps[1]
    assert set(validated) == {8}
    assert steps_seen("trainer.random_T=[2,6]", "trainer.limit_batches=20", "seed=1")[0] != trained_steps


def test_the_batches_of_an_accumulated_step_have_the_same_steps() -> None:
    trained_steps, _ = steps_seen("trainer.random_T=[1,9]", "trainer.accumulate=3", "trainer.limit_batches=6")
    assert all(len(set(epoch[:3])) == len(set(epoch[3:])) == 1 for epoch in trained_steps)


def test_all_numbers_are_equally_frequent() -> None:
    steps = TimeSteps(0, bounds=(2, 6))
    counts = Counter(steps.at(epoch, step) for epoch in range(1, 51) for step in range(100))
    assert set(counts) == {2, 3, 4, 5, 6}
    # Five standard deviations of a binomial distribution.
    assert all(abs(count - 1000) < 5 * (5000 * 0.2 * 0.8) ** 0.5 for count in counts.values())


@pytest.mark.parametrize("key", ["random_T=[2,4]", "curriculum=[[1,2],[3,3]]"])
@pytest.mark.sample(1)
def test_a_resumed_run_has_the_same_steps(key: str, tmp_path: Path) -> None:
    run = (f"trainer.{key}", "trainer.epochs=3", "encoder=poisson")
    trained(tmp_path / "whole", *run)
    trained(tmp_path / "parts", *run, "trainer.pause_after=2")
    trained(tmp_path / "parts", *run)
    assert same(state(tmp_path / "whole"), state(tmp_path / "parts"), apart=("sizes", "config"))
    assert rows(tmp_path / "whole") == rows(tmp_path / "parts")


@pytest.mark.parametrize("key", ["curriculum=[[1,2]]", "random_T=[2,4]"])
def test_sequences_have_their_time_steps_already(key: str) -> None:
    dots = (OURS, "dataset._target_=tests.training.jobs.moving_dots", "dataset.mean=[0,0]", "dataset.std=[.1,.1]")
    with pytest.raises(
        UserError, match=rf"trainer\.{key.partition('=')[0]}: the samples of dots have their time steps"
    ):
        prepared(*dots, f"trainer.{key}")


class Timeless(torch.nn.Module):
    """An encoder without an attribute T."""

    def __init__(self, T: int, mean: list[float], std: list[float]) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.expand(3, *x.shape)


def test_an_encoder_without_time_steps_is_refused() -> None:
    own = (OURS, "encoder._target_=tests.training.test_time_steps.Timeless")
    with pytest.raises(UserError, match="the encoder Timeless has no attribute T"):
        prepared(*own, "trainer.random_T=[2,4]")
