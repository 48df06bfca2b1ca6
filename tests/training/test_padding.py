"""Sequences of different length in one batch: padded, they give the same results as each alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.cost.count import Cost
from snntrain.cost.rates import FiringRates
from snntrain.data.batch import Batch
from snntrain.data.dataset import Data
from snntrain.errors import UserError
from snntrain.inspect.numbers import layer_numbers
from snntrain.inspect.recording import of_sample
from snntrain.kernels import dispatch
from snntrain.neuron import IFNode, reset_net
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.evaluation.look import look
from snntrain.training.job import world
from snntrain.training.job.build import Job
from snntrain.training.job.group import Peers
from snntrain.training.logs.monitor import Monitor
from snntrain.training.loss import CERate, MSERate, loss_of

from . import ranks
from .jobs import OURS, configured, moving_dots, prepared, same, trained
from .recorded import epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["device_decides"]

LOSSES = pytest.mark.parametrize("loss", ["mse_rate", "ce_rate"])
DATA = ("dataset.mean=[0,0]", "dataset.std=[.1,.1]", "dataset.workers=0", "trainer.limit_batches=null")
DOTS = (OURS, "dataset._target_=tests.training.test_padding.padded_dots", *DATA)


# Every change of the augmentation, and batch normalisation.
NORMALISED = (
    *("network=csnn", "network.channels=[2]", "network.hidden=[4]", "dataset.augment=dvs_wide"),
    *("dataset.augment.roll=1", "dataset.augment.temporal_crop=0.4", "dataset.augment.drop=0.3"),
    *("dataset.augment.polarity_flip=true", "dataset.augment.cutout=2", "dataset.augment.crop_padding=1"),
)


def padded_dots(root: str | None, validation: float, split_seed: int) -> Data:
    """Return dots that move for 1 to 6 steps; the steps after that hold noise."""
    data = moving_dots(root, validation, split_seed)
    splits = []
    for split in (data.train, data.validation, data.test):
        lengths = 1 + torch.arange(len(split)) % 6
        images = torch.stack([split[index] for index in range(len(split))])
        noise = torch.randint(2, images.shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
        padding = torch.arange(6) >= lengths.unsqueeze(1)
        images = torch.where(padding[..., None, None, None], noise, images)
        splits.append(replace(split, images=images, lengths=lengths))
    return Data("dots", *splits, class_names=data.class_names, scale=1.0)


def alone(batch: Batch) -> list[Batch]:
    """Return each sequence of a batch as a batch by itself, without padding."""
    assert batch.lengths is not None
    return [
        Batch(batch.x[:length, index : index + 1], batch.labels[index : index + 1])
        for index, length in enumerate(batch.lengths.tolist())
    ]


@LOSSES
@pytest.mark.parametrize("votes", [1, 4])
def test_padded_sequences_are_evaluated_as_each_of_them_alone(loss: str, votes: int) -> None:
    job = prepared(*DOTS, f"loss={loss}", f"network.votes={votes}", "neuron.v_threshold=0.3")
    (batch,) = job.validation.epoch()
    padded = evaluate(job.model, job.loss, [batch], job.classes, job.world.precision)
    each = evaluate(job.model, job.loss, alone(batch), job.classes, job.world.precision)
    assert padded.loss == pytest.approx(each.loss, rel=1e-6)
    assert torch.equal(padded.confusion, each.confusion)
    assert padded.ties == each.ties
    unaware = evaluate(job.model, job.loss, [replace(batch, lengths=None)], job.classes, job.world.precision)
    assert unaware.loss != pytest.approx(each.loss, rel=1e-3)


def test_padded_sequences_are_recorded_as_each_of_them_alone() -> None:
    job = prepared(*DOTS, "network.votes=4", "neuron.v_threshold=0.3")
    (batch,) = job.validation.epoch()
    seen = look(job, batch)
    for index, single in enumerate(alone(batch)):
        answer = look(job, single)
        assert seen.answers.scores[index].tolist() == answer.answers.scores[0].tolist()
        assert seen.answers.classes[index] == answer.answers.classes[0]
        torch.testing.assert_close(torch.tensor(seen.images[index]), torch.tensor(answer.images[0]))


@pytest.mark.parametrize("loss", [MSERate(), CERate(), CERate(label_smoothing=0.1)], ids=["mse", "ce", "smooth"])
def test_padding_gets_no_gradient_and_changes_that_of_no_other_step(loss: nn.Module) -> None:
    lengths, labels = torch.tensor([1, 4, 6]), torch.tensor([0, 3, 1])
    spikes = (torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    spikes[2:, 0] = torch.nan
    spikes.requires_grad_()
    loss(spikes, labels, lengths).backward()
    for index, length in enumerate(lengths.tolist()):
        one = spikes.detach()[:length, index : index + 1].requires_grad_()
        (loss(one, labels[index : index + 1]) / 3).backward()
        torch.testing.assert_close(spikes.grad[:length, index], one.grad[:, 0])
        assert not spikes.grad[length:, index].any()


@pytest.mark.usefixtures("device_decides")
@pytest.mark.parametrize(
    ("resident", "more"),
    [("always", ()), ("never", ()), ("never", NORMALISED), pytest.param("always", NORMALISED, marks=pytest.mark.slow)],
    ids=["mlp, resident", "mlp, streamed", "all changes, streamed", "all changes, resident"],
)
def test_recorded_steps_train_on_padded_sequences_as_launched_ones_do_to_the_bit(
    resident: str, more: tuple[str, ...]
) -> None:
    def job() -> Job:
        return prepared(*DOTS, *more, f"dataset.resident={resident}", "trainer.batch_size=4", "trainer.epochs=2")

    one, other = job(), job()
    right_step = launched(other)
    losses = epochs(other, right_step)
    step, inner = recorded(one, StandIn())
    assert epochs(one, step) == losses
    assert inner.proven
    assert same(outcome(one, step), outcome(other, right_step))


def train_with_others(peers: Peers) -> dict[str, Any]:
    config = configured(*DOTS, *NORMALISED, "trainer.batch_size=9", "monitor=default")
    with world.entered(config.trainer, peers) as here:
        return ranks.trained(config, here, in_float64=True)


@pytest.mark.slow
def test_two_processes_train_on_padded_sequences_as_one_does() -> None:
    config = configured(*DOTS, *NORMALISED, "trainer.batch_size=9", "monitor=default")
    right = ranks.trained(config, ranks.alone(config), in_float64=True)
    found, other = ranks.in_processes(2, train_with_others)
    assert ranks.distance(right["weights"], found["weights"]) < 1e-6
    assert ranks.distance(found["weights"], other["weights"]) == 0
    ((epoch,), (expected,)) = found["epochs"], right["epochs"]
    assert epoch["rates"] == pytest.approx(expected["rates"], rel=1e-6)
    assert epoch["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert epoch["val_confusion"] == expected["val_confusion"]


def test_padded_sequences_are_trained_on(tmp_path: Path) -> None:
    summary = trained(tmp_path, *DOTS, "trainer.epochs=20", "optimizer.lr=0.05", "network.votes=4", "monitor=default")
    assert summary["test_accuracy"] >= 0.75


NETWORKS = {
    "mlp": (*DOTS, "network.votes=4", "neuron.v_threshold=0.3"),
    "csnn": (*DOTS, "network=csnn", "network.channels=[4]", "network.hidden=[8]", "neuron.v_threshold=0.3"),
    "average pooling": (*DOTS, "network=csnn", "network.channels=[4]", "network.pool=avg", "neuron.v_threshold=0.05"),
    "units": (
        *(OURS, "dataset._target_=tests.training.spoken.words", "dataset.mean=[.1]", "dataset.std=[.4]"),
        *("dataset.workers=0", "network.hidden=[16,16]", "neuron.v_threshold=0.1"),
    ),
    "own rule": (*DOTS, "neuron=if", "neuron._target_=tests.training.test_padding.Own"),
}
networks = pytest.mark.parametrize("network", list(NETWORKS))


def one_by_one(batch: Batch) -> list[Batch]:
    """Return each sequence of a batch as a batch by itself, with its padding."""
    assert batch.lengths is not None
    rows = [slice(index, index + 1) for index in range(len(batch.labels))]
    return [Batch(batch.x[:, row], batch.labels[row], batch.lengths[row]) for row in rows]


def measured(job: Job, batches: list[Batch]) -> dict[str, Any]:
    """Return firing rates and cost over some batches."""
    with FiringRates(job.model.network) as rates, Cost(job.model.network) as cost:
        evaluate(job.model, job.loss, batches, job.classes, job.world.precision)
    images = sum(len(batch.labels) for batch in batches)
    shares = {"rates": rates.means(), "silent": rates.silent(), "saturated": rates.saturated()}
    return shares | {"cost": cost.figures(images)}


@networks
@pytest.mark.parametrize("executor", ["reference", None])
def test_padding_changes_neither_outputs_nor_loss_nor_rates_nor_cost(
    network: str, executor: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the reference to the bit; elsewhere the rates and the cost are counts of spikes as well."""
    if executor is not None:
        monkeypatch.setenv(dispatch.VARIABLE, executor)
    job = prepared(*NETWORKS[network])
    (batch,) = job.validation.epoch()
    job.model.eval()

    @torch.no_grad()
    def outcome(one: Batch) -> tuple[Tensor, Tensor]:
        output = job.model(one.x)
        reset_net(job.model)
        return output, loss_of(job.loss, output, one)

    for padded, single in zip(one_by_one(batch), alone(batch), strict=True):
        (output, loss), (right, right_loss) = outcome(padded), outcome(single)
        if executor is None:
            torch.testing.assert_close(output[: len(right)], right, rtol=1e-6, atol=1e-6)
            torch.testing.assert_close(loss, right_loss, rtol=1e-6, atol=1e-6)
        else:
            assert torch.equal(output[: len(right)], right)
            assert torch.equal(loss, right_loss)
    right = measured(job, alone(batch))
    assert measured(job, [batch]) == right
    assert 0 < right["rates"]["out_neuron"] < 1
    assert right["cost"]["energy_nj_per_image"] > 0
    unaware = measured(job, [replace(batch, lengths=None)])
    assert unaware["rates"] != right["rates"]
    for name in ("spikes", "membrane_updates", "dense_operations", "energy_nj"):
        assert unaware["cost"][f"{name}_per_image"] > right["cost"][f"{name}_per_image"]


