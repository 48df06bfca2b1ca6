"""Links, hard links, pipes, devices and folders in the place of every file of a run: no file outside is written."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from snntrain.files.folder import Folder
from snntrain.runs.lock import Unavailable
from snntrain.runs.writable import check_run, check_sweep
from tests.conftest import TINY, Outcome
from tests.pairs import every_value

from .fuzz import FACTOR, Tried, is_readable, output_is_readable
from .planted import (
    CHECKPOINTS,
    EVENTS,
    FOLDERS,
    GROWING,
    HYDRA,
    KINDS,
    LINKS,
    NO_FILES,
    TEMPORARY,
    WHOLE,
    Outside,
    plant,
    remove,
    soon,
)

Command = Callable[..., Outcome]
NAMES = (*GROWING, *WHOLE, *HYDRA, *CHECKPOINTS, *TEMPORARY, EVENTS)
# A file that may have two names is replaced, never changed.
REPLACED = (*WHOLE, *CHECKPOINTS, *TEMPORARY)
RESUME = ("resume=copied", "trainer.epochs=3")
AGAIN = (*TINY, "trainer.epochs=3", "trainer.ema=0.5", "hydra.run.dir=copied")


@pytest.fixture
def outside(canary: Path) -> Outside:
    return Outside(canary.with_name("outside"))


@pytest.fixture
def copied(finished_run: Path, canary: Path) -> Path:
    """Return a run that can be resumed, as somebody else may have sent it."""
    return Path(shutil.copytree(finished_run, canary.with_name("copied")))


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def test_every_file_of_a_run_is_among_those_that_are_replaced_here(finished_run: Path) -> None:
    files = {str(path.relative_to(finished_run)) for path in finished_run.rglob("*") if path.is_file()}
    events = {name for name in files if name.startswith("tensorboard/events.out.tfevents.")}
    assert files - events <= set(NAMES)
    assert len(events) == 1


# The commands call `check_run`, which is tested with every name and kind below.
some_and_all = pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])


def pairs(stride: int) -> Iterator[tuple[str, str]]:
    """Pair every name with another kind of non-file; with SNNTRAIN_FUZZ each with all of them."""
    for index, name in list(enumerate(NAMES))[::stride]:
        kinds = [kind for kind in KINDS if kind != "hard link" or name not in REPLACED]
        yield from ((name, kind) for kind in (kinds if FACTOR > 1 else [kinds[index % len(kinds)]]))


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_plain_file_may_have_the_name_of_a_file_of_a_run(kind: str, canary: Path, outside: Outside) -> None:
    folder = canary.with_name("given")
    for name in NAMES:
        plant(kind, folder / name, outside)
        with soon():
            if kind == "hard link" and name in REPLACED:
                check_run(Folder(folder))
            else:
                with pytest.raises(Unavailable, match=f"given/{re.escape(name)}: (is|has) ") as refusal:
                    check_run(Folder(folder))
                assert is_readable(refusal.value)
        shutil.rmtree(folder)


@some_and_all
@pytest.mark.parametrize("command", [RESUME, AGAIN], ids=["resume", "again"])
def test_a_run_with_something_else_in_the_place_of_a_file_is_not_resumed(
    command: tuple[str, ...], stride: int, copied: Path, outside: Outside, snntrain: Command
) -> None:
    """It is refused in one line, before anything is written, whichever file is replaced."""
    for name, kind in pairs(stride):
        Tried.cases += 1
        kept = copied.with_name("kept")
        if had := (copied / name).exists():
            (copied / name).replace(kept)
        plant(kind, copied / name, outside)
        before = listing(copied)
        with soon():
            outcome = snntrain(*command)
        assert outcome.status == 2, (name, kind, outcome.err)
        # Without a configuration it is not a run that could be resumed.
        assert f"copied/{name}: " in outcome.err or (name, command) == ("config.yaml", RESUME)
        assert output_is_readable(outcome.err)
        assert outside.untouched(), (name, kind)
        assert listing(copied) == before, (name, kind)
        remove(copied / name)
        if had:
            kept.replace(copied / name)


def test_a_file_with_a_second_name_is_replaced_and_the_second_name_keeps_the_content(
    copied: Path, outside: Outside, snntrain: Command
) -> None:
    """`cp -l` and backups make such copies."""
    for name in REPLACED:
        if (copied / name).exists():
            os.link(copied / name, outside.folder / name.replace("/", "-"))
        else:
            os.link(outside.file, copied / name)
    outside.before = outside.content()
    with soon():
        outcome = snntrain(*RESUME)
    assert outcome.status == 0, outcome.err
    assert outside.untouched()
    assert json.loads((copied / "summary.json").read_text())["epochs"] == 3


@some_and_all
def test_a_folder_without_a_run_that_holds_such_a_file_is_not_written_into(
    stride: int, canary: Path, outside: Outside, snntrain: Command
) -> None:
    folder = canary.with_name("given")
    for name, kind in pairs(stride):
        Tried.cases += 1
        plant(kind, folder / name, outside)
        before = sorted(folder.rglob("*"))
        with soon():
            outcome = snntrain(*TINY, "hydra.run.dir=given")
        assert outcome.status == 2, (name, kind, outcome.err)
        assert f"given/{name}: " in outcome.err
        assert output_is_readable(outcome.err)
        assert outside.untouched(), (name, kind)
        assert sorted(folder.rglob("*")) == before, (name, kind)
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["multirun.yaml", "0_neuron=if/metrics.jsonl", "12/train.log"])
def test_a_sweep_is_looked_at_with_the_folders_of_its_jobs(
    name: str, kind: str, canary: Path, outside: Outside
) -> None:
    sweep = Folder(canary.with_name("sweep"))
    check_sweep(sweep)
    (sweep / "1_neuron=lif").make()
    (sweep.path / "latest").symlink_to("1_neuron=lif")
    check_sweep(sweep)
    plant(kind, sweep.path / name, outside)
    with pytest.raises(Unavailable, match=f"sweep/{re.escape(name)}: "):
        check_sweep(sweep)


def test_a_link_in_the_place_of_a_job_is_not_followed(canary: Path, outside: Outside) -> None:
    sweep = Folder(canary.with_name("sweep"))
    plant("link to a folder", sweep.path / "0_neuron=if", outside)
    with pytest.raises(Unavailable, match="sweep/0_neuron=if: is a link"):
        check_sweep(sweep)
    with pytest.raises(Unavailable, match="sweep/0_neuron=if: is a link"):
        check_run(sweep / "0_neuron=if")


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("command", [RESUME, AGAIN], ids=["resume", "again"])
def test_a_link_in_the_place_of_a_folder_of_a_run_is_not_followed(
    command: tuple[str, ...], name: str, copied: Path, outside: Outside, snntrain: Command
) -> None:
    """This holds even if it leads to such a folder: event files behind it would be cut back and deleted."""
    Tried.cases += 1
    shutil.copytree(copied / name, outside.below, dirs_exist_ok=True)
    shutil.rmtree(copied / name)
    outside.before = outside.content()
    plant("link to a folder", copied / name, outside)
    before = listing(copied)
    outcome = snntrain(*command)
    assert outcome.status == 2, outcome.err
    assert f"copied/{name}: is a link" in outcome.err
    assert outside.untouched()
    assert listing(copied) == before


def test_a_link_to_a_run_folder_is_the_run_folder(copied: Path, snntrain: Command) -> None:
    """The user names it, and may have put it on another disk."""
    copied.rename(copied.with_name("disk"))
    copied.symlink_to("disk")
    for command, epochs in ((RESUME, 3), ((*AGAIN, "trainer.epochs=4"), 4)):
        outcome = snntrain(*command)
        assert outcome.status == 0, outcome.err
        assert json.loads((copied / "summary.json").read_text())["epochs"] == epochs


READ = ("summary.json", "test.json", "config.yaml", "checkpoints/best.pt", "metrics.jsonl", ".hydra/hydra.yaml")


@every_value(
    pytest.mark.parametrize("kind", [*LINKS, *NO_FILES, "folder"]),
    pytest.mark.parametrize("command", ["eval", "inspect", "report"]),
)
def test_a_finished_run_with_something_else_in_the_place_of_a_file_is_reported_or_read_as_far_as_possible(
    command: str, kind: str, copied: Path, outside: Outside, snntrain: Command
) -> None:
    words = ("report", "copied") if command == "report" else (command, "run=copied", "sample=0", "layer=out*")
    read = {"eval": ("config.yaml", "checkpoints/best.pt"), "inspect": READ[:4], "report": READ}[command]
    for name in READ if command == "report" else read:
        Tried.cases += 1
        kept = copied.with_name("kept")
        (copied / name).replace(kept)
        plant(kind, copied / name, outside)
        with soon():
            outcome = snntrain(*(words[:2] if command == "eval" else words))
        assert outcome.status in (0, 2), (name, outcome.err)
        assert not outcome.err or output_is_readable(outcome.err)
        assert outside.untouched(), name
        remove(copied / name)
        kept.replace(copied / name)


def test_a_link_in_the_place_of_the_inspection_is_not_followed(
    copied: Path, outside: Outside, snntrain: Command
) -> None:
    Tried.cases += 1
    plant("link to a folder", copied / "inspect", outside)
    outcome = snntrain("inspect", "run=copied", "sample=0", "layer=out*")
    assert outcome.status == 2, outcome.err
    assert "copied/inspect: cannot be written (it is a link); choose another folder with out=" in outcome.err
    assert outside.untouched()
    # A path that the user names may be one.
    (copied.parent / "page").mkdir()
    (copied.parent / "link").symlink_to("page")
    assert snntrain("inspect", "run=copied", "sample=0", "layer=out*", "out=link").status == 0
    assert (copied.parent / "page" / "index.html").exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
@pytest.mark.sample(3)
def test_pages_replace_whatever_has_their_names(kind: str, copied: Path, outside: Outside, snntrain: Command) -> None:
    """A link, a pipe or a second name of a file is replaced, and never written through."""
    for name in ("index.html", "recordings.npz"):
        plant(kind, copied / "inspect" / name, outside)
    for name in ("report.csv", "report.md", "report.html"):
        plant(kind, copied / name, outside)
    with soon():
        assert snntrain("inspect", "run=copied", "sample=0", "layer=out*").status == 0
        assert snntrain("report", "copied").status == 0
    assert outside.untouched()
    for name in ("inspect/index.html", "report.html"):
        assert "<html" in (copied / name).read_text()
