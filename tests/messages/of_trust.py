"""Messages about settings that files may not make."""

from __future__ import annotations

from collections.abc import Callable

from snntrain.config.trust.config_files import read
from snntrain.config.trust.targets import locate

from .world import Case, World, line

LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcde", "bcdef", strict=True)
)


def experiment(text: str, *given: str) -> Callable[[World], list[str]]:
    """Return a case that runs an experiment of a config folder."""

    def bring_about(world: World) -> list[str]:
        file = world.folder / "own_conf" / "experiment" / "mine.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# @package _global_\n{text}")
        return world.line(" ".join(["--config-dir own_conf experiment=mine", *given]))

    return bring_about


def laughs(world: World) -> str:
    (world.folder / "laughs.yaml").write_text(LAUGHS)
    return read(world.folder / "laughs.yaml")


def borrowed(world: World) -> object:
    (world.folder / "borrowing.py").write_text("from os import path\n")
    world.patch.chdir(world.folder)
    return locate("borrowing.path.join", ["borrowing"])


def primary(world: World) -> list[str]:
    (world.folder / "own_conf").mkdir(exist_ok=True)
    (world.folder / "own_conf" / "own.yaml").write_text("defaults: [config, _self_]\nT: four\n")
    return world.line("--config-dir own_conf --config-name own seed=1")


CASES: dict[str, Case] = {
    # config/compose.py, config/explain.py
    "a primary config that does not fit": (
        primary,
        ("own.yaml", "could not be converted", "fix it, or take another config"),
    ),
    "an option that does not fit": (
        experiment("T: four\n"),
        ("experiment=mine", "could not be converted", "fix its file, or take another option"),
    ),
    # cli/train.py, cli/launch.py
    "logging of Hydra's": (
        line("hydra/job_logging=default"),
        ("hydra/job_logging=default", "snntrain logs by itself", "leave it out"),
    ),
    "two commands": (
        line("--run --multirun"),
        ("--run --multirun", "belong to different commands", "give one of them"),
    ),
    "another folder of Hydra's": (
        line("hydra.output_subdir=x"),
        ("hydra.output_subdir=x", "reports read the overrides from .hydra/", "leave it out"),
    ),
    "a job elsewhere": (
        line("-m seed=1 name=../.. hydra.sweep.subdir=${{name}}"),
        ("hydra.sweep.subdir=../..", "must lie below the sweep's", "leave .. out"),
    ),
    # config/trust/config_files.py
    "a key of Hydra's": (
        experiment("hydra:\n  job:\n    env_set: {A: b}\n"),
        (
            "experiment/mine.yaml: hydra.job.env_set.A",
            "can only be set on the command line",
            "a file may set hydra.run.dir",
        ),
    ),
    "a folder elsewhere": (
        experiment("hydra:\n  run:\n    dir: /x\n"),
        ("hydra.run.dir=/x", "a folder below the current one", "give hydra.run.dir=… on the command line"),
    ),
    "a secret": (
        experiment("name: ${oc.env:HOME}\n"),
        ("name=${oc.env:HOME}", "only counts on the command line", "give name=… on the command line"),
    ),
    "another search path": (
        experiment("hydra:\n  searchpath: [x]\n"),
        ("hydra.searchpath", "only counts on the command line", "give it there"),
    ),
    "Hydra as a text": (
        experiment("hydra: x\n"),
        ("experiment/mine.yaml: hydra", "must stay a mapping", "set its keys"),
    ),
    "a sweep over what is allowed": (
        experiment("hydra:\n  sweeper:\n    params: {allow_targets: x}\n"),
        ("hydra.sweeper.params.allow_targets=x", "only counts on the command line", "give it there"),
    ),
    "nested too deep": (
        experiment(f"name: {'[' * 300}{']' * 300}\n"),
        ("mine.yaml", "nested too deep", "write it flat"),
    ),
    "aliases": (laughs, ("laughs.yaml", "unfold to more than 100,000 values", "write them out")),
    # config/trust/targets.py
    "a name of another module": (
        borrowed,
        ("_target_=borrowing.path.join", "path is not defined in borrowing", "name it by the module that defines it"),
    ),
}
