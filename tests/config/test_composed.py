"""Composed configurations become typed settings, which keep every value and the order of the keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import DictConfig, ListConfig, OmegaConf

from snntrain.config import schema
from snntrain.config.compose import composer
from snntrain.config.composed import Composed
from snntrain.config.schema import OwnDataset
from snntrain.config.validate import checked, validate
from snntrain.config.values import as_yaml, value_at, values_of
from snntrain.errors import UserError

COMMANDS = [
    [],
    ["dataset=emnist", "neuron=rif", "neuron.amplitude=[-1,2]", "network=mlp"],
    ["loss=ce_rate", "optimizer=sgd", "scheduler=onecycle", "reset=soft", "monitor=off", "name='1e5'"],
]
OWN_DATASET = """\
_target_: mine.load
folder: here
mean: [0.5]
std: [0.5]
augment: {flip: true}
resident: never
workers: 0
"""


def composed(overrides: list[str], folder: Path | None = None) -> Composed:
    with composer(config_dir=None if folder is None else str(folder)) as compose:
        (found,) = checked(compose, overrides)
    return found


@pytest.mark.parametrize("overrides", COMMANDS)
def test_settings_are_saved_as_omegaconf_saves_the_configuration(overrides: list[str]) -> None:
    found = composed(overrides)
    own = OmegaConf.masked_copy(found.node, [str(key) for key in found.node if key not in schema.BESIDE_THE_RUN])
    settings = found.settings()
    assert as_yaml(settings) == OmegaConf.to_yaml(own, resolve=True)
    assert values_of(settings) == found.values() == OmegaConf.to_container(own, resolve=True)


def test_every_group_of_ours_has_its_class() -> None:
    settings = composed([]).settings()
    assert isinstance(settings.neuron, schema.PLIF)
    assert isinstance(settings.trainer, schema.Trainer)
    assert isinstance(settings.dataset, schema.Dataset)
    assert isinstance(settings.dataset.augment, schema.Augment)
    left = [value for value in vars(settings).values() if isinstance(value, DictConfig | ListConfig)]
    assert left == []


def test_a_class_of_the_users_own_keeps_its_keys(tmp_path: Path) -> None:
    (tmp_path / "neuron").mkdir()
    (tmp_path / "neuron" / "mine.yaml").write_text("_target_: mine.Node\nslowly: [1, 2]\n")
    settings = composed(["neuron=mine", "+neuron.more=3", "allow_targets=[mine]"], tmp_path).settings()
    assert settings.neuron == {"_target_": "mine.Node", "slowly": [1, 2], "more": 3}
    assert value_at(settings.neuron, "more") == 3
    assert value_at(settings.neuron, "v_threshold") is None


def test_a_data_set_of_the_users_own_has_the_keys_that_are_read_here_and_its_own(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.yaml").write_text(OWN_DATASET)
    settings = composed(["dataset=mine", "allow_targets=[mine]"], tmp_path).settings()
    assert isinstance(settings.dataset, OwnDataset)
    assert (settings.dataset.resident, settings.dataset.workers) == ("never", 0)
    assert values_of(settings.dataset)["folder"] == "here"
    assert value_at(settings.dataset, "root") is None


def test_a_primary_config_without_the_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("defaults: [neuron: lif, _self_]\nT: 4\n")
    with pytest.raises(UserError, match=r"has no schema: begin it with defaults: \[config, _self_\]"):
        validate([], config_name="bare", config_dir=str(tmp_path))


def test_a_reference_in_a_list_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(UserError, match=r"network\.hidden"):
        validate(["network.hidden=[16,'${nowhere}']"])


def test_a_file_that_extends_a_schema_from_before_some_keys_gets_their_neutral_values(tmp_path: Path) -> None:
    (tmp_path / "neuron").mkdir()
    (tmp_path / "neuron" / "slow.yaml").write_text(
        "defaults: [/schema/neuron/lif@_here_, _self_]\n_target_: snntrain.neuron.LIFNode\nv_threshold: 1\ntau: 20\n"
    )
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text(
        "defaults: [/schema/optimizer/sgd@_here_, _self_]\n"
        "_target_: torch.optim.SGD\nlr: 0.1\nweight_decay: 0\nmomentum: 0\nnesterov: false\n"
    )
    (config,) = validate(["neuron=slow", "optimizer=mine", "neuron.per_neuron=true"], config_dir=str(tmp_path))
    assert (value_at(config.neuron, "decay_input"), value_at(config.neuron, "learn_threshold")) == (True, False)
    assert value_at(config.neuron, "per_neuron") is True
    assert (value_at(config.optimizer, "decay_norm"), value_at(config.optimizer, "groups")) == (True, [])
