"""The command line may choose another option than a preset does: the preset's keys of the old option are left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from snntrain.config.compose import CONF
from snntrain.config.validate import validate
from snntrain.errors import UserError

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("words", [["experiment=plif_mnist", "neuron=lif"], ["neuron=lif", "experiment=plif_mnist"]])
def test_another_neuron_takes_the_keys_that_it_has(words: list[str]) -> None:
    (config,) = validate(words)
    assert config.neuron._target_.endswith("LIFNode")
    assert "init_tau" not in vars(config.neuron)
    assert (config.T, config.trainer.epochs, config.network.dropout) == (8, 1024, 0.5)


def test_keys_that_both_options_have_stay_those_of_the_preset() -> None:
    (config,) = validate(["experiment=plif_mnist", "scheduler=cosine", "optimizer=sgd"])
    assert config.optimizer.lr == 1e-3
    assert config.scheduler.final == 0.0
    (config,) = validate(["experiment=plif_mnist"])
    assert config.scheduler.half_period == 64


def test_each_job_of_a_sweep_has_the_keys_of_its_own_option() -> None:
    first, second, third = validate(["experiment=plif_mnist", "neuron=plif,lif,plif"], multirun=True)
    assert (first.neuron.init_tau, third.neuron.init_tau) == (2.0, 2.0)
    assert "init_tau" not in vars(second.neuron)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.sample(4)
def test_every_preset_takes_other_options(experiment: str) -> None:
    others = ["neuron=if", "scheduler=step", "optimizer=adam", "loss=mse_rate", "readout=rate", "network=mlp"]
    (config,) = validate([f"experiment={experiment}", *others])
    assert config.network._target_.endswith("MLP")


def test_a_key_that_no_option_has_is_still_refused(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    preset = tmp_path / "experiment" / "mine.yaml"
    preset.write_text("# @package _global_\ndefaults:\n  - override /neuron: lif\nneuron:\n  init_tau: 3.0\n")
    with pytest.raises(UserError, match="init_tau"):
        validate(["experiment=mine"], config_dir=str(tmp_path))


def test_a_value_on_the_command_line_must_fit_the_option() -> None:
    with pytest.raises(UserError, match=r"neuron\.init_tau=3: with neuron=lif there is no key 'init_tau'"):
        validate(["experiment=plif_mnist", "neuron=lif", "neuron.init_tau=3"])


def test_an_option_without_a_schema_takes_the_keys_of_a_preset(tmp_path: Path) -> None:
    for name, text in {
        "optimizer/mine.yaml": "_target_: torch.optim.NAdam\nlr: 0.1\n",
        "experiment/own.yaml": "# @package _global_\noptimizer:\n  momentum_decay: 0.01\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
    (config,) = validate(["experiment=own", "optimizer=mine"], config_dir=str(tmp_path))
    assert config.optimizer["momentum_decay"] == 0.01
