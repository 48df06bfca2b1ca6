"""The YAML files of the data sets and encoders fit the functions that they name."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from snntrain.data import digits
from snntrain.data.augment import Augment

CONF = Path(__file__).parents[2] / "conf"
DATASETS = sorted(path.stem for path in (CONF / "dataset").glob("*.yaml"))
ENCODERS = sorted(path.stem for path in (CONF / "encoder").glob("*.yaml"))
COLOURED = ("cifar10", "cifar100", "svhn")
CAMERAS, COCHLEAS = ("cifar10_dvs", "dvs128_gesture", "ncaltech101", "nmnist"), ("shd", "ssc")
CHANNELS = dict.fromkeys(COLOURED, 3) | dict.fromkeys(CAMERAS, 2)
# The user's own data, of which nothing is known.
OWN = ("image_folder", "event_folder", "tensors")


def values(group: str, name: str) -> dict[str, Any]:
    content = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{name}.yaml"))
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def target(config: dict[str, Any]) -> Any:
    module, _, name = config["_target_"].rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_all_sets_and_encoders_are_there() -> None:
    images = ("digits", "emnist", "fashion_mnist", "kmnist", "mnist", *COLOURED)
    assert sorted(DATASETS) == sorted([*images, *CAMERAS, *COCHLEAS, *OWN])
    assert ENCODERS == ["direct", "latency", "poisson"]


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_file_fits_its_function(name: str) -> None:
    config = values("dataset", name)
    signature = inspect.signature(target(config))
    for parameter in signature.parameters.values():
        if parameter.name != "T":
            default = parameter.default
            assert config[parameter.name] == (list(default) if isinstance(default, tuple) else default)
    if name in OWN:
        assert (config["mean"], config["std"]) == ("auto", "auto")
        return
    assert len(config["mean"]) == len(config["std"]) == CHANNELS.get(name, 1)
    if name in (*CAMERAS, *COCHLEAS):
        # No event stays no input.
        assert (set(config["mean"]), set(config["std"])) == ({0.0}, {1.0})
    else:
        assert all(0 < mean < 1 for mean in config["mean"])
        assert all(0 < std < 1 for std in config["std"])


@pytest.mark.parametrize("name", DATASETS)
def test_the_augmentation_of_a_data_set_can_be_made(name: str) -> None:
    assert Augment(**values("dataset", name)["augment"]).is_identity == (name not in COLOURED)


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_file_names_an_encoder(name: str) -> None:
    assert target(values("encoder", name))(4, [0.5], [0.5])(torch.rand(2, 1, 3, 3)).shape == (4, 2, 1, 3, 3)


def test_the_digits_are_normalised_by_their_own_statistics() -> None:
    config, data = values("dataset", "digits"), digits.load()
    images = torch.cat([data.train.images, data.validation.images]).float() / data.scale
    assert config["mean"] == [pytest.approx(images.mean().item(), abs=5e-4)]
    assert config["std"] == [pytest.approx(images.std().item(), abs=5e-4)]
