"""The choice of the next values: a function of the seed, the number of the trial, and the trials so far."""

from typing import Any

import pytest

from snntrain.cli.search.cma import place, value
from snntrain.cli.search.importance import importances
from snntrain.cli.search.space import Choice, Range, Space
from snntrain.cli.search.suggest import distribution, suggestion

optuna = pytest.importorskip("optuna", reason="a search needs Optuna: pip install 'snntrain[search]'")

SPACE = Space(
    (Choice("neuron", ("if", "lif")), Range("lr", 1e-4, 1.0, log=True), Range("tau", 1, 4)),
    {"tau": ("neuron", frozenset({"lif"}))},
)
PLANE = Space((Range("x", -1, 1), Range("y", -1, 1)))
MINIMIZE = [optuna.study.StudyDirection.MINIMIZE]


def done(space: Space, values: Any, result: float) -> Any:
    """Return a complete trial."""
    made = {each.key: distribution(each) for each in space.dimensions if each.key in values}
    return optuna.trial.create_trial(params=values, distributions=made, value=result)


def searched(method: str, space: Space, count: int, score: Any, seed: int = 0) -> list[Any]:
    """Return the trials of a search for the smallest score."""
    trials: list[Any] = []
    while len(trials) < count:
        values = suggestion(method, space, trials, MINIMIZE, seed)
        assert values is not None
        trials.append(done(space, dict(values), score(values)))
    return trials


def far(values: Any) -> float:
    return (values["x"] - 0.7) ** 2 + (values["y"] + 0.4) ** 2


@pytest.mark.parametrize("method", ["random", "tpe", "cmaes"])
def test_the_same_history_gives_the_same_values_and_another_seed_gives_others(method: str) -> None:
    pytest.importorskip("cmaes", reason="needs cmaes: pip install 'snntrain[search]'")
    trials = searched(method, PLANE, 12, far)
    again = [suggestion(method, PLANE, trials[:10], MINIMIZE, 0) for _ in range(2)]
    assert again[0] == again[1] == trials[10].params
    assert suggestion(method, PLANE, trials[:10], MINIMIZE, 1) != again[0]


@pytest.mark.parametrize("method", ["tpe", "cmaes"])
def test_a_method_that_learns_comes_closer_than_random(method: str) -> None:
    pytest.importorskip("cmaes", reason="needs cmaes: pip install 'snntrain[search]'")
    learnt, random = (
        [sum(trial.value for trial in searched(way, PLANE, 48, far, seed)[-12:]) for seed in range(2)]
        for way in (method, "random")
    )
    assert max(learnt) < min(random) / 2


def test_a_key_without_its_option_gets_no_value() -> None:
    for trial in searched("tpe", SPACE, 15, lambda values: values["lr"]):
        assert ("tau" in trial.params) == (trial.params["neuron"] == "lif")
        assert SPACE.overrides(trial.params)


def test_no_configuration_is_tried_twice_and_a_small_space_ends() -> None:
    space = Space((Choice("neuron", ("if", "lif", "plif")), Range("T", 1, 3, whole=True)))
    trials = searched("tpe", space, 9, lambda values: values["T"])
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == 9
    assert suggestion("tpe", space, trials, MINIMIZE, 0) is None


def test_a_grid_is_tried_in_order_and_ends() -> None:
    space = Space((Choice("neuron", ("if", "lif")), Choice("T", ("2", "4"))))
    trials = searched("grid", space, 4, lambda values: 0.0)
    assert [tuple(trial.params.values()) for trial in trials] == [("if", "2"), ("if", "4"), ("lif", "2"), ("lif", "4")]
    assert suggestion("grid", space, trials, MINIMIZE, 0) is None


@pytest.mark.parametrize(
    "each",
    [Range("a", 1e-4, 1, log=True), Range("a", 2, 9, whole=True), Range("a", 0, 1, step=0.25), Range("a", 1, 99, True)],
)
def test_a_value_has_one_place_in_the_cube_of_cma_es(each: Range) -> None:
    assert (value(each, 0.0), value(each, 1.0)) == pytest.approx((each.low, each.high))
    for share in (0.0, 0.3, 0.77, 1.0):
        found = value(each, share)
        assert each.holds(found)
        assert value(each, place(each, found)) == pytest.approx(found)


def test_the_key_that_decides_is_the_important_one() -> None:
    trials = searched("random", PLANE, 40, far)
    shares = importances(trials, {number: trial.params["x"] ** 2 for number, trial in enumerate(trials)})
    assert next(iter(shares)) == "x"
    assert shares["x"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert importances(trials, {0: 1.0, 1: 2.0}) == {}
