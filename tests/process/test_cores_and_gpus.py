"""The cores and GPUs that a process may use; the GPUs of other machines stand in for those that are not here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snntrain.process import cores, gpus

LISTED = """GPU 0: NVIDIA H200 (UUID: GPU-11111111-2222-3333-4444-555555555555)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-66666666-2222-3333-4444-555555555555)
  MIG 3g.20gb     Device  0: (UUID: MIG-aaaaaaaa-2222-3333-4444-555555555555)
  MIG 3g.20gb     Device  1: (UUID: MIG-bbbbbbbb-2222-3333-4444-555555555555)
"""


def test_the_cores_are_those_that_the_system_allows() -> None:
    assert 1 <= cores.usable() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("limit", "expected"), [("150000 100000", 2), ("max 100000", 64), ("50000 100000", 1)])
def test_a_container_may_allow_less(tmp_path: Path, limit: str, expected: int) -> None:
    (tmp_path / "groups" / "a" / "b").mkdir(parents=True)
    (tmp_path / "groups" / "a" / "cpu.max").write_text(f"{limit}\n")
    (tmp_path / "own").write_text("0::/a/b\n")
    assert min(64, *cores._quotas(tmp_path / "groups", tmp_path / "own")) == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("0,2", ("0", "2")),
        ("", ()),
        ("-1", ()),
        ("1,-1,2", ("1",)),
        ("GPU-1, MIG-2", ("GPU-1", "MIG-2")),
        ("NoDevFiles", ()),
    ],
)
def test_cuda_visible_devices_names_the_gpus(visible: str, expected: tuple[str, ...]) -> None:
    assert gpus.entries(visible) == expected


def test_the_parts_of_a_divided_gpu_take_its_place() -> None:
    assert gpus.named(LISTED) == (
        "GPU-11111111-2222-3333-4444-555555555555",
        "MIG-aaaaaaaa-2222-3333-4444-555555555555",
        "MIG-bbbbbbbb-2222-3333-4444-555555555555",
    )


def test_a_listing_by_a_program_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(gpus, "DRIVERS", (tmp_path,))
    assert len(gpus.usable({})) == 3
    assert gpus.usable({"CUDA_VISIBLE_DEVICES": "1"}) == ("1",)


def test_without_a_driver_there_are_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "DRIVERS", (tmp_path / "none",))
    assert gpus.usable({"CUDA_VISIBLE_DEVICES": "0"}) == ()
