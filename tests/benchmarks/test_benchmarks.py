"""Each benchmark runs and writes its results; their speed does not matter here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import all_reduce, gpu_steps, levers, neuron, reading, start_up, sweeps, train_step
from benchmarks.layers import Problem, ours, theirs
from benchmarks.peers import PEERS

MACHINE = {"date", "command", "device", "cpu", "threads", "versions"}


@pytest.fixture(autouse=True)
def _no_data_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNTRAIN_DATA", raising=False)


def found(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the sections of a benchmark's JSON, once its constant parts are checked."""
    content = json.loads((folder / f"{name}.json").read_text())
    assert content["machine"].keys() >= MACHINE
    assert (folder / f"{name}.png").stat().st_size > 1000
    rows = [row for section in content["sections"] for row in section["rows"]]
    assert rows
    assert not [row for row in rows if "failed" in row]
    assert all(section["chart"] in section["rows"][0] for section in content["sections"])
    assert all(math.isfinite(value) for row in rows for value in numbers(row))
    return content["sections"]


def numbers(row: dict[str, Any]) -> Iterator[float]:
    return (value for value in row.values() if isinstance(value, float))


@pytest.mark.slow
def test_neuron_benchmark_writes_a_section_a_line(tmp_path: Path) -> None:
    neuron.main(
        ["--quick", "--device=cpu", "--neurons=lif", "--peers=none", "--allocator=default", f"--out={tmp_path}"]
    )
    names = [row["name"] for section in found(tmp_path, "neuron") for row in section["rows"]]
    assert {"snntrain", "snntrain bf16", "floor: 5 passes", "snntrain ATan", "snntrain T=256"} <= set(names)


