"""The options of hydra/launcher are ours: typed, checked, and untouched by a plugin with the same name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hydra.core.config_store import ConfigStore

from snntrain.config.compose import composer
from snntrain.config.composed import Composed
from snntrain.config.schema import Ray, SubmititSlurm
from snntrain.config.validate import checked
from snntrain.errors import UserError


@dataclass
class OfAPlugin:
    """The keys of an option as hydra-submitit-launcher registers it."""

    _target_: str = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    submitit_folder: str = "${hydra.sweep.dir}/.submitit/%j"
    timeout_min: int = 7


@pytest.fixture
def plugin() -> Iterator[None]:
    """Register an option with the name of ours, as an installed plugin does."""
    launchers = ConfigStore.instance().repo.setdefault("hydra", {}).setdefault("launcher", {})
    # The plugin itself may be installed.
    before = launchers.get("submitit_slurm.yaml")
    ConfigStore.instance().store(group="hydra/launcher", name="submitit_slurm", node=OfAPlugin, provider="a plugin")
    yield
    del launchers["submitit_slurm.yaml"]
    if before is not None:
        launchers["submitit_slurm.yaml"] = before


def composed(*overrides: str) -> Composed:
    with composer() as compose:
        (found,) = checked(compose, overrides)
    return found


@pytest.mark.usefixtures("plugin")
def test_ours_is_taken_if_a_plugin_has_an_option_with_the_same_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = composed("hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu").launcher()
    assert isinstance(settings, SubmititSlurm)
    assert (settings.partition, settings.timeout_min) == ("gpu", 60)


def test_each_wrong_key_of_a_launcher_has_its_line() -> None:
    given = ("timeout_min=0", "gpus_per_task=x", "partitoin=gpu")
    with pytest.raises(UserError) as error:
        composed("hydra/launcher=submitit_slurm", *(f"hydra.launcher.{word}" for word in given))
    lines = sorted(error.value.lines)
    assert [line.partition(":")[0] for line in lines] == sorted(f"hydra.launcher.{word}" for word in given)
    assert "did you mean partition?" in lines[1]
    assert "must be >= 1 (time limit of a job in minutes" in lines[2]


def test_the_settings_of_a_run_have_no_launcher() -> None:
    found = composed("hydra/launcher=ray", "hydra.launcher.num_cpus=2")
    assert found.launcher() == Ray(address=None, num_cpus=2, num_gpus=None)
    assert composed().launcher() is None
    assert "launcher" not in found.text()
    assert "num_cpus" not in found.values()
