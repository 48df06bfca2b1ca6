"""Training as a candidate with a number of steps per call: ours by snntrain's own code, the peers' by a loop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.tasks import CLASSES, NETWORKS, Task, ready_batches
from snntrain.kernels import pooling
from snntrain.kernels.cpu import caches

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Spec:
    """A training for a worker, see `workers.Spec`.

    Args:
        name: its name in the tables.
        key: `snntrain`, or a key of `peers.PEERS`.
        task: the task of all candidates.
        steps: steps per call; ours is an epoch of that many batches.
        precision: auto or tf32 (ours alone), fp32, bf16 or fp16.
        keep_memory: use snntrain's settings of the allocator.
        without: a lever of `LEVERS` that is switched off; ours alone.
        overrides: further configuration of ours.
    """

    name: str
    key: str
    task: Task
    steps: int
    precision: str = "fp32"
    keep_memory: bool = False
    without: str | None = None
    overrides: tuple[str, ...] = ()

    @property
    def threads(self) -> int:
        return self.task.threads

    def build(self) -> Ours | Theirs:
        """Return the trainer, in this process."""
        return Ours(self) if self.key == "snntrain" else Theirs(self)


# ---- ours ------------------------------------------------------------------------------------------------------------


class Ours:
    """An epoch of `snntrain`: data from the resident set, forward, loss, backward, optimizer, metrics."""

    def __init__(self, spec: Spec) -> None:
        from snntrain.config.validate import validate
        from snntrain.training import loop
        from snntrain.training.job import build, world
        from snntrain.training.state import begin

        if spec.without in BEFORE:
            BEFORE[spec.without]()
        (config,) = validate(_overrides(spec))
        self.job = build.prepare(config, world.decide(config.trainer))
        if spec.without in AFTER:
            AFTER[spec.without](self.job)
        # This stays until the process ends.
        self.settings = ExitStack()
        self.settings.enter_context(self.job.computing())
        self.training = begin(self.job)
        self.train_epoch = loop.train_epoch
        self.runs = _in_use(self.job)

    def __call__(self) -> None:
        self.train_epoch(self.training)
        self.training.progress.next_epoch()


def _overrides(spec: Spec) -> list[str]:
    task, network = spec.task, NETWORKS[spec.task.network]
    precision = "fp32" if spec.without == "bf16" else spec.precision
    return [
        f"neuron={task.neuron}",
        "dataset=mnist",
        f"dataset.root={task.data}",
        f"network.channels={list(network.channels)}",
        f"network.hidden={list(network.hidden)}",
        f"network.votes={network.votes}",
        f"T={task.T}",
        f"trainer.batch_size={task.batch}",
        f"trainer.limit_batches={spec.steps}",
        "trainer.epochs=100000",
        f"trainer.device={task.device}",
        f"trainer.precision={precision}",
        *spec.overrides,
    ]


def _in_use(job: Any) -> str:
    """Return the levers that the job uses, as seen from outside."""
    group = job.optimizer.param_groups[0]
    last = [p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous() for p in _kernels(job)]
    words = [job.world.precision.name, type(job.optimizer).__name__ + (" fused" if group.get("fused") else "")]
    return ", ".join(words + ["channels last"] * any(last))


def _kernels(job: Any) -> list[torch.Tensor]:
    return [p for p in job.model.parameters() if p.ndim == 4]


# ---- levers: reasons why ours is fast, and ways to switch them off ---------------------------------------------------


def _reference_neuron() -> None:
    os.environ["SNNTRAIN_EXECUTOR"] = "reference"


def _through_the_caches() -> None:
    caches.FAR = sys.maxsize


def _torchs_pooling() -> None:
    pooling.MaxPool2x2.forward = torch.nn.MaxPool2d.forward


def _contiguous(job: Any) -> None:
    job.model.to(memory_format=torch.contiguous_format)
    # A tensor with one channel is in both orders at once, so the order is also fixed after the layer.
    for module in job.model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _, __, output: output.contiguous())


def _unfused(job: Any) -> None:
    for group in job.optimizer.param_groups:
        group["fused"] = False


def _copied_current(job: Any) -> None:
    job.model.encoder.register_forward_hook(lambda _, __, output: output.contiguous())


# allocator and bf16 are settings of the Spec; BEFORE acts before a job is prepared, AFTER on the job.
BEFORE: dict[str | None, Callable[[], None]] = {
    "compiled neuron": _reference_neuron,
    "past the caches": _through_the_caches,
    "compiled pooling": _torchs_pooling,
}
AFTER: dict[str | None, Callable[[Any], None]] = {
    "channels_last": _contiguous,
    "fused optimizer": _unfused,
    "constant prefix once": _copied_current,
}
LEVERS = (
    "allocator",
    "compiled neuron",
    "past the caches",
    "bf16",
    "compiled pooling",
    "constant prefix once",
    "channels_last",
    "fused optimizer",
)


# ---- peers -----------------------------------------------------------------------------------------------------------


class Theirs:
    """A loop as in the peers' tutorials, on batches that are ready on the device."""

    def __init__(self, spec: Spec) -> None:
        from benchmarks import peer_networks

        torch.manual_seed(0)
        self.net = peer_networks.build(spec.key, spec.task).train()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.batches = ready_batches(spec.task, min(spec.steps, spec.task.images // spec.task.batch))
        self.device, self.precision, self.steps = torch.device(spec.task.device), spec.precision, spec.steps
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=spec.precision == "fp16")
        self.runs = f"{spec.precision}, Adam"

    def __call__(self) -> None:
        for step in range(self.steps):
            images, labels = self.batches[step % len(self.batches)]
            with torch.autocast(self.device.type, DTYPES[self.precision], enabled=self.precision != "fp32"):
                rates = self.net(images)
            loss = F.mse_loss(rates.float(), F.one_hot(labels, CLASSES).float())
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
