"""The training step of the paper's network on a GPU: recorded and launched, by batch size and precision, and profiled.

    python -m benchmarks.gpu_steps [--device cuda] [--network paper] [--seconds 60]

README.md in this folder explains the lines.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import machine
from benchmarks.report import Row, Section, show, write
from benchmarks.tasks import NETWORKS, Task, mnist_root
from benchmarks.timing import alternate
from benchmarks.trainers import Ours, Spec
from benchmarks.workers import WARM_UP_CALLS

# 0: steps are launched kernel by kernel, and not recorded.
VARIABLE = "SNNTRAIN_CUDA_GRAPH"
# Rows of the profiler's table.
MOST_ROWS = 40


@dataclass(frozen=True)
class Line:
    """A setting of the training: batch size, precision, and whether steps are recorded."""

    batch: int
    precision: str
    recorded: bool

    @property
    def name(self) -> str:
        return f"batch {self.batch}, {self.precision}, {'recorded' if self.recorded else 'launched'}"


LINES = (
    Line(16, "bf16", True),
    Line(128, "bf16", True),
    Line(16, "bf16", False),
    Line(128, "bf16", False),
    Line(128, "fp16", True),
    Line(128, "tf32", True),
    Line(128, "fp32", True),
)


def main(argv: list[str] | None = None) -> None:
    settings = _parse(argv)
    device = torch.device(settings.device)
    until = time.monotonic() + settings.seconds
    rows: list[Row] = []
    profiled = ""
    with tempfile.TemporaryDirectory() as scratch:
        data, settings.real_mnist = mnist_root(Path(scratch), 200 if settings.quick else 60_000)
        for line in LINES:
            if device.type == "cpu" and line.precision in ("fp16", "tf32"):
                continue
            if time.monotonic() > until:
                rows.append({"name": line.name, "failed": f"{settings.seconds} s are over"})
                continue
            row, table = _measured(line, settings, device, str(data), profiling=not profiled)
            print(row, flush=True)
            rows.append(row)
            profiled = profiled or table
    title = f"training step, {settings.network} network, {settings.neuron}, {settings.device}"
    section = Section(title, "images/s", rows, "recorded: as one CUDA graph, if 'runs' says so")
    show(section)
    print(profiled)
    folder = settings.out or machine.results_folder(device)
    write("gpu_steps", folder, machine.describe(device), vars(settings), [section])
    (folder / "gpu_steps_profile.txt").write_text(profiled)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_steps", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--network", choices=NETWORKS, default="paper")
    parser.add_argument("--neuron", default="plif")
    parser.add_argument("--steps", type=int, default=30, help="a reading")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--seconds", type=float, default=60, help="after which nothing more is begun")
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    parser.add_argument("--out", type=Path, help="folder; default benchmarks/results/<date>-<device name>")
    settings = parser.parse_args(argv)
    if settings.quick:
        settings.network, settings.steps, settings.repeats = "tiny", 1, 1
    return settings


def _measured(
    line: Line, settings: argparse.Namespace, device: torch.device, data: str, *, profiling: bool
) -> tuple[Row, str]:
    """Return a row of the table, and the profiler's table of a step if `profiling`."""
    trainer = None
    try:
        # This is read when the step is created.
        os.environ[VARIABLE] = str(int(line.recorded))
        trainer = Ours(_spec(line, settings, data))
        started = time.perf_counter()
        for _ in range(WARM_UP_CALLS):
            trainer()
        first = time.perf_counter() - started
        times = alternate({line.name: trainer}, device, settings.repeats)[line.name]
        seconds = times.median / settings.steps
        row: Row = {
            "name": line.name,
            "images/s": line.batch / seconds,
            "ms/step": seconds * 1e3,
            "±": times.spread,
            "first calls s": first,
            "runs": f"{trainer.runs}, {'recorded' if _is_recorded(trainer) else 'launched'}",
        }
        return row, _profile(trainer, device) if profiling else ""
    except Exception as error:  # The other lines are still measured.
        text = str(error)
        return {"name": line.name, "failed": f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"}, ""
    finally:
        os.environ.pop(VARIABLE, None)
        if trainer is not None:
            trainer.settings.close()
        del trainer
        gc.collect()


def _spec(line: Line, settings: argparse.Namespace, data: str) -> Spec:
    task = Task(
        network=settings.network,
        neuron=settings.neuron,
        T=NETWORKS[settings.network].T,
        batch=line.batch,
        device=settings.device,
        threads=torch.get_num_threads(),
        data=data,
        images=60_000 if settings.real_mnist else 200,
    )
    return replace(Spec("snntrain", "snntrain", task, settings.steps), precision=line.precision)


def _is_recorded(trainer: Ours) -> bool:
    """Return whether the step has been recorded."""
    return getattr(trainer.training.step.step, "recording", None) is not None


def _profile(trainer: Ours, device: torch.device) -> str:
    """Return the operations of a step, or of one replay if it is recorded, by PyTorch's profiler."""
    step, draw = trainer.training.step, next(trainer.job.train.draws(1))
    on_gpu = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as found:
        step(draw, 0)
        if on_gpu:
            torch.cuda.synchronize(device)
    averages: Any = found.key_averages()
    return str(
        averages.table(
            sort_by="self_device_time_total" if on_gpu else "self_cpu_time_total",
            row_limit=MOST_ROWS,
            max_name_column_width=80,
        )
    )


if __name__ == "__main__":
    main()
