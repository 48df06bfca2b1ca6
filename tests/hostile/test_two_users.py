"""Two users in one folder: the one who may not write gets a one-line message, and the other's files stay unchanged."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hydra
import pytest

import snntrain
from tests.conftest import TINY, run_in

from .fuzz import Tried, output_is_readable
from .planted import soon

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")

NOBODY = 65534
RESUME = ("resume=run", "trainer.epochs=3")
AGAIN = (*TINY, "trainer.epochs=3", "trainer.ema=0.5", "hydra.run.dir=run")


def closed_to_others() -> Path | None:
    """Return the first folder on the path to a file of a command that another user may not enter."""
    for module in (snntrain, hydra):
        for folder in Path(str(module.__file__)).resolve().parents:
            if not folder.stat().st_mode & stat.S_IXOTH:
                return folder
    return None


@pytest.fixture
def place(finished_run: Path) -> Iterator[Path]:
    """Return a folder that everybody may enter, with a run in it."""
    if (closed := closed_to_others()) is not None:
        pytest.skip(f"another user may not enter {closed}, where the code lies")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copytree(finished_run, folder / "run")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def as_nobody(folder: Path, *argv: str) -> tuple[int, str]:
    """Run a command as another user; return its exit status and its errors."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                sys.stdout = sys.stderr = said
                code = run_in(folder, *argv)
                said.flush()
            finally:
                os._exit(code)
        with soon():
            _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read()


def modes(run: Path, of_folders: int, of_files: int) -> None:
    for path in (run, *run.rglob("*")):
        path.chmod(of_folders if path.is_dir() else of_files)


def content(run: Path) -> dict[str, bytes]:
    """Return all files except those that may record the attempt."""
    files = {path.relative_to(run): path for path in run.rglob("*") if path.is_file()}
    records = ("train.log", ".hydra")
    return {str(name): path.read_bytes() for name, path in files.items() if name.parts[0] not in records}


@pytest.mark.parametrize("command", [RESUME, AGAIN], ids=["resume", "again"])
@pytest.mark.parametrize(
    ("of_folders", "of_files"),
    [(0o755, 0o644), (0o777, 0o644), (0o1777, 0o644), (0o1777, 0o666), (0o700, 0o600), (0o711, 0o644)],
    ids=["read-only", "shared", "sticky", "sticky and writable", "private", "not to be listed"],
)
def test_a_run_of_another_user_is_refused_in_a_line_and_stays_as_it_is(
    command: tuple[str, ...], of_folders: int, of_files: int, place: Path
) -> None:
    Tried.cases += 1
    modes(place / "run", of_folders, of_files)
    before = content(place / "run")
    code, said = as_nobody(place, *command)
    assert code in (1, 2), said
    assert output_is_readable(said), said
    assert "ermission denied" in said or "not permitted" in said
    assert content(place / "run") == before


def test_a_page_is_not_written_into_the_run_of_another_user(place: Path) -> None:
    modes(place / "run", 0o1777, 0o644)
    (place / "run" / "report.html").write_text("of root")
    code, said = as_nobody(place, "report", "run")
    assert code == 2
    assert "out=run: cannot be written (Operation not permitted)" in said
    assert (place / "run" / "report.html").read_text() == "of root"
    assert not [name for name in os.listdir(place / "run") if name.startswith(".new-")]


def test_an_unreadable_run_folder_is_reported(place: Path) -> None:
    modes(place / "run", 0o700, 0o600)
    for command in (["eval", "run=run"], ["report", "run"]):
        code, said = as_nobody(place, *command)
        assert code == 2, said
        assert output_is_readable(said), said
