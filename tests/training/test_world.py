"""The place of a process among those that train a run: one process today."""

from __future__ import annotations

import logging

import pytest
import torch

from snntrain.errors import UserError
from snntrain.training.job import world
from snntrain.training.job.world import World

from .jobs import configured


@pytest.fixture
def alone() -> World:
    return world.decide(configured().trainer)


def test_device_and_precision_are_decided_together() -> None:
    here = world.decide(configured("trainer.device=cpu", "trainer.precision=bf16").trainer)
    assert (here.device, here.device_name) == (torch.device("cpu"), "cpu")
    assert (here.precision.name, here.precision.device) == ("bf16", here.device)


def test_a_precision_that_the_device_does_not_have_is_refused() -> None:
    trainer = configured().trainer
    trainer.precision = "fp16"
    with pytest.raises(UserError, match="fp16: needs a GPU, and the device is cpu"):
        world.decide(trainer)


def test_one_process_is_the_main_one(alone: World) -> None:
    assert (alone.rank, alone.size, alone.is_main) == (0, 1, True)


def test_a_process_of_a_higher_rank_is_not_the_main_one(alone: World) -> None:
    assert not World(alone.device, alone.precision, rank=1, size=2).is_main


def test_the_sum_over_one_process_is_the_tensor_itself(alone: World) -> None:
    value = torch.tensor([1.0, 2.0])
    assert alone.sum(value) is value


def test_one_process_broadcasts_to_itself(alone: World) -> None:
    value = torch.tensor([1.0, 2.0])
    assert alone.broadcast(value) is value


def test_one_process_waits_for_no_other(alone: World) -> None:
    assert alone.barrier() is None  # type: ignore[func-returns-value]


def test_a_cpu_gets_no_warning(alone: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        alone.report(configured().trainer)
    assert not caplog.records
