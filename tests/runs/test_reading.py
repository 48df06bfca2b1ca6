"""Runs are found at any depth, and read as far as their files are readable."""

import json
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snntrain.runs import find, reading, state
from snntrain.runs.layout import LOCK
from snntrain.runs.lock import STALE_SECONDS
from snntrain.runs.metrics import epochs
from snntrain.runs.reading import Run
from tests.report.folders import untouched, write_run

NOW = 1_000_000.0


def read(folder: Path, now: float = NOW, *, over: bool = False) -> Run:
    found = reading.read(folder, now, over=over)
    assert found is not None
    return found


def test_runs_are_found_at_any_depth_and_each_once(tmp_path: Path) -> None:
    made = {
        write_run(tmp_path / place) for place in ("a", "sweep/0_T=1", "sweep/1_T=2", "x/y/z/run", "x/y/z/run/nested")
    }
    (tmp_path / "other").mkdir()
    (tmp_path / "a" / "checkpoints").mkdir()
    (tmp_path / "a" / "checkpoints" / "summary.json").write_text("{}")
    assert set(find.find([tmp_path])) == made
    assert len(find.find([tmp_path, tmp_path / "sweep", tmp_path])) == len(made)


def test_links_are_followed_but_not_round_and_round(tmp_path: Path) -> None:
    run = write_run(tmp_path / "elsewhere" / "run")
    top = tmp_path / "top"
    top.mkdir()
    (top / "linked").symlink_to(run)
    (top / "back").symlink_to(top)
    (top / "dangling").symlink_to(tmp_path / "gone")
    (run / "up").symlink_to(tmp_path)
    assert find.find([top]) == [top / "linked"]


def test_a_run_of_the_command_line_is_read_whole(finished_run: Path) -> None:
    run = read(finished_run)
    summary = json.loads((finished_run / "summary.json").read_text())
    assert (run.status, run.error) == ("completed", None)
    assert run.figures["test_accuracy"] == summary["test_accuracy"]
    assert run.words["device"] == "cpu"
    assert run.options == {"neuron": "plif", "reset": "hard"} | run.options
    assert run.options["debug"] == "smoke"
    assert run.classes["neuron"] == "PLIFNode"
    assert run.settings["trainer.ema"] == "0.5"
    assert run.settings["network.hidden"] == "[16]"
    assert run.settings["detach_reset"] == "true"
    assert [row["val_accuracy"] for row in epochs(finished_run)][-1] is not None


def test_the_figures_of_cost_count_as_the_runs_own(tmp_path: Path) -> None:
    cost = {"spikes_per_image": 120.5, "energy_nj_per_image": 3, "layers": {"conv1": {"spikes_per_image": 1}}}
    figures = read(write_run(tmp_path / "a", cost=cost, test_accuracy=math.nan, flag=True)).figures
    assert figures == {"spikes_per_image": 120.5, "energy_nj_per_image": 3, "val_accuracy": 0.91, "train_seconds": 10.0}


# After a clock was set back, files may have a time in the future.
@pytest.mark.parametrize(
    ("silent", "status"), [(-86400, "running"), (60, "running"), (119, "running"), (121, "killed"), (1e9, "killed")]
)
def test_a_run_that_gives_no_sign_of_life_for_two_minutes_was_killed(
    silent: float, status: str, tmp_path: Path
) -> None:
    run = untouched(write_run(tmp_path / "a", status="running"), NOW)
    assert read(run, NOW + silent).status == status


def test_a_killed_run_says_since_when_and_how_to_resume_it(tmp_path: Path) -> None:
    run = untouched(write_run(tmp_path / "a b", status="running"), NOW)
    found = read(run, NOW + 1000)
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW))
    assert found.ending == f"no sign of life since {since}; resume with: snntrain 'resume={run}'"


