"""Groups of parameters by pattern, and weight decay without normalisations, biases and constants of neurons."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from snntrain.config import saved, wire
from snntrain.config.validate import validate
from snntrain.errors import UserError
from snntrain.training.job.build import Job
from snntrain.training.logs.hparams import hyper_parameters
from tests.inspect.event_files import events

from .interrupted_runs import LOSS
from .jobs import (
    OURS,
    _interrupted_by_nobody,
    configured,
    one_epoch,
    prepared,
    prepared_by,
    rows,
    same,
    state,
    stepping,
    trained,
    weights,
)
from .recorded import SMALL, epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["_interrupted_by_nobody", "device_decides"]

CSNN = ("network=csnn", "network.channels=[4]", "network.hidden=[8]", "neuron=plif")
DECAYING = ("conv1.weight", "fc1.weight", "out.weight")


def names(job: Job) -> dict[str, int]:
    """Return the index of the group of each parameter, by its name in the network."""
    group_of = {id(one): n for n, group in enumerate(job.optimizer.param_groups) for one in group["params"]}
    return {name.removeprefix("network."): group_of[id(one)] for name, one in job.model.named_parameters()}


def group_of(job: Job, name: str) -> dict[str, object]:
    group: dict[str, object] = job.optimizer.param_groups[names(job)[name]]
    return group


def test_only_weights_of_layers_decay_without_decay_norm() -> None:
    decay = ("optimizer=adamw", "optimizer.weight_decay=0.1")
    job = prepared(*CSNN, *decay, "optimizer.decay_norm=false")
    found = {name: group_of(job, name)["weight_decay"] for name in names(job)}
    assert found == {name: 0.1 if name in DECAYING else 0.0 for name in names(job)}
    assert {"conv1_norm.weight", "conv1_norm.bias", "conv1_neuron.w"} <= found.keys()
    (group,) = prepared(*CSNN, *decay, "optimizer.decay_norm=true").optimizer.param_groups
    assert group["weight_decay"] == 0.1


def test_a_step_without_gradients_shrinks_only_what_decays() -> None:
    decay = ("optimizer=adamw", "optimizer.weight_decay=0.5", "optimizer.decay_norm=false")
    job = prepared(*CSNN, *decay, "optimizer.lr=0.1", "scheduler=none")
    before = weights(job.model.network)
    for parameter in job.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    job.optimizer.step()
    for name, value in weights(job.model.network).items():
        torch.testing.assert_close(value, before[name] * (0.95 if name in DECAYING else 1.0))


def test_the_first_pattern_decides_and_a_pattern_decides_over_a_module() -> None:
    fast = (OURS, "neuron=plif", "neuron._target_=tests.training.test_parameter_groups.Fast", "optimizer=adamw")
    patterns = "optimizer.groups=[{match: out*.w, lr: 0.5}, {match: '*neuron.w', weight_decay: 0.3}, {match: 'f*'}]"
    job = prepared(*fast, "optimizer.weight_decay=0.1", "optimizer.lr=0.01", "scheduler=none", patterns)
    found = {name: (group_of(job, name)["lr"], group_of(job, name)["weight_decay"]) for name in names(job)}
    assert found == {
        "fc1.weight": (0.01, 0.1),
        # The module declares ten times the learning rate and no decay.
        "fc1_neuron.w": (pytest.approx(0.1), 0.3),
        "out.weight": (0.01, 0.1),
        "out_neuron.w": (0.5, 0.0),
    }


def test_the_order_of_groups_is_that_of_the_network_and_plain_settings_change_nothing() -> None:
    plain, matched = prepared(*CSNN), prepared(*CSNN, "optimizer.groups=[{match: '*'}]")
    assert len(matched.optimizer.param_groups) == 1
    one_epoch(plain, stepping(plain))
    one_epoch(matched, stepping(matched))
    for name, value in weights(plain.model).items():
        assert torch.equal(value, weights(matched.model)[name])


def test_each_group_follows_its_schedule() -> None:
    job = prepared(
        *("trainer.epochs=4", "scheduler=linear", "optimizer.lr=0.1"),
        "optimizer.groups=[{match: out.*, lr: 1.0, schedule: {name: step, every: 2, factor: 0.5}}]",
    )
    rates = []
    step = stepping(job)
    for number in range(1, 5):
        rates.append([group_of(job, name)["lr"] for name in ("fc1.weight", "out.weight")])
        one_epoch(job, step, number)
    assert rates == [[pytest.approx(0.1 * (1 - n / 4)), 0.5 ** (n // 2)] for n in range(4)]


@pytest.mark.usefixtures("device_decides")
def test_recorded_steps_follow_the_schedules_of_groups_to_the_bit() -> None:
    groups = "optimizer.groups=[{match: out.*, lr: 0.1, schedule: {name: plateau, patience: 0}}]"
    overrides = (*SMALL, "scheduler=linear", "scheduler.warmup=0.2", groups)
    one, other = prepared(*overrides), prepared(*overrides)
    step, inner = recorded(one, StandIn())
    assert epochs(one, step) == epochs(other, launching := launched(other))
    assert same(outcome(one, step), outcome(other, launching))
    assert inner.proven


def test_the_learning_rates_of_groups_are_logged_and_saved(tmp_path: Path) -> None:
    groups = "optimizer.groups=[{match: out.*, lr: 0.1, schedule: {name: cosine, final: 0.5}}]"
    trained(tmp_path, *LOSS, "scheduler=none", groups)
    expected = [0.1 * (0.5 + 0.5 * (1 + math.cos(math.pi * n / 4)) / 2) for n in range(4)]
    assert [row["learning_rates"] for row in rows(tmp_path)] == [{"out.*": pytest.approx(rate)} for rate in expected]
    logged = [point.value for point in events(tmp_path / "tensorboard").Scalars("learning_rate/out.*")]
    assert logged == pytest.approx(expected)
    config = saved.load(tmp_path, [OURS, "optimizer.lr=0.5"])
    (rule,) = config.optimizer.groups
    assert (rule.match, rule.lr, rule.weight_decay, rule.schedule) == (
        "out.*",
        0.1,
        None,
        {"name": "cosine", "final": 0.5},
    )


def test_groups_can_be_swept_and_sent_to_another_process() -> None:
    groups = "optimizer.groups=[{match: out.*, lr: 0.1, schedule: {name: step, every: 2}}]"
    configs = validate([groups, "optimizer.groups.0.lr=0.2,0.3"], multirun=True)
    assert [config.optimizer.groups[0].lr for config in configs] == [0.2, 0.3]
    assert [wire.from_json(wire.to_json(config)) for config in configs] == configs
    key = hyper_parameters(configs[0], "digits")["optimizer.groups"]
    assert isinstance(key, str)
    assert "out.*" in key


def test_a_schedule_of_a_group_may_only_be_a_trusted_one() -> None:
    with pytest.raises(
        UserError, match=r"schedule\._target_=os\.system: may name only what is in snntrain\.training\.sch"
    ):
        validate(["optimizer.groups=[{match: out.*, schedule: {_target_: os.system}}]"])
    # An optimizer cannot stand in the place of a schedule.
    with pytest.raises(UserError, match="may name only what is in snntrain"):
        validate(["optimizer.groups=[{match: out.*, schedule: {_target_: torch.optim.Adam}}]"])


def test_an_optimizer_without_a_schema_has_groups_too() -> None:
    plain = {
        "_target_": "torch.optim.Adagrad",
        "lr": 0.1,
        "groups": [{"match": "out.*", "lr": 0.5}],
        "decay_norm": False,
    }
    config = dataclasses.replace(configured("scheduler=none"), optimizer=plain)
    job = prepared_by(config)
    assert (group_of(job, "fc1.weight")["lr"], group_of(job, "out.weight")["lr"]) == (0.1, 0.5)
    config.optimizer.pop("groups")
    config.optimizer.pop("decay_norm")
    assert len(prepared_by(config).optimizer.param_groups) == 1


@pytest.mark.parametrize("changed", ["optimizer.groups=[{match: out.*, lr: 0.2}]", "optimizer.decay_norm=false"])
def test_other_groups_would_make_a_resumed_run_another_run(changed: str, tmp_path: Path) -> None:
    trained(tmp_path, *LOSS, "trainer.epochs=1", "optimizer.groups=[{match: out.*, lr: 0.1}]")
    before = state(tmp_path)["config"]["optimizer"]
    assert before["groups"] == [{"match": "out.*", "lr": 0.1, "weight_decay": None, "schedule": None}]
    with pytest.raises(UserError, match=r"cannot be used|has changed since the run began"):
        trained(tmp_path, *LOSS, "trainer.epochs=2", "optimizer.groups=[{match: out.*, lr: 0.1}]", changed)


def test_a_plateau_keeps_what_it_has_seen_if_the_run_gets_longer(tmp_path: Path) -> None:
    # Nothing is learnt, so no epoch is better than the first.
    plateau = (*LOSS, "optimizer.lr=1e-20", "scheduler=plateau", "scheduler.patience=0", "scheduler.factor=0.5")
    trained(tmp_path, *plateau, "trainer.epochs=3")
    trained(tmp_path, *plateau, "trainer.epochs=5")
    assert [row["learning_rate"] for row in rows(tmp_path)] == [
        pytest.approx(1e-20 * f) for f in (1, 1, 0.5, 0.25, 0.125)
    ]


@pytest.mark.parametrize("optimizer", ["rmsprop", "nadam", "radam"])
@pytest.mark.sample(1)
def test_every_optimizer_learns_and_its_state_is_checked_and_resumed(optimizer: str, tmp_path: Path) -> None:
    own = (*LOSS, f"optimizer={optimizer}", "optimizer.lr=0.02", "scheduler=none", "neuron.v_threshold=0.3")
    trained(tmp_path / "whole", *own)
    trained(tmp_path / "parts", *own, "trainer.epochs=2")
    trained(tmp_path / "parts", *own)
    assert same(state(tmp_path / "whole"), state(tmp_path / "parts"), apart=("sizes",))
    losses = [row["train_loss"] for row in rows(tmp_path / "whole")]
    assert losses[-1] < losses[0]
