"""Successive halving and Hyperband against a computation by hand."""

import math
from collections import Counter

from snntrain.cli.search.rungs import Climber, Ladder, bracket, ladders, last_resort, promoted, rungs

THREE = Ladder((1, 3, 9), 3)


def waiting(number: int, *scores: float) -> Climber:
    """Return a trial that waits at the rung of its last score."""
    return Climber(number, dict(zip(THREE.rungs, scores, strict=False)), waits=True)


def gone(number: int, *scores: float) -> Climber:
    """Return a trial that runs on above the rung of its last score, or is over."""
    return Climber(number, dict(zip(THREE.rungs, scores, strict=False)), waits=False)


def test_the_rungs_rise_by_the_reduction_and_end_below_the_last_epoch() -> None:
    assert rungs(27, 1, 3) == (1, 3, 9)
    assert rungs(28, 1, 3) == (1, 3, 9, 27)
    assert rungs(10, 4, 2) == (4, 8)
    assert rungs(4, 4, 2) == ()


def test_a_ladder_leads_from_rung_to_rung_and_then_to_the_end() -> None:
    assert [THREE.first(), THREE.after(1), THREE.after(3), THREE.after(9)] == [1, 3, 9, None]
    (whole,) = ladders(None, (1, 3), 3)
    assert whole.first() is None


def test_nobody_is_resumed_before_three_have_reached_the_rung() -> None:
    assert promoted([waiting(0, 0.5), waiting(1, 0.4)], THREE) is None


def test_the_best_third_of_a_rung_is_resumed_and_no_more() -> None:
    first = [waiting(0, 0.5), waiting(1, 0.4), waiting(2, 0.6)]
    assert promoted(first, THREE) == first[1]
    # The one that was resumed still counts among those that have reached the rung.
    assert promoted([first[0], gone(1, 0.4), first[2]], THREE) is None
    # Of six, two are good enough: the resumed one and the next best.
    six = [first[0], gone(1, 0.4), first[2], waiting(3, 0.45), waiting(4, 0.7), waiting(5, 0.8)]
    assert promoted(six, THREE) == six[3]


def test_a_better_late_comer_is_resumed_although_its_third_is_full() -> None:
    # Asynchronous: trial 1 was the best of the first three. Now 3 is better, and of four only one is good enough.
    trials = [waiting(0, 0.5), gone(1, 0.4), waiting(2, 0.6), waiting(3, 0.3)]
    assert promoted(trials, THREE) == trials[3]


def test_a_high_rung_comes_first_and_equal_figures_go_by_number() -> None:
    low = [waiting(number, 0.5) for number in range(3, 12)]
    high = [waiting(0, 0.1, 0.2), waiting(1, 0.1, 0.2), waiting(2, 0.1, 0.3)]
    assert promoted([*low, *high], THREE) == high[0]
    assert promoted([*low, gone(0, 0.1, 0.2), *high[1:]], THREE) == low[0]


def test_a_figure_that_is_not_finite_is_the_worst() -> None:
    trials = [waiting(0, math.inf), waiting(1, 0.9), waiting(2, math.inf)]
    assert promoted(trials, THREE) == trials[1]


def test_with_few_trials_the_best_of_the_highest_rung_is_the_last_resort() -> None:
    trials = [waiting(0, 0.5), waiting(1, 0.4, 0.9), waiting(2, 0.6, 0.8), gone(3, 0.1, 0.1)]
    assert last_resort(trials, THREE) == trials[2]
    assert last_resort([gone(0, 0.5)], THREE) is None


def test_a_whole_halving_of_nine_trials_spends_what_the_paper_says() -> None:
    """Run nine trials one after the other; the figure of trial n is n at every rung, smaller is better."""
    reached: dict[int, list[int]] = {number: [] for number in range(9)}
    begun = 0
    ladder = Ladder((1, 3), 3)
    while True:
        climbers = [
            Climber(number, dict.fromkeys(at, float(number)), waits=at[-1] != 9) for number, at in reached.items() if at
        ]
        if (best := promoted(climbers, ladder)) is not None:
            at = reached[best.number]
            at.append(ladder.after(at[-1]) or 9)
        elif begun < 9:
            reached[begun].append(1)
            begun += 1
        else:
            break
    # Of nine at rung 1 three are resumed, of three at rung 3 one is trained to its end.
    assert Counter(epochs for at in reached.values() for epochs in at) == {1: 9, 3: 3, 9: 1}
    assert reached[0] == [1, 3, 9]


def test_hyperband_has_a_bracket_for_each_first_rung_and_one_without_rungs() -> None:
    assert [ladder.rungs for ladder in ladders("hyperband", (1, 3, 9), 3)] == [(1, 3, 9), (3, 9), (9,), ()]
    assert [ladder.rungs for ladder in ladders("halving", (1, 3, 9), 3)] == [(1, 3, 9)]


def test_brackets_get_the_shares_of_hyperband() -> None:
    brackets = tuple(ladders("hyperband", (1, 3), 3))
    # (2 + 1) / (s + 1) * 3 ** s for s = 2, 1, 0: 9, 4.5 and 3 trials of 16.5.
    counts = Counter(bracket(number, brackets) for number in range(33))
    assert counts == {0: 18, 1: 9, 2: 6}
    # All begin early, and a trial stays in its bracket.
    assert {bracket(number, brackets) for number in range(5)} == {0, 1, 2}