@pytest.mark.slow
def test_reading_benchmark_has_a_line_per_format(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    reading.main(["--quick", f"--out={tmp_path}"])
    read, frames = found(tmp_path, "reading")
    formats = {row["name"].partition(",")[0] for row in read["rows"]}
    assert formats == {"atis", "aedat2", "aedat31", "gesture_npy", "arrays", "arrays_h5", "spikes_h5"}
    assert len(frames["rows"]) > 5


@pytest.mark.slow
def test_train_step_benchmark_runs_snntrains_own_path(tmp_path: Path) -> None:
    train_step.main(["--quick", "--device=cpu", "--threads=1", "--peers=none", "--precision=fp32", f"--out={tmp_path}"])
    (section,) = found(tmp_path, "train_step")
    (row,) = section["rows"]
    assert row["name"] == "snntrain"
    assert row["runs"].startswith("fp32, Adam")


@pytest.mark.slow
def test_all_reduce_benchmark_counts_the_calls_of_a_step(tmp_path: Path) -> None:
    all_reduce.main(["--quick", "--precision=fp32", f"--out={tmp_path}"])
    times, parts = found(tmp_path, "all_reduce")
    assert [row["name"] for row in times["rows"]] == ["digits, batch 64"]
    assert times["rows"][0]["step ms"] > times["rows"][0]["waiting ms"] > 0
    # Two normalisations of 32 and 64 channels: forward two sums and a count in float64, backward two sums in float32.
    sums = 8 * (65 + 129) + 4 * (64 + 128)
    # The agreement before a step has three whole numbers.
    assert [(row["calls"], row["KB"]) for row in parts["rows"][1:]] == [(4, sums / 1e3), (1, 24 / 1e3)]


@pytest.mark.slow
def test_a_gpus_kernels_are_measured_in_the_interpreter_too(tmp_path: Path) -> None:
    """In a process of its own: whether a kernel is compiled or interpreted is decided when it is imported."""
    pytest.importorskip("triton")
    command = ["-m", "benchmarks.gpu_kernels", "--quick", "--device=cpu", f"--out={tmp_path}"]
    subprocess.run([sys.executable, *command], cwd=Path(__file__).parents[2], capture_output=True, check=True)
    sections = found(tmp_path, "gpu_kernels")
    names = {row["name"] for section in sections for row in section["rows"]}
    assert names >= {"copy", "lif forward", "plif backward", "rif backward", "pooling backward", "block 128, group 2"}


@pytest.mark.slow
def test_the_papers_step_is_measured_recorded_and_launched(tmp_path: Path) -> None:
    gpu_steps.main(["--quick", "--device=cpu", f"--out={tmp_path}"])
    (section,) = found(tmp_path, "gpu_steps")
    assert [row["name"] for row in section["rows"]][:3:2] == ["batch 16, bf16, recorded", "batch 16, bf16, launched"]
    # On a CPU no step is recorded.
    assert all(row["runs"].endswith("launched") for row in section["rows"])
    assert "integrate_and_fire" in (tmp_path / "gpu_steps_profile.txt").read_text()
    assert gpu_steps.VARIABLE not in os.environ


@pytest.mark.slow
def test_levers_benchmark_switches_a_lever_off(tmp_path: Path) -> None:
    levers.main(["--quick", "--device=cpu", "--threads=1", "--only=bf16", "--precision=bf16", f"--out={tmp_path}"])
    (section,) = found(tmp_path, "levers")
    assert [row["runs"][:4] for row in section["rows"]] == ["bf16", "fp32"]


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.slow
def test_kernel_registers_benchmark_needs_no_gpu(tmp_path: Path) -> None:
    from benchmarks import kernel_registers

    kernel_registers.main(["--quick", f"--out={tmp_path}"])
    rows = [row for section in found(tmp_path, "kernel_registers") for row in section["rows"]]
    assert [row["name"] for row in rows] == ["PLIF float32 T=2"] * 2
    assert all(0 < row["registers"] <= 255 and row["in flight"] > 0 and row["spilled"] == 0 for row in rows)
    assert "| PLIF float32 T=2 |" in (tmp_path / "kernel_registers.md").read_text()


@pytest.mark.slow
def test_start_up_benchmark_measures_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start_up, "JOBS", 2)
    monkeypatch.setattr(start_up, "SWEEP", ("-m", "debug=smoke", "monitor=off", "seed=1,2"))
    start_up.main(["--rounds=1"])
    shown = capsys.readouterr().out
    assert all(f"  {name}  " in shown for name in ("import torch", *start_up.COMMANDS, "a further job of 2"))


@pytest.mark.parametrize("option", ["--lines=nothing", "--neurons=alif", "--peers=nobody", "--shape=big"])
def test_an_unknown_choice_ends_with_status_2(option: str) -> None:
    with pytest.raises(SystemExit) as end:
        neuron.main([option])
    assert end.value.code == 2


def test_our_layer_keeps_its_input_for_backward_and_nothing_else_of_its_size() -> None:
    problem = Problem.random(4, (8, 128), torch.float32, torch.device("cpu"))
    assert problem.x.nbytes <= ours("snntrain", "lif", problem).kept_bytes() < 1.1 * problem.x.nbytes


@pytest.mark.parametrize("key", PEERS)
@pytest.mark.parametrize("kind", ["if", "lif", "plif"])
def test_a_peers_neuron_takes_the_same_current_to_a_gradient(key: str, kind: str) -> None:
    if find_spec(key) is None:
        pytest.skip(f"{key} is not installed")
    problem = Problem.random(3, (2, 8), torch.float32, torch.device("cpu"))
    grad_x, *learnt = theirs(key, kind, problem).step()
    assert grad_x.shape == problem.x.shape
    assert grad_x.isfinite().all()
    assert len(learnt) == (kind == "plif")


@pytest.mark.slow
def test_the_overhead_of_a_sweep_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    cores = os.sched_getaffinity(0)
    try:
        sweeps.main(["--jobs=2", "--runs=5", "--rounds=1"])
    finally:
        os.sched_setaffinity(0, cores)
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("one process", "one worker", "report of 5 runs"))
