"""`snntrain doctor`: its findings and hints, also on a broken machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import snntrain as package
from snntrain.cli import doctor
from snntrain.data import vision
from snntrain.doctor import speed
from snntrain.doctor.finding import Finding
from snntrain.training.job.precision import cpu_has_bf16
from tests.conftest import Outcome

QUICK = ("network=mlp", "network.hidden=[16]", "trainer.device=cpu", "trainer.batch_size=32")
RAISING = """
from snntrain.neuron import BaseNode

class Node(BaseNode):
    def charge(self, x):
        raise RuntimeError("the compiler is missing")
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.05)
    for name in ("SNNTRAIN_DATA", "SNNTRAIN_EXECUTOR"):
        monkeypatch.delenv(name, raising=False)


def rows_and_hints(out: str) -> tuple[dict[str, str], list[str]]:
    """Return the text at each label, and the hints; wrapped lines are joined again."""
    found, _, hints = out.partition("What would make it faster\n")
    lines = [line for line in re.sub(r"\n {14}(?=\S)", " ", found).splitlines() if line.startswith("  ")]
    return {line[2:13].strip(): line[14:] for line in lines}, re.sub(r"\n {4}(?=\S)", " ", hints).splitlines()


def test_a_machine_is_examined_and_its_speed_is_measured(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = snntrain("doctor", *QUICK, f"dataset.root={tmp_path}")
    assert (outcome.status, outcome.err) == (0, "")
    rows, hints = rows_and_hints(outcome.out)
    assert rows["snntrain"].startswith(f"{package.__version__}, Python 3.")
    assert f"torch {torch.__version__.partition('+')[0]}" in rows["packages"]
    assert rows["device"].startswith("cpu: ")
    assert rows["precision"].startswith("bf16: " if cpu_has_bf16() else "fp32: ")
    assert rows["neurons"] == "fp32, bf16 compiled by Numba; fp16 plain PyTorch"
    assert rows["threads"].startswith(f"{torch.get_num_threads()} on ")
    assert rows["data root"].startswith(f"{tmp_path} (dataset.root), ")
    assert rows["complete"] == "digits"
    absent, _, note = rows["absent"].partition(" (")
    assert set(absent.split(", ")) > {"cifar10", "dvs128_gesture", "emnist", "mnist", "nmnist", "shd", "ssc", "svhn"}
    assert note == "downloaded at the first use; by hand: dvs128_gesture)"
    assert rows["runs"].startswith(f"{tmp_path / 'outputs'}, ")
    images, network = re.fullmatch(r"([\d,]+) images/s \((\w+), T=4, batches of 32 .*\)", rows["training"]).groups()
    assert int(images.replace(",", "")) > 0
    assert network == "MLP"
    assert all(hint.startswith("  - ") for hint in hints)
    assert list(tmp_path.iterdir()) == []


def test_data_sets_are_recognised_by_their_files(snntrain: Callable[..., Outcome], tmp_path: Path) -> None:
    for name, files in (("mnist", slice(None)), ("kmnist", slice(3))):
        source = vision.source(name)
        assert source is not None
        (tmp_path / source.folder).mkdir(parents=True)
        for file in source.files[files]:
            (tmp_path / source.folder / file).touch()
    own = tmp_path / "conf" / "dataset"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("_target_: mine.load\n")
    rows, hints = rows_and_hints(
        snntrain("doctor", *QUICK, "dataset=kmnist", f"dataset.root={tmp_path}", "--config-dir", "conf").out
    )
    assert rows["complete"] == "digits, mnist"
    assert rows["incomplete"] == "kmnist: lacks t10k-labels-idx1-ubyte"
    assert rows["unknown"] == "mine: mine.load finds its data itself"
    assert "  - dataset=kmnist is incomplete: the first run downloads what is missing" in hints


def test_settings_that_cost_speed_are_reported_with_a_remedy(
    snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNNTRAIN_EXECUTOR", "reference")
    rows, hints = rows_and_hints(snntrain("doctor", *QUICK, "trainer.precision=fp32").out)
    assert rows["neurons"] == "fp32, bf16, fp16 plain PyTorch"
    assert rows["precision"] == "fp32: trainer.precision=fp32 asks for it"
    assert any(hint.startswith("  - unset SNNTRAIN_EXECUTOR=reference") for hint in hints)
    assert cpu_has_bf16() == any(hint.startswith("  - trainer.precision=auto would compute in bf16") for hint in hints)


def test_a_missing_device_is_reported_and_the_rest_is_examined_without_it(
    snntrain: Callable[..., Outcome],
) -> None:
    outcome = snntrain("doctor", "network=mlp", "trainer.device=cuda:99")
    assert outcome.status == 0
    rows, _ = rows_and_hints(outcome.out)
    assert rows["refused"].startswith("trainer.device=cuda:99: PyTorch finds no such GPU here")
    assert "images/s" in rows["training"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody can write to")
def test_folders_that_cannot_be_written_are_reported(snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain("doctor", *QUICK, "dataset=mnist", "dataset.root=/proc/none/data")
    assert outcome.status == 0
    rows, hints = rows_and_hints(outcome.out)
    assert rows["data root"].endswith("cannot be written")
    assert "  - dataset=mnist is absent: name another dataset.root" in hints


@pytest.mark.slow
def test_a_training_that_fails_is_reported_with_its_reason(
    snntrain: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing.py").write_text(RAISING)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "conf" / "neuron").mkdir(parents=True)
    (tmp_path / "conf" / "neuron" / "mine.yaml").write_text("_target_: failing.Node\n")
    outcome = snntrain("doctor", *QUICK, "neuron=mine", "--config-dir", "conf", "allow_targets=[failing]")
    assert outcome.status == 1
    assert rows_and_hints(outcome.out)[0]["failed"] == "the compiler is missing"
    assert outcome.err == "snntrain: training does not work on this machine: the compiler is missing\n"


@pytest.mark.slow
def test_a_torch_that_cannot_be_imported_is_reported(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(package.__file__).parents[1]}")
    doctor = process("doctor")
    out, err = doctor.communicate(timeout=60)
    assert doctor.returncode == 1
    assert err == "snntrain: training does not work on this machine: torch cannot be imported\n"
    assert rows_and_hints(out)[0]["torch"] == "cannot be imported: libcudart.so: cannot open shared object file"


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("-m",), "--multirun: doctor takes overrides and --config-dir"),
        (("neuron=pliff",), "neuron=pliff: no neuron 'pliff'"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    argv: tuple[str, ...], line: str, snntrain: Callable[..., Outcome]
) -> None:
    outcome = snntrain("doctor", *argv)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"snntrain: {line}")


def test_doctor_shows_its_usage(snntrain: Callable[..., Outcome]) -> None:
    outcome = snntrain("doctor", "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("snntrain doctor [group=option …]")


def test_paths_and_settings_are_not_broken_in_the_middle() -> None:
    path = f"/home/somebody/{'some-long-name/' * 9}site-packages/snntrain/neuron/recurrence/__pycache__"
    for line in (
        doctor._line(Finding("kernels", f"kept in {path}")),
        doctor._hint(f"set TRITON_CACHE_DIR to {path} now"),
    ):
        assert path in line
    lines = doctor._line(Finding("packages", "a-b " * 60)).splitlines()
    assert len(lines) > 2
    assert all(len(line) <= doctor.WIDTH and not line.endswith("-") for line in lines)
