"""The learning curves that are shown, and their means."""

from pathlib import Path

import numpy as np
import pytest

from snntrain.report import curves
from snntrain.report.comparison import compare
from snntrain.report.statistics import over_seeds
from snntrain.runs.metrics import CURVES
from snntrain.runs.reading import read
from tests.report.folders import write_run


def test_the_mean_covers_the_epochs_of_all_runs(tmp_path: Path) -> None:
    values = [(0.1, 0.4, 0.7), (0.3, 0.5)]
    found = []
    for number, curve in enumerate(values):
        run = read(write_run(tmp_path / str(number), curve=curve), 0.0)
        assert run is not None
        found.append(curves.curve(run))
    reported = curves.mean_curve(found)
    assert reported["epoch"] == [1, 2]
    common = np.array([curve[:2] for curve in values])
    np.testing.assert_allclose(reported["val_accuracy"]["mean"], common.mean(axis=0))
    np.testing.assert_allclose(reported["val_accuracy"]["std"], common.std(axis=0, ddof=1))


def test_the_mean_has_no_value_if_one_run_has_none() -> None:
    one = {key: [1.0, None] for key in CURVES} | {"epoch": [1, 2]}
    other = {key: [0.0, 0.0] for key in CURVES} | {"epoch": [1, 2]}
    reported = curves.mean_curve([one, other])["val_loss"]
    assert reported["mean"] == [0.5, None]
    assert reported["std"] == [pytest.approx(0.5**0.5), None]


def test_a_long_curve_keeps_its_ends() -> None:
    thin = curves.thinned({"epoch": list(range(1, 1025)), "val_loss": [1 / 3] * 1024})
    assert (len(thin["epoch"]), thin["epoch"][0], thin["epoch"][-1]) == (curves.MOST_POINTS, 1, 1024)
    assert len(set(thin["epoch"])) == curves.MOST_POINTS
    assert thin["val_loss"][0] == 0.33333


def test_the_best_are_shown_and_seeds_stay_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "MOST_CURVES", 2)
    accuracy = {("if", 0): 0.9, ("lif", 0): 0.8, ("rif", 0): 0.7, ("if", 1): 0.1}
    folders = [
        write_run(tmp_path / f"{neuron}{seed}", neuron=neuron, config={"seed": seed}, test_accuracy=value)
        for (neuron, seed), value in accuracy.items()
    ]
    comparison = compare([run for folder in folders if (run := read(folder, 0.0))])
    shown = curves.rows_to_draw(comparison.rows, over_seeds(comparison))
    assert {row.label for row in shown} == {"if0", "if1"}
