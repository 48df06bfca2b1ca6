"""The valid steps of the batch that is computed now, as the calls of a layer see them."""

from __future__ import annotations

import torch

from snntrain.data.padding import ValidSteps, current, padded

X, LENGTHS = torch.zeros(3, 2, 4), torch.tensor([1, 3])
VALID = [[True, True], [False, True], [False, True]]


def test_outside_a_batch_and_in_a_batch_without_lengths_nothing_is_padding() -> None:
    assert current() is None
    assert ValidSteps().of_call(3, 2) is None
    with padded(X, None):
        assert ValidSteps().of_call(3, 2) is None
        assert ValidSteps().of_rows(6) is None


def test_a_batch_in_one_call_and_one_in_several_calls_have_the_same_valid_steps() -> None:
    whole, stepwise = ValidSteps(), ValidSteps()
    for _ in range(2):
        with padded(X, LENGTHS):
            assert tolist(whole.of_call(3, 2)) == VALID
            assert [tolist(stepwise.of_call(1, 2)) for _ in range(3)] == [[row] for row in VALID]
            # A layer that is called once more begins again.
            assert tolist(whole.of_call(3, 2)) == VALID
    assert current() is None


def test_a_call_that_stops_early_does_not_move_the_steps_of_the_next_batch() -> None:
    steps = ValidSteps()
    for _ in range(2):
        with padded(X, LENGTHS):
            assert tolist(steps.of_call(1, 2)) == VALID[:1]


def test_each_row_of_a_sample_is_valid_if_its_step_is() -> None:
    with padded(X, LENGTHS):
        assert tolist(ValidSteps().of_rows(6)) == [flag for row in VALID for flag in row]
        assert tolist(ValidSteps().of_rows(12)) == [flag for row in VALID for flag in row for _ in range(2)]
        stepwise = ValidSteps()
        assert [tolist(stepwise.of_rows(2)) for _ in range(3)] == VALID


def test_a_layer_with_other_rows_or_more_steps_than_the_batch_counts_all() -> None:
    with padded(X, LENGTHS):
        assert ValidSteps().of_call(3, 4) is None
        assert ValidSteps().of_call(5, 2) is None
        assert ValidSteps().of_rows(7) is None


def tolist(valid: torch.Tensor | None) -> list:  # type: ignore[type-arg]
    assert valid is not None
    return valid.tolist()
