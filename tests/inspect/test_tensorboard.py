"""A real run's event files, read back as TensorBoard does."""

from __future__ import annotations

import io
import json
import math
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from snntrain.inspect.probe import record
from snntrain.inspect.recording import Probes, Recording
from snntrain.inspect.tensorboard import Board
from snntrain.neuron import spiking_layers
from snntrain.training import checkpoint, journal
from snntrain.training.journal import probe_batch
from tests.training.jobs import prepared, trained

LAYERS = ("fc1_neuron", "out_neuron")
EPOCHS = 2


def events(folder: Path) -> EventAccumulator:
    kept = {"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "tensors": 0}
    accumulator = EventAccumulator(str(folder), size_guidance=kept)
    accumulator.Reload()
    return accumulator


def values(accumulator: EventAccumulator, tag: str) -> list[float]:
    assert [event.step for event in accumulator.Scalars(tag)] == [1, 2]
    return [event.value for event in accumulator.Scalars(tag)]


@pytest.fixture(scope="module", params=["plif", "rif"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The neuron of a run, and its folder."""
    folder = tmp_path_factory.mktemp(request.param)
    trained(folder, f"neuron={request.param}", f"trainer.epochs={EPOCHS}", "monitor=default", "optimizer.lr=0.01")
    return request.param, folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_every_tag_is_there(run: tuple[str, Path]) -> None:
    neuron, folder = run
    tags = events(folder / "tensorboard").Tags()
    learnt = {"plif": "tau", "rif": "w"}[neuron]
    final = {f"final/{key}" for key in ("test_accuracy", "test_accuracy_last", "val_accuracy", "images_per_second")}
    assert set(tags["scalars"]) == final | {
        *("loss/train", "loss/validation", "accuracy/train", "accuracy/validation"),
        *("training/learning_rate", "training/images_per_second"),
        *(f"firing_rate/{layer}" for layer in LAYERS),
        *(f"{learnt}/{layer}" for layer in LAYERS),
    }
    kinds = ("spikes", "voltages", "heat_map")
    of_run = {"output/spike_counts", "output/confusion"}
    assert set(tags["images"]) == {f"{kind}/{layer}" for kind in kinds for layer in LAYERS} | of_run
    assert set(tags["histograms"]) == {f"h_before_reset/{layer}" for layer in LAYERS}


def test_scalars_are_those_of_the_metrics_file(run: tuple[str, Path]) -> None:
    _, folder = run
    board = events(folder / "tensorboard")
    for tag, key in {
        "loss/train": "train_loss",
        "loss/validation": "val_loss",
        "accuracy/train": "train_accuracy",
        "accuracy/validation": "val_accuracy",
        "training/learning_rate": "learning_rate",
    }.items():
        assert values(board, tag) == pytest.approx([row[key] for row in rows(folder)], rel=1e-6)
    for layer in LAYERS:
        rates = [row["firing_rates"][layer] for row in rows(folder)]
        assert values(board, f"firing_rate/{layer}") == pytest.approx(rates, rel=1e-6, abs=1e-12)


def test_learnt_constants_are_those_of_the_checkpoint(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    job = prepared(f"neuron={neuron}")
    checkpoint.restore(job.model.network, folder / "checkpoints" / "last.pt")
    for name, layer in spiking_layers(job.model.network):
        tag, value = (f"tau/{name}", layer.tau()) if neuron == "plif" else (f"w/{name}", layer.w().item())
        assert values(board, tag)[-1] == pytest.approx(value, rel=1e-6)
        assert len(set(values(board, tag))) == EPOCHS


def test_histograms_hold_every_potential_of_the_probes(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    job = prepared(f"neuron={neuron}", "monitor=default")
    checkpoint.restore(job.model.network, folder / "checkpoints" / "last.pt")
    images, _ = probe_batch(job)
    recordings = record(job.model.network, lambda: job.model(images))
    for layer in LAYERS:
        written = [event.histogram_value for event in board.Histograms(f"h_before_reset/{layer}")]
        h = recordings[layer].h.astype(np.float64)
        assert len(written) == EPOCHS
        assert [sum(histogram.bucket) for histogram in written] == [h.size] * EPOCHS
        last = written[-1]
        assert (last.num, last.min, last.max) == pytest.approx((h.size, h.min(), h.max()), rel=1e-6)
        assert (last.sum, last.sum_squares) == pytest.approx((h.sum(), np.square(h).sum()), rel=1e-6)
        below = [int((h <= limit).sum()) for limit in last.bucket_limit]
        np.testing.assert_allclose(np.cumsum(last.bucket), below, atol=2)


def test_pictures_can_be_opened(run: tuple[str, Path]) -> None:
    _, folder = run
    board = events(folder / "tensorboard")
    for tag in board.Tags()["images"]:
        pictures = board.Images(tag)
        assert [picture.step for picture in pictures] == [1, 2]
        for picture in pictures:
            image = Image.open(io.BytesIO(picture.encoded_image_string))
            assert image.size == (picture.width, picture.height)
            assert len(image.convert("RGB").getcolors(10**6)) > 1


def test_the_configuration_is_a_text(run: tuple[str, Path]) -> None:
    _, folder = run
    (event,) = events(folder / "tensorboard").Tensors("config/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    lines = [line.removeprefix("    ") for line in text.splitlines()]
    assert lines == (folder / "config.yaml").read_text().splitlines()


def test_hyper_parameters_and_final_figures_are_in_the_run(run: tuple[str, Path]) -> None:
    neuron, folder = run
    board = events(folder / "tensorboard")
    assert not [path for path in (folder / "tensorboard").iterdir() if path.is_dir()]
    plugin = board.summary_metadata["_hparams_/session_start_info"].plugin_data
    content = plugin.content.decode("latin-1")
    for key in ("T", "seed", "neuron", "optimizer.lr", "reset.v_reset", "trainer.batch_size", "dataset"):
        assert key in content
    assert {"plif": "PLIFNode", "rif": "RIFNode"}[neuron] in content
    summary = json.loads((folder / "summary.json").read_text())
    (accuracy,) = board.Scalars("final/test_accuracy")
    assert accuracy.value == pytest.approx(summary["test_accuracy"], rel=1e-6)


def test_recordings_come_as_often_as_asked(tmp_path: Path) -> None:
    trained(tmp_path, "monitor=default", "monitor.every=2", "trainer.epochs=5", "trainer.limit_batches=1")
    board = events(tmp_path / "tensorboard")
    for tag in ("spikes/out_neuron", "voltages/fc1_neuron"):
        assert [picture.step for picture in board.Images(tag)] == [2, 4]
    assert len(board.Scalars("loss/train")) == 5


def test_without_a_monitor_there_are_scalars_alone(tmp_path: Path) -> None:
    trained(tmp_path)
    tags = events(tmp_path / "tensorboard").Tags()
    assert tags["images"] == tags["histograms"] == []
    assert "loss/train" in tags["scalars"]


def test_a_histogram_leaves_out_what_is_no_number(tmp_path: Path) -> None:
    h = np.array([0.0, 1.0, np.nan, np.inf, 3.0], np.float32).reshape(5, 1, 1)
    with Board(tmp_path) as board:
        board.probes(1, probes({"some": Recording(h, h, h > 1, 1.0, 0.0)}), None, 4)
        nothing = np.full_like(h, np.nan)
        board.probes(1, probes({"none": Recording(nothing, nothing, h > 1, 1.0, 0.0)}), None, 4)
    written = events(tmp_path)
    assert written.Tags()["histograms"] == ["h_before_reset/some"]
    (event,) = written.Histograms("h_before_reset/some")
    assert (sum(event.histogram_value.bucket), event.histogram_value.max) == (3, 3.0)


def probes(recordings: dict[str, Recording]) -> Probes:
    """Probes of one class with these recordings."""
    T, N, *_ = next(iter(recordings.values())).s.shape
    return Probes(np.zeros((N, 1, 8, 8), np.float32), [0] * N, ["a"], recordings, np.zeros((T, N, 1), np.float32))


def spiking(samples: int = 3) -> Recording:
    """Random potentials of five neurons `[T, N, 5]`."""
    h = np.random.default_rng(0).normal(0.6, 0.8, (4, samples, 5)).astype(np.float32)
    return Recording(h, np.where(h >= 1, 0, h).astype(np.float32), h >= 1, 1.0, 0.0)


def misshapen() -> Recording:
    """A recording whose potentials are of fewer neurons than its spikes."""
    whole = spiking()
    return Recording(whole.h[..., :2], whole.v[..., :2], np.ones_like(whole.s), 1.0, 0.0)


def pictures(folder: Path) -> dict[str, list[tuple[int, bytes]]]:
    """Step and PNG of every picture, by tag."""
    board = events(folder)
    return {
        tag: [(image.step, image.encoded_image_string) for image in board.Images(tag)] for tag in board.Tags()["images"]
    }


def test_a_picture_has_a_panel_for_every_sample(tmp_path: Path) -> None:
    heights = {}
    for samples in (1, 10):
        with Board(tmp_path / str(samples)) as board:
            board.probes(1, probes({"some": spiking(samples)}), None, 4)
        ((_, png),) = pictures(tmp_path / str(samples))["voltages/some"]
        heights[samples] = Image.open(io.BytesIO(png)).height
    assert heights[10] > 9 * 150 + heights[1]


def test_pictures_drawn_beside_the_caller_are_all_there_when_the_board_is_closed(tmp_path: Path) -> None:
    for beside in (False, True):
        with Board(tmp_path / str(beside)) as board:
            if beside:
                board.draw_beside()
            for step in (1, 2, 3):
                board.probes(step, probes({"some": spiking(step)}), None, 4)
    drawn = pictures(tmp_path / "True")
    assert {tag: [step for step, _ in found] for tag, found in drawn.items()} == {
        tag: [1, 2, 3] for tag in ("spikes/some", "voltages/some", "heat_map/some", "output/spike_counts")
    }
    assert drawn == pictures(tmp_path / "False")
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("epochs", [1, 2])
def test_pictures_that_cannot_be_drawn_beside_the_caller_are_an_error(tmp_path: Path, epochs: int) -> None:
    """At the next recording, and where there is none at the end."""
    reached = []

    def run() -> None:
        with Board(tmp_path) as board:
            board.draw_beside()
            for step in range(epochs):
                board.probes(step, probes({"some": misshapen()}), None, 4)
                reached.append(step)

    with pytest.raises(RuntimeError, match="the pictures could not be drawn: ValueError") as error:
        run()
    assert reached == [0]
    assert "by_activity" in "".join(error.value.__notes__)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("again", [False, True])
def test_a_drawing_process_that_dies_is_an_error(tmp_path: Path, again: bool) -> None:
    def run() -> None:
        with Board(tmp_path) as board:
            board.draw_beside()
            board.probes(1, probes({"some": spiking()}), None, 4)
            (process,) = multiprocessing.active_children()
            process.kill()
            process.join()
            if again:
                board.probes(2, probes({"some": spiking()}), None, 4)

    with pytest.raises(RuntimeError, match="the process that draws them has died"):
        run()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("recording", [spiking(), misshapen()], ids=["drawn", "not to be drawn"])
def test_a_run_that_fails_keeps_its_own_error_and_the_pictures_before_it(tmp_path: Path, recording: Recording) -> None:
    def run() -> None:
        with Board(tmp_path) as board:
            board.draw_beside()
            board.probes(1, probes({"fine": spiking()}), None, 4)
            board.probes(2, probes({"last": recording}), None, 4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert pictures(tmp_path).keys() >= {"spikes/fine", "voltages/fine"}
    assert not multiprocessing.active_children()


def test_a_drawing_that_fails_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "look", lambda *given: probes({"some": misshapen()}))
    with pytest.raises(ValueError, match="same shape"):
        trained(tmp_path, "monitor=default", "monitor.samples=3")
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "failed"


def test_what_draws_starts_without_torch() -> None:
    code = "import sys, snntrain.inspect.drawing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_scalars_that_are_no_numbers_are_written_as_such(tmp_path: Path) -> None:
    with Board(tmp_path) as board:
        board.scalars(1, {"tau/layer": math.inf, "loss/train": torch.tensor(0.5).item()})
    assert [event.value for event in events(tmp_path).Scalars("tau/layer")] == [math.inf]
