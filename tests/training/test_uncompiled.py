"""Optimizers that do not use torch's compiler, compared with torch's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam, Optimizer, RMSprop

from snntrain.training.job.uncompiled import without_compiler

from .jobs import same, weights

A_RUN = """
import sys
from pathlib import Path
from tests.training.jobs import trained
for number, override in enumerate(sys.argv[2:]):
    folder = Path(sys.argv[1]) / str(number)
    trained(folder, override, "monitor=default", "trainer.epochs=2", "trainer.clip_grad_norm=1")
print([name for name in sys.modules if name.startswith(("torch._dynamo", "torch._inductor"))])
"""


@pytest.mark.slow
def test_a_run_that_compiles_nothing_does_not_import_the_compiler(tmp_path: Path) -> None:
    given = [sys.executable, "-c", A_RUN, str(tmp_path), "optimizer=adam", "optimizer=sgd"]
    done = subprocess.run(given, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def moved(kind: Any, **arguments: Any) -> tuple[Optimizer, dict[str, Tensor]]:
    """Take three steps, and two more by a second optimizer with the first one's state; return it and the weights."""
    torch.manual_seed(0)
    net, x = nn.Linear(3, 2), torch.rand(5, 3)
    optimizer = kind(net.parameters(), **arguments)
    for step in range(5):
        if step == 3:
            before, optimizer = optimizer.state_dict(), kind(net.parameters(), **arguments)
            optimizer.load_state_dict(before)
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()
    return optimizer, weights(net)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Adam, {"lr": 0.1, "fused": True}),
        (AdamW, {"lr": 0.1, "fused": True}),
        (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "fused": True}),
        (RMSprop, {"lr": 0.1}),
        (NAdam, {"lr": 0.1, "foreach": True}),
        (Adagrad, {"lr": 0.1}),
    ],
)
def test_it_moves_the_weights_as_torchs_own_does(kind: type[Optimizer], arguments: dict[str, Any]) -> None:
    (ours, here), (theirs, there) = moved(without_compiler(kind), **arguments), moved(kind, **arguments)
    assert same(here, there)
    assert same(ours.state_dict(), theirs.state_dict())
    assert isinstance(ours, kind)
    assert repr(ours) == repr(theirs)


def test_its_steps_call_hooks_and_schedules() -> None:
    net = nn.Linear(3, 2)
    optimizer = without_compiler(SGD)(net.parameters(), lr=1.0)
    called: list[str] = []
    optimizer.register_step_pre_hook(lambda *given: called.append("before"))
    optimizer.register_step_post_hook(lambda *given: called.append("after"))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    net(torch.rand(1, 3)).sum().backward()
    optimizer.step()
    schedule.step()
    assert called == ["before", "after"]
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_differentiable_step_keeps_its_graph() -> None:
    weight, rate = torch.ones(3, requires_grad=True), torch.tensor(0.1, requires_grad=True)
    moving = weight.clone()
    optimizer = without_compiler(SGD)([moving], lr=rate, differentiable=True)
    moving.grad = torch.ones(3)
    optimizer.step()
    assert torch.is_grad_enabled()
    moving.sum().backward()
    assert torch.equal(rate.grad, torch.tensor(-3.0))


class Own(SGD):
    """The user's own step, on top of torch's."""

    def step(self, closure: Any = None) -> Any:
        self.own_steps = getattr(self, "own_steps", 0) + 1
        return super().step(closure)


def test_methods_of_a_users_own_stay() -> None:
    ours, here = moved(without_compiler(Own), lr=0.1)
    theirs, there = moved(Own, lr=0.1)
    assert same(here, there)
    assert ours.own_steps == theirs.own_steps == 2
    assert without_compiler(moved) is moved
