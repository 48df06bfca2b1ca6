"""The catalogue knows every set of conf/, and says what is true of those that are here."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from snntrain.config.compose import CONF
from snntrain.data import digits
from snntrain.data.catalogue import EMBEDDED, KNOWN, place_of, state_of
from tests.data.sets.layouts import write_nmnist

OPTIONS = {path.stem: yaml.safe_load(path.read_text()) for path in CONF.glob("dataset/*.yaml")}
# Nothing is known of the user's own data.
SETS = {name: option for name, option in OPTIONS.items() if ".own." not in option["_target_"]}


@pytest.mark.parametrize("name", SETS)
def test_a_set_of_conf_is_known_and_has_a_place(name: str) -> None:
    target = SETS[name]["_target_"]
    assert target in KNOWN
    place = place_of(target, SETS[name])
    assert place is not None
    assert place.name == name


def test_the_numbers_of_the_embedded_digits() -> None:
    data, known = digits.load(), KNOWN[EMBEDDED]
    assert known.samples == (len(data.train) + len(data.validation), len(data.test))
    assert (known.shape, known.classes) == ("x".join(map(str, data.shape)), len(data.class_names))


def test_a_share_of_train_needs_no_test_recordings(tmp_path: Path) -> None:
    write_nmnist(tmp_path, test=None)
    target = SETS["nmnist"]["_target_"]
    assert state_of(target, {"test": None}, tmp_path) == ("incomplete", "lacks Test", False)
    assert state_of(target, {"test": 0.2}, tmp_path).word == "complete"
    assert state_of("mine.load", {}, tmp_path) == ("unknown", "mine.load finds its data itself", False)
