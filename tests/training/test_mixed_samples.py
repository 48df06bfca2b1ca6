"""Training with mixed, erased and otherwise augmented samples: resumed, recorded, by the losses, and its accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snntrain.data.augment import selection
from snntrain.data.batch import Batch
from snntrain.errors import UserError
from snntrain.training.loss import CERate, MSERate, check_probabilities, loss_of
from tests.data.test_augment_mixing import CLASSES

from .interrupted_runs import LOSS, finished, interrupted_at, same_end
from .jobs import OURS, Infinite, _interrupted_by_nobody, prepared, same, trained
from .recorded import SMALL, epochs, launched, outcome, recorded
from .stand_in import StandIn, device_decides

__all__ = ["_interrupted_by_nobody", "device_decides"]

ALL = (
    *("dataset.augment.mixup=0.5", "dataset.augment.cutmix=1", "dataset.augment.erase=0.5"),
    *("dataset.augment.rand_augment=2", "dataset.augment.mix_until=3"),
)
DOTS = (OURS, "dataset._target_=tests.training.jobs.moving_dots", "dataset.mean=[0,0]", "dataset.std=[1,1]", "T=6")


def some(n: int = 5, t: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    """Return output, labels and probabilities."""
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand(t, n, CLASSES, generator=generator) < 0.4).float()
    return spikes, torch.arange(n) % CLASSES, torch.rand(n, CLASSES, generator=generator).softmax(1)


losses = pytest.mark.parametrize("loss", [MSERate(), CERate(), CERate(3.0, 0.1)], ids=["mse", "ce", "smooth"])


@losses
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities_of_single_classes_are_labels(loss: nn.Module, weighted: bool) -> None:
    spikes, labels, _ = some()
    one_hot = torch.eye(CLASSES)[labels]
    weights = torch.arange(1.0, 6.0) if weighted else None
    expected = loss(spikes, labels, None, weights)
    torch.testing.assert_close(loss(spikes, one_hot, None, weights), expected, rtol=1e-6, atol=0)


@losses
def test_the_loss_of_probabilities_is_that_of_its_definition(loss: nn.Module) -> None:
    spikes, _, targets = some()
    weights, lengths = torch.arange(1.0, 6.0), torch.tensor([6, 1, 3, 2, 5])
    rates = np.stack([spikes[:n, i].double().numpy().mean(0) for i, n in enumerate(lengths.tolist())])
    wanted = targets.double().numpy()
    if isinstance(loss, CERate):
        wanted = (1 - loss.label_smoothing) * wanted + loss.label_smoothing / CLASSES
        logits = loss.scale * rates
        each = -(wanted * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum(1)
    else:
        each = ((rates - wanted) ** 2).mean(1)
    expected = (each * weights.numpy()).mean()
    assert loss(spikes, targets, lengths, weights).item() == pytest.approx(expected, rel=1e-5)


class Mixing(nn.Module):
    """A loss of the user's own that takes probabilities."""

    takes_probabilities = True

    def forward(self, spikes: Tensor, labels: Tensor) -> Tensor:
        return -(spikes.mean(0) * labels).sum(1).mean()


def test_a_loss_gets_the_probabilities_of_mixed_samples_and_else_the_labels() -> None:
    spikes, labels, targets = some()
    loss = Mixing()
    value = loss_of(loss, spikes, Batch(torch.zeros(5, 1, 2, 2), labels, targets=targets))
    assert value == loss(spikes, targets)
    plain = Batch(torch.zeros(5, 1, 2, 2), labels)
    assert loss_of(MSERate(), spikes, plain) == MSERate()(spikes, labels)


def test_a_loss_of_ones_own_declares_that_it_takes_probabilities() -> None:
    name = "loss._target_=tests.training.test_mixed_samples.Mixing"
    assert prepared(OURS, name, "dataset.augment.mixup=0.5").train.augment is not None
    check_probabilities(CERate())
    with pytest.raises(UserError, match=r"Infinite: .* does not declare that it takes them"):
        check_probabilities(Infinite())


def test_a_run_with_mixing_stopped_in_the_middle_of_an_epoch_ends_as_one_without_a_stop(tmp_path: Path) -> None:
    trained(tmp_path / "whole", *LOSS, *ALL)
    interrupted_at(6)
    assert finished(tmp_path / "stopped", *ALL) == 1
    same_end(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.usefixtures("device_decides")
@pytest.mark.parametrize("of", ["images", "frames"])
def test_recorded_steps_train_on_mixed_samples_as_launched_ones_do_to_the_bit(
    of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "host_selects", lambda device: False)
    # The second epoch is not mixed, and is replayed as the first one is.
    images = (*SMALL, *ALL, "dataset.augment.mix_until=1", "loss=ce_rate")
    dots = (*DOTS, "dataset.augment.frames=4", "dataset.augment.cutmix=1", "dataset.augment.erase=0.5")
    given = images if of == "images" else (*dots, "trainer.batch_size=4", "trainer.limit_batches=null")
    one, other = prepared(*given), prepared(*given)
    right_step = launched(other)
    torch.manual_seed(0)
    right_losses = epochs(other, right_step)
    right = outcome(other, right_step)
    step, inner = recorded(one, StandIn())
    torch.manual_seed(0)
    assert epochs(one, step) == right_losses
    assert inner.proven
    assert inner.replayed > inner.launched
    assert same(outcome(one, step), right)


LEARNT = ("network=mlp", "network.hidden=[64]", "trainer.limit_batches=null", "trainer.batch_size=32", "loss=ce_rate")


@pytest.mark.parametrize("kind", ["mixup", pytest.param("cutmix", marks=pytest.mark.slow)])
def test_digits_are_learnt_from_mixed_samples(tmp_path: Path, kind: str) -> None:
    summary = trained(tmp_path, *LEARNT, f"dataset.augment.{kind}=0.5", "trainer.epochs=6", "optimizer.lr=0.005")
    assert summary["test_accuracy"] > 0.9


def test_frames_are_learnt_from_some_of_them(tmp_path: Path) -> None:
    dots = (*DOTS, "dataset.std=[0.1,0.1]", "dataset.augment.frames=4", "trainer.limit_batches=null")
    given = (*dots, "trainer.batch_size=8", "network.hidden=[32]", "network.votes=1", "loss=ce_rate")
    summary = trained(tmp_path, *given, "trainer.epochs=8", "optimizer.lr=0.01")
    assert summary["test_accuracy"] > 0.9
