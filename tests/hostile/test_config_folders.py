"""Files of a config folder select and set: they run no code, write nowhere else, and do not read the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.config.compose import composer
from snntrain.config.validate import checked, validate
from snntrain.config.values import value_at
from snntrain.errors import UserError
from tests.conftest import TINY, Outcome

from .fuzz import Tried, is_readable

EXPERIMENT = "# @package _global_\n"
# The message for a key of Hydra that no file may set.
ALONE = "can only be set on the command line"


def written(folder: Path, name: str, text: str) -> str:
    """Return a config folder with one file."""
    file = folder / "conf" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(folder / "conf")


HOSTILE = {
    "a callback that writes any file": (
        "hydra:\n  callbacks:\n    x:\n      _target_: snntrain.cli.sweep.Path.write_text\n"
        "      _args_: [{_target_: pathlib.Path, _args_: [executed]}, x]\n",
        f"hydra.callbacks.x._target_: {ALONE}",
    ),
    "a path through modules": (
        "hydra:\n  callbacks:\n    x:\n      _target_: snntrain.cli.sweep.shlex.os.sys.path.insert\n",
        f"hydra.callbacks.x._target_: {ALONE}",
    ),
    "a path through modules as a loss": (
        "loss:\n  _target_: snntrain.training.loss.math.os.system\n",
        "loss._target_=snntrain.training.loss.math.os.system: may name only what is in",
    ),
    "a wrapper of compiled code": (
        "loss:\n  _target_: torch.nn.cpp.ModuleWrapper\n",
        "loss._target_=torch.nn.cpp.ModuleWrapper: may name only",
    ),
    "the environment of programs": ("hydra:\n  job:\n    env_set: {PATH: /tmp}\n", f"hydra.job.env_set.PATH: {ALONE}"),
    "a copy of the environment": ("hydra:\n  job:\n    env_copy: [HOME]\n", f"hydra.job.env_copy: {ALONE}"),
    "a folder elsewhere": (
        "hydra:\n  run:\n    dir: /tmp/elsewhere\n",
        "hydra.run.dir=/tmp/elsewhere: a file may name",
    ),
    "a folder above": ("hydra:\n  run:\n    dir: a/../../b\n", "hydra.run.dir=a/../../b: a file may name"),
    "a folder at home": ("hydra:\n  run:\n    dir: ~/b\n", "hydra.run.dir=~/b: a file may name"),
    "a folder above, by reference": (
        "name: ../..\nhydra:\n  run:\n    dir: ${name}/b\n",
        "hydra.run.dir=../../b: a file may name",
    ),
    "a sweep elsewhere": ("hydra:\n  sweep:\n    dir: ../b\n", "hydra.sweep.dir=../b: a file may name"),
    "files elsewhere": ("hydra:\n  output_subdir: ../../x\n", f"hydra.output_subdir: {ALONE}"),
    "a secret in a name": (
        "name: ${oc.env:SECRET}\n",
        "name=${oc.env:SECRET}: ${oc.env:SECRET} only counts on the command line",
    ),
    "a secret, decoded": (
        "name: ${oc.decode:'$${oc.env:SECRET}'}\n",
        "only counts on the command line",
    ),
    "a secret in a list": ("monitor:\n  layers: ['${oc.env:SECRET}']\n", "monitor.layers[0]=${oc.env:SECRET}"),
    "a secret by a resolver of another key": (
        "name: ${${trainer.device}:SECRET}\ntrainer:\n  device: oc.env\n",
        "only counts on the command line",
    ),
    "a mapping made up": ("loss: ${oc.create:{_target_:os.system}}\n", "only counts on the command line"),
    "another place for options": (
        "hydra:\n  searchpath: [pkg://antigravity]\n",
        "hydra.searchpath: only counts on the command line",
    ),
    "a log file elsewhere": (
        "hydra:\n  job_logging:\n    handlers:\n      file:\n        filename: executed\n        mode: w\n",
        f"hydra.job_logging.handlers.file.filename: {ALONE}",
    ),
    "an object of logging's": (
        "hydra:\n  hydra_logging:\n    handlers:\n      x:\n        class: ext://os.system\n",
        f"hydra.hydra_logging.handlers.x.class: {ALONE}",
    ),
    "a launcher of its own": (
        "hydra:\n  launcher:\n    _target_: os.system\n",
        f"hydra.launcher._target_: {ALONE}",
    ),
    "jobs on a cluster": (
        "defaults: [override /hydra/launcher: submitit_slurm]\n",
        "hydra/launcher=submitit_slurm: only counts on the command line",
    ),
    "commands on a cluster": (
        "hydra:\n  launcher:\n    setup: [touch executed]\n",
        f"hydra.launcher.setup: {ALONE}",
    ),
    "a sweeper of its own": ("hydra:\n  sweeper:\n    _target_: os.system\n", f"hydra.sweeper._target_: {ALONE}"),
    "Hydra as a text": ("name: mine\nhydra: ${name}\n", "hydra: must stay a mapping"),
    "a part of Hydra by reference": ("hydra:\n  run: ${trainer}\n", f"hydra.run: {ALONE}"),
    "targets that it allows itself": ("allow_targets: [os]\n", "only counts on the command line"),
    "sweeping over what is allowed": (
        "hydra:\n  sweeper:\n    params: {allow_targets: '[os]'}\n",
        "allow_targets only counts on the command line",
    ),
    "sweeping over Hydra": (
        "hydra:\n  sweeper:\n    params: {+hydra.callbacks.x._target_: os.system}\n",
        "a sweep in a file is over keys and groups of the configuration",
    ),
    "sweeping over Hydra, one group": (
        "hydra:\n  sweeper:\n    params: {hydra: '{callbacks: {x: {_target_: os.system}}}'}\n",
        "a sweep in a file is over keys and groups of the configuration",
    ),
    "sweeping over the environment": (
        "hydra:\n  sweeper:\n    params: {name: '${oc.env:SECRET}'}\n",
        "only counts on the command line",
    ),
    "a billion laughs": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "its aliases unfold to more than 100,000 values",
    ),
    "an alias inside its own anchor": ("T: &a [*a]\n", "an alias contains itself"),
    "nested brackets": ("T: " + "[" * 300 + "]" * 300, "is nested too deep"),
    "brackets without an end": ("T: " + "[" * 5000 + "]" * 5000, "cannot be read"),
    "too much of it": ("name: " + "x" * 300_000, "it has more than 0 MB"),
    "an object of Python": (
        "T: !!python/object/apply:os.system ['touch executed']\n",
        "could not determine a constructor",
    ),
}


@pytest.mark.parametrize(("text", "said"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.sample(12)
def test_a_file_of_a_config_folder_reaches_no_further_than_the_configuration(
    text: str, said: str, canary: Path, snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    Tried.cases += 1
    monkeypatch.setenv("SECRET", "of-nobodys-business")
    folder = written(canary.parent, "experiment/mine.yaml", EXPERIMENT + text)
    before = set(os.listdir())
    for sweep in ([], ["-m", "seed=0,1"]) if "sweep" in said or ".dir" in said else ([],):
        outcome = snntrain(*sweep, *TINY, "--config-dir", folder, "experiment=mine")
        assert outcome.status == 2, outcome.out
        assert said in outcome.err or (sweep and "run.dir" in said) or (not sweep and "sweep.dir" in said), outcome.err
        assert "of-nobodys-business" not in outcome.err
    assert set(os.listdir()) == before


def test_a_primary_config_of_a_config_folder_has_the_limits_of_any_other_file(canary: Path) -> None:
    for name in (
        "a callback that writes any file",
        "a folder at home",
        "a secret in a name",
        "another place for options",
    ):
        text, said = HOSTILE[name]
        Tried.cases += 1
        folder = written(canary.parent, "own.yaml", f"defaults: [config, _self_]\n{text}")
        with pytest.raises(UserError) as error:
            validate([*TINY], config_name="own", config_dir=folder)
        assert is_readable(error.value)
        assert any(said in line for line in error.value.lines)


@pytest.mark.parametrize("group", ["hydra/launcher", "hydra/sweeper", "hydra/job_logging", "hydra/callbacks"])
def test_an_option_of_hydras_own_groups_is_not_read_from_a_strangers_file(group: str, canary: Path) -> None:
    Tried.cases += 2
    folder = written(canary.parent, f"{group}/evil.yaml", "_target_: os.system\n")
    for override in (f"{group}=evil", f"+{group}=evil"):
        with pytest.raises(UserError) as error:
            validate([override], config_dir=folder)
        assert is_readable(error.value)
    written(canary.parent, "experiment/mine.yaml", f"{EXPERIMENT}defaults: [override /{group}: evil]\n")
    try:
        with composer(config_dir=folder) as compose:
            (composed,) = checked(compose, ["experiment=mine"])
    except UserError as error:
        assert is_readable(error)
    else:  # The primary config has selected another one.
        assert composed.value("hydra.runtime.choices")[group] != "evil"


def test_a_package_directive_does_not_hide_the_keys_that_a_file_sets(canary: Path) -> None:
    Tried.cases += 2
    folder = written(canary.parent, "extra/x.yaml", "# @package hydra.callbacks.x\n_target_: os.system\n")
    written(canary.parent, "extra/y.yaml", "_target_: os.system\n")
    for override in ("+extra=x", "+extra@hydra.callbacks.y=y"):
        with pytest.raises(UserError, match=ALONE):
            validate([override], config_dir=folder)


@pytest.mark.parametrize("kind", ["pipe", "device", "a link that leads out", "a folder", "too long"])
def test_a_file_of_another_kind_is_not_read(kind: str, canary: Path) -> None:
    Tried.cases += 1
    folder = written(canary.parent, "neuron/good.yaml", "_target_: snntrain.neuron.IFNode\nv_threshold: 1.0\n")
    file = Path(folder, "neuron", "mine.yaml")
    secret = canary.parent / "secret.yaml"
    secret.write_text("_target_: snntrain.neuron.IFNode\nv_threshold: 0.125\n")
    {
        "pipe": lambda: os.mkfifo(file),
        "device": lambda: file.symlink_to("/dev/zero"),
        "a link that leads out": lambda: file.symlink_to(secret),
        "a folder": lambda: file.mkdir(),
        "too long": lambda: file.write_text("#" * 2**19),
    }[kind]()
    with pytest.raises(UserError) as error:
        validate(["neuron=mine"], config_dir=folder)
    assert is_readable(error.value)
    assert value_at(validate(["neuron=good"], config_dir=folder)[0].neuron, "v_threshold") == 1.0


def test_a_name_with_dots_leads_out_of_no_folder(canary: Path) -> None:
    Tried.cases += 2
    (canary.parent / "far.yaml").write_text("# @package _global_\nseed: 5\n")
    folder = written(canary.parent, "experiment/mine.yaml", f"{EXPERIMENT}defaults: [/../far]\n")
    for override in ("experiment=mine", "+experiment=../../far"):
        with pytest.raises(UserError):
            validate([override], config_dir=folder)


def test_ordinary_use_of_own_files_stays_easy(canary: Path, snntrain: Callable[..., Outcome]) -> None:
    """This covers a folder and a name for runs, references between keys, an anchor and a sweep."""
    folder = written(
        canary.parent,
        "experiment/mine.yaml",
        f"{EXPERIMENT}name: tried_${{now:%Y}}\nT: 2\nseed: ${{T}}\nmonitor:\n  every: 0\n"
        "optimizer:\n  lr: &lr 0.01\n  weight_decay: *lr\n"
        "hydra:\n  run:\n    dir: runs/${name}\n  sweep:\n    dir: sweeps/mine\n    subdir: ${hydra.job.num}_${T}\n"
        "  job:\n    config:\n      override_dirname:\n        exclude_keys: [seed]\n"
        "  sweeper:\n    params:\n      neuron: if,lif\n      T: 1,2\n",
    )
    given = ("--config-dir", folder, *TINY, "experiment=mine", "trainer.epochs=1")
    outcome = snntrain(*given)
    assert outcome.status == 0, outcome.err
    (run,) = Path("runs").iterdir()
    assert run.name.startswith("tried_20")
    outcome = snntrain("-m", *given, "T=3")
    assert outcome.status == 0, outcome.err
    assert "2 of 2 jobs completed in sweeps/mine" in outcome.out
    assert {path.name for path in Path("sweeps/mine").glob("*/")} == {"0_3", "1_3"}
    wrong = snntrain("-m", "--config-dir", folder, *TINY, "experiment=mine", "neuron=if,pliff")
    assert wrong.status == 2
    assert "no neuron 'pliff'" in wrong.err


@pytest.mark.parametrize("command", [(), ("-m",)], ids=["run", "sweep"])
def test_nothing_is_downloaded_to_a_folder_that_only_a_file_names(
    command: tuple[str, ...], canary: Path, snntrain: Callable[..., Outcome]
) -> None:
    Tried.cases += 1
    place = canary.parent / "home"
    place.mkdir()
    folder = written(canary.parent, "experiment/mine.yaml", f"{EXPERIMENT}dataset:\n  root: {place}\n")
    given = ("dataset=mnist", "experiment=mine", *(("seed=1",) if command == ("-m",) else ()), "trainer.device=cpu")
    outcome = snntrain(*command, "--config-dir", folder, *given)
    assert outcome.status in (1, 2)
    assert f"give dataset.root={place} on the command line" in " ".join((outcome.out + outcome.err).split())
    assert not list(place.iterdir())


def test_a_wrong_value_in_the_sweep_of_a_file_is_reported_before_the_first_job(
    canary: Path, snntrain: Callable[..., Outcome]
) -> None:
    folder = written(
        canary.parent,
        "experiment/mine.yaml",
        f"{EXPERIMENT}hydra:\n  sweeper:\n    params: {{T: '1,0', neuron._target_: os.system}}\n",
    )
    outcome = snntrain("-m", *TINY, "--config-dir", folder, "experiment=mine")
    assert outcome.status == 2
    assert "T=0: must be >= 1" in outcome.err
    assert "neuron._target_=os.system: may name only" in outcome.err
    assert not Path("multirun").exists()


@pytest.mark.slow
def test_a_file_that_one_combination_of_a_sweep_selects_cannot_bypass_the_checks(
    canary: Path, snntrain: Callable[..., Outcome]
) -> None:
    """Each value of a sweep is checked beforehand, but not each combination."""
    for harmless in ("plif_hard", "if_hard", "if_soft", "lif_hard"):
        written(canary.parent, f"experiment/{harmless}.yaml", f"{EXPERIMENT}T: 2\n")
    attack = "allow_targets: [os]\nloss:\n  _target_: os.abort\n"
    folder = written(canary.parent, "experiment/lif_soft.yaml", EXPERIMENT + attack)
    written(canary.parent, "own.yaml", "defaults: [config, override experiment: '${neuron}_${reset}', _self_]\n")
    given = ("--config-dir", folder, "--config-name", "own", *TINY, "trainer.epochs=1")
    outcome = snntrain("-m", *given, "neuron=if,lif", "reset=hard,soft", "hydra.sweep.dir=sweep")
    assert outcome.status in (1, 2)
    assert not canary.exists()
    assert "allow_targets=['os']: only counts on the command line" in outcome.out
    assert "3 of 4 jobs completed" in outcome.out


@pytest.mark.slow
def test_the_job_of_a_sweep_lies_below_its_sweep(canary: Path, snntrain: Callable[..., Outcome]) -> None:
    folder = written(
        canary.parent,
        "experiment/mine.yaml",
        f"{EXPERIMENT}name: a\nhydra:\n  sweep:\n    subdir: ${{name}}/${{seed}}\n",
    )
    given = ("-m", *TINY, "--config-dir", folder, "experiment=mine", "seed=1")
    for name in ("../../out", "/tmp/out"):
        outcome = snntrain(*given, f"name={name}")
        assert outcome.status == 2
        assert "the folder of a job must lie below the sweep's" in outcome.err
    target = canary.parent / "target"
    target.mkdir()
    (canary.parent / "sweep").mkdir()
    (canary.parent / "sweep" / "a").symlink_to(target)
    outcome = snntrain(*given, "hydra.sweep.dir=sweep")
    assert outcome.status == 2, outcome.out
    assert not list(target.iterdir())
