"""Several real processes that train together on this CPU, for tests of what they compute."""

from __future__ import annotations

import multiprocessing
import pickle
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import nn
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.distributed.distributed_c10d import PrefixStore

from snntrain.config.schema import Config
from snntrain.signals import Stop
from snntrain.training.agreement import Agreement
from snntrain.training.job import build, world
from snntrain.training.job.build import Job
from snntrain.training.job.group import Peers, Place
from snntrain.training.job.world import World
from snntrain.training.loop import fit
from snntrain.training.silent import SilentJournal, SilentSaver
from snntrain.training.state import begin

# Forking from a server that has imported torch takes milliseconds; starting Python takes seconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["snntrain.training.run", "tests.training.jobs"])
SECONDS = 120

# A function that runs in each process: it gets the other processes, and its result is returned to the test.
Function = Callable[..., Any]


def in_processes(size: int, function: Function, *given: Any) -> list[Any]:
    """Call `function(peers, *given)` in each of `size` processes, and return their results by rank.

    An exception is a result, too; None stands for a process that has ended without one.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    ends = [CONTEXT.Pipe(duplex=False) for _ in range(size)]
    processes = [
        CONTEXT.Process(target=_call, args=(rank, size, store.port, sender, function, given), daemon=True)
        for rank, (_, sender) in enumerate(ends)
    ]
    for process in processes:
        process.start()
    for _, sender in ends:
        sender.close()
    try:
        return [_received(receiver) for receiver, _ in ends]
    finally:
        for process in processes:
            process.join(5)
            process.kill()


def _received(receiver: Connection) -> Any:
    assert receiver.poll(SECONDS), "a process hangs"
    try:
        return pickle.loads(receiver.recv_bytes())
    except EOFError:
        return None


def _call(rank: int, size: int, port: int, sender: Connection, function: Function, given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    store = TCPStore("127.0.0.1", port, is_master=False, timeout=timedelta(seconds=30))
    result: Any
    try:
        result = function(Peers(Place(rank, size, rank), store), *given)
    except Exception as error:
        traceback.print_exc()
        result = error
    # The connection itself would share the memory of tensors, which ends with this process.
    sender.send_bytes(pickle.dumps(result))


def within(peers: Peers, name: str) -> Peers:
    """Return the same processes for another run: each run needs keys of its own."""
    return Peers(peers.place, PrefixStore(name, peers.store))


def alone(config: Config) -> World:
    return world.decide(config.trainer)


def exact(job: Job) -> Job:
    """Let a job compute in float64, in which rounding changes no spike."""
    for model in {job.model, job.evaluated}:
        model.double()
        model.register_forward_pre_hook(lambda _, images: tuple(image.double() for image in images))
    return job


def trained(config: Config, here: World, *, in_float64: bool) -> dict[str, Any]:
    """Train a run without files, and return the weights, the metrics of each epoch, and the random state."""
    job = build.prepare(config, here)
    with job.computing():
        if in_float64:
            exact(job)
        training = begin(job)
        journal = Remembering()
        fit(training, journal, SilentSaver(training), Agreement(Stop(), here))
    return {
        "weights": copied(job.evaluated),
        "trained": copied(job.model),
        "epochs": journal.epochs,
        "random": torch.get_rng_state(),
    }


class Remembering(SilentJournal):
    """A journal that keeps the metrics of each epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, Any]] = []

    def epoch(self, epoch: Any, *, last: bool) -> None:
        found = {"loss": epoch.training.loss, "confusion": epoch.training.confusion.tolist()}
        found |= {"val_loss": epoch.validation.loss, "val_confusion": epoch.validation.confusion.tolist()}
        found |= {"rates": epoch.rates.means(), "silent": epoch.rates.silent(), "skipped": epoch.skipped}
        self.epochs.append(found | {"norms": dict(epoch.gradient_norms)})


def copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Return the greatest relative distance between weights of the same name."""
    assert one.keys() == other.keys()
    pairs = [(one[name].double(), other[name].double()) for name in one]
    return max(float((a - b).norm() / a.norm().clamp(min=1e-30)) for a, b in pairs)
