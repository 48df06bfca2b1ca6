"""Mistakes to make: broken files, and the ways to get their messages."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from snntrain.cli import doctor, sweep
from snntrain.cli.launchers import worker_process
from snntrain.cli.launchers.launcher import SweepCommand
from snntrain.cli.launchers.slots import Slot
from snntrain.config import saved
from snntrain.config.compose import validate
from snntrain.data import digits, idx, picture_file, processes, vision, workers
from snntrain.data.dataset import Data, ImageTensors
from snntrain.errors import RunFailed, UserError
from snntrain.process import cublas
from snntrain.report.files import write
from snntrain.report.report import make
from snntrain.runs.layout import LOCK
from snntrain.runs.run_folder import RunFolder
from snntrain.training.job import precision, repeatable
from snntrain.training.loss import check_lengths
from snntrain.training.saving import checkpoint
from tests.cli import broken
from tests.conftest import run_in
from tests.data.files import NO_NETWORK, write_idx, write_mnist
from tests.report.folders import write_run
from tests.training.gpus import stand_in
from tests.training.jobs import Infinite, write_checkpoint

# The call that causes a message; and its words for the input, for the allowed values or the reason, and for the remedy.
Case = tuple[Callable[["World"], object], tuple[str, str, str]]


class World:
    """Files to make mistakes with, below `folder`, and the ways to make them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.patch, self.capsys = folder, patch, capsys
        self.broken = folder / "broken"

    @cached_property
    def together(self) -> list[str]:
        """Return the messages for all overrides that are given `together`."""
        return lines(lambda _: validate(_TOGETHER), self)

    def line(self, command: str) -> list[str]:
        """Return the lines that the command line prints; `{broken}` is the folder of broken things."""
        self.capsys.readouterr()
        assert run_in(self.folder, *command.format(broken=self.broken).split()) in (1, 2)
        for name in (None, "snntrain", "snntrain.file"):
            # A refused run removed its folder again, and with it its log file.
            logging.getLogger(name).handlers.clear()
        return [line.removeprefix("snntrain: ") for line in self.capsys.readouterr().err.splitlines()]

    def idx(self, content: bytes, ndim: int = 3) -> Any:
        """Read an IDX file of these bytes."""
        (self.folder / "idx").write_bytes(content)
        return idx.read_idx(self.folder / "idx", ndim)

    def pair(self, images: int, labels: list[int]) -> Any:
        """Read that many images of 2x2 with these labels; there are two classes."""
        write_idx(self.folder / "images", np.zeros((images, 2, 2), np.uint8))
        write_idx(self.folder / "labels", np.array(labels, np.uint8))
        return idx.read_pair(self.folder / "images", self.folder / "labels", 0, 2)

    def picture(self, name: str, channels: int = 1) -> Any:
        split = ImageTensors(torch.zeros(2, channels, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]))
        return picture_file.read(self.broken / name, Data("some", split, split, split, ("a", "b")))

    def config(self, name: str) -> Any:
        return saved.load(self.broken / "runs" / name, [])

    def good(self, *overrides: str) -> Any:
        return saved.load(self.broken / "runs" / "good", overrides)

    def checkpoint(self, name: str) -> Any:
        return checkpoint.load(self.broken / "runs" / name / "checkpoints" / "best.pt")

    def foreign_weights(self) -> Any:
        return checkpoint.restore(torch.nn.Linear(2, 2), self.broken / "runs" / "good" / "checkpoints" / "best.pt")

    def digits(self, content: bytes) -> Any:
        (self.folder / "optdigits.npz").write_bytes(content)
        with self.patch.context() as patch:
            patch.setattr(digits, "FILE", self.folder / "optdigits.npz")
            digits.load()

    def sequences_for_a_loss_without_lengths(self) -> None:
        split = ImageTensors(torch.zeros(2, 3, 1, 2, 2, dtype=torch.uint8), torch.arange(2), torch.tensor([1, 3]))
        check_lengths(Infinite(), Data("some", split, split, split, ("a", "b")))

    def without_torchvision(self) -> None:
        with self.patch.context() as patch:
            patch.setitem(sys.modules, "torchvision", None)
            vision._datasets()

    def without_training(self) -> None:
        def breaks(*arguments: object) -> None:
            raise OSError("no compiler")

        from snntrain.doctor import speed

        with self.patch.context() as patch:
            patch.setattr(speed, "measure", breaks)
            doctor.command(["trainer.device=cpu"])

    def tf32_of_an_old_gpu(self) -> None:
        with self.patch.context() as patch:
            stand_in(patch, (7, 5))
            precision.choose("tf32", torch.device("cuda"))

    def workspace_of_the_users_own(self) -> None:
        with self.patch.context() as patch:
            patch.setenv(cublas.VARIABLE, ":16:4")
            repeatable.check_deterministic(torch.device("cuda"))

    def failed_sweep(self) -> None:
        self.concluded_sweep(status="failed", error="no luck")

    def sweep_of_another(self) -> None:
        self.concluded_sweep(status="running")

    def concluded_sweep(self, status: str, error: str | None = None) -> None:
        folder = self.folder / f"sweep_{status}"
        (write_run(folder / "0", status=status, error=error) / LOCK).write_text('{"host": "node7", "pid": 3}')
        sweep.conclude(folder)

    def no_worker(self) -> None:
        with self.patch.context() as patch:
            patch.setattr(worker_process, "START", "raise ImportError('no such library')")
            raise RunFailed(*self.line("-m T=1,2,3,4 sweep.workers=2 hydra.sweep.dir=no_worker"))

    def no_process(self) -> None:
        def none_left(*given: Any, **more: Any) -> None:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

        with self.patch.context() as patch:
            patch.setattr(worker_process.subprocess, "Popen", none_left)
            worker_process.Worker(SweepCommand("config", None, (), (), "."), Slot(1), 0)

    def full_disk(self) -> None:
        self.patch.chdir(self.folder)
        with RunFolder(Path("run"), "some").writing():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def dead_workers(self) -> None:
        pool = fake(shutdown=lambda: None)
        reading = processes.Processes(list, 1, doing="reads the data", remedy=workers.REMEDY, hint=workers.HINT)
        reading._pool = pool
        reading._bury(pool, processes.MOST_DEATHS)

    def report_below_a_file(self) -> None:
        write(make([self.folder / "sweep"], "test_accuracy", 0.0), self.broken / "file" / "report")


