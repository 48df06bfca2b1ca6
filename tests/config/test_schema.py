"""The schema and the files of conf/ agree, and every key is documented."""

from dataclasses import MISSING, fields

import pytest
import yaml
from omegaconf import OmegaConf

from snntrain.config import schema
from snntrain.config.compose import CONF, composer
from snntrain.config.composed import Composed
from snntrain.config.saved import _subtree
from snntrain.training.job.components import GIVEN, PRESENTATION
from snntrain.training.job.targets import check_targets

EXTENDING = sorted(path for path in CONF.glob("*/*.yaml") if "/schema/" in path.read_text())
OPTIONS = [(path.parent.name, path.stem) for path in EXTENDING]
# In the order of the schemas, because all workers of pytest-xdist must collect the same tests.
DECLARED = list(dict.fromkeys(schema.SCHEMAS.values()))
every_schema = pytest.mark.parametrize("declared", DECLARED, ids=lambda declared: declared.__name__)
every_option = pytest.mark.parametrize(("group", "option"), OPTIONS, ids=lambda word: word)


def read(group: str, option: str) -> tuple[type, dict]:
    content = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    path = content.pop("defaults")[0].removeprefix("/schema/").removesuffix("@_here_")
    return schema.SCHEMAS[path], content


@every_schema
def test_every_key_says_what_it_means(declared):
    for field in fields(declared):
        assert len(field.metadata["meaning"]) > 2, field.name


@every_schema
def test_values_stand_in_conf_and_not_in_the_schema(declared):
    for field in fields(declared):
        assert field.default is MISSING or field.default == "???", field.name


@every_option
def test_a_file_gives_every_key_of_its_schema_a_value_and_no_other(group, option):
    declared, content = read(group, option)
    assert set(content) == {field.name for field in fields(declared)}


@every_option
def test_the_keys_of_a_saved_subtree_identify_its_schema(group, option):
    declared, content = read(group, option)
    assert OmegaConf.get_type(_subtree(group, content)) is declared


@pytest.mark.parametrize("group", GIVEN)
@pytest.mark.sample(4)
def test_every_target_takes_the_keys_of_its_schema(group):
    with composer() as compose:
        for option in compose.loader.get_group_options(group):
            config = compose([f"{group}={option}"])
            check_targets(Composed(config).settings())
            assert config[group]._target_


def test_the_keys_that_only_present_a_data_set_are_declared_for_data_sets():
    assert set(PRESENTATION) <= {field.name for field in fields(schema.Dataset)}


def test_every_choice_of_a_clamp_is_a_clamp_pair():
    from snntrain.neuron.clamp import PAIRS

    clamp = {field.name: field for field in fields(schema.PLIF)}["clamp"]
    assert set(clamp.metadata["choices"]) == set(PAIRS)


def test_every_debug_preset_composes_into_a_valid_configuration():
    """Those of `experiment` do in tests/training/test_experiments.py."""
    from snntrain.config.validate import validate

    options = sorted(path.stem for path in (CONF / "debug").glob("*.yaml"))
    assert options
    for option in options:
        assert validate([f"debug={option}"])
