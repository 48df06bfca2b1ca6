"""The GPU scripts: the limits of all steps fit the time available, and every step names something that exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "scripts" / "gpu"
SECONDS = {"smoke": 230, "full": 540, "one_rank": 120}
# Steps that every script has: installing, the machine, the data, and one that checks or measures.
FEWEST = 4
STEP = re.compile(r"\bstep (\w+) (\d+) (\w+)(?: (\w+))?")


def steps(name: str) -> list[tuple[str, int, str, str]]:
    """Yield name, limit, function and first argument of each step of a script."""
    lines = (FOLDER / f"{name}.sh").read_text().splitlines()
    found = [match.groups(default="") for line in lines if not line.startswith("#") for match in STEP.finditer(line)]
    return [(step, int(limit), function, argument) for step, limit, function, argument in found]


@pytest.mark.parametrize("name", SECONDS)
def test_the_limits_of_all_steps_add_up_to_the_available_time(name: str) -> None:
    text = (FOLDER / f"{name}.sh").read_text()
    assert int(re.findall(r"^TOTAL=(\d+)$", text, re.MULTILINE)[0]) == SECONDS[name]
    found = steps(name)
    assert len(found) >= FEWEST
    assert sum(limit for _, limit, _, _ in found) <= SECONDS[name]
    assert len({step for step, *_ in found}) == len(found)


@pytest.mark.parametrize("name", SECONDS)
def test_every_step_calls_something_that_exists(name: str) -> None:
    text = (FOLDER / "common.sh").read_text() + (FOLDER / f"{name}.sh").read_text()
    for _, _, function, argument in steps(name):
        assert re.search(rf"^{function}\(\)", text, re.MULTILINE), function
        if function == "bench":
            assert (ROOT / "benchmarks" / f"{argument}.py").exists(), argument
    for file in re.findall(r"scripts/gpu/(\w+\.py)", text):
        assert (FOLDER / file).exists(), file


@pytest.mark.parametrize("name", SECONDS)
def test_a_timed_part_of_a_step_leaves_time_to_start_and_to_write(name: str) -> None:
    text = (FOLDER / f"{name}.sh").read_text()
    limits = {step: limit for step, limit, _, _ in steps(name)}
    for step, seconds in re.findall(r"step (\w+) \d+ .*--seconds (\d+)", text):
        assert int(seconds) + 20 <= limits[step]
    if paper := re.findall(r"^PAPER=(\d+)$", text, re.MULTILINE):
        assert int(paper[0]) + 20 <= limits["plif_mnist"]


def test_a_step_that_fails_or_takes_too_long_does_not_stop_the_others(tmp_path: Path) -> None:
    script = tmp_path / "some.sh"
    script.write_text(
        f"source {FOLDER}/common.sh\nbad() {{ false; }}\nslow() {{ sleep 9; }}\ngood() {{ result 'a figure'; }}\n"
        "export -f bad slow good\nbegin\nstep bad 5 bad\nstep slow 1 slow\nstep good 5 good\nend\n"
    )
    done = subprocess.run(
        ["bash", script], env={"PATH": "/usr/bin:/bin", "OUT": str(tmp_path / "out"), "DEVICE": "cpu"}, check=False
    )
    assert done.returncode == 1
    results = (tmp_path / "out" / "results.txt").read_text().splitlines()
    assert results[0].startswith("some on cpu, ")
    shown = [re.sub(r" +\d+ s of \d+$", "", line) for line in results[1:]]
    assert shown[:4] == [
        "bad              FAILED (1)",
        "slow             FAILED (after its 1 s)",
        "    a figure",
        "good             passed",
    ]


@pytest.mark.slow
def test_one_process_with_an_exchange_ends_with_the_bits_of_a_run_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNTRAIN_DATA", raising=False)
    command = [sys.executable, FOLDER / "one_rank.py", "--device=cpu", "--quick"]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same, *times = done.stdout.splitlines()
    assert re.fullmatch(r"(\d+) of \1 tensors have the same bits", same)
    assert [line.partition(":")[0] for line in times] == ["alone", "exchanged", "normalised"]
