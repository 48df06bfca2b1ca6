"""The training loop on a few real digits, compared with results by hand."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snntrain.data.batches import Batches
from snntrain.errors import RunFailed
from snntrain.neuron import spiking_layers
from snntrain.training.evaluation.evaluate import Metrics, evaluate
from snntrain.training.loop import train_epoch
from snntrain.training.progress import Best, Progress
from snntrain.training.state import TrainingState

from .jobs import OURS, one_epoch, prepared, rows, same, state, stepping, trained, weights

SGD = ("optimizer=sgd", "optimizer.lr=50", "optimizer.momentum=0", "optimizer.nesterov=false", "scheduler=none")
NOISY = ("encoder=poisson", "network.dropout=0.2")


def differences(one: nn.Module, other: nn.Module) -> list[float]:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return [(a - b).abs().max().item() for a, b in pairs]


def test_the_loss_falls() -> None:
    job = prepared("optimizer.lr=0.02", "trainer.epochs=3", "trainer.limit_batches=20")
    losses = [one_epoch(job, stepping(job), number).loss for number in (1, 2, 3)]
    assert losses[2] < 0.8 * losses[0]


def test_every_batch_begins_at_rest_and_none_leaves_a_state() -> None:
    job = prepared("trainer.limit_batches=3")
    states: list[Any] = []
    for _, layer in spiking_layers(job.model):
        layer.register_forward_pre_hook(lambda layer, inputs: states.append(layer.v))
    one_epoch(job, stepping(job), 1)
    evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.world.precision)
    assert len(states) == 2 * (3 + 1)
    assert set(states) == {0.0}
    assert all(layer.v == 0.0 for _, layer in spiking_layers(job.model))


@pytest.mark.parametrize("batches", [4, 3])
def test_accumulated_batches_make_the_step_of_one_large_batch(batches: int) -> None:
    """This holds also if the last step of an epoch has fewer batches than the others."""
    parts = prepared(*SGD, "trainer.batch_size=8", "trainer.accumulate=4", f"trainer.limit_batches={batches}")
    whole = prepared(*SGD, f"trainer.batch_size={8 * batches}", "trainer.limit_batches=1")
    start = weights(whole.model)
    one = one_epoch(parts, stepping(parts), 1)
    other = one_epoch(whole, stepping(whole), 1)
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    assert torch.equal(one.confusion, other.confusion)
    moved = max((p - start[name]).abs().max().item() for name, p in whole.model.named_parameters())
    assert moved > 1e-3
    assert max(differences(parts.model, whole.model)) < 1e-4 * moved


def test_one_step_per_accumulated_group() -> None:
    job = prepared("trainer.accumulate=2", "trainer.limit_batches=5")
    steps = []
    job.optimizer.register_step_post_hook(lambda *given: steps.append(1))
    one_epoch(job, stepping(job), 1)
    assert len(steps) == 3


def test_clipping_bounds_the_norm_of_a_step() -> None:
    lengths = {}
    for clip in ("null", "1e-5"):
        job = prepared(*SGD, "trainer.limit_batches=1", f"trainer.clip_grad_norm={clip}")
        before = weights(job.model)
        one_epoch(job, stepping(job), 1)
        moved = [(p.detach() - before[name]).flatten() for name, p in job.model.named_parameters()]
        lengths[clip] = torch.cat(moved).norm().item()
    assert lengths["1e-5"] == pytest.approx(50 * 1e-5, rel=1e-2)
    assert lengths["null"] > 2 * lengths["1e-5"]


def test_the_averaged_weights_are_evaluated_and_saved(tmp_path: Path) -> None:
    job = prepared("trainer.ema=0.6", "trainer.limit_batches=4")
    taken: list[dict[str, Tensor]] = []
    job.optimizer.register_step_post_hook(lambda *given: taken.append(weights(job.model)))
    one_epoch(job, stepping(job), 1)
    averaged = taken[0]
    for later in taken[1:]:
        averaged = {name: 0.6 * value + 0.4 * later[name] for name, value in averaged.items()}
    for name, value in job.evaluated.named_parameters():
        torch.testing.assert_close(value, averaged[name])
    trained(tmp_path, "trainer.ema=0.6", "trainer.limit_batches=4")
    saved = state(tmp_path)
    for name, value in averaged.items():
        torch.testing.assert_close(saved["model"][name.removeprefix("network.")], value)
        torch.testing.assert_close(saved["trained"][name], taken[-1][name])
    validation = evaluate(job.evaluated, job.loss, job.validation.epoch(), job.classes, job.world.precision)
    assert rows(tmp_path)[0]["val_loss"] == pytest.approx(validation.loss, rel=1e-6)


def test_the_average_covers_batch_normalisation(tmp_path: Path) -> None:
    summary = trained(tmp_path, "network=csnn", "network.channels=[4]", "trainer.ema=0.6")
    model = state(tmp_path)
    assert summary["status"] == "completed"
    assert not torch.equal(
        model["model"]["conv1_norm.running_mean"], model["trained"]["network.conv1_norm.running_mean"]
    )


def test_training_stops_early_without_improvement_and_reports_the_figure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        summary = trained(tmp_path, "optimizer.lr=1e-20", "trainer.epochs=9", "trainer.early_stopping=2")
    assert "stopped early: no better validation (accuracy, then loss) in 2 epochs" in caplog.messages
    assert (summary["epochs"], summary["best_epoch"], summary["status"]) == (3, 1, "completed")


def test_the_best_epoch_has_the_greatest_accuracy_then_the_least_loss() -> None:
    best = Best()
    course = [(0.5, 1.0), (0.5, 0.9), (0.4, 0.1), (0.5, 0.9), (0.6, 5.0)]
    net = nn.Linear(1, 1)
    improved = []
    for number, (accuracy, loss) in enumerate(course, 1):
        nn.init.constant_(net.weight, number)
        improved.append(best.update(Metrics(loss, accuracy, torch.empty(0), 0), number, net))
    assert improved == [True, True, False, False, True]
    nn.init.constant_(net.weight, 6)
    assert best.weights["weight"].item() == 5
    assert best.epoch == 5


def test_limit_batches_bounds_an_epoch() -> None:
    job = prepared("trainer.limit_batches=3", "trainer.batch_size=16")
    metrics = one_epoch(job, stepping(job), 1)
    assert metrics.confusion.sum() == 3 * 16


def test_a_nan_loss_fails_the_run_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        RunFailed, match=r"training loss was never finite in epoch 1: try a lower optimizer\.lr"
    ) as error:
        trained(tmp_path, "loss._target_=tests.training.jobs.Infinite", OURS)
    assert "\n" not in str(error.value)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert summary["error"] == str(error.value)


def test_nan_weights_fail_the_run_even_if_the_loss_is_finite() -> None:
    """A neuron with a potential of NaN is silent, so the loss stays finite."""
    job = prepared("optimizer.lr=1e39", "scheduler=none")
    with pytest.raises(RunFailed, match=r"weights are no longer finite in epoch 1: try a lower optimizer\.lr"):
        one_epoch(job, stepping(job), 1)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler for a CPU")
def test_a_compiled_network_learns_the_same(tmp_path: Path) -> None:
    for name in ("eager", "compiled"):
        trained(tmp_path / name, "T=2", f"trainer.compile={name == 'compiled'}")
    eager, compiled = (state(tmp_path / name)["model"] for name in ("eager", "compiled"))
    assert eager.keys() == compiled.keys()
    for name, value in eager.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("trainer.ema=0.9", "trainer.clip_grad_norm=1", "loss=ce_rate"),
        ("trainer.precision=fp16", "trainer.accumulate=2", "network=csnn", "network.channels=[4]"),
        ("trainer.precision=fp16", "trainer.clip_grad_norm=1", "optimizer=sgd", "encoder=latency"),
        ("dataset.resident=never", "dataset.workers=0", "dataset.augment.degrees=20", "encoder=poisson"),
    ],
)
def test_the_host_waits_for_a_gpu_no_more_often_in_a_longer_epoch(overrides: tuple[str, ...]) -> None:
    job = prepared("trainer.device=cuda", "trainer.limit_batches=12", *overrides)
    step, waits = stepping(job), []
    # The first epoch creates everything that is created only once.
    for number, limit in enumerate((12, 4, 12), 1):
        job.train.limit = limit
        torch.cuda.set_sync_debug_mode("warn")
        with warnings.catch_warnings(record=True) as message:
            warnings.simplefilter("always")
            one_epoch(job, step, number)
        torch.cuda.set_sync_debug_mode("default")
        waits.append(sum("called a synchronizing CUDA operation" in str(warning.message) for warning in message))
    assert waits[1] == waits[2] > 0


def test_deterministic_mode_runs_and_ends_with_the_run(tmp_path: Path) -> None:
    summary = trained(tmp_path, "network=csnn", "network.channels=[4]", "trainer.deterministic=true")
    assert summary["status"] == "completed"
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_same_seed_gives_the_same_run_to_the_bit_watched_or_not(tmp_path: Path) -> None:
    noisy = (*NOISY, "network=csnn", "network.channels=[4]", "network.hidden=[8]", "trainer.epochs=2")
    noisy += ("dataset.augment.degrees=20", "dataset.augment.translate=0.1", "trainer.clip_grad_norm=0.1")
    for name, monitor in (("one", "off"), ("again", "off"), ("watched", "default"), ("wholly", "full")):
        trained(tmp_path / name, *noisy, f"monitor={monitor}")
    trained(tmp_path / "other", *noisy, "seed=1")
    for name in ("again", "watched", "wholly"):
        for file in ("last", "best"):
            assert same(state(tmp_path / "one", file), state(tmp_path / name, file), apart=("config", "sizes"))
        assert rows(tmp_path / "one") == rows(tmp_path / name)
    assert not same(state(tmp_path / "one")["model"], state(tmp_path / "other")["model"])


@pytest.mark.parametrize("resident", ["always", "never"])
def test_sequences_of_events_are_trained_on_like_images(tmp_path: Path, resident: str) -> None:
    summary = trained(
        tmp_path,
        *(OURS, "dataset._target_=tests.training.jobs.moving_dots", "dataset.mean=[0,0]", "dataset.std=[.1,.1]"),
        *(f"dataset.resident={resident}", "dataset.workers=0", "monitor=default", "monitor.every=16"),
        *("trainer.epochs=16", "optimizer.lr=0.05", "network.votes=4"),
    )
    assert summary["test_accuracy"] == 1.0
    assert rows(tmp_path)[0]["train_loss"] > rows(tmp_path)[-1]["train_loss"]


def test_each_epoch_has_an_order_of_its_own() -> None:
    job = prepared()
    assert isinstance(job.train, Batches)
    first, second = (next(job.train.epoch(number)).labels for number in (1, 2))
    assert not torch.equal(first, second)


def test_layers_are_called_before_each_epoch_and_when_it_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    job, calls = prepared("trainer.epochs=7", "trainer.limit_batches=3"), []
    _, layer = next(spiking_layers(job.model))
    monkeypatch.setattr(type(layer), "on_epoch", lambda self, *given: calls.append(given), raising=False)
    step = stepping(job)
    one_epoch(job, step, 1)
    # A run that is resumed in the middle of an epoch.
    train_epoch(TrainingState(job, step, Progress(step.tally, epoch=5, batch=2)))
    layers = len(list(spiking_layers(job.model)))
    assert calls == [(1, 7)] * layers + [(5, 7)] * layers
