"""Recordings of the neurons of a job: which neurons, when, and without side effects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from snntrain.neuron import spiking_layers
from snntrain.training.evaluation.evaluate import evaluate
from snntrain.training.logs.monitor import Monitor, probe_batch
from tests.conftest import Outcome

from .jobs import OURS, prepared

WATCHED = ("monitor=default", "encoder=poisson", "network=csnn", "network.channels=[4]", "network.hidden=[8]")


def test_a_recording_leaves_no_trace() -> None:
    job = prepared(*WATCHED)
    monitor = Monitor(job)
    job.model.train()
    modes = [module.training for module in job.model.modules()]
    saved = {key: value.clone() for key, value in job.model.state_dict().items()}
    random = torch.random.get_rng_state()
    monitor.look(drawn=True)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert [module.training for module in job.model.modules()] == modes
    assert all(torch.equal(value, saved[key]) for key, value in job.model.state_dict().items())
    assert all(p.grad is None for p in job.model.parameters())
    for module in job.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    for _, layer in spiking_layers(job.model):
        assert (layer.observer, layer.monitor, layer.v) == (None, None, layer.rest)


def test_pictures_show_the_networks_response_to_the_probes() -> None:
    job = prepared(*WATCHED, "encoder=direct", "monitor.samples=3")
    probes = Monitor(job).look(drawn=True).probes
    assert probes is not None
    batch = probe_batch(job)
    job.model.eval()
    for _, layer in spiking_layers(job.model):
        layer.set_monitor(True)
    with torch.no_grad():
        output = job.model(batch.x)
    np.testing.assert_array_equal(probes.images, batch.x)
    assert probes.images.min() >= 0
    assert probes.images.max() <= 1
    assert (probes.labels, probes.class_names) == (batch.labels.tolist(), job.data.class_names)
    np.testing.assert_array_equal(probes.output, output)
    assert list(probes.recordings) == ["conv1_neuron", "fc1_neuron", "out_neuron"]
    for name, layer in spiking_layers(job.model.network):
        recording = probes.recordings[name]
        assert (recording.h.dtype, recording.v.dtype, recording.s.dtype) == (np.float32, np.float32, np.bool_)
        assert layer.monitor is not None
        for key in ("h", "v", "s"):
            np.testing.assert_array_equal(getattr(recording, key), np.stack(layer.monitor[key]))


def test_a_recording_is_repeatable_and_holds_only_the_requested_layers() -> None:
    job = prepared(*WATCHED, "monitor.layers=[out_neuron,conv*]")
    monitor = Monitor(job)
    one, other = monitor.look(drawn=False), monitor.look(drawn=False)
    assert list(one.in_window) == list(one.distances) == ["conv1_neuron", "out_neuron"]
    assert one == other
    assert one.probes is None


def test_the_share_in_the_window_is_that_of_the_recorded_potentials() -> None:
    job = prepared(*WATCHED, "surrogate=rectangle", "surrogate.alpha=2")
    look = Monitor(job).look(drawn=True)
    assert look.probes is not None
    for name, recording in look.probes.recordings.items():
        assert look.in_window[name] == pytest.approx((np.abs(recording.h - 1) <= 0.25).mean())


def test_the_averaged_weights_are_monitored() -> None:
    job = prepared(*WATCHED, "trainer.ema=0.5")
    assert job.average is not None
    with torch.no_grad():
        for parameter in job.model.network.parameters():
            parameter.zero_()
    probes = Monitor(job).look(drawn=True).probes
    assert probes is not None
    assert np.abs(probes.recordings["conv1_neuron"].h).max() > 0


@pytest.mark.parametrize(
    ("every", "epochs", "drawn"),
    [(5, 12, [1, 5, 10, 12]), (1, 3, [1, 2, 3]), (5, 1, [1]), (100, 4, [1, 4]), (2, 4, [1, 2, 4])],
)
def test_the_first_epoch_every_nth_and_the_last_are_drawn(every: int, epochs: int, drawn: list[int]) -> None:
    monitor = Monitor(prepared(*WATCHED, f"monitor.every={every}"))
    assert [epoch for epoch in range(1, epochs + 1) if monitor.draws(epoch, epoch == epochs)] == drawn


def test_a_sequence_of_events_is_shown_as_its_mean() -> None:
    dots = (OURS, "dataset._target_=tests.training.jobs.moving_dots", "dataset.mean=[0,0]", "dataset.std=[.1,.1]")
    job = prepared(*dots, "monitor=default")
    probes = Monitor(job).look(drawn=True).probes
    assert probes is not None
    assert probes.images.shape == (4, 2, 4, 4)
    np.testing.assert_allclose(probes.images.sum((1, 2, 3)), 1, rtol=1e-6)
    assert probes.output.shape == (6, 4, 2)


def test_watching_leaves_validation_as_it_is() -> None:
    job = prepared(*WATCHED)
    results = []
    for _ in range(2):
        results.append(evaluate(job.model, job.loss, job.validation.epoch(), job.classes, job.world.precision))
        Monitor(job).look(drawn=True)
    assert results[0].loss == results[1].loss


def test_a_missing_layer_is_an_error_before_training(tmp_path: Path, snntrain: object) -> None:
    assert callable(snntrain)
    message: Outcome = snntrain(
        "network=mlp", "monitor.layers=[conv*,fc1_neuron]", "trainer.device=cpu", "hydra.run.dir=run"
    )
    assert message.status == 2
    assert message.err == (
        "snntrain: monitor.layers: 'conv*' matches no spiking layer of this network; there are fc1_neuron, out_neuron\n"
    )
    assert not (tmp_path / "run").exists()