@networks
def test_the_numbers_of_an_inspection_leave_padding_out(network: str) -> None:
    job = prepared(*NETWORKS[network])
    (batch,) = job.validation.epoch()
    seen, each = look(job, batch), [look(job, one) for one in alone(batch)]
    for name, recording in seen.recordings.items():
        numbers = layer_numbers(recording, seen.lengths)
        spikes = [one.recordings[name].s[:, 0] for one in each]
        potentials = [one.recordings[name].h for one in each]
        assert numbers.rate == pytest.approx(np.concatenate(spikes).mean(), rel=1e-12)
        assert numbers.silent == 1 - np.concatenate(spikes).any(0).mean()
        assert numbers.saturated == np.concatenate(spikes).all(0).mean()
        assert numbers.highest == pytest.approx(max(float(h.max()) for h in potentials), rel=1e-5)
        assert numbers.lowest == pytest.approx(min(float(h.min()) for h in potentials), rel=1e-5)
        for index, one in enumerate(each):
            shown = of_sample(recording, index, seen.lengths)
            np.testing.assert_array_equal(shown.s, of_sample(one.recordings[name], 0).s)


@networks
def test_the_monitor_leaves_padding_out(network: str) -> None:
    job = prepared(*NETWORKS[network], "monitor=default", "monitor.samples=4")
    monitor = Monitor(job)
    batch, seen = monitor.batch, monitor.look(drawn=False)
    found: dict[str, list[tuple[int, float]]] = {}
    for one in alone(batch):
        monitor.batch = one
        for name, distances in (single := monitor.look(drawn=False)).distances.items():
            found.setdefault(name, []).append((distances.number, single.in_window[name]))
    for name, parts in found.items():
        assert seen.distances[name].number == sum(number for number, _ in parts)
        assert seen.in_window[name] == pytest.approx(np.average([w for _, w in parts], weights=[n for n, _ in parts]))


