"""The folders of a sweep's jobs have the names that Hydra's own key gave them, so earlier sweeps are resumed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import open_dict

from snntrain.cli import launch
from snntrain.config.compose import composer

# The setting of versions before.
BEFORE = "hydra.sweep.subdir='${job_folder:${hydra.job.num},${hydra.job.override_dirname}}'"


def folder(overrides: Sequence[str], *more: str) -> str:
    """Return the name of the folder of job 7 with these overrides."""
    with composer() as compose:
        master = launch.composed(compose, more, RunMode.MULTIRUN).node
        config = compose.loader.load_sweep_config(master, [*overrides])
        with open_dict(config):
            config.hydra.job.num = 7
        return str(config.hydra.sweep.subdir)


@pytest.mark.parametrize(
    "overrides",
    [
        ["neuron=lif", "T=2"],
        ["name='a b'", "seed=1"],
        ["name='a,b'", "network.hidden=[16,32]", "network=mlp"],
        ["name='x=y'", "name='z=='"],
        ["neuron.v_threshold=1e-3", "++T=3"],
        ["trainer.device=cuda:1", "dataset.root=/data/sets"],
        [f"network.hidden=[{','.join(['16'] * 40)}]"],
        ["name='größe'", "monitor=off"],
        [],
    ],
)
def test_a_job_has_the_folder_that_it_had_before(overrides: Sequence[str]) -> None:
    parsed = OverridesParser.create().parse_overrides([*overrides])
    expected = f"7_{get_overrides_dirname(parsed, [], ',', '=')}"[:120].rstrip("_").replace("/", "-")
    assert folder(overrides) == folder(overrides, BEFORE) == expected


def test_own_signs_and_excluded_keys_of_the_name_are_kept() -> None:
    how = "hydra.job.config.override_dirname"
    own = (f"{how}.exclude_keys=[seed]", f"{how}.item_sep='+'", f"{how}.kv_sep='-'")
    assert folder(["seed=3", "neuron=lif", "T=2"], *own) == folder(["seed=3", "neuron=lif", "T=2"], BEFORE, *own)
    assert folder(["seed=3", "neuron=lif", "T=2"], *own) == "7_T-2+neuron-lif"


def test_keys_of_the_whole_sweep_are_not_in_the_name() -> None:
    assert folder(["T=2", "sweep.workers=2", "seed=1"]) == "7_T=2,seed=1"
