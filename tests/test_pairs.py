"""The cases of `every_pair` hold each pair of values, those of `every_value` each value, and they are few."""

from itertools import combinations, product

import pytest

from tests.pairs import every_pair, every_value, pairwise


@pytest.mark.parametrize(
    ("sizes", "most"),
    [((3,), 3), ((2, 5), 10), ((10, 3, 2, 10, 2), 100), ((2, 2, 2, 2), 6), ((3, 3, 3, 3), 14)],
    ids=str,
)
def test_each_pair_of_values_occurs_in_few_cases(sizes: tuple[int, ...], most: int) -> None:
    cases = pairwise(sizes)
    for one, other in combinations(range(len(sizes)), 2):
        found = {(case[one], case[other]) for case in cases}
        assert found == set(product(range(sizes[one]), range(sizes[other])))
    assert len(set(cases)) == len(cases) <= most


def test_the_labels_are_those_of_the_marks() -> None:
    marks = (
        pytest.mark.parametrize("size", [1, 2]),
        pytest.mark.parametrize("shape", [None, ()], ids=["none", "empty"]),
        pytest.mark.parametrize("kind", [int, str], ids=lambda kind: kind.__name__),
    )
    mark = every_pair(*marks)
    assert mark.args[0] == ["size", "shape", "kind"]
    assert mark.args[1][0] == [1, None, {"int": int, "str": str}[mark.kwargs["ids"][0].split("-")[2]]]
    assert all(label.split("-")[1] in ("none", "empty") for label in mark.kwargs["ids"])


def test_each_value_occurs_in_as_many_cases_as_the_longest_has() -> None:
    mark = every_value(pytest.mark.parametrize("size", [1, 2, 3]), pytest.mark.parametrize("kind", ["a", "b"]))
    assert mark.args == (["size", "kind"], [[1, "a"], [2, "b"], [3, "a"]])
    assert mark.kwargs["ids"] == ["1-a", "2-b", "3-a"]