class Own(IFNode):
    """A neuron with a rule of its own, which a user writes."""

    def charge(self, x: Tensor) -> Tensor:
        return 0.8 * self.v + x


class Stepwise(nn.Module):
    """A network of the user's own that runs step by step, with neurons in single-step mode."""

    def __init__(self, in_shape: Any, classes: int, neuron: Any) -> None:
        super().__init__()
        self.fc, self.fire = nn.Linear(32, classes, bias=False), IFNode(0.3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fire(self.fc(step.flatten(1))) for step in x])


def test_a_network_that_runs_step_by_step_is_counted_without_padding() -> None:
    job = prepared(*DOTS)
    job.model.network = Stepwise((2, 4, 4), 2, None)
    (batch,) = job.validation.epoch()
    right = measured(job, alone(batch))
    # Twice: the steps of the second batch begin at 0 again.
    assert measured(job, [batch]) == right
    assert measured(job, [batch, batch]) == right
    assert 0 < right["rates"]["fire"] < measured(job, [replace(batch, lengths=None)])["rates"]["fire"] * 2


class Old(nn.Module):
    """The user's own loss, which does not take lengths."""

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.mse_loss(spikes.mean(0), nn.functional.one_hot(labels, spikes.shape[-1]).float())


def test_a_loss_without_lengths_trains_on_images_and_is_refused_for_padded_sequences(tmp_path: Path) -> None:
    own = "loss._target_=tests.training.test_padding.Old"
    assert trained(tmp_path, OURS, own)["epochs"] == 1
    with pytest.raises(UserError, match="loss=Old: the sequences of dots have different lengths"):
        prepared(*DOTS, own)
