"""Runs of recurrent and delayed networks on sequences of units of different length."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from snntrain.cost.count import Cost
from snntrain.cost.rates import FiringRates
from snntrain.data.batch import Batch
from snntrain.inspect.numbers import layer_numbers
from snntrain.neuron import reset_net
from snntrain.signals import Stopped
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.evaluation.look import look
from snntrain.training.job import world
from snntrain.training.job.build import Job
from snntrain.training.job.group import Peers
from snntrain.training.loss import CERate
from snntrain.training.step.diagnose import where_it_began
from tests.data.sets.layouts import write_spikes

from . import ranks
from .jobs import OURS, configured, prepared, rows, same, state, trained
from .recorded import epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["device_decides"]

WORDS = (
    *(OURS, "network=rsnn", "network.hidden=[16]", "dataset._target_=tests.training.spoken.words"),
    *("dataset.mean=[0.09]", "dataset.std=[0.4]", "dataset.workers=0", "trainer.limit_batches=null"),
    *("neuron.v_threshold=0.3", "loss=ce_rate"),
)
KINDS = {
    "recurrent": ("network.recurrent_diagonal=false",),
    "delays": ("network.recurrent=false", "network.delays=4"),
    "both": ("network.delays=4", "network.dropout=0.2", "network.votes=2"),
}
each = pytest.mark.parametrize("kind", ["recurrent", "delays"])
both = (*WORDS, *KINDS["both"])


def alone(batch: Batch) -> list[Batch]:
    """Return each sequence of a batch as a batch by itself, without padding."""
    assert batch.lengths is not None
    return [
        Batch(batch.x[:length, index : index + 1], batch.labels[index : index + 1])
        for index, length in enumerate(batch.lengths.tolist())
    ]


def measured(job: Job, batches: list[Batch]) -> dict[str, Any]:
    with FiringRates(job.model.network) as rates, Cost(job.model.network) as cost:
        metrics = evaluate(job.model, job.loss, batches, job.classes, job.world.precision)
    images = sum(len(batch.labels) for batch in batches)
    found = {"confusion": metrics.confusion.tolist(), "rates": rates.means(), "silent": rates.silent()}
    return found | {"cost": cost.figures(images)}


@each
def test_padded_sequences_give_what_each_gives_alone(kind: str) -> None:
    job = prepared(*WORDS, *KINDS[kind])
    (batch,) = job.validation.epoch()
    found, right = measured(job, [batch]), measured(job, alone(batch))
    assert found == right
    assert all(0 < rate < 1 for rate in right["rates"].values())
    assert right["cost"]["energy_nj_per_image"] > 0

    @torch.no_grad()
    def output(one: Batch) -> Tensor:
        job.model.eval()
        spikes: Tensor = job.model(one.x)
        reset_net(job.model)
        return spikes

    whole = output(batch)
    for index, one in enumerate(alone(batch)):
        assert torch.equal(whole[: len(one.x), index : index + 1], output(one))


def test_an_inspection_of_a_recurrent_layer_leaves_padding_out() -> None:
    job = prepared(*both)
    (batch,) = job.validation.epoch()
    seen, rates = look(job, batch), measured(job, [batch])["rates"]
    assert list(seen.recordings) == ["fc1_recurrent.neuron", "out_neuron"]
    for name, recording in seen.recordings.items():
        assert recording.s.shape[:2] == (12, 24)
        assert layer_numbers(recording, seen.lengths).rate == pytest.approx(rates[name], rel=1e-12)


@pytest.mark.usefixtures("device_decides")
def test_recorded_steps_train_as_launched_ones_do_to_the_bit() -> None:
    def job() -> Job:
        return prepared(*both, "trainer.epochs=2", "trainer.ema=0.8", "trainer.batch_size=32", "network.hidden=[8]")

    one, other = job(), job()
    right_step = launched(other)
    torch.manual_seed(0)
    losses = epochs(other, right_step)
    step, inner = recorded(one, StandIn())
    torch.manual_seed(0)
    assert epochs(one, step) == losses
    assert inner.proven
    assert same(outcome(one, step), outcome(other, right_step))


def test_delays_have_a_learning_rate_of_their_own() -> None:
    job = prepared(*both, "network.delay_lr_factor=7", "optimizer.lr=0.01", "optimizer.weight_decay=0.1")
    weights, delays = job.optimizer.param_groups
    assert (weights["initial_lr"], delays["initial_lr"]) == (pytest.approx(0.01), pytest.approx(0.07))
    assert (weights["weight_decay"], delays["weight_decay"]) == (0.1, 0.0)
    assert {id(p) for p in delays["params"]} == {id(job.model.network.fc1.delay), id(job.model.network.out.delay)}


@pytest.mark.parametrize(
    ("spoilt", "place"),
    [("fc1_recurrent.feedback.weight", "the weights of fc1_recurrent.feedback"), ("fc1.delay", "the delay of fc1")],
)
def test_the_first_number_that_is_not_finite_is_found(spoilt: str, place: str) -> None:
    job = prepared(*both)
    with torch.no_grad():
        job.model.network.get_parameter(spoilt)[0, 1] = torch.nan
    assert where_it_began(job, next(job.train.epoch(1))) == place


SHARED = (*both, "trainer.batch_size=9", "trainer.limit_batches=3", "trainer.epochs=2")


def train_with_others(peers: Peers) -> dict[str, Any]:
    config = configured(*SHARED)
    with world.entered(config.trainer, peers) as here:
        return ranks.trained(config, here, in_float64=True)


@pytest.mark.slow
def test_two_processes_train_what_one_trains() -> None:
    config = configured(*SHARED)
    right = ranks.trained(config, ranks.alone(config), in_float64=True)
    found, other = ranks.in_processes(2, train_with_others)
    assert ranks.distance(right["trained"], found["trained"]) < 1e-6
    assert ranks.distance(found["trained"], other["trained"]) == 0
    for epoch, expected in zip(found["epochs"], right["epochs"], strict=True):
        assert epoch["val_confusion"] == expected["val_confusion"]
        assert epoch["rates"] == pytest.approx(expected["rates"], rel=1e-6)


class Interrupted(CERate):
    """A loss for sequences of different length that sends a signal to its process in the computations `at`."""

    calls = 0
    at: ClassVar[set[int]] = set()

    def forward(
        self, spikes: Tensor, labels: Tensor, lengths: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        Interrupted.calls += 1
        if Interrupted.calls in Interrupted.at:
            signal.raise_signal(signal.SIGUSR1)
        return super().forward(spikes, labels, lengths, weights)


def test_an_interrupted_run_ends_as_if_it_had_never_been_interrupted(tmp_path: Path) -> None:
    """sigma shrinks in the first two of eight epochs; the interruptions come within the second and the third."""
    own = ("network.dropout=0.2", "trainer.epochs=8", "trainer.limit_batches=3")
    run = (*WORDS, *KINDS["delays"], *own, "loss._target_=tests.training.test_rsnn.Interrupted")
    Interrupted.calls, Interrupted.at = 0, set()
    trained(tmp_path / "alone", *run)
    Interrupted.calls, Interrupted.at = 0, {6, 10}
    for _ in range(2):
        with pytest.raises(Stopped):
            trained(tmp_path / "hurt", *run)
    saved = state(tmp_path / "hurt")
    assert 0 < saved["batch"] < 3
    trained(tmp_path / "hurt", *run)
    assert same(state(tmp_path / "alone"), state(tmp_path / "hurt"), apart=("sizes",))
    assert rows(tmp_path / "alone") == rows(tmp_path / "hurt")
    widths = [row["learnt"]["sigma/fc1"] for row in rows(tmp_path / "hurt")]
    assert widths == pytest.approx([2, (2 * 0.23) ** 0.5, *[0.23] * 6])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["delays", "both"])
def test_a_network_learns_words_of_different_length(kind: str, tmp_path: Path) -> None:
    learnt = ("optimizer.lr=0.02", "network.delay_lr_factor=10", "trainer.epochs=8", "network.hidden=[32]")
    assert trained(tmp_path, *WORDS, *KINDS[kind], *learnt)["test_accuracy"] > 0.9


def test_a_set_in_the_layout_of_shd_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNTRAIN_DATA", str(tmp_path))
    write_spikes(tmp_path, "shd", "train", 40, [index // 10 for index in range(40)])
    write_spikes(tmp_path, "shd", "test", 6, [9] * 6)
    chosen = ("network=rsnn", "network.hidden=[8]", "network.delays=3", "loss=ce_rate", "dataset.workers=0")
    summary = trained(tmp_path / "run", "dataset=shd", "dataset.validation=0.25", *chosen)
    # 140 of the units, 8 neurons and 2 classes; a delay for each weight; feedback, a norm and two time constants.
    assert summary["cost"]["parameters"] == 2 * (140 * 8 + 8 * 2) + 8 * 8 + 2 * 8 + 2
    assert summary["cost"]["energy_nj_per_image"] > 0
