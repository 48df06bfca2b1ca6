"""Standard input, output and error that are closed, full or without a reader, and letters they cannot show.

The real command in a separate process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import TINY

FULL = "snntrain: standard output cannot be written (No space left on device); send it to another place\n"
MAIN = "from snntrain.cli.main import main; main()"
TRAIN = (*TINY, "monitor=off", "hydra.run.dir=trained")

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full is Linux's")


def run(argv: Sequence[str], redirected: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a shell that redirects its streams."""
    shell = ["sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-c", MAIN, *argv]
    return subprocess.run(
        shell, cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )


def status_of(folder: Path) -> str:
    return str(json.loads((folder / "summary.json").read_text())["status"])


@pytest.mark.parametrize(
    "argv",
    [
        ["--version"],
        ["--cfg", "job"],
        *(pytest.param(argv, marks=pytest.mark.slow) for argv in (["--help"], ["--info", "plugins"])),
    ],
    ids=lambda a: a[0],
)
def test_output_that_cannot_be_written_is_an_error_but_a_reader_that_left_is_not(
    argv: list[str], tmp_path: Path
) -> None:
    full = run(argv, ">/dev/full", tmp_path)
    assert (full.returncode, full.stderr.decode()) == (1, FULL)
    for redirected in ("<&-", ">&-", "2>&-", "2>/dev/full", "<&- >&- 2>&-", "| true"):
        done = run(argv, redirected, tmp_path)
        assert (done.returncode, done.stderr) == (0, b""), redirected
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "redirected",
    [
        *("", ">/dev/full", "<&- >&- 2>&-"),
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("<&-", ">&-", "2>&-", "2>/dev/full")),
    ],
)
def test_a_mistake_keeps_its_exit_status_when_streams_are_closed(redirected: str, tmp_path: Path) -> None:
    done = run(["frobnicate=1"], redirected, tmp_path)
    assert done.returncode == 2
    message = done.stderr.decode()
    assert message == "" if "2>" in redirected else message.startswith("snntrain: frobnicate=1: ")
    assert message.count("\n") <= 1


@pytest.mark.parametrize("redirected", ["<&- >&- 2>&-", pytest.param(">/dev/full 2>/dev/full", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_training_ends_the_same_when_nobody_reads(redirected: str, tmp_path: Path) -> None:
    done = run(TRAIN, redirected, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert status_of(tmp_path / "trained") == "completed"
    log = (tmp_path / "trained" / "train.log").read_text(encoding="utf-8")
    assert "test_accuracy=" in log
    assert "Traceback" not in log


@pytest.mark.slow
def test_a_sweep_with_a_failed_job_says_so_by_its_status_though_nobody_reads(tmp_path: Path) -> None:
    sweep = ("-m", *TINY, "monitor=off", "hydra.sweep.dir=sweep", "dataset.mean=[0.5],[0.1,0.2]")
    shell = ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "bash", sys.executable, "-c", MAIN, *sweep]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("snntrain: 1 of 2 jobs of the sweep failed")
    assert (tmp_path / "sweep" / "report.csv").is_file()


@pytest.mark.parametrize(
    ("command", "files"),
    [
        pytest.param(("eval", "run={run}"), [], marks=pytest.mark.slow),
        (("report", "{run}", "out=out"), ["report.csv", "report.html", "report.md"]),
    ],
    ids=["eval", "report"],
)
def test_a_full_output_is_reported_and_the_files_of_the_command_are_whole(
    command: tuple[str, ...], files: list[str], finished_run: Path, tmp_path: Path
) -> None:
    argv = [word.format(run=finished_run) for word in command]
    full = run(argv, ">/dev/full", tmp_path)
    assert (full.returncode, full.stderr.decode()) == (1, FULL)
    assert sorted(path.name for path in tmp_path.glob("out/*")) == files
    closed = run(argv, "<&- >&- 2>&-", tmp_path)
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_printed_text_never_gets_into_an_open_file(tmp_path: Path) -> None:
    """The system gives the descriptor of a closed stream to the next file that is opened."""
    program = (
        "import os, sys\nfrom snntrain.cli import streams\nstreams.prepare()\n"
        "with open('file', 'w') as file:\n    print('said', flush=True)\n    os.write(1, b'raw')\n"
        "    print('said', file=sys.stderr)\n    os.write(2, b'raw')\n    file.write('own')\n"
        "    assert sys.stdin.read() == '' and os.read(0, 9) == b''\n"
    )
    shell = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program]
    assert subprocess.run(shell, cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "file").read_text() == "own"


@pytest.mark.parametrize(
    "locale",
    [
        pytest.param({"LC_ALL": "C"}, marks=pytest.mark.slow),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        pytest.param({"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, marks=pytest.mark.slow),
    ],
    ids=["C", "C, and Python takes it at its word", "POSIX"],
)
def test_names_in_any_script_are_shown_as_they_are(locale: dict[str, str], tmp_path: Path) -> None:
    shown = run(["--cfg", "job", "name='李明'"], "", tmp_path, **locale)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert "name: 李明\n" in shown.stdout.decode()
    wrong = run(["report", "Größe"], "", tmp_path, **locale)
    assert wrong.returncode == 2
    assert wrong.stderr.decode().startswith("snntrain: Größe: there is no such folder")


def test_a_terminal_without_the_letters_shows_their_escapes(tmp_path: Path) -> None:
    shown = run(["--cfg", "job", "name='李明'"], "", tmp_path, PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"name: \\u674e\\u660e\n" in shown.stdout


@pytest.mark.slow
def test_a_folder_name_that_is_not_unicode_is_shown_by_its_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller")
    done = run([*TRAIN[:-1], f"hydra.run.dir='{name}'"], "", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(rb"run=M\xfcller" + b"\n")
    assert r"run=M\xfcller" in (tmp_path / name / "train.log").read_text(encoding="utf-8")
    seen = run(["inspect", f"run={name}", "sample=0", "layer=out_neuron"], "", tmp_path)
    assert (seen.returncode, seen.stderr) == (0, b"")
    assert rb"M\xfcller/inspect/index.html" in seen.stdout
    page = (tmp_path / name / "inspect" / "index.html").read_text(encoding="utf-8")
    assert r"M\xfcller/checkpoints/best.pt" in page
