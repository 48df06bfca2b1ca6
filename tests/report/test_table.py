"""A comparison as text for a terminal, as Markdown and as CSV."""

import csv
import io
from pathlib import Path

import pytest

from snntrain.report.comparison import METRIC
from snntrain.report.markdown import as_markdown, markdown, markdown_text
from snntrain.report.numbers import figure, signed
from snntrain.report.report import Report, make
from snntrain.report.sentences import failures
from snntrain.report.spreadsheet import as_csv
from snntrain.report.table import runs_table
from snntrain.report.terminal import MOST_ROWS, as_text, fit, terminal
from snntrain.runs.state import KILLED_NOTE
from tests.report.folders import untouched, write_run

COST = {"spikes_per_image": 1234.5, "energy_nj_per_image": 12.345, "parameters": 7}


def report_on(folder: Path) -> Report:
    return make([folder], "test_accuracy", 0.0)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Write two neurons, two resets, three seeds and a failed run; `reset` matters little, `neuron` much."""
    for neuron, base in (("if", 0.9), ("lif", 0.5)):
        for soft in (False, True):
            for seed in range(3):
                name = f"{neuron}{int(soft)}{seed}"
                accuracy = base + 0.01 * soft + 0.001 * seed
                seconds = {"train_seconds": 1.0 + seed}
                config = {"seed": seed}
                write_run(tmp_path / name, neuron=neuron, soft=soft, config=config, test_accuracy=accuracy, **seconds)
    none = {"test_accuracy": None, "val_accuracy": None, "train_seconds": None}
    write_run(tmp_path / "broken", config={"seed": 3}, status="failed", error="RunFailed: not | finite", **none)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("test_accuracy", 0.98765, "0.9877"),
        ("val_loss", 0.5, "0.5000"),
        ("train_seconds", 1234.56, "1,234.6"),
        ("train_seconds", 0.0312, "0.031"),
        ("parameters", 14680.0, "14,680"),
        ("spikes_per_image", 1234.5, "1,234"),
        ("energy_nj_per_image", 12.345, "12.3"),
        ("epochs", 3, "3"),
    ],
)
def test_a_figure_is_shown_with_its_significant_digits(name: str, value: float, shown: str) -> None:
    assert figure(name, value) == shown


def test_a_difference_has_its_sign() -> None:
    assert (signed("test_accuracy", 0.012), signed("test_accuracy", -0.5)) == ("+0.0120", "−0.5000")


def test_the_table_on_the_terminal_is_aligned_and_the_best_run_leads(sweep: Path) -> None:
    head, first, *rest = terminal(report_on(sweep), 200).splitlines()
    assert head.split() == ["neuron", "reset", "seed", "test_accuracy", "train_seconds", "status", "run"]
    assert first.split() == ["if", "soft", "2", "0.9120", "3.0", "completed", "if12"]
    assert rest[11].split() == ["lif", "hard", "3", "–", "–", "failed", "broken"]
    column = head.index("test_accuracy") + len("test_accuracy")
    assert all(line[column] == " " and line[column - 1] in "0123456789–" for line in (first, *rest[:12]))


def test_mean_and_deviation_over_seeds_and_effects_are_shown(sweep: Path) -> None:
    lines = [" ".join(line.split()) for line in terminal(report_on(sweep), 200).splitlines()]
    assert "if soft 0.9110 ± 0.0010 3 0, 1, 2" in lines
    assert "neuron if 0.9060 ± 0.0055 +0.2000 6 2" in lines
    assert "lif 0.5060 ± 0.0055 −0.2000 6 2" in lines


@pytest.mark.parametrize("width", [200, 70, 60, 50, 40])
def test_a_narrow_terminal_lists_the_columns_that_are_left_out(width: int, sweep: Path) -> None:
    report = report_on(sweep)
    text = terminal(report, width)
    table = text.split("\n\n")[0].splitlines()
    assert max(map(len, table[:13])) <= width
    head = table[0].split()
    assert {"test_accuracy", "status", "run"} <= set(head)
    missing = [name for name in ("train_seconds", "seed", "reset", "neuron") if name not in head]
    reported = [line for line in table if line.startswith("columns left out: ")]
    assert reported == ([f"columns left out: {', '.join(missing)}; report.csv has all of them"] if missing else [])


def test_the_factor_with_the_least_effect_is_left_out_first(sweep: Path) -> None:
    report = report_on(sweep)
    kept, left_out = fit(runs_table(report.comparison), 0, report.effects.found)
    assert left_out == ["train_seconds", "seed", "reset", "neuron"]
    assert [column.name for column in kept] == ["test_accuracy", "status", "run"]


def test_costs_are_columns_where_they_are_known_and_differ(tmp_path: Path) -> None:
    write_run(tmp_path / "0", neuron="if", cost=COST)
    write_run(tmp_path / "1", neuron="lif", cost={**COST, "spikes_per_image": 99.5})
    write_run(tmp_path / "2", neuron="rif")
    head, *rows = as_text(runs_table(report_on(tmp_path).comparison))
    assert head.split() == ["neuron", "test_accuracy", "spikes_per_image", "run"]
    assert [row.split()[2] for row in rows] == ["1,234", "99.5", "–"]


def test_the_ranking_and_the_test_accuracy_of_the_best_run_are_shown(tmp_path: Path) -> None:
    write_run(tmp_path / "0", neuron="if", status="interrupted", test_accuracy=None, val_accuracy=0.99)
    write_run(tmp_path / "1", neuron="lif", test_accuracy=0.9, val_accuracy=0.95)
    write_run(tmp_path / "2", neuron="rif", test_accuracy=0.9, val_accuracy=0.94)
    report = make([tmp_path], METRIC, 0.0)
    head, *rows = terminal(report, 200).splitlines()
    assert head.split() == ["neuron", "val_accuracy", "test_accuracy", "status", "run"]
    assert [row.split()[:3] for row in rows[:3]] == [
        ["if", "0.9900", "–"],
        ["lif", "0.9500", "0.9000"],
        ["rif", "0.9400", "0.9000"],
    ]
    by_validation = "ranked by val_accuracy: the test images do not affect the ranking"
    best = "best run: 1, val_accuracy 0.9500, test_accuracy 0.9000"
    assert rows[3].startswith(by_validation)
    assert rows[4] == best
    text = markdown(report, report.links(tmp_path))
    assert by_validation in text
    assert best in text.splitlines()
    by_test = terminal(report_on(tmp_path), 200)
    assert (
        "ranked by test_accuracy: the test images affect the ranking, so the figure of the best run is too" in by_test
    )
    assert "best run: " not in by_test


def test_the_mean_over_seeds_is_shown_with_its_test_accuracy(tmp_path: Path) -> None:
    for seed in range(2):
        figures = {"val_accuracy": 0.9 + seed / 10, "test_accuracy": 0.8 + seed / 10}
        write_run(tmp_path / f"{seed}", neuron="if", config={"seed": seed}, **figures)
    write_run(tmp_path / "other", neuron="lif", val_accuracy=0.5, test_accuracy=0.4)
    lines = [" ".join(line.split()) for line in terminal(make([tmp_path], METRIC, 0.0), 200).splitlines()]
    assert "neuron val_accuracy test_accuracy runs seeds" in lines
    assert "if 0.9500 ± 0.0707 0.8500 ± 0.0707 2 0, 1" in lines


def test_the_best_of_many_runs_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    for number in range(MOST_ROWS + 7):
        write_run(tmp_path / str(number), config={"T": number + 1}, test_accuracy=number / 100)
    lines = as_text(runs_table(report_on(tmp_path).comparison))
    assert len(lines) == 1 + MOST_ROWS + 1
    assert lines[-1] == "… and 7 more"


def test_the_csv_has_every_run_in_full(sweep: Path) -> None:
    report = report_on(sweep)
    rows = list(csv.DictReader(io.StringIO(as_csv(report.comparison, report.paths(sweep)))))
    assert len(rows) == 13
    best = rows[0]
    assert (best["run"], best["status"], best["neuron"], best["reset"]) == ("if12", "completed", "if", "soft")
    assert float(best["test_accuracy"]) == 0.9 + 0.01 + 0.002
    assert (rows[-1]["test_accuracy"], rows[-1]["error"]) == ("", "RunFailed: not | finite")


def test_markdown_shows_every_text_literally(sweep: Path) -> None:
    text = markdown(report_on(sweep), report_on(sweep).links(sweep))
    table = text.split("\n\n")[2].splitlines()
    assert len({line.replace(r"\|", "").count("|") for line in table}) == 1
    assert "[if12](if12/)" in table[2]
    assert r"- failed: broken: RunFailed: not \| finite" in text
    assert markdown_text("<b>*a*|_b_`") == r"&lt;b&gt;\*a\*\|\_b\_\`"


def test_numbers_are_right_aligned_in_markdown(sweep: Path) -> None:
    rules = as_markdown(runs_table(report_on(sweep).comparison))[1]
    assert rules == "| --- | --- | ---: | ---: | ---: | --- | --- |"


def test_each_failed_run_is_named_with_its_error(sweep: Path) -> None:
    assert list(failures(report_on(sweep))) == ["failed: broken: RunFailed: not | finite"]


def test_each_run_that_can_be_resumed_has_its_command(tmp_path: Path) -> None:
    write_run(tmp_path / "0", neuron="if")
    untouched(write_run(tmp_path / "1", neuron="lif", status="running"), 0.0)
    stopped = write_run(tmp_path / "2", neuron="rif", status="interrupted")
    (stopped / "checkpoints").mkdir()
    (stopped / "checkpoints" / "last.pt").touch()
    report = make([tmp_path], "test_accuracy", 1e9)
    killed, interrupted = failures(report)
    assert killed.startswith("killed: 1: no sign of life since ")
    assert killed.endswith(f"; resume with: snntrain resume={tmp_path / '1'}")
    assert interrupted == f"interrupted: 2: resume with: snntrain resume={stopped}"
    text = terminal(report, 200)
    assert "killed: was running, and has shown no sign of life for two minutes" in text.splitlines()
    assert f"- {interrupted}" in markdown(report, report.links(tmp_path)).splitlines()
    assert KILLED_NOTE not in terminal(report_on(tmp_path), 200)
