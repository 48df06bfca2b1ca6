"""Means and deviations, against NumPy."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snntrain.report.statistics import over_seeds, repeated, spread
from tests.report.folders import write_run
from tests.report.test_comparison import compared


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_the_deviation_is_that_of_a_sample(values: list[float]) -> None:
    reported = spread(values)
    assert reported.count == len(values)
    assert reported.mean == pytest.approx(np.mean(values), abs=1e-9)
    if len(values) == 1:
        assert reported.std is None
    else:
        assert reported.std == pytest.approx(np.std(values, ddof=1), abs=1e-9)


def test_runs_that_differ_only_in_the_seed_are_one_group(tmp_path: Path) -> None:
    accuracies = {"if": (0.91, 0.95, 0.93), "rif": (0.8, 0.9, 0.7)}
    folders = [
        write_run(
            tmp_path / f"{neuron}{seed}", neuron=neuron, config={"seed": seed, "name": f"s{seed}"}, test_accuracy=value
        )
        for neuron, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    best, other = over_seeds(compared(folders))
    assert best.rows[0].settings["neuron"] == "if"
    assert (best.spread.mean, best.spread.count) == (pytest.approx(0.93), 3)
    assert best.spread.std == pytest.approx(np.std(accuracies["if"], ddof=1))
    assert other.spread.mean == pytest.approx(0.8)
    assert {row.settings["seed"] for row in other.rows} == {"0", "1", "2"}


def test_only_completed_runs_count(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / f"{seed}", config={"seed": seed}, test_accuracy=0.5 + seed / 10) for seed in range(3)
    ]
    folders.append(write_run(tmp_path / "f", config={"seed": 3}, status="failed", test_accuracy=0.0))
    folders.append(write_run(tmp_path / "i", config={"seed": 4}, status="interrupted", test_accuracy=None))
    (group,) = over_seeds(compared(folders))
    assert (group.spread.mean, group.spread.count) == (pytest.approx(0.6), 3)
    assert repeated([group])


def test_a_sweep_of_one_seed_has_no_deviation(tmp_path: Path) -> None:
    groups = over_seeds(compared([write_run(tmp_path / neuron, neuron=neuron) for neuron in ("if", "lif")]))
    assert len(groups) == 2
    assert not repeated(groups)
