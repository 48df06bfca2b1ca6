"""Messages of parameter groups, schedules, first weights, time steps of training and gradient checkpointing."""

from __future__ import annotations

import torch
from torch import nn

from snntrain.training.job import model, optimisation, rules, time_steps
from snntrain.training.job.rules import Rules
from snntrain.training.saving import initial
from tests.training.jobs import configured, moving_dots, prepared, write_checkpoint

from .world import Case, World, overrides


def _groups(groups: str) -> list[str]:
    return optimisation.wrong_schedules(configured(f"optimizer.groups={groups}"))


def _matched(groups: str) -> None:
    Rules.of(configured(f"optimizer.groups={groups}")).groups(nn.ModuleDict({"fc1": nn.Linear(2, 2)}))


def _foreign_run(world: World) -> None:
    job = prepared("network.hidden=[5]", "neuron=if", f"trainer.init_from={world.broken}/runs/good")
    initial.load(job, initial.Source(world.broken, "", {"other": torch.zeros(2)}))


def _weights(world: World, model: object) -> None:
    write_checkpoint(world.folder / "first.pt", {"model": model})
    initial.read(str(world.folder / "first.pt"))


CASES: dict[str, Case] = {
    # config/rules.py
    "compiled checkpointing": (
        overrides("trainer.compile=true", "trainer.checkpoint_layers=4"),
        ("trainer.checkpoint_layers=4", "torch.compile cannot trace", "leave it out"),
    ),
    "one random T": (overrides("trainer.random_T=[3]"), ("trainer.random_T=[3]", "two numbers [lo, hi]", "as [2,6]")),
    "two courses of T": (
        overrides("trainer.random_T=[2,3]", "trainer.curriculum=[[1,2]]"),
        ("trainer.random_T=[2, 3]", "cannot be drawn with", "give one of the two"),
    ),
    "falling epochs": (
        overrides("trainer.curriculum=[[3,2],[1,4]]"),
        ("trainer.curriculum=[[3, 2], [1, 4]]", "pairs of an epoch and the time steps", "as [[1,2],[10,4]]"),
    ),
    # config/check.py
    "many groups": (
        overrides(f"optimizer.groups=[{','.join(['{match: a}'] * 101)}]"),
        ("optimizer.groups has 101 items", "give at most 100", "learning rate, weight decay or schedule"),
    ),
    # config/schedules.py
    "unknown schedule of a group": (
        lambda _: _groups("[{match: fc1*, schedule: cosin}]"),
        ("optimizer.groups[0].schedule", "no schedule 'cosin' (did you mean cosine?)", "there are cosine,"),
    ),
    "no schedule of a group": (
        lambda _: _groups("[{match: fc1*, schedule: 3}]"),
        ("optimizer.groups[0].schedule=3", "must be the name of a schedule", "as {name: cosine"),
    ),
    # training/job/optimisation.py
    "unknown key of a group's schedule": (
        lambda _: _groups("[{match: fc1*, schedule: {name: step, eveyr: 3}}]"),
        ("optimizer.groups[0].schedule", "unexpected keyword argument 'eveyr'", "it takes (optimizer,"),
    ),
    "wrong value of a group's schedule": (
        lambda _: prepared("optimizer.groups=[{match: fc1*, schedule: {name: step, factor: 3.0}}]"),
        ("optimizer.groups, fc1*: step", "factor must lie in (0, 1)", "not 3.0"),
    ),
    # training/job/rules.py
    "group of an optimizer without a schema": (
        lambda _: rules._typed({"match": "a", "lx": 3}, 0),
        ("optimizer.groups[0]={'match': 'a', 'lx': 3}", "must be a mapping with match", "give it like [{match:"),
    ),
    "pattern of nothing": (
        lambda _: _matched("[{match: '*fc2*'}]"),
        (
            "optimizer.groups[0].match=*fc2*",
            "matches no parameter (did you mean fc1?)",
            "the parameters are fc1.weight",
        ),
    ),
    "pattern that comes too late": (
        lambda _: _matched("[{match: '*'}, {match: '*bias'}]"),
        ("optimizer.groups[1].match=*bias", "earlier patterns take all that it matches", "put it before them"),
    ),
    # training/job/model.py
    "no chain of layers": (
        lambda _: model.compute_again(nn.Linear(2, 2), 3),
        ("trainer.checkpoint_layers=3", "Linear has no chain of layers", "leave it out"),
    ),
    # training/job/time_steps.py
    "time steps of sequences": (
        lambda _: time_steps.check(
            configured("trainer.random_T=[2,4]").trainer, moving_dots(None, 0.1, 0), nn.Identity()
        ),
        ("trainer.random_T", "samples of dots have their time steps already", "leave trainer.random_T out"),
    ),
    "encoder without time steps": (
        lambda _: time_steps.check(configured("trainer.random_T=[2,4]").trainer, prepared().data, nn.Identity()),
        ("trainer.random_T", "encoder Identity has no attribute T", "use encoder=direct"),
    ),
    # training/saving/initial.py
    "first weights of no run": (
        lambda world: initial.read(str(world.folder)),
        ("trainer.init_from=", "is not the folder of a run with a checkpoint", "give one that has checkpoints/best.pt"),
    ),
    "first weights of nothing": (
        lambda world: _weights(world, 3),
        ("trainer.init_from=", "has no weights of a network", "give a run folder"),
    ),
    "first weights that are not finite": (
        lambda world: _weights(world, {"w": torch.tensor([torch.inf])}),
        ("trainer.init_from=", "are not finite", "give another checkpoint"),
    ),
    "first weights of another network": (
        _foreign_run,
        ("trainer.init_from=", "none of its 1 weights agrees", "give a run with a network of the same kind"),
    ),
}
