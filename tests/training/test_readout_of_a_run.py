"""The readout of a run: training, evaluation, pictures, numbers and cost follow it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from snntrain.config import saved
from snntrain.cost.count import Cost
from snntrain.data.batch import Batch
from snntrain.errors import UserError
from snntrain.inspect.drawing import plots
from snntrain.inspect.files import arrays
from snntrain.inspect.numbers import layer_numbers
from snntrain.network.readout import Membrane, Rate, Readout
from snntrain.network.table import layer_table
from snntrain.neuron import LINode, reset_net
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.evaluation.look import look
from snntrain.training.job import world
from snntrain.training.job.build import Job
from snntrain.training.job.group import Peers
from snntrain.training.logs.hparams import hyper_parameters
from snntrain.training.logs.monitor import Monitor
from snntrain.training.loss import loss_of
from tests.conftest import TINY, Outcome

from . import ranks
from .jobs import OURS, configured, prepared, prepared_by, rows, same, state, stepping, trained
from .recorded import epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides
from .test_padding import alone
from .test_units import WORDS

__all__ = ["device_decides"]

Command = Callable[..., Outcome]
READOUTS = ("rate", "membrane", "sum_softmax", "current")
every = pytest.mark.parametrize("readout", READOUTS)
WITHOUT_SPIKES = ("readout=membrane", "readout.over=last", "readout.tau=3", "loss=ce", "network.votes=2")

# A readout and a loss that fit each other.
RECIPES = {
    "rate": ("loss=mse_rate",),
    "votes": ("readout=rate", "loss=mse_votes", "network.votes=4"),
    "last": ("readout=membrane", "readout.over=last", "loss=ce"),
    "max": ("readout=membrane", "readout.over=max", "loss=ce"),
    "mean": ("readout=membrane", "readout.over=mean", "loss=mse_rate"),
    "sum_softmax": ("readout=sum_softmax", "loss=ce", "loss.label_smoothing=0.05"),
    "current": ("readout=current", "loss=ce"),
    "tet": ("readout=current", "loss=tet", "loss.label_smoothing=0.05"),
    "few spikes": ("loss=mse_rate", "loss.rate_weight=1", "loss.rate_target=0.05"),
}
WHOLE = ("trainer.limit_batches=null", "network.votes=1", "optimizer.lr=0.01", "trainer.batch_size=32")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_digits_are_learnt(recipe: str, tmp_path: Path) -> None:
    summary = trained(tmp_path, *WHOLE, "network.hidden=[64]", "trainer.epochs=8", *RECIPES[recipe])
    assert summary["test_accuracy"] > 0.9
    if recipe == "few spikes":
        assert summary["cost"]["layers"]["fc1_neuron"]["spikes_per_image"] < 40


def test_the_time_constant_of_the_integrators_is_learnt() -> None:
    job = prepared("T=2", "readout=membrane", "readout.learn_tau=true", "readout.tau=3", "trainer.limit_batches=5")
    before = job.model.network.get_submodule("out_neuron").learnt()["tau"]
    epochs(job, stepping(job))
    after = job.model.network.get_submodule("out_neuron").learnt()["tau"]
    assert before == pytest.approx(3, rel=1e-5)
    assert after != pytest.approx(3, rel=1e-5)


@pytest.mark.parametrize("recipe", list(RECIPES))
@pytest.mark.sample(3)
def test_the_loss_falls(recipe: str) -> None:
    job = prepared(*WHOLE, "T=2", *RECIPES[recipe], "trainer.limit_batches=20")
    first, second = epochs(job, stepping(job))
    assert second < first


def test_a_run_without_a_readout_is_that_of_a_rate_to_the_bit(tmp_path: Path) -> None:
    trained(tmp_path / "one")
    trained(tmp_path / "other", "readout=rate", "loss.rate_weight=0", "loss.label_smoothing=0")
    assert same(state(tmp_path / "one")["trained"], state(tmp_path / "other")["trained"])


def test_a_configuration_from_before_has_a_rate_and_no_penalty(tmp_path: Path) -> None:
    trained(tmp_path)
    file = tmp_path / "config.yaml"
    content = yaml.safe_load(file.read_text())
    now = saved.load(tmp_path, [])
    del content["readout"]
    content["loss"] = {"_target_": "snntrain.training.loss.MSERate"}
    file.write_text(yaml.safe_dump(content))
    assert saved.load(tmp_path, []) == now
    changed = saved.load(tmp_path, ["readout=membrane", "readout.tau=4", "loss.rate_weight=1"])
    assert changed.readout == configured("readout=membrane", "readout.tau=4").readout


def test_a_paused_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    given = (*WITHOUT_SPIKES, "loss.rate_weight=0.5", "trainer.epochs=2", "trainer.ema=0.9", "network.dropout=0.2")
    trained(tmp_path / "whole", *given)
    trained(tmp_path / "paused", *given, "trainer.pause_after=1")
    assert len(rows(tmp_path / "paused")) == 1
    trained(tmp_path / "paused", *given, "trainer.pause_after=null")
    assert rows(tmp_path / "paused") == rows(tmp_path / "whole")
    assert same(state(tmp_path / "paused"), state(tmp_path / "whole"), apart=("sizes",))


@every
def test_padded_sequences_are_evaluated_as_each_of_them_alone(readout: str) -> None:
    job = prepared(*WORDS, f"readout={readout}", "loss=ce", "neuron.v_threshold=0.5")
    (batch,) = job.validation.epoch()
    padded = evaluate(job.model, job.loss, [batch], job.classes, job.world.precision)
    each = evaluate(job.model, job.loss, alone(batch), job.classes, job.world.precision)
    assert padded.loss == pytest.approx(each.loss, rel=1e-5)
    assert torch.equal(padded.confusion, each.confusion)
    with Cost(job.model.network) as cost:
        evaluate(job.model, job.loss, [batch], job.classes, job.world.precision)
    with Cost(job.model.network) as right:
        evaluate(job.model, job.loss, alone(batch), job.classes, job.world.precision)
    assert cost.figures(1) == right.figures(1)
    seen = look(job, batch)
    for index, single in enumerate(alone(batch)):
        scores = look(job, single).answers.scores[0]
        np.testing.assert_allclose(seen.answers.scores[index], scores, rtol=1e-5, atol=1e-7)


@pytest.mark.usefixtures("device_decides")
@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "given",
    [
        ("readout=membrane", "readout.over=max", "loss=ce", "loss.rate_weight=0.5"),
        ("readout=sum_softmax", "loss=mse_votes", "loss.label_smoothing=0.1", "trainer.ema=0.9"),
        ("readout=current", "loss=tet", "dataset.balance=loss", "loss.rate_weight=0.5"),
        ("readout=membrane", "readout.over=last", "loss=mse_rate", "trainer.precision=bf16"),
    ],
    ids=["max", "sum of the softmax", "tet", "last"],
)
def test_recorded_steps_train_as_launched_ones_do_to_the_bit(given: tuple[str, ...]) -> None:
    def job() -> Job:
        return prepared(*WORDS, "network.votes=2", "trainer.batch_size=16", "trainer.epochs=2", *given)

    one, other = job(), job()
    right_step = launched(other)
    losses = epochs(other, right_step)
    step, inner = recorded(one, StandIn())
    assert epochs(one, step) == losses
    assert inner.proven
    assert same(outcome(one, step), outcome(other, right_step))


def train_with_others(peers: Peers) -> dict[str, Any]:
    config = configured(*PADDED)
    with world.entered(config.trainer, peers) as here:
        return ranks.trained(config, here, in_float64=True)


PADDED = (*WORDS, "readout=sum_softmax", "loss=ce", "loss.rate_weight=0.5", "trainer.batch_size=13", "network.votes=2")


@pytest.mark.slow
def test_two_processes_train_on_padded_sequences_as_one_does() -> None:
    config = configured(*PADDED)
    right = ranks.trained(config, ranks.alone(config), in_float64=True)
    found, other = ranks.in_processes(2, train_with_others)
    assert ranks.distance(right["weights"], found["weights"]) < 1e-6
    assert ranks.distance(found["weights"], other["weights"]) == 0


def test_only_the_training_loss_has_the_penalty() -> None:
    plain, job = prepared(), prepared("loss.rate_weight=2", "loss.rate_target=0.9")
    batch = next(plain.train.epoch(1))

    def loss(of: Job) -> float:
        value = loss_of(of.loss, of.model(batch.x), batch, of.model.readout)
        reset_net(of.model)
        return float(value.detach())

    assert loss(job) > loss(plain) + 0.5
    for one in (plain, job):
        one.model.eval()
    assert loss(job) == loss(plain)
    assert not plain.model.network._forward_pre_hooks
    assert not plain.loss._forward_hooks


def test_neurons_that_never_spike_have_numbers_and_pictures_of_their_potential() -> None:
    job = prepared(*WITHOUT_SPIKES)
    batch = next(job.validation.epoch())
    few = Batch(batch.x[:3], batch.labels[:3])
    probes = look(job, few)
    seen = probes.recordings["out_neuron"]
    assert not seen.spiking
    assert seen.v.shape == (4, 3, 20)
    np.testing.assert_array_equal(seen.v.reshape(4, 3, 10, 2).mean(3), probes.output)
    np.testing.assert_allclose(probes.answers.scores, probes.output[-1], rtol=1e-6)
    assert probes.answers.classes == probes.output[-1].argmax(1).tolist()
    numbers = layer_numbers(seen)
    assert (numbers.rate, numbers.silent, numbers.saturated) == (None, None, None)
    assert numbers.highest == seen.h.max()
    kept = arrays(probes)
    assert {"out_neuron/h", "out_neuron/v"} <= kept.keys()
    assert "out_neuron/s" not in kept
    np.testing.assert_array_equal(kept["scores"], probes.answers.scores)
    tags = dict(plots(probes, None, 5))
    of_output = [tag for tag in tags if "out" in tag]
    assert of_output == ["voltages/out_neuron", "heat_map/out_neuron", "output/scores"]
    labels = [artist.get_text() for artist in tags["output/scores"].get_children() if hasattr(artist, "get_text")]
    assert "potential after the last step" in labels


def test_neurons_that_never_spike_are_not_among_firing_rates_and_gradient_windows(tmp_path: Path) -> None:
    summary = trained(tmp_path, *WITHOUT_SPIKES, "monitor=default")
    (row,) = rows(tmp_path)
    named = [key for key in row if "out_neuron" in json.dumps(row[key])]
    assert named == []
    assert "spikes_per_image" not in summary["cost"]["layers"]["out_neuron"]
    seen = Monitor(prepared(*WITHOUT_SPIKES, "monitor=default")).look(drawn=True)
    assert set(seen.in_window) == {"fc1_neuron"}
    assert seen.probes is not None
    assert set(seen.probes.recordings) == {"fc1_neuron", "out_neuron"}


def test_the_cost_counts_potentials_and_the_operations_of_the_last_layer() -> None:
    job, rate = prepared(*WITHOUT_SPIKES, "T=3"), prepared("network.votes=2", "T=3")
    batches = [Batch(batch.x[:5], batch.labels[:5]) for batch in job.validation.epoch()][:1]
    layers = []
    for one in (job, rate):
        with Cost(one.model.network) as cost:
            evaluate(one.model, one.loss, batches, one.classes, one.world.precision)
        layers.append(cost.figures(5)["layers"])
    assert layers[0]["out"] == layers[1]["out"]
    assert layers[0]["out_neuron"].keys() == layers[1]["out_neuron"].keys() - {"spikes_per_image"}
    potentials = look(job, batches[0]).recordings["out_neuron"].v.reshape(3, -1)
    changed = potentials[0].size + int((potentials[1:] != potentials[:-1]).sum())
    assert layers[0]["out_neuron"]["membrane_updates_per_image"] == changed / 5
    table = layer_table(job.model.network, job.model.encoder(batches[0].x[:1]))
    (line,) = [line.split() for line in table.splitlines() if line.startswith("out_neuron")]
    assert line == ["out_neuron", "LINode", "20", "0"]


def test_sequences_show_what_the_readout_makes_of_the_output_over_time() -> None:
    for given, name in (
        ("sum_softmax", "sum of the softmax so far"),
        ("membrane", "potential v"),
        ("current", "current"),
    ):
        job = prepared(*WORDS, f"readout={given}", "loss=ce")
        batch = next(job.validation.epoch())
        probes = look(job, batch)
        assert probes.answers.course_meaning == name
        figure = dict(plots(probes, None, 5))["output/over_time"]
        assert name in [artist.get_text() for artist in figure.get_children() if hasattr(artist, "get_text")]
        if given == "sum_softmax":
            assert probes.answers.course is not None
            ends = [probes.answers.course[length - 1, row] for row, length in enumerate(probes.lengths or ())]
            np.testing.assert_allclose(np.stack(ends), probes.answers.scores, rtol=1e-5)


def test_tensorboard_compares_runs_by_their_readout() -> None:
    found = hyper_parameters(configured("readout=membrane", "readout.tau=5"), "digits")
    assert (found["readout"], found["readout.tau"], found["readout.over"]) == ("Membrane", 5.0, "mean")


def test_eval_and_inspect_follow_the_readout(snntrain: Command, tmp_path: Path) -> None:
    done = snntrain(*TINY, "readout=sum_softmax", "loss=ce", "hydra.run.dir=run")
    assert done.status == 0, done.err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    shown = snntrain("eval", "run=run")
    assert shown.status == 0, shown.err
    assert f"test accuracy {summary['test_accuracy']:.4f}" in shown.out
    assert "out_neuron" not in shown.out.partition("firing rate")[2].partition("cost of an image")[0]
    seen = snntrain("inspect", "run=run", "sample=1,2", "out=seen")
    assert seen.status == 0, seen.err
    assert [line.split() for line in seen.out.splitlines() if line.startswith("out_neuron")] == [
        ["out_neuron", "–", "–", "–"]
    ]
    assert "sum of the softmax" in (tmp_path / "seen" / "output-scores.svg").read_text()
    alone = snntrain("inspect", "run=run", "sample=1", "layer=out_neuron", "out=one")
    assert alone.status == 0, alone.err


class Plain(nn.Module):
    """A network of the user's own that makes its last layer itself."""

    def __init__(self, in_shape: Any, classes: int, neuron: Any) -> None:
        super().__init__()
        self.fc, self.last = nn.Linear(64, classes), LINode(2.0, step_mode="m")

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(self.fc(x.flatten(2)))
        return output