def fake(**attributes: Any) -> Any:
    """Return an object with only these attributes."""
    return SimpleNamespace(**attributes)


def fake_training(loss: float = 0.0, weight: float = 0.0) -> Any:
    """Return a training at the end of epoch 3 with this loss and weight."""
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, weight)
    empty = FakeBatches()
    tally = fake(images=lambda: 0, metrics=lambda: fake(loss=loss))
    job = fake(model=model, evaluated=model, train=empty, config=fake(trainer=fake(epochs=3)))
    progress = fake(epoch=3, batch=1, seconds=0.0, tally=tally)
    return fake(job=job, step=fake(failing=lambda: False), progress=progress)


class FakeBatches(list[Any]):
    def draws(self, number: int, start: int = 0) -> list[Any]:
        return []


def overrides(*given: str, **options: Any) -> Callable[[World], object]:
    return lambda world: validate(
        given, **{k: str(v).format(broken=world.broken) if k == "config_dir" else v for k, v in options.items()}
    )


# Independent overrides: their faults are reported together, which saves compositions.
_TOGETHER: list[str] = []


def together(override: str) -> Callable[[World], object]:
    _TOGETHER.append(override)
    return lambda world: world.together


def line(command: str) -> Callable[[World], object]:
    return lambda world: world.line(command)


def lines(bring_about: Callable[[World], object], world: World) -> list[str]:
    """Return the lines of the exception, or those on the terminal."""
    try:
        said = bring_about(world)
    except UserError as error:
        return list(error.lines)
    except RunFailed as error:
        return [str(error)]
    assert isinstance(said, list), said
    return said


def made(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    """Return the world in `tmp_path`, around a finished run."""
    world = World(tmp_path, monkeypatch, capsys)
    broken.fill(world.broken, finished_run)
    for name, text in {
        "lists/neuron/list.yaml": "- a\n",
        "primary/mine.yaml": "defaults: [config\n",
        "primary/bare.yaml": "defaults: [neuron: lif, _self_]\nT: 4\n",
        "searches/search/list.yaml": "defaults: [default, _self_]\nspace: T\n",
        "configs/reset/bare.yaml": "v_reset: 0\n",
        "configs/neuron/number.yaml": "# @package _global_\nneuron: 3\n",
        "modules/unlucky_loss.py": "import torch\n\n\nclass Loss(torch.nn.Module):\n    def forward(self, *given):\n"
        "        raise RuntimeError('no such luck')\n",
    }.items():
        (world.broken / name).parent.mkdir(parents=True, exist_ok=True)
        (world.broken / name).write_text(text)
    interpolated = world.broken / "runs" / "interpolation" / "config.yaml"
    interpolated.parent.mkdir()
    interpolated.write_text(
        (finished_run / "config.yaml").read_text().replace("name: snntrain", "name: ${oc.env:HOME}")
    )
    Image.new("1", (11_000, 11_000)).save(world.broken / "great.png")
    write_run(tmp_path / "sweep" / "0")
    _runs_to_resume(world.broken, finished_run)
    write_mnist(tmp_path / "mnist")
    monkeypatch.syspath_prepend(world.broken / "modules")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    monkeypatch.setenv("no_proxy", "*")
    return world


def _runs_to_resume(folder: Path, run: Path) -> None:
    for name in ("no_epoch", "old", "nothing_good", "linked", "piped", "two_names", "in_the_way", "edited"):
        shutil.copytree(run, folder / "runs" / name)
    best = {name: folder / "runs" / name / "checkpoints" / "best.pt" for name in ("no_epoch", "old")}
    state = checkpoint.load(best["old"])
    write_checkpoint(best["no_epoch"], state | {"epoch": None})
    write_checkpoint(best["old"], state | {"format": 0})
    for name in ("last.pt", "previous.pt"):
        (folder / "runs" / "nothing_good" / "checkpoints" / name).write_bytes(b"damaged")
    last = folder / "runs" / "in_the_way" / "checkpoints" / "last.pt"
    last.unlink()
    last.mkdir()
    metrics = folder / "runs" / "linked" / "metrics.jsonl"
    metrics.replace(folder / "own")
    metrics.symlink_to(folder / "own")
    piped = folder / "runs" / "piped" / "metrics.jsonl"
    piped.unlink()
    os.mkfifo(piped)
    os.link(folder / "runs" / "two_names" / "metrics.jsonl", folder / "second")
    (folder / "runs" / "no_folder").mkdir()
    (folder / "runs" / "no_folder" / "checkpoints").touch()
    config = folder / "runs" / "edited" / "config.yaml"
    config.write_text(config.read_text().replace("\nT: 4\n", "\nT: 6\n"))
    write_mnist(folder / "mine").rename(folder / "raw")
    (folder / "mine" / "MNIST").rmdir()
    (folder / "mine").rmdir()
    (folder / "raw").rename(folder / "mine")
    (folder / "zip.gz").write_text("no gzip file")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "summary.json").write_text("{}")
