"""A folder whose processes are counted when its test ends, and an undisturbed run."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.ranks.programs import FAULTY, LONG, TWO, Program, left_behind, start

Start = Callable[..., Program]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a test; when the test ends, no process may run there."""
    shutil.copy(FAULTY, tmp_path)
    yield tmp_path.resolve()
    left = left_behind(tmp_path.resolve())
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(int(process.partition(" ")[0]), signal.SIGKILL)
    assert not left


@pytest.fixture
def command(folder: Path) -> Start:
    """Return a function that starts `snntrain` in the folder of the test."""
    return lambda *argv, **options: start(folder, *argv, **options)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a long run of two processes; tests only read it."""
    folder = tmp_path_factory.mktemp("undisturbed").resolve()
    program = start(folder, *TWO, *LONG, "hydra.run.dir=run")
    assert program.wait() == 0, program.shown()
    return folder / "run"
