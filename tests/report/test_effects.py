"""Marginal effects of complete and incomplete sweeps, against NumPy and the effects that were built in."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from snntrain.report.effects import Effects, effects
from snntrain.report.markdown import markdown
from snntrain.report.report import make
from snntrain.report.sections import effects as on_the_page
from snntrain.report.terminal import terminal
from tests.report.folders import write_run
from tests.report.test_comparison import compared

NEURONS, STEPS = ("if", "lif", "plif"), (2, 4, 8)
# The accuracy that each neuron adds, and that more time steps add.
OF_NEURON, OF_STEPS = {"if": 0.0, "lif": 0.01, "plif": 0.0155}, {2: 0.0, 4: 0.1, 8: 0.12}


def sweep(folder: Path, failed: Collection[tuple[str, int]], seeds: int = 2) -> list[Path]:
    """Write a sweep of every neuron with every T, with additive accuracies; some combinations failed."""
    folders = []
    for neuron, T, seed in product(NEURONS, STEPS, range(seeds)):
        broken = (neuron, T) in failed
        accuracy = None if broken else 0.8 + OF_NEURON[neuron] + OF_STEPS[T] + 0.001 * seed
        status = {"status": "failed", "error": "RunFailed: not finite"} if broken else {}
        figures = {"test_accuracy": accuracy, "val_accuracy": accuracy, **status}
        folders.append(
            write_run(folder / f"{neuron}{T}{seed}", neuron=neuron, config={"T": T, "seed": seed}, **figures)
        )
    return folders


def test_a_marginal_effect_is_the_mean_over_all_other_settings(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    neurons, resets, seeds = ("if", "lif", "rif"), (False, True), range(2)
    accuracy = rng.uniform(size=(3, 2, 2))
    folders = [
        write_run(
            tmp_path / f"{neuron}{soft}{seed}",
            neuron=neuron,
            soft=soft,
            config={"seed": seed},
            test_accuracy=accuracy[i, int(soft), seed],
        )
        for i, neuron in enumerate(neurons)
        for soft in resets
        for seed in seeds
    ]
    found = {effect.factor: effect for effect in effects(compared(folders)).found}
    assert found.keys() == {"neuron", "reset"}
    assert [level.value for level in found["neuron"].levels] == list(neurons)
    for axis, factor in ((0, "neuron"), (1, "reset")):
        values = np.moveaxis(accuracy, axis, 0).reshape(accuracy.shape[axis], -1)
        levels = found[factor].levels
        np.testing.assert_allclose([level.spread.mean for level in levels], values.mean(axis=1))
        np.testing.assert_allclose([level.spread.std for level in levels], values.std(axis=1, ddof=1))
        np.testing.assert_allclose([level.difference for level in levels], values.mean(axis=1) - values.mean())
        assert {level.spread.count for level in levels} == {values.shape[1]}
        assert {level.combinations for level in levels} == {6 // len(levels)}
        assert found[factor].range == pytest.approx(np.ptp(values.mean(axis=1)))


def test_values_are_sorted_as_numbers_and_too_many_are_not_a_factor(tmp_path: Path) -> None:
    few = compared([write_run(tmp_path / "a" / str(T), config={"T": T}) for T in (16, 2, 4)])
    assert [level.value for level in effects(few).found[0].levels] == ["2", "4", "16"]
    many = compared([write_run(tmp_path / "b" / str(T), config={"T": T}) for T in range(1, 14)])
    assert effects(many) == Effects([], [])


def test_failed_jobs_do_not_distort_an_effect(tmp_path: Path) -> None:
    """PLIF lacks its worst T and IF its best: plain means would exaggerate the effect ten times."""
    failed = {("plif", 2), ("if", 8)}
    found = effects(compared(sweep(tmp_path, failed)))
    assert found.not_compared == []
    by_factor = {effect.factor: effect for effect in found.found}
    neuron = by_factor["neuron"]
    # Only T=4 exists with all three.
    differences = {level.value: level.difference for level in neuron.levels}
    expected = np.array(list(OF_NEURON.values()))
    assert list(differences.values()) == pytest.approx(list(expected - expected.mean()))
    assert [(level.spread.count, level.combinations) for level in neuron.levels] == [(2, 1)] * 3
    assert neuron.range == pytest.approx(0.0155)
    raw = {name: np.mean([OF_NEURON[name] + OF_STEPS[T] for T in STEPS if (name, T) not in failed]) for name in NEURONS}
    assert raw["plif"] - raw["if"] > 0.07
    # Rows that exist for T = 2, 4 and 8: only LIF.
    steps = by_factor["T"]
    expected = 0.81 + np.array(list(OF_STEPS.values())) + 0.0005
    assert [level.spread.mean for level in steps.levels] == pytest.approx(list(expected))
    assert not any(effect.fitted for effect in found.found)


def test_combinations_have_equal_weights_however_many_seeds_they_have(tmp_path: Path) -> None:
    folders = []
    for neuron, base in (("if", 0.5), ("lif", 0.6)):
        for T, seeds in ((2, 3), (4, 1)):
            for seed in range(seeds):
                accuracy = base + T / 10 + seed / 100
                config = {"T": T, "seed": seed}
                folders.append(
                    write_run(tmp_path / f"{neuron}{T}{seed}", neuron=neuron, config=config, test_accuracy=accuracy)
                )
    (neuron,) = (effect for effect in effects(compared(folders)).found if effect.factor == "neuron")
    assert [level.spread.mean for level in neuron.levels] == pytest.approx([(0.71 + 0.9) / 2, (0.81 + 1.0) / 2])
    assert [(level.spread.count, level.combinations) for level in neuron.levels] == [(4, 2), (4, 2)]


def test_without_a_shared_combination_an_additive_model_is_fitted(tmp_path: Path) -> None:
    """Each T lacks a neuron: the fit finds the built-in differences, and the report says that it is a fit."""
    failed = {("if", 2), ("lif", 4), ("plif", 8)}
    found = effects(compared(sweep(tmp_path, failed)))
    by_factor = {effect.factor: effect for effect in found.found}
    assert by_factor.keys() == {"neuron", "T"}
    for factor, truth in (("neuron", OF_NEURON), ("T", OF_STEPS)):
        effect, expected = by_factor[factor], np.array(list(truth.values()))
        assert effect.fitted
        assert [level.difference for level in effect.levels] == pytest.approx(list(expected - expected.mean()))
        assert [(level.spread.std, level.spread.count, level.combinations) for level in effect.levels] == [
            (None, 4, 2)
        ] * 3


def test_a_fit_is_that_of_the_normal_equations(tmp_path: Path) -> None:
    """The data has noise, and one combination is missing per row; the test solves it again by hand."""
    rng = np.random.default_rng(3)
    cells = [(i, j) for i in range(3) for j in range(3) if i != j]
    values = rng.uniform(0.5, 0.9, len(cells))
    folders = [
        write_run(tmp_path / f"{i}{j}", neuron=NEURONS[i], config={"T": STEPS[j]}, test_accuracy=float(value))
        for (i, j), value in zip(cells, values, strict=True)
    ]
    design = np.zeros((len(cells), 6))
    for row, (i, j) in enumerate(cells):
        design[row, i] = design[row, 3 + j] = 1
    # Sum-to-zero coding: the pseudo-inverse of the full coding, then centred.
    solution = np.linalg.pinv(design.T @ design) @ design.T @ values
    found = {effect.factor: effect for effect in effects(compared(folders)).found}
    for factor, part in (("neuron", solution[:3]), ("T", solution[3:])):
        assert [level.difference for level in found[factor].levels] == pytest.approx(list(part - part.mean()))


def test_factors_that_change_together_are_not_compared(tmp_path: Path) -> None:
    """IF ran only with T=2, and LIF only with T=4: the cause of the difference is unknown."""
    for neuron, T in (("if", 2), ("lif", 4)):
        write_run(tmp_path / neuron, neuron=neuron, config={"T": T}, val_accuracy=0.8 + T / 100)
    report = make([tmp_path], "val_accuracy", 0.0)
    assert report.effects.found == []
    reported = "not compared: T, neuron; other factors change together with their values"
    assert reported in terminal(report, 200).splitlines()
    assert f"{reported}." in markdown(report, report.links(tmp_path)).splitlines()
    assert f"N{reported[1:]}." in "".join(on_the_page(report))


def test_every_form_of_the_report_explains_its_effects(tmp_path: Path) -> None:
    sweep(tmp_path, {("plif", 2), ("if", 8)})
    report = make([tmp_path], "val_accuracy", 0.0)
    lines = [" ".join(line.split()) for line in terminal(report, 200).splitlines()]
    assert "factor value val_accuracy difference runs combinations" in lines
    assert "neuron if 0.9005 ± 0.0007 −0.0085 2 1" in lines
    assert any("compared over the combinations of the other factors that all values share" in line for line in lines)
    text = markdown(report, report.links(tmp_path))
    assert "| neuron | if | 0.9005 ± 0.0007 | −0.0085 | 2 | 1 |" in text
    assert "compared over the combinations" in text
    page = "".join(on_the_page(report))
    assert "compared over the combinations" in page
    assert ">combinations</th>" in page
