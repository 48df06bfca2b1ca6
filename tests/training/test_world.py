"""The place of a process among those that train a run: one process today."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from snntrain.errors import UserError
from snntrain.training.job import world
from snntrain.training.job.group import Group, Place
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
    group = object.__new__(Group)
    group.place = Place(rank=1, size=2, local_rank=1)
    other = World(alone.device, alone.precision, group)
    assert (other.rank, other.size, other.is_main) == (1, 2, False)


def test_the_sum_over_one_process_is_the_tensor_itself(alone: World) -> None:
    value = torch.tensor([1.0, 2.0])
    assert alone.sum(value) is value


def test_one_process_broadcasts_to_itself(alone: World) -> None:
    value = torch.tensor([1.0, 2.0])
    assert alone.broadcast(value) is value


def test_one_process_agrees_with_itself(alone: World) -> None:
    with alone.first_of_each_machine():
        pass
    assert list(alone.greatest(3, 0)) == [3, 0]
    assert alone.all(True)
    assert not alone.all(False)
    assert alone.alike("a")
    assert alone.first_text("a") == "a"
    assert not alone.align(nn.Linear(1, 1))


def test_a_cpu_gets_no_warning(alone: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        alone.report(configured().trainer)
    assert not caplog.records
