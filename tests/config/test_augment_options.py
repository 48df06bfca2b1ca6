"""`dataset.augment`: a mapping of keys, and a group of ready-made options."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from snntrain.config import saved
from snntrain.config.changes import changed
from snntrain.config.compose import CONF
from snntrain.config.validate import validate
from snntrain.config.values import as_yaml, values_of
from snntrain.data.augment import Augment
from snntrain.errors import UserError

DVS_WIDE = {"one_of": True, "degrees": 30.0, "shear": 0.3, "crop_padding": 5, "cutout": 30}
NEW = (
    *("shear", "roll", "cutout", "temporal_crop", "drop", "polarity_flip", "one_of"),
    *("rand_augment", "rand_augment_magnitude", "rand_augment_std", "rand_augment_probability", "trivial_augment"),
    *("mixup", "cutmix", "mix_probability", "mix_switch", "mix_until", "erase", "erase_with", "frames"),
)


def augment(*overrides: str) -> Augment:
    (config,) = validate(overrides)
    return Augment(**values_of(config.dataset.augment))


@pytest.mark.parametrize("key", ["dataset.augment", "dataset/augment", "+dataset/augment"])
def test_an_option_is_chosen_by_its_name_however_the_key_is_written(key: str) -> None:
    assert augment("dataset=cifar10", f"{key}=dvs_wide") == Augment(**DVS_WIDE, flip=True)


def test_single_keys_add_to_an_option_in_any_order() -> None:
    for words in (("dataset.augment=dvs_wide", "dataset.augment.flip=true", "dataset.augment.cutout=8"),) * 2:
        assert augment(*words) == Augment(**{**DVS_WIDE, "cutout": 8}, flip=True)
        assert augment(*reversed(words)) == augment(*words)


def test_the_augmentation_of_a_data_set_can_be_switched_off() -> None:
    assert not augment("dataset=cifar10").is_identity
    assert augment("dataset=cifar10", "dataset.augment=none").is_identity
    assert augment("dataset.augment={flip: true}") == Augment(flip=True)


def test_options_can_be_swept() -> None:
    configs = validate(["dataset.augment=none,dvs_wide"], multirun=True)
    assert [config.dataset.augment.one_of for config in configs] == [False, True]


def test_every_option_fits_the_class() -> None:
    files = (CONF / "dataset" / "augment").glob("*.yaml")
    options = {file.stem: Augment(**yaml.safe_load(file.read_text())) for file in files}
    assert {name for name, option in options.items() if option.is_identity} == {"none"}
    assert options.keys() == {"none", "dvs_wide", "cifar", "spikformer", "trivial", "sew_gesture"}


def test_no_change_at_all_names_every_key() -> None:
    none = yaml.safe_load((CONF / "dataset" / "augment" / "none.yaml").read_text())
    assert none.keys() == {field.name for field in fields(Augment)}


@pytest.mark.parametrize("words", [("dataset.augment=spikformer",), ("dataset=cifar10", "dataset.augment=trivial")])
def test_a_preset_of_images_is_switched_off_again(words: tuple[str, ...]) -> None:
    assert not augment(*words).is_identity
    assert augment(*words[:-1], "dataset.augment=none").is_identity


def test_the_defaults_of_the_schema_are_those_of_the_class() -> None:
    (config,) = validate([])
    assert {key: getattr(config.dataset.augment, key) for key in NEW} == {key: getattr(Augment(), key) for key in NEW}


@pytest.mark.parametrize("value", ["-1", "1.5", "many"])
def test_a_wrong_value_of_a_new_key_is_refused(value: str) -> None:
    with pytest.raises(UserError, match=r"dataset\.augment\.drop=.*share of the events"):
        validate([f"dataset.augment.drop={value}"])


def test_a_run_without_the_new_keys_is_the_same_run(tmp_path: Path) -> None:
    (config,) = validate(["dataset=mnist", "dataset.augment.degrees=5"])
    old = values_of(config)
    for key in NEW:
        del old["dataset"]["augment"][key]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(old))
    assert "shear" not in (tmp_path / "config.yaml").read_text()
    read = saved.load(tmp_path, [])
    assert as_yaml(read) == as_yaml(config)
    assert changed(old, values_of(read)) == ""
    different = values_of(saved.load(tmp_path, ["dataset.augment.shear=0.2"]))
    assert changed(old, different) == "dataset.augment.shear=0.2 (not 0.0)"
