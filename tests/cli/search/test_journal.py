"""The journal of a study: torn and damaged lines, files of strangers, workers that die."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from snntrain.cli.search import journal
from snntrain.cli.search.objectives import BY_NAME
from snntrain.cli.search.rungs import ladders
from snntrain.cli.search.space import Choice, Range, Space
from snntrain.cli.search.study import Study
from snntrain.cli.search.suggest import suggestion
from snntrain.cli.search.workers import FOLDER, Workers
from snntrain.errors import UserError
from snntrain.files.folder import Folder, Unsafe

pytest.importorskip("optuna", reason="a search needs Optuna: pip install 'snntrain[search]'")

SPACE = Space((Choice("neuron", ("if", "lif")), Range("lr", 0.1, 1.0)))
PLANE = Space((Range("x", 0, 1), Range("y", 0, 1)))
VALUES: dict[str, Any] = {"neuron": "lif", "lr": 0.5}
WORKER = """
import sys, time
from contextlib import nullcontext
from pathlib import Path
from snntrain.cli.search.suggest import suggestion
from snntrain.cli.search.workers import Workers
with Workers(Path(sys.argv[1])) as worker:
    with worker.deciding() if "deciding" in sys.argv else nullcontext():
        print(worker.name, flush=True)
        time.sleep(100)
"""


def study(folder: Path, space: Space = SPACE, **identity: str) -> Study:
    """Return the study in a folder, begun."""
    made = Study(Folder(folder), space, [BY_NAME["val_accuracy"]], ladders("halving", (1, 3), 3), identity)
    made.begin()
    return made


def started(folder: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    """Start a worker in a process of its own; return it and its name."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(folder), *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_trial_goes_through_rungs_to_its_end(tmp_path: Path) -> None:
    begun = study(tmp_path)
    trial = begun.add(VALUES, "me")
    assert (trial.number, trial.values, trial.claim) == (0, VALUES, {"worker": "me", "pause_after": 1})
    assert not trial.waits
    begun.pause(trial, 1, 0.5)
    # Another process sees the same, and a greater accuracy as a smaller score.
    (waiting,) = study(tmp_path).trials()
    assert waiting.waits
    assert waiting.scores == {1: -0.5}
    begun.claim(waiting, "you", None)
    assert not begun.trials()[0].waits
    begun.complete(waiting, [0.75])
    assert (begun.trials()[0].state, begun.trials()[0].results) == ("complete", (0.75,))


def test_a_failed_and_a_pruned_trial_keep_their_reasons(tmp_path: Path) -> None:
    begun = study(tmp_path)
    failed, pruned = begun.add(VALUES, "me"), begun.add(VALUES, "me")
    begun.fail(failed, "no luck")
    begun.pause(pruned, 1, None)
    begun.prune(begun.trials()[1])
    assert [(trial.state, trial.error) for trial in begun.trials()] == [("fail", "no luck"), ("pruned", None)]
    # A figure that is missing is the worst.
    assert begun.trials()[1].scores == {1: float("inf")}


def test_a_line_that_was_torn_is_removed_before_the_next_one(tmp_path: Path) -> None:
    begun = study(tmp_path)
    begun.add(VALUES, "me")
    whole = (tmp_path / journal.NAME).read_bytes()
    for torn in (b'{"op_co', b"\0" * 5000, whole.splitlines()[-1]):
        with (tmp_path / journal.NAME).open("ab") as file:
            file.write(torn)
        # It can be read as it is, and by a worker that has read it before.
        assert len(study(tmp_path).trials()) == len(begun.trials())
        begun.add(VALUES, "me")
        assert all(json.loads(line) for line in (tmp_path / journal.NAME).read_text().splitlines())
    assert len(study(tmp_path).trials()) == 4


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"[]\n",
        b"{}\n",
        b'{"op_code":99,"worker_id":"x"}\n',
        b'{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":3}\n',
        b'{"op_code":4,"worker_id":"x","study_id":0,"datetime_start":null,"distributions":{"a":"{}"}}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_a_damaged_line_is_reported_in_one_line(tmp_path: Path, line: bytes) -> None:
    study(tmp_path)
    with (tmp_path / journal.NAME).open("ab") as file:
        file.write(line + b'{"op_code":0,"worker_id":"x","study_name":"other","directions":[1]}\n')
    with pytest.raises(UserError, match=r"journal\.jsonl: is not the journal of a search, or is damaged") as error:
        study(tmp_path)
    assert len(error.value.lines) == 1


def test_a_link_in_place_of_the_journal_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / journal.NAME).symlink_to(tmp_path / "mine")
    with pytest.raises(Unsafe, match="is a link"):
        study(tmp_path / "study")
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_pickle_in_the_journal_is_never_read(tmp_path: Path) -> None:
    # Optuna's own CMA-ES would read this attribute.
    evil = f"cos\nsystem\n(S'touch {tmp_path}/taken'\ntR.".encode().hex()
    begun = study(tmp_path, PLANE)
    for _ in range(12):
        trial = begun.add({"x": 0.5, "y": 0.5}, "me")
        begun.storage.set_trial_system_attr(trial.number, "cma:optimizer:0", evil)
        begun.complete(trial, [0.5])
    for method in ("tpe", "random", "cmaes"):
        assert suggestion(method, PLANE, begun.seen(), begun.directions, 0)
    assert not (tmp_path / "taken").exists()


def test_values_of_a_stranger_that_would_become_overrides_are_refused(tmp_path: Path) -> None:
    study(tmp_path).add(VALUES, "me")
    file = tmp_path / journal.NAME
    file.write_text(file.read_text().replace('"lr"', '"allow_targets"'))
    with pytest.raises(UserError, match="which are not in its space"):
        study(tmp_path)


def test_another_search_in_the_folder_is_reported_with_what_differs(tmp_path: Path) -> None:
    study(tmp_path, overrides="T=4", seed="0")
    study(tmp_path, overrides="T=4", seed="0")
    with pytest.raises(UserError, match=r"holds another search; here: overrides=T=8 \(not T=4\)"):
        study(tmp_path, overrides="T=8", seed="0")


def test_a_worker_is_alive_until_its_process_ends_however_it_ends(tmp_path: Path) -> None:
    process, name = started(tmp_path)
    with Workers(tmp_path) as mine:
        assert mine.lives(mine.name)
        assert mine.lives(name)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not mine.lives(name)
        for strange in (None, 3, "", "../..", "0" * 16):
            assert not mine.lives(strange)
    # The next worker removes what the dead one has left.
    with Workers(tmp_path) as mine:
        assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [mine.name]
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_worker_that_decides_for_too_long_is_named(tmp_path: Path) -> None:
    mine = Workers(tmp_path, patience=0.2)
    process, _ = started(tmp_path, "deciding")
    with pytest.raises(UserError, match=rf"process {process.pid} on host \S+ has locked the study"), mine.deciding():
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    # The lock of a killed process is free at once.
    with mine.deciding():
        assert time.monotonic() - began < 60
