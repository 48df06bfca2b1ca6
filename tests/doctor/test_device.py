"""The findings about the kernels of a GPU, on a machine without one."""

from __future__ import annotations

import pytest
import torch

from snntrain.doctor import device
from snntrain.doctor.finding import Finding
from snntrain.kernels import dispatch
from snntrain.kernels.gpu import triton_build
from snntrain.kernels.gpu.triton_build import Obstacle
from snntrain.training.job.precision import Precision

NO_COMPILER = Obstacle("there is no C compiler, neither gcc nor clang", "install gcc")
ON_A_GPU = Precision("bf16", torch.device("cuda"))


@pytest.fixture(autouse=True)
def _triton_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dispatch.COMPILED, "cuda", True)
    monkeypatch.delenv(dispatch.VARIABLE, raising=False)


def test_a_gpu_that_triton_cannot_launch_on_is_a_finding_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_build, "obstacle", lambda: NO_COMPILER)
    monkeypatch.setattr(triton_build, "launches", lambda: False)
    assert list(device.launches(ON_A_GPU)) == [
        Finding(
            "launches",
            "Triton cannot launch kernels: there is no C compiler, neither gcc nor clang",
            "install gcc: neurons and pooling compiled by Triton are several times as fast",
        )
    ]
    # Triton is installed, so there is no hint to install it.
    assert list(device.executors(ON_A_GPU)) == [Finding("neurons", "fp32, bf16, fp16 plain PyTorch")]


def test_a_gpu_that_triton_can_launch_on_needs_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_build, "obstacle", lambda: None)
    assert list(device.launches(ON_A_GPU)) == [Finding("launches", "Triton has what it needs to launch kernels")]


def test_without_triton_the_hint_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dispatch.COMPILED, "cuda", False)
    assert list(device.launches(ON_A_GPU)) == []
    (found,) = device.executors(ON_A_GPU)
    assert found.hint == "install triton: neurons compiled by Triton are several times as fast"


def test_a_cpu_gets_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_build, "obstacle", lambda: pytest.fail("Triton was asked"))
    assert list(device.launches(Precision("fp32", torch.device("cpu")))) == []
