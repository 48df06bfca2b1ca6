"""Parameters in groups with learning rates of their own, from the optimizer to a resume."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from snntrain.network.parameter_groups import ParameterGroup, parameter_groups
from snntrain.neuron import PLIFNode
from snntrain.training.job.build import Job
from snntrain.training.step.training_step import TrainingStep

from .interrupted_runs import LOSS, finished, interrupted_at, same_end
from .jobs import OURS, _interrupted_by_nobody, one_epoch, prepared, same, state, stepping, trained, weights
from .recorded import SMALL, epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["_interrupted_by_nobody", "device_decides"]

FACTOR = 10.0


class Fast(PLIFNode):
    """A PLIF neuron that learns its time constant ten times as fast, without weight decay."""

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(list(self.parameters(recurse=False)), FACTOR, {"weight_decay": 0.0})]


class Slow(nn.Sequential):
    """A network that learns its first layer at a tenth of the learning rate."""

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup([*self[0].parameters()], 0.1)]


FAST = (OURS, "neuron=plif", "neuron._target_=tests.training.test_parameter_groups.Fast", "T=2")


def learning_rates(job: Job) -> list[float]:
    return [float(group["lr"]) for group in job.optimizer.param_groups]


def test_without_a_declaration_there_is_one_group_in_the_order_of_the_model() -> None:
    job = prepared("neuron=plif")
    (group,) = job.optimizer.param_groups
    assert list(map(id, group["params"])) == list(map(id, job.model.parameters()))


def test_declared_parameters_have_the_settings_of_their_group_and_the_others_those_of_the_configuration() -> None:
    job = prepared(*FAST, "optimizer=adamw", "optimizer.lr=0.01", "optimizer.weight_decay=0.1", "scheduler=none")
    rest, fast = job.optimizer.param_groups
    assert [tuple(parameter.shape) for parameter in rest["params"]] == [(16, 64), (100, 16)]
    assert len(fast["params"]) == 2
    assert (rest["lr"], rest["weight_decay"]) == (0.01, 0.1)
    assert (fast["lr"], fast["weight_decay"]) == (pytest.approx(0.1), 0.0)


def test_the_outer_module_decides_and_equal_settings_are_one_group() -> None:
    inner = Slow(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    other = Slow(nn.Linear(3, 3, bias=False))
    outer = Slow(inner, other, nn.Linear(4, 4, bias=False))
    rest, slow = parameter_groups(outer)
    assert (rest.lr_factor, slow.lr_factor) == (1.0, 0.1)
    assert list(map(id, rest.parameters)) == [id(outer[2].weight)]
    assert list(map(id, slow.parameters)) == [id(inner[0].weight), id(inner[1].weight), id(other[0].weight)]


@pytest.mark.parametrize("scheduler", ["none", "cosine", "onecycle"])
def test_every_schedule_keeps_the_ratio_of_the_learning_rates(scheduler: str) -> None:
    job = prepared(*FAST, f"scheduler={scheduler}", "trainer.epochs=3", "trainer.limit_batches=4")
    step = stepping(job)
    for number in (1, 2, 3):
        rest, fast = learning_rates(job)
        assert fast == pytest.approx(FACTOR * rest, rel=1e-6)
        one_epoch(job, step, number)


def test_a_step_is_the_step_of_each_group() -> None:
    overrides = (
        "optimizer=sgd",
        "optimizer.lr=0.5",
        *("optimizer.momentum=0", "optimizer.nesterov=false"),
        "scheduler=none",
        "neuron.v_threshold=0.3",
    )
    moved = []
    for kind in (FAST, FAST[:2] + FAST[3:]):
        job = prepared(*kind, *overrides, "trainer.limit_batches=1", "trainer.clip_grad_norm=0.01")
        before = weights(job.model)
        one_epoch(job, stepping(job))
        moved.append({name: value - before[name] for name, value in weights(job.model).items()})
    grouped, alike = moved
    for name, way in grouped.items():
        factor = FACTOR if name.endswith("neuron.w") else 1.0
        torch.testing.assert_close(way, factor * alike[name], rtol=1e-3, atol=1e-7)
        assert way.any()


@pytest.mark.usefixtures("device_decides")
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_recorded_steps_train_groups_as_launched_ones_do_to_the_bit(optimizer: str) -> None:
    def run(step: TrainingStep, job: Job) -> tuple[list[float], dict[str, object], list[float]]:
        return epochs(job, step), outcome(job, step), learning_rates(job)

    overrides = (*SMALL, *FAST, f"optimizer={optimizer}", "scheduler=cosine", "trainer.clip_grad_norm=0.1")
    one, other = prepared(*overrides), prepared(*overrides)
    step, inner = recorded(one, StandIn())
    assert same(run(step, one), run(launched(other), other))
    assert inner.proven


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_run_with_groups_ends_as_if_it_had_never_been_interrupted(optimizer: str, tmp_path: Path) -> None:
    overrides = (*FAST, f"optimizer={optimizer}", "scheduler=cosine")
    assert finished(tmp_path / "alone", *overrides) == 0
    interrupted_at(4, 11)
    assert finished(tmp_path / "hurt", *overrides) == 2
    same_end(tmp_path / "alone", tmp_path / "hurt")
    assert len(state(tmp_path / "hurt")["optimizer"]["param_groups"]) == 2


def test_another_learning_rate_counts_for_every_group_of_a_resumed_run(tmp_path: Path) -> None:
    trained(tmp_path, *LOSS, *FAST, "scheduler=none", "optimizer.lr=0.01")
    trained(tmp_path, *LOSS, *FAST, "scheduler=none", "optimizer.lr=0.02", "trainer.epochs=5")
    groups = state(tmp_path)["optimizer"]["param_groups"]
    assert [group["lr"] for group in groups] == [0.02, pytest.approx(FACTOR * 0.02)]
