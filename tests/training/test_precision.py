"""The precision that is selected, and training in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from snntrain.errors import UserError
from snntrain.neuron import spiking_layers
from snntrain.training.job import devices, precision, repeatable
from tests.conftest import TINY, Outcome

from .jobs import one_epoch, prepared, stepping

CPU = torch.device("cpu")


def test_auto_is_bf16_where_this_cpu_has_it_and_fp32_elsewhere() -> None:
    chosen = precision.choose("auto", CPU)
    assert chosen.name == ("bf16" if precision.cpu_has_bf16() else "fp32")


@pytest.mark.parametrize("name", ["fp32", "bf16"])
def test_layers_run_in_the_format_that_was_asked_for(name: str) -> None:
    chosen = precision.choose(name, CPU)
    with chosen.autocast():
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == precision.DTYPES[name]
    assert not chosen.scaler().is_enabled()


def test_only_a_format_that_the_cpu_does_not_have_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    for native in (True, False):
        monkeypatch.setattr(precision, "cpu_has_bf16", lambda native=native: native)
        assert precision.choose("bf16", CPU).is_emulated() != native
        assert not precision.choose("fp32", CPU).is_emulated()
        assert not precision.choose("auto", CPU).is_emulated()


@pytest.mark.parametrize(("native", "emulated"), [(True, False), (False, True)])
def test_arm_is_asked_for_its_own_bfloat16(native: bool, emulated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision.platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native)
    assert precision.choose("bf16", CPU).is_emulated() == emulated
    assert precision.choose("auto", CPU).name == "fp32"


@pytest.mark.skipif(precision.cpu_has_bf16(), reason="this CPU has native bfloat16")
def test_a_run_in_emulated_bf16_says_once_what_is_faster(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    message = "trainer.precision=bf16: this CPU has no native bfloat16 and is several times slower"
    small = (*TINY, "monitor=off", "hydra.run.dir=run")
    done = snntrain(*small, "trainer.precision=bf16", "trainer.epochs=2")
    assert done.status == 0
    assert done.out.count(message) == (tmp_path / "run" / "train.log").read_text().count(message) == 1
    assert "trainer.precision=fp32 is fast here\n" in done.out
    for precise in ("auto", "fp32"):
        assert message not in snntrain(*small[:-1], f"trainer.precision={precise}").out
    evaluated = snntrain("eval", "run=run")
    assert message in evaluated.out + evaluated.err
    assert message not in snntrain("eval", "run=run", "trainer.precision=auto").err


def test_fp16_on_a_cpu_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"trainer\.precision=fp16: needs a GPU.*use fp32, bf16 or auto") as error:
        precision.choose("fp16", CPU)
    assert len(error.value.lines) == 1


def test_training_in_bf16_keeps_weights_and_loss_in_float32() -> None:
    job = prepared("trainer.precision=bf16", "network=csnn", "network.channels=[4]")
    spikes, outputs = [], []
    for _, node in spiking_layers(job.model):
        node.register_forward_hook(lambda node, inputs, output: spikes.append(output.dtype))
    job.model.register_forward_hook(lambda net, inputs, output: outputs.append(output.dtype))
    metrics = one_epoch(job, stepping(job), 1)
    assert set(spikes) == {torch.bfloat16}
    # The mean of several votes per class is no longer an integer.
    assert outputs == [torch.float32] * 2
    assert {p.dtype for p in job.model.parameters()} == {torch.float32}
    assert 0 < metrics.loss < 1


def test_the_device_is_the_cpu_if_it_is_named_or_is_the_only_one() -> None:
    assert devices.choose("cpu") == CPU
    assert devices.name_of(CPU) == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert devices.choose("auto").type == expected


def test_a_missing_gpu_is_refused_with_the_available_devices() -> None:
    with pytest.raises(UserError, match=r"trainer\.device=cuda:99: .* there are cpu.*or use auto"):
        devices.choose("cuda:99")


def test_seeding_reaches_every_generator() -> None:
    draws = []
    for _ in range(2):
        repeatable.seed_everything(5)
        draws.append((random.random(), np.random.rand(), torch.rand(()).item()))  # noqa: NPY002
    assert draws[0] == draws[1]


def test_repeatable_draws_are_the_same_each_time_and_leave_the_others_alone() -> None:
    repeatable.seed_everything(5)
    expected = torch.rand(2)
    repeatable.seed_everything(5)
    before, inside = torch.rand(()), []
    for _ in range(2):
        with repeatable.repeatable_draws(CPU):
            inside.append(torch.rand(3))
    assert torch.equal(torch.stack([before, torch.rand(())]), expected)
    assert torch.equal(inside[0], inside[1])


@pytest.mark.parametrize("before", [True, False])
def test_deterministic_mode_is_undone_also_after_an_error(before: bool) -> None:
    def failing() -> None:
        with repeatable.deterministic(True):
            assert torch.are_deterministic_algorithms_enabled()
            raise ZeroDivisionError

    torch.use_deterministic_algorithms(before)
    try:
        with pytest.raises(ZeroDivisionError):
            failing()
        assert torch.are_deterministic_algorithms_enabled() == before
        with repeatable.deterministic(False):
            assert torch.are_deterministic_algorithms_enabled() == before
    finally:
        torch.use_deterministic_algorithms(False)