class Weakest(Readout):
    """A readout of the user's own: the least output counts."""

    def scores(self, output: Tensor, lengths: Tensor | None = None) -> Tensor:
        return -output.amin(0)


HERE = "tests.training.test_readout_of_a_run"


def test_a_network_of_ones_own_that_makes_its_last_layer_is_read_as_it_is_or_refused() -> None:
    own = configured(OURS)
    own.network = {"_target_": f"{HERE}.Plain"}
    assert prepared_by(own).model.readout.votes is None
    own.readout = configured("readout=membrane").readout
    with pytest.raises(UserError, match="readout=Membrane: the network Plain takes no argument output"):
        prepared_by(own)


def test_a_readout_of_ones_own_is_used_everywhere(tmp_path: Path) -> None:
    own = (OURS, f"readout._target_={HERE}.Weakest")
    job = prepared(*own)
    assert isinstance(job.model.readout, Weakest)
    batch = next(job.validation.epoch())
    with torch.no_grad():
        output = job.model(batch.x)
    reset_net(job.model)
    assert look(job, batch).answers.classes == output.amin(0).argmin(1).tolist()
    assert trained(tmp_path, *own)["epochs"] == 1


def test_the_average_of_the_weights_is_read_alike() -> None:
    job = prepared(*WITHOUT_SPIKES, "trainer.ema=0.9", "loss=mse_votes", "loss.rate_weight=1")
    assert isinstance(job.evaluated.readout, Membrane)
    assert not isinstance(job.evaluated.readout, Rate)
    batches = list(job.validation.epoch())
    metrics = [evaluate(m, job.loss, batches, job.classes, job.world.precision) for m in (job.model, job.evaluated)]
    assert metrics[0].loss == metrics[1].loss > 0
