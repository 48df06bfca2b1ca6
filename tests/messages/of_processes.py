"""Messages of a run on several devices."""

from __future__ import annotations

import socket
from pathlib import Path

import torch
from torch.distributed import DistError, HashStore

from snntrain.cli.ranks import joined
from snntrain.cli.ranks.joined import Meeting, Start
from snntrain.data import digits
from snntrain.training import run
from snntrain.training.job import devices, group
from snntrain.training.job.group import Group, Peers, Place

from .world import Case, World, fake, overrides

OF_TORCHRUN = {"WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "1", "RANK": "2"}


def _train(devices: int, batch_size: int, *, compiled: bool = False) -> None:
    config = fake(trainer=fake(devices=devices, batch_size=batch_size, compile=compiled))
    Meeting(Start("srun", 0, 2, 0, "here", 1, True, True)).train(config, Path("run"), ())


def _taken_port(_: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        _ = Meeting(Start("srun", 0, 2, 0, "127.0.0.1", taken.getsockname()[1], True, True)).store


def _nobody_there(world: World) -> None:
    with socket.socket() as free, world.patch.context() as patch:
        patch.setattr(joined, "MINUTES_TO_MEET", 0.01)
        free.bind(("127.0.0.1", 0))
        _ = Meeting(Start("torchrun", 0, 2, 0, "127.0.0.1", free.getsockname()[1], False, False)).store


def _process_0_gone(_: World) -> None:
    def gone(_: list[str]) -> bool:
        raise DistError("connection reset")

    meeting = Meeting(Start("srun", 1, 2, 1, "here", 1, True, False))
    meeting._store = fake(check=gone, set=lambda key, value: None)
    meeting.assist()


def _no_answer(world: World) -> None:
    connected = Group.__new__(Group)
    connected.place, connected.store, connected.seconds = Place(0, 2, 0), HashStore(), 60.0
    with world.patch.context() as patch:
        patch.setattr(group, "SECONDS_FOR_A_REPORT", 0.0)
        with connected._explained():
            raise RuntimeError("Timed out waiting 60000ms for recv operation to complete")


def _too_few_gpus(world: World) -> None:
    with world.patch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: 1)
        devices.choose("cuda", Place(1, 2, 1))


CASES: dict[str, Case] = {
    "WORLD_SIZE without RANK": (
        lambda _: joined.start({"WORLD_SIZE": "2"}),
        ("WORLD_SIZE=2 without RANK", "torchrun sets them all", "start the command with torchrun"),
    ),
    "a rank that cannot be": (
        lambda _: joined.start(OF_TORCHRUN),
        ("RANK=2 MASTER_PORT=1", "a rank lies between 0 and 1", "start the command with torchrun"),
    ),
    "another number of processes": (
        lambda _: _train(3, 64),
        ("trainer.devices=3", "srun has started 2 processes", "leave the key out"),
    ),
    "more processes than images": (
        lambda _: _train(1, 1),
        ("srun has started 2 processes", "trainer.batch_size=1 cannot be shared", "start fewer"),
    ),
    "compiled processes of srun": (
        lambda _: _train(1, 64, compiled=True),
        ("trainer.compile=true", "srun has started 2", "leave it out"),
    ),
    "compiled processes": (
        overrides("trainer.devices=2", "trainer.compile=true"),
        ("trainer.compile=true", "cannot trace the exchange", "leave it out with trainer.devices=2"),
    ),
    "a port that is taken": (
        _taken_port,
        ("MASTER_PORT=", "another program may do so", "set MASTER_PORT to a free port"),
    ),
    "nobody at the port": (
        _nobody_there,
        ("process 0 of 2", "cannot reach the others at 127.0.0.1", "MASTER_ADDR and MASTER_PORT must name"),
    ),
    "process 0 is gone": (_process_0_gone, ("process 0 of 2", "has ended", "its train.log may say why")),
    "a process that does not come": (
        lambda _: Peers(Place(0, 2, 0), HashStore()).join(torch.device("cpu"), 0.06),
        ("of 2 processes these have not come", "within 0.001 minutes", "(trainer.timeout_minutes)"),
    ),
    "a process that does not answer": (
        _no_answer,
        ("another process did not answer", "for 1 minutes", "(trainer.timeout_minutes)"),
    ),
    "fewer GPUs than processes": (
        _too_few_gpus,
        ("trainer.devices=2", "PyTorch finds 1 here", "give trainer.devices=1, or trainer.device=cpu"),
    ),
    "data that differ": (
        lambda _: run.agreed_data(fake(data=digits.load(), world=fake(alike=lambda text: False))),
        ("dataset=digits", "differ between the processes", "give all machines the same files"),
    ),
    "one GPU for several processes": (
        overrides("trainer.devices=2", "trainer.device=cuda:1"),
        ("trainer.device=cuda:1", "needs one for each process", "use cuda"),
    ),
    "more devices than images": (
        overrides("trainer.devices=2", "trainer.batch_size=1"),
        ("trainer.devices=2", "trainer.batch_size=1 cannot be shared", "give at most trainer.devices=1"),
    ),
}
