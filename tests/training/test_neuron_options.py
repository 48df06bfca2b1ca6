"""Runs whose neurons have constants per neuron, learnt thresholds, weights over time, or random spikes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.config.saved import load
from snntrain.data.share import Share, computing
from snntrain.errors import UserError
from snntrain.network.synchronised import synchronise
from snntrain.neuron import BaseNode, IFNode, PSNNode, spiking_layers, surrogate
from snntrain.training.job.build import Job
from tests.conftest import run_in

from .jobs import OURS, TINY, one_epoch, prepared, same, state, stepping, weights

EACH = ("neuron=plif", "neuron.per_neuron=true", "neuron.learn_threshold=true")
WORDS = (OURS, "dataset._target_=tests.training.spoken.words")


class BareNode(BaseNode):
    """A neuron from before the options: its constructor knows none of them."""

    def __init__(
        self, v_threshold: float, v_reset: float | None, surrogate_function: Any, detach_reset: bool, step_mode: str
    ) -> None:
        super().__init__(v_threshold, v_reset, surrogate_function, detach_reset, step_mode=step_mode)

    def dynamics(self) -> tuple[float, float, float]:
        return 1.0, 0.0, self.rest


class Idle(nn.Sequential):
    """A network that makes a layer and does not call it."""

    def __init__(self, in_shape: Any, classes: int, neuron: Any, **others: Any) -> None:
        super().__init__(nn.Linear(64, classes))
        self.never = neuron()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self[0](x.flatten(2))
        return output


def constants(job: Job) -> dict[str, Tensor]:
    return {name: value for name, value in weights(job.model.network).items() if "neuron" in name}


def test_constants_per_neuron_have_their_shape_before_the_optimizer_and_are_learnt() -> None:
    job = prepared(*EACH, "trainer.ema=0.5", "network=csnn", "network.channels=[4]")
    before = constants(job)
    assert {name: tuple(value.shape) for name, value in before.items()} == {
        **{f"conv1_neuron.{name}": (4, 8, 8) for name in ("log_threshold", "w")},
        **{f"fc1_neuron.{name}": (16,) for name in ("log_threshold", "w")},
        **{f"out_neuron.{name}": (100,) for name in ("log_threshold", "w")},
    }
    held = {id(parameter) for group in job.optimizer.param_groups for parameter in group["params"]}
    assert {id(parameter) for parameter in job.model.parameters()} <= held
    one_epoch(job, stepping(job))
    after = constants(job)
    for name in ("conv1_neuron.w", "fc1_neuron.log_threshold"):
        assert len(after[name].unique()) > 4
        assert not torch.equal(after[name], before[name])
    assert job.average is not None
    assert constants(job).keys() == {
        name for name, _ in job.average.model.network.named_parameters() if "neuron" in name
    }


def test_the_first_input_changes_nothing_else() -> None:
    """A network with batch normalisation and dropout, whose draws and statistics must stay."""
    words = ("network=csnn", "network.channels=[4]", "network.dropout=0.5", "neuron=plif")
    plain = prepared(*words)
    drawn = torch.rand(3)
    each = prepared(*words, "neuron.per_neuron=true")
    assert torch.equal(torch.rand(3), drawn)
    one, other = plain.model.network.state_dict(), each.model.network.state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one if not key.endswith("neuron.w"))
    assert all(layer.v == 0.0 for _, layer in spiking_layers(each.model))


def test_a_layer_that_the_network_does_not_call_is_named() -> None:
    with pytest.raises(UserError, match="network: the network does not call never, so its constants per neuron"):
        prepared(*EACH, OURS, f"network._target_={__name__}.Idle")


@pytest.mark.parametrize("words", [EACH, ("neuron=sliding_psn", "surrogate=poisson_pass", "neuron.v_threshold=0.1")])
def test_a_resumed_run_ends_with_the_same_bits(words: tuple[str, ...], tmp_path: Path) -> None:
    small = (*TINY, *words, "scheduler=none", "trainer.ema=0.9")
    for name, epochs in (("whole", 2), ("begun", 1)):
        assert run_in(tmp_path, *small, f"trainer.epochs={epochs}", f"hydra.run.dir={name}") == 0
    assert run_in(tmp_path, "resume=begun", "trainer.epochs=2") == 0
    whole, resumed = state(tmp_path / "whole"), state(tmp_path / "begun")
    assert same(whole["trained"], resumed["trained"])
    assert same(whole["average"], resumed["average"])
    assert run_in(tmp_path, "eval", "run=begun") == 0


def test_psn_has_weights_for_the_steps_of_the_run() -> None:
    job = prepared("neuron=psn", "T=6")
    nodes = [layer for _, layer in spiking_layers(job.model)]
    assert [type(node) for node in nodes] == [PSNNode, PSNNode]
    assert all(node.weight.shape == (6, 6) for node in nodes if isinstance(node, PSNNode))
    one_epoch(job, stepping(job))


def test_sequences_of_different_length_need_a_causal_neuron() -> None:
    with pytest.raises(UserError, match=r"neuron\.causal=False: layer fc1_neuron reads all steps, .*=sliding_psn"):
        prepared(*WORDS, "neuron=psn")
    for words in (("neuron=psn", "neuron.causal=true"), ("neuron=sliding_psn",)):
        job = prepared(*WORDS, *words)
        one_epoch(job, stepping(job))


def test_a_class_that_does_not_know_the_options_runs_without_them_and_refuses_their_use(tmp_path: Path) -> None:
    own = (OURS, f"neuron._target_={__name__}.BareNode", "neuron=if")
    assert isinstance(next(spiking_layers(prepared(*own).model))[1], BareNode)
    with pytest.raises(UserError, match="got an unexpected keyword argument 'learn_threshold'"):
        prepared(*own, "neuron.learn_threshold=true")


def test_a_configuration_from_before_the_options_has_their_neutral_values(tmp_path: Path) -> None:
    assert run_in(tmp_path, *TINY, "neuron=lif", "hydra.run.dir=run") == 0
    file = tmp_path / "run" / "config.yaml"
    new = ("learn_threshold:", "per_neuron:", "decay_input:")
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.strip().startswith(new)]
    assert len(lines) - len(kept) == 3
    file.write_text("".join(kept))
    neuron: Any = load(tmp_path / "run", []).neuron
    assert (neuron.learn_threshold, neuron.per_neuron, neuron.decay_input) == (False, False, True)
    assert run_in(tmp_path, "resume=run", "trainer.epochs=2") == 0


def test_shares_of_a_batch_have_the_random_spikes_of_the_whole() -> None:
    net = nn.Sequential(IFNode(v_threshold=0.0, surrogate_function=surrogate.PoissonPass(), step_mode="m"))
    x = torch.rand(4, 6, 9, generator=torch.Generator().manual_seed(0))
    whole = drawn(net, x, None)
    synchronise(net, lambda value: value)
    shares = [Share.of(6, rank, 2) for rank in range(2)]
    parts = [drawn(net, x[:, share.start : share.stop], share) for share in shares]
    assert torch.equal(torch.cat(parts, 1), whole)


def drawn(net: nn.Module, x: Tensor, share: Share | None) -> Tensor:
    torch.manual_seed(5)
    for _, layer in spiking_layers(net):
        layer.reset()
    with computing(share):
        spikes: Tensor = net(x)
    return spikes
