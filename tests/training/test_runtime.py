"""The selected device, its messages to the user, and its use as the current device; GPUs are stand-ins."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from snntrain.config.validate import validate
from snntrain.doctor import device as examined
from snntrain.errors import UserError
from snntrain.training.job import build, devices, precision, world
from snntrain.training.job.precision import Precision
from tests.conftest import TINY, Outcome

from .gpus import stand_in
from .jobs import configured, trained

TURING, AMPERE, HOPPER = (7, 5), (8, 0), (9, 0)


class Reached(Exception):
    """Ends a command when the test has seen enough."""


@pytest.mark.parametrize("current", [0, 1])
@pytest.mark.parametrize(("device", "chosen"), [("cuda:0", "fp16"), ("cuda:1", "bf16")])
def test_the_chosen_gpu_is_asked_for_bfloat16_and_not_the_current_one(
    current: int, device: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, TURING, AMPERE, current=current)
    assert precision.choose("auto", torch.device(device)).name == chosen
    assert precision.choose("auto", torch.device("cuda")).name == ("bf16" if current else "fp16")


@pytest.mark.parametrize(
    ("architecture", "chosen"), [("gfx906:sramecc+", "fp16"), ("gfx90a:sramecc+", "bf16"), ("gfx1030", "fp16")]
)
def test_an_amd_gpu_is_asked_by_its_architecture(
    architecture: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, HOPPER, rocm="7.1", architectures=[architecture])
    assert precision.choose("auto", torch.device("cuda")).name == chosen


def test_tf32_is_refused_where_the_chosen_gpu_does_not_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, TURING, HOPPER)
    assert precision.choose("tf32", torch.device("cuda:1")) == Precision("tf32", torch.device("cuda:1"))
    with pytest.raises(UserError, match=r"tf32: needs an NVIDIA GPU of .* 8\.0 .* cuda:0 is GPU 0; use fp32") as error:
        precision.choose("tf32", torch.device("cuda:0"))
    assert len(error.value.lines) == 1
    with pytest.raises(UserError, match=r"tf32: needs a GPU, and the device is cpu"):
        precision.choose("tf32", torch.device("cpu"))
    stand_in(monkeypatch, HOPPER, rocm="7.1", architectures=["gfx942"])
    with pytest.raises(UserError, match="tf32: needs an NVIDIA GPU"):
        precision.choose("tf32", torch.device("cuda"))


@pytest.mark.parametrize(("device", "inside"), [("cuda:1", 1), ("cuda", 0), ("auto", 0), ("cpu", 0)])
def test_the_chosen_gpu_is_the_current_one_for_the_length_of_a_block(
    device: str, inside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = stand_in(monkeypatch, AMPERE, AMPERE)
    with pytest.raises(Reached), devices.current(devices.choose(device)):
        raise Reached(gpus.current)
    assert gpus.current == 0
    with devices.current(devices.choose(device)):
        assert gpus.current == inside


def test_cuda_without_an_index_is_the_current_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = stand_in(monkeypatch, AMPERE, AMPERE, current=1)
    device = devices.choose("cuda")
    assert devices.name_of(device) == "GPU 1"
    with devices.current(device):
        assert gpus.current == 1


def test_a_run_is_built_on_its_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpus = stand_in(monkeypatch, AMPERE, AMPERE)
    built_on = []

    def build_nothing(*_: Any) -> None:
        built_on.append(gpus.current)
        raise Reached

    monkeypatch.setattr(build, "prepare", build_nothing)
    with pytest.raises(Reached):
        trained(tmp_path, "trainer.device=cuda:1")
    assert (built_on, gpus.current) == ([1], 0)


@pytest.mark.parametrize("words", [("eval", "run=run"), ("inspect", "run=run"), ("doctor", *TINY)])
def test_every_command_builds_on_the_gpu_that_is_asked_for(
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    snntrain: Callable[..., Outcome],
    tmp_path: Path,
    finished_run: Path,
) -> None:
    (tmp_path / "run").symlink_to(finished_run)
    gpus = stand_in(monkeypatch, AMPERE, AMPERE)
    built_on = []

    def build_nothing(*_: Any) -> None:
        built_on.append(gpus.current)
        raise Reached

    monkeypatch.setattr(build, "prepare", build_nothing)
    assert snntrain(*words, "trainer.device=cuda:1").status == 1
    assert (built_on, gpus.current) == ([1], 0)


def test_doctor_shows_the_current_gpu_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, TURING, HOPPER, current=1)
    for device, used, other in (("cuda", 1, 0), ("cuda:0", 0, 1)):
        rows = [(row.label, row.text.partition(",")[0]) for row in examined.devices(device, devices.choose(device))]
        assert rows == [("device", f"cuda:{used}: GPU {used}"), ("not used", f"cuda:{other}: GPU {other}")]


def test_doctor_says_what_float32_is_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, HOPPER)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    for name, message, hint in (
        ("fp32", "IEEE float32, no TF32", "auto would compute in bf16"),
        ("tf32", "convolved and multiplied in TF32", "unset NVIDIA_TF32_OVERRIDE=0"),
        ("bf16", "trainer.precision=bf16 asks for it", ""),
    ):
        (row,) = examined.precision_of(name, precision.choose(name, torch.device("cuda")))
        assert row.text.startswith(f"{name}: trainer.precision={name} asks for it")
        assert message in row.text
        assert hint in row.hint


def test_an_amd_gpu_is_reported_as_untested(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    stand_in(monkeypatch, HOPPER, rocm="7.1")
    config = configured("trainer.device=auto")
    here = world.decide(config.trainer)
    here.report(config.trainer)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "AMD GPU (ROCm 7.1), on which snntrain is untested" in record.message
    assert [row.label for row in examined.devices("auto", here.device)] == ["device", "untested"]


def test_an_nvidia_gpu_and_a_cpu_get_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in(monkeypatch, HOPPER)
    for device in ("auto", "cuda:0", "cpu"):
        config = configured(f"trainer.device={device}")
        world.decide(config.trainer).report(config.trainer)
    assert not caplog.records


@pytest.mark.parametrize(
    ("kind", "why"), [("mps", "have no float64"), ("xpu", "untested on Intel"), ("hpu", "untested")]
)
def test_a_run_reports_once_that_auto_uses_the_cpu_and_not_an_unsupported_device(
    kind: str, why: str, monkeypatch: pytest.MonkeyPatch, snntrain: Callable[..., Outcome]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device(kind))
    message = f"trainer.device=auto takes the CPU, although there is a device '{kind}': "
    cpu = devices.choose("auto")
    assert cpu == torch.device("cpu")
    line = devices.passed_over("auto", cpu)
    assert line.startswith(message)
    assert why in line
    assert [row.text for row in examined.devices("auto", cpu)][1:] == [line]
    assert devices.passed_over("cpu", cpu) == ""
    if kind == "mps":
        small = (*TINY, "monitor=off", "hydra.run.dir=run")
        assert snntrain(*small, "trainer.device=auto").out.count(message) == 1
        assert message not in snntrain(*small[:-1], "trainer.device=cpu").out


@pytest.mark.parametrize("device", ["mps", "mps:0", "xpu", "xpu:1"])
def test_a_device_that_no_run_uses_is_refused_with_the_reason(device: str) -> None:
    with pytest.raises(UserError) as error:
        validate([f"trainer.device={device}"])
    (line,) = error.value.lines
    assert line.startswith(f"trainer.device={device}: cannot be used: ")
    assert ("float64" if device.startswith("mps") else "Intel") in line
    assert line.endswith("; take cpu, or cuda on an NVIDIA GPU")


@pytest.mark.parametrize("device", ["mps:", "xpu:x", "mpsx", "opencl"])
def test_a_word_that_is_not_a_device_is_refused_with_the_existing_devices(device: str) -> None:
    with pytest.raises(UserError, match=r"must be auto, cpu, cuda or cuda:<index>"):
        validate([f"trainer.device='{device}'"])
