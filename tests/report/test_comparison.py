"""The settings in which runs differ, and the order of the runs."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from snntrain.report.comparison import Comparison, compare, short_labels
from snntrain.runs.reading import read
from tests.report.folders import write_run


def compared(folders: Sequence[Path], metric: str = "test_accuracy") -> Comparison:
    return compare([run for folder in folders if (run := read(folder, 0.0))], metric)


def test_only_settings_that_differ_are_columns_and_the_seed_is_the_last(tmp_path: Path) -> None:
    adam = {"_target_": "torch.optim.Adam", "betas": [0.9, 0.999]}
    comparison = compared(
        [
            write_run(tmp_path / "0", config={"seed": 1, "optimizer": {**adam, "lr": 0.001}}),
            write_run(tmp_path / "1", config={"seed": 2, "optimizer": {**adam, "lr": 0.01}}),
        ]
    )
    assert comparison.columns == ["optimizer.lr", "seed"]
    assert comparison.factors == ["optimizer.lr"]
    assert comparison.rows[0].settings == {"optimizer.lr": "0.001", "seed": "1"}
    assert comparison.shared["neuron"] == "lif"
    assert comparison.shared["optimizer.betas"] == "[0.9,0.999]"


def test_a_group_is_named_by_its_option_and_the_keys_that_follow_are_not_columns(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "0", neuron="lif"), write_run(tmp_path / "1", neuron="plif", soft=True)]
    comparison = compared(folders)
    assert comparison.columns == ["neuron", "reset"]
    assert [row.settings for row in comparison.rows] == [
        {"neuron": "lif", "reset": "hard"},
        {"neuron": "plif", "reset": "soft"},
    ]


def test_a_key_that_differs_within_an_option_is_a_column_beside_it(tmp_path: Path) -> None:
    lif = {"_target_": "snntrain.neuron.LIFNode", "v_threshold": 1.0}
    folders = [
        write_run(tmp_path / "0", config={"neuron": {**lif, "tau": 2.0}}),
        write_run(tmp_path / "1", config={"neuron": {**lif, "tau": 4.0}}),
        write_run(tmp_path / "2", neuron="rif"),
    ]
    comparison = compared(folders)
    assert comparison.columns == ["neuron", "neuron.tau"]
    assert comparison.rows[2].settings == {"neuron": "rif"}


def test_without_options_of_all_runs_a_group_goes_by_its_class_or_its_keys(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "0", neuron="if"), write_run(tmp_path / "1", neuron="rif", soft=True)]
    (folders[1] / ".hydra" / "hydra.yaml").unlink()
    comparison = compared(folders)
    assert [row.settings for row in comparison.rows] == [
        {"neuron": "IFNode", "reset.v_reset": "0.0"},
        {"neuron": "RIFNode", "reset.v_reset": "null"},
    ]


def test_the_best_run_is_the_first_and_one_without_the_metric_the_last(tmp_path: Path) -> None:
    none = {"test_accuracy": None, "val_accuracy": None}
    folders = [
        write_run(tmp_path / "0", test_accuracy=0.7),
        write_run(tmp_path / "1", status="failed", error="e", **none),
        write_run(tmp_path / "2", test_accuracy=0.9),
    ]
    assert [row.label for row in compared(folders).rows] == ["2", "0", "1"]


@pytest.mark.parametrize(
    ("metric", "first"), [("train_seconds", "0"), ("spikes_per_image", "0"), ("images_per_second", "1")]
)
def test_the_smallest_cost_is_the_best(metric: str, first: str, tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, **{metric: value}) for name, value in (("0", 1.0), ("1", 2.0))]
    assert compared(folders, metric).rows[0].label == first


def test_a_run_is_ranked_by_its_validation_by_default(tmp_path: Path) -> None:
    """All runs are ranked by the same figure."""
    folders = [
        write_run(tmp_path / "0", test_accuracy=0.99, val_accuracy=0.9),
        write_run(tmp_path / "1", test_accuracy=0.8, val_accuracy=0.95),
        write_run(tmp_path / "2", status="interrupted", test_accuracy=None, val_accuracy=0.97),
    ]
    by_default = compare([run for folder in folders if (run := read(folder, 0.0))])
    assert [(row.label, row.value, row.counts) for row in by_default.rows] == [
        ("2", 0.97, False),
        ("1", 0.95, True),
        ("0", 0.9, True),
    ]
    assert by_default.best is by_default.rows[1]
    by_test = compared(folders, "test_accuracy")
    assert [(row.label, row.value, row.counts) for row in by_test.rows] == [
        ("0", 0.99, True),
        ("1", 0.8, True),
        ("2", None, False),
    ]


def test_a_run_without_a_config_is_compared_by_its_figures(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / "0", neuron="if"),
        write_run(tmp_path / "1", neuron="lif"),
        write_run(tmp_path / "2"),
    ]
    (folders[2] / "config.yaml").unlink()
    comparison = compared(folders)
    assert comparison.columns == ["neuron"]
    assert comparison.rows[2].settings == {}
    assert comparison.shared["T"] == "4"


def test_labels_are_short_and_no_two_are_alike() -> None:
    sweep = Path("multirun/2026-01-01/12-00-00-abcd")
    jobs = [sweep / "0_neuron=lif,seed=1", sweep / "1_neuron=lif,seed=2"]
    assert short_labels(jobs) == ["0", "1"]
    assert short_labels([*jobs, Path("outputs/a/b")]) == [
        "multirun/2026-01-01/12-00-00-abcd/0",
        "multirun/2026-01-01/12-00-00-abcd/1",
        "outputs/a/b",
    ]
    assert short_labels([Path("s/1_a"), Path("s/1_b"), Path("s/best_a")]) == ["1_a", "1_b", "best_a"]
    assert short_labels([Path("s/0_a\udcff\n")]) == [r"0_a\xff\n"]
