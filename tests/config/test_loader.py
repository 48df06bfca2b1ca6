"""Our loader gives exactly the configuration of Hydra's own loader, or raises the same error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import OmegaConf

from snntrain.config.compose import Composer, composer
from snntrain.config.loader import Loader


@pytest.fixture
def compose() -> Iterator[Composer]:
    with composer() as compose:
        yield compose


def composed(loader: ConfigLoader, overrides: list[str], mode: RunMode, config_name: str = "config") -> str | list[str]:
    """Return the configuration as text, including Hydra's part; or the error and its cause."""
    try:
        return OmegaConf.to_yaml(loader.load_configuration(config_name, overrides, mode))
    except Exception as error:
        return [repr(error), repr(error.__cause__)]


@pytest.mark.parametrize("mode", RunMode)
@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["debug=smoke", "seed=1", "T=8", "seed=2", "hydra.mode=RUN"],
        ["experiment=mnist_cpu", "neuron=rif", "neuron.init_w=0.2", "+foo.bar=3", "++network.hidden=[1,2]"],
        ["optimizer.lr=0.5", "optimizer={lr:0.1}", "optimizer=sgd", "~monitor", "hydra.run.dir=a/${T}"],
        ["hydra/job_logging=default", "name='a=b,c'", "hydra.job.config.override_dirname.exclude_keys=[T]", "T=2"],
        ["hydra.searchpath=[/tmp]", "hydra.verbose=true", "hydra.overrides.task=[a]"],
        ["seed=range(3)", "T=2", "neuron=lif,plif"],
        ["neuron=none"],
        ["T=four", "neuron=lif"],
        ["lr=1"],
        ["~debug=smoke"],
        ["optimizer@loss=sgd"],
    ],
    ids=" ".join,
)
@pytest.mark.sample(8)
def test_it_composes_what_hydra_does(compose: Composer, overrides: list[str], mode: RunMode) -> None:
    loader = compose.loader
    assert isinstance(loader, Loader)
    expected = composed(ConfigLoaderImpl(loader.get_search_path()), overrides, mode)
    assert composed(loader, overrides, mode) == expected
    assert composed(loader, overrides, mode) == expected


def test_changes_to_a_configuration_do_not_reach_the_next(compose: Composer) -> None:
    def composed_once() -> str:
        config = compose.loader.load_configuration("config", ["neuron=lif"], RunMode.RUN)
        expected = OmegaConf.to_yaml(config)
        config.neuron.tau = 77.0
        config.hydra.overrides.task.append("tau=77")
        OmegaConf.set_struct(config, False)
        config.network.hidden.append(3)
        return expected

    assert composed_once() == composed_once()


def test_options_lie_where_the_command_line_says(compose: Composer, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "far.yaml").write_text("# @package _global_\nseed: 5\n")
    overrides = [f"hydra.searchpath=[{tmp_path}]", "experiment=far"]
    hydras = ConfigLoaderImpl(compose.loader.get_search_path())
    ours, expected = (composed(loader, overrides, RunMode.RUN) for loader in (compose.loader, hydras))
    assert ours == expected
    assert "seed: 5" in expected