@pytest.mark.parametrize("name", [LOCK, "summary.json", "metrics.jsonl", "train.log", ".hydra"])
def test_any_file_that_is_written_is_a_sign_of_life(name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", status="running")
    (run / name).touch()
    untouched(run, NOW)
    os.utime(run / name, (NOW + 500, NOW + 500))
    assert state.last_written(run) == NOW + 500
    assert read(run, NOW + 600).status == "running"
    assert read(run, NOW + 700).status == "killed"


@pytest.mark.parametrize("status", ["failed", "interrupted", "completed", "running"])
@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
def test_a_run_that_stopped_can_be_resumed_if_it_has_a_checkpoint(status: str, name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", status=status, error="RunFailed: disk full" if status == "failed" else None)
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / name).touch()
    resumable = name == "last.pt" and status in ("failed", "interrupted")
    found = read(run, time.time())
    assert found.resume == (f"snntrain resume={run}" if resumable else None)
    reported = ["RunFailed: disk full"] * (status == "failed") + [f"resume with: snntrain resume={run}"] * resumable
    assert found.ending == ("; ".join(reported) or None)


def test_the_command_that_resumes_is_shown_once(tmp_path: Path) -> None:
    error = "disk full; resume with: snntrain resume=a"
    run = write_run(tmp_path / "a", status="failed", error=error)
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.pt").touch()
    assert read(run).ending == error


def test_a_run_known_to_have_ended_is_not_running(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", status="running")
    for left in (None, ""):
        if left is not None:
            (folder / LOCK).write_text(left)
        run = read(folder, time.time(), over=True)
        assert (run.status, run.error) == ("failed", "ended without an error message")


def test_a_run_that_another_process_has_taken_over_is_running(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", status="running")
    (folder / LOCK).write_text('{"host": "node7", "pid": 3}')
    assert read(folder, time.time(), over=True).status == "running"
    untouched(folder, NOW)
    assert read(folder, NOW + 2 * STALE_SECONDS, over=True).status == "failed"


def test_a_run_without_a_summary_has_just_started_or_failed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    (run / "summary.json").unlink()
    assert read(run, time.time()).status == "running"
    untouched(run, NOW)
    run_ = read(run, NOW + 2 * STALE_SECONDS)
    assert (run_.status, run_.error) == ("failed", "it left no summary.json; see its train.log")


@pytest.mark.parametrize("content", [b"", b'{"status": "comp', b"\xff\xfe", b"[1, 2]", b"{}", b"[" * 100_000])
def test_a_damaged_summary_is_shown_and_stops_nothing(content: bytes, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    (run / "summary.json").write_bytes(content)
    found = read(run)
    assert found.status == "damaged"
    assert found.error is not None
    assert found.error.startswith("summary.json ")
    assert found.settings["T"] == "4"


@pytest.mark.parametrize(
    "content", [b"neuron: [", b"\xff\xfe", b"- 1\n", b"a: &a [*a]\n", b"? [1, 2]\n: 3\n", b"2: x\n"]
)
def test_a_damaged_config_leaves_the_summary(content: bytes, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    (run / "config.yaml").write_bytes(content)
    assert read(run).figures["test_accuracy"] == 0.9
    assert "T" not in read(run).settings


def test_half_a_line_of_metrics_is_skipped(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    text = '{"epoch": 1, "val_loss": NaN, "val_accuracy": 0.5}\n[]\n{"val_loss": 2}\n\n{"epoch": 2, "val_lo'
    (run / "metrics.jsonl").write_text(text)
    assert epochs(run, ("val_loss", "val_accuracy")) == [{"epoch": 1, "val_loss": None, "val_accuracy": 0.5}]
    (run / "metrics.jsonl").unlink()
    assert epochs(run) == []


def test_the_summary_of_another_program_is_not_a_run(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"total": 3}')
    assert reading.read(tmp_path, NOW) is None


def test_files_that_may_not_be_read_do_not_stop_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    for name in ("summary.json", "config.yaml", "metrics.jsonl"):
        (run / name).unlink()
        (run / name).mkdir()
    assert read(run).status == "damaged"
    assert epochs(run) == []


def test_control_characters_in_files_do_not_reach_a_terminal(tmp_path: Path) -> None:
    error = "\x1b[31mred\nsecond line \ud800"
    run = read(write_run(tmp_path / "a", status="failed", error=error, config={"name": "a\tb"}))
    assert run.error == r"\x1b[31mred\nsecond line \ud800"
    assert run.settings["name"] == r"a\tb"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(summary=st.binary(max_size=60), config=st.binary(max_size=60), metrics=st.binary(max_size=60))
def test_any_content_can_be_read(summary: bytes, config: bytes, metrics: bytes, tmp_path: Path) -> None:
    run = tmp_path / "a"
    (run / ".hydra").mkdir(parents=True, exist_ok=True)
    contents = {"summary.json": summary, "config.yaml": config, "metrics.jsonl": metrics, ".hydra/hydra.yaml": config}
    for name, content in contents.items():
        (run / name).write_bytes(content)
    assert read(run).status
    assert isinstance(epochs(run), list)
