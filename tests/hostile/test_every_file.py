"""Something else in the place of every file that a command opens: a link, a pipe, a device, a folder, a bomb.

The files that a command opens are traced, so that no new one can be forgotten. In every case the command ends soon,
in readable lines, without eating memory, and the user's own files stay unchanged.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import run_in
from tests.data.files import write_mnist

from .forked import TOO_LONG, command
from .fuzz import Tried, dice, few_and_many, output_is_readable
from .opened import trace

TINY = (
    *("network=mlp", "network.hidden=[8]", "T=2", "dataset=mnist", "dataset.root=data", "dataset.validation=0.2"),
    *("trainer.epochs=2", "trainer.batch_size=50", "trainer.device=cpu", "trainer.precision=fp32", "monitor.every=0"),
)
COMMANDS = {
    "resume": ("resume=run", "trainer.epochs=3"),
    "the same again": (*TINY, "hydra.run.dir=run", "trainer.epochs=3"),
    "a sweep again": ("-m", *TINY, "seed=0,1", "hydra.sweep.dir=sweep"),
    "eval": ("eval", "run=run"),
    "inspect": ("inspect", "run=run", "sample=1", "layer=out*"),
    "inspect an image": ("inspect", "run=run", "image=image.png", "layer=out*"),
    "report": ("report", "run", "sweep", "out=report"),
    "compose": ("--config-dir", "conf", "experiment=mine", "--cfg", "job"),
    "help": ("--help", "--config-dir", "conf"),
}
# Paths that the user names, which may be links; everything below them is a stranger's.
NAMED = ("run", "sweep", "data", "conf", "report", "outputs", "multirun")


def a_sparse_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**42)


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(2000))


# Things to put in the place of a file; `own` is a folder of the user with files in it.
KINDS: dict[str, Callable[[Path, Path], object]] = {
    "a link to a file": lambda path, own: path.symlink_to(own / "file"),
    "a link to a folder": lambda path, own: path.symlink_to(own / "folder"),
    "a link to nothing": lambda path, own: path.symlink_to(own / "new"),
    "a link to itself": lambda path, own: path.symlink_to(path.name),
    "a second name": lambda path, own: path.hardlink_to(own / "file"),
    "a pipe": lambda path, own: os.mkfifo(path),
    "a device": lambda path, own: path.symlink_to("/dev/zero"),
    "a folder": lambda path, own: path.mkdir(),
    "holes": lambda path, own: a_sparse_file(path),
    "brackets": lambda path, own: path.write_text("[" * 200_000),
    "nested keys": lambda path, own: path.write_text('{"a":' * 1000 + "1" + "}" * 1000),
    "laughs": lambda path, own: path.write_text("".join(f"{b}: &{b} [{f'*{a},' * 9}]\n" for a, b in LAUGHS)),
    "nothing": lambda path, own: path.write_text(""),
    "bytes": lambda path, own: random_bytes(path),
}
LAUGHS = [("a", "a"), *zip("abcdefgh", "bcdefghi", strict=True)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that a command may read."""
    world = tmp_path_factory.mktemp("every_file") / "world"
    write_mnist(world / "data", train=100, test=20)
    (world / "conf" / "experiment").mkdir(parents=True)
    (world / "conf" / "experiment" / "mine.yaml").write_text("# @package _global_\nT: 3\n")
    (world / ".git" / "refs" / "heads").mkdir(parents=True)
    (world / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (world / ".git" / "refs" / "heads" / "main").write_text("0" * 40 + "\n")
    Image.new("L", (28, 28), 100).save(world / "image.png")
    assert run_in(world, *TINY, "hydra.run.dir=run") == 0
    assert run_in(world, "-m", *TINY, "seed=0,1", "hydra.sweep.dir=sweep") == 0
    return world


@pytest.fixture(scope="module")
def opened(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the files and folders in the world that each command opens, and those that it looks for in vain."""
    found = {}
    for name, argv in COMMANDS.items():
        place = tmp_path_factory.mktemp("traced")
        copied = Path(shutil.copytree(world, place / "world", symlinks=True))
        ended = command(copied, *argv, before=lambda log=place / "log", top=copied: trace(log, top))
        assert ended.status == 0, ended.err
        names = set((place / "log").read_text().splitlines())
        names |= {str(above) for name in names for above in Path(name).parents}
        # Random names and the time of an event file differ the next time.
        known = {str(path.relative_to(top)) for top in (copied, world) for path in top.rglob("*")}
        looked_for = {n for n in names - known if not any(mark in n for mark in (".new-", "events.out", ".snntrain-"))}
        found[name] = sorted(((names & known) | looked_for) - {".", *NAMED})
    return found


@pytest.mark.slow
def test_the_files_that_commands_open_are_known(opened: dict[str, list[str]]) -> None:
    """The tracing finds the files that the commands are known to open; all others that it finds are tried, too."""
    resumed = {"run/config.yaml", "run/summary.json", "run/metrics.jsonl", "run/run.lock", "run/train.log"}
    resumed |= {"run/checkpoints/last.pt", "run/checkpoints/last.pt.tmp", "run/environment.json", "run/test.json.tmp"}
    for name in ("resume", "the same again"):
        assert resumed <= set(opened[name]), resumed - set(opened[name])
        assert any(path.startswith("run/tensorboard/") for path in opened[name])
    assert {"run/config.yaml", "run/checkpoints/best.pt", "data/MNIST/raw/t10k-images-idx3-ubyte"} <= set(
        opened["eval"]
    )
    assert {"run/test.json", "run/summary.json", "run/inspect"} <= set(opened["inspect"])
    assert "image.png" in opened["inspect an image"]
    assert "sweep/multirun.yaml" in opened["a sweep again"]
    assert "conf/experiment/mine.yaml" in opened["compose"]
    assert {"run/summary.json", "run/.hydra/hydra.yaml", "run/metrics.jsonl"} <= set(opened["report"])


@few_and_many(8, 35)
def test_a_command_ends_in_readable_lines_whatever_is_in_the_place_of_a_file(
    count: int, world: Path, opened: dict[str, list[str]], tmp_path: Path
) -> None:
    every = [(name, path, kind) for name, paths in opened.items() for path in paths for kind in KINDS]
    count = min(len(every), count)
    wrong = []
    for number, case in enumerate(dice("every file").sample(every, count)):
        Tried.cases += 1
        fault = tried(*case, world, tmp_path / str(number))
        if fault is not None:
            wrong.append(f"{' | '.join(case)}: {fault}")
        shutil.rmtree(tmp_path / str(number), ignore_errors=True)
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong)


def tried(name: str, path: str, kind: str, world: Path, place: Path) -> str | None:
    """Return the fault of a command that finds something else in the place of a file; None if it ends well."""
    own = place / "own"
    (own / "folder" / "more").mkdir(parents=True)
    for file in ("file", "folder/file", "folder/best.pt", "folder/events.out.tfevents.1.a"):
        (own / file).write_text("mine\n")
    copied = Path(shutil.copytree(world, place / "world", symlinks=True))
    target = copied / path
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if not target.parent.is_dir():
        return None
    KINDS[kind](target, own)
    before = content(own)
    ended = command(copied, *COMMANDS[name])
    if ended.status == TOO_LONG:
        return "it does not end"
    if ended.status not in (0, 1, 2):
        return f"status {ended.status}: {ended.err[-500:]}"
    if ended.err and not all(
        output_is_readable(line + "\n") for line in ended.err.splitlines() if line.startswith("snntrain: ")
    ):
        return f"unreadable: {ended.err[-500:]}"
    for word in ("unexpected", "Traceback", "emory"):
        if word in ended.err:
            return f"{word}: {ended.err[-500:]}"
    if content(own) != before:
        return f"it has changed {own}: {sorted(content(own).items() ^ before.items())}"
    return None


def content(folder: Path) -> dict[str, tuple[bytes, int] | None]:
    """Return everything below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode) if path.is_file() else None
        for path in folder.rglob("*")
    }
