"""Every command and every Python snippet of the documents is run, or listed here with the reason why not."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.plugins.core.core_plugin import CorePluginLoader
from torch.distributed import run as torchrun

from snntrain.doctor import speed
from tests.conftest import run_in
from tests.data.files import pictures, write_emnist, write_mnist
from tests.data.sets.layouts import write_cifar10_dvs, write_nmnist, write_spikes, write_tonic_gesture

from .documents import ROOT, Block, blocks, inline_commands, words_of

LANGUAGES = ("bash", "console", "python", "yaml", "text")
# Programs that start processes of snntrain.
TORCHRUN = (
    "torchrun --nnodes=4 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=node0 "
    "--no-python snntrain dataset=mnist"
)
SRUN = "srun --nodes=4 --ntasks-per-node=8 --gpus-per-node=8 snntrain dataset=mnist"
# Commands that no test runs, and why. What can be checked without running them is checked.
NOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/snntrain": "installs; .ci/run does so too",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest -n 2": "installs; .ci/run runs it",
    "pip install -e '.[bench]'": "installs packages",
    "pip install -e '.[neurobench]'": "installs packages",
    "pip install 'snntrain[slurm]'": "installs packages",
    "pip install 'snntrain[ray]'": "installs packages",
    "snntrain -m hydra/launcher=submitit_slurm seed=0,1,2 hydra.sweep.dir=multirun/seeds "
    "hydra.launcher.partition=gpu": "needs SLURM; tests/cli/launchers/test_slurm.py runs such sweeps",
    "snntrain -m hydra/launcher=ray seed=0,1,2 hydra.sweep.dir=multirun/seeds": "test_ray.py does so",
    "snntrain -m hydra/launcher=ray seed=0,1,2 hydra.sweep.dir=multirun/more hydra.launcher.address=auto": (
        "needs a cluster; tests/cli/launchers/test_ray.py makes one"
    ),
    "pip install 'snntrain[search]'": "installs packages",
    "pip install 'snntrain[events]'": "installs packages",
    "tensorboard --logdir outputs": "serves until it is stopped",
    'eval "$(snntrain --shell-completion install=bash)"': "changes the shell; its inner command is run",
    "snntrain doctor": "as the command after it; tests/cli/test_doctor.py runs it",
    "pytest -m slow": "takes half an hour",
    "pytest -m slow --part 2/24": "takes minutes; .ci/run runs such parts",
    "pytest -m gpu": "needs a GPU; scripts/gpu/smoke.sh runs it",
    "pip install 'coverage>=7.10'": "installs packages",
    "coverage run -m pytest -n 2": "takes ten minutes",
    "python -m chaos --only ranks --kills 30 --jobs 1": "takes 17 minutes; test_the_small_chaos runs it",
    "python -m chaos --only cache --jobs 2": "takes half an hour; tests/test_chaos.py runs a few",
    "coverage combine": "needs the result of the command before it",
    "coverage report": "needs the result of the commands before it",
    "bash .ci/run": "takes ten minutes and installs packages",
    "bash scripts/sweep_digits.sh": "takes an hour",
    "bash scripts/gpu/smoke.sh": "needs a GPU; tests/test_gpu_scripts.py runs it on a CPU",
    "bash scripts/gpu/full.sh": "needs a GPU; tests/test_gpu_scripts.py runs it on a CPU",
    "bash scripts/gpu/one_rank.sh": "needs a GPU; tests/test_gpu_scripts.py runs its CPU part",
    "pytest tests/hostile tests/test_messages.py": "takes minutes; they run by themselves",
    "pytest -m slow tests/hostile": "takes minutes; .ci/run runs parts of them",
    "SNNTRAIN_FUZZ=50 pytest -m slow tests/hostile": "takes hours",
    "python -m chaos": "takes a quarter of an hour",
    "python -m chaos --quick": "takes minutes",
    "python -m chaos --list": "tests/test_chaos.py runs it",
    "python -m chaos --only kills --kills 20": "takes minutes",
    "python -m chaos --seed 1": "takes a quarter of an hour",
    "python -m chaos --only starts --jobs 1": "takes minutes",
    "python -m benchmarks.neuron": "takes minutes",
    "python -m benchmarks.train_step": "takes minutes",
    "python -m benchmarks.checkpoints": "takes minutes",
    "python -m benchmarks.saving": "takes minutes",
    "python -m benchmarks.kernel_registers": "takes minutes",
    "python -m benchmarks.all_reduce": "takes minutes",
    "python -m benchmarks.search": "takes minutes",
    "python -m benchmarks.sweeps": "takes minutes; tests/benchmarks/test_benchmarks.py runs a smaller one",
    "python -m benchmarks.streaming": "takes minutes; tests/benchmarks/test_cache.py runs a smaller one",
    "python -m benchmarks.cache_memory": "takes minutes and 10 GB; tests/benchmarks/test_cache.py runs a smaller one",
    "python -m benchmarks.recipes": "takes hours; tests/benchmarks/test_recipes.py runs a smaller one",
    "python -m benchmarks.recipes mnist_fast": "takes minutes and needs MNIST",
    "python -m benchmarks.digits": "takes minutes; tests/benchmarks/test_recipes.py runs a smaller one",
    "python -m benchmarks.time_to_accuracy": "takes minutes and needs MNIST",
    "python -m benchmarks.scaling_model": "tests/benchmarks/test_scaling_model.py runs it",
    "snntrain optimizer=adamw optimizer._target_=timm.optim.Lion optimizer.lr=1e-4 allow_targets=[timm]": "needs timm",
    "snntrain optimizer=adamw optimizer._target_=timm.optim.Lamb allow_targets=[timm]": "needs timm",
    TORCHRUN: "needs four machines; two processes on one machine are tested with the command line",
    SRUN: "needs Slurm",
    "python -m tests.cost.against_neurobench": "needs NeuroBench",
    "python scripts/cost_by_neurobench.py runs/cost": "needs NeuroBench",
}
RUN, SWEEP = "outputs/2026-01-01/12-00-00-0123abcd", "multirun/2026-01-01/12-00-00-4567cdef"
SMALL = ("trainer.epochs=1", "trainer.limit_batches=2", "trainer.device=cpu", "trainer.precision=fp32")
# A preset sets the size of its network itself.
SMALL_NETWORK = ("network.hidden=[16]",)
SMALL_MAPS = ("network.channels=[4]",)
COMMANDS = ("search", "eval", "inspect", "report", "data", "doctor")
# Blocks of many trainings, sweeps and pictures, by their first commands. The README has a few of each kind.
SLOW = (
    "snntrain",
    "snntrain dataset=fashion_mnist",
    "snntrain inspect run=outputs/<date>/<time>-<id>",
    "snntrain -m surrogate.alpha=1,4 seed=0,1,2",
    "snntrain monitor=off",
    "snntrain scheduler=step scheduler.every=5 scheduler.factor=0.1 scheduler.warmup=0.05",
    "snntrain \"optimizer.groups=[{match: '*neuron.w', lr: 0.01, weight_decay: 0}]\"",
    "snntrain optimizer=adam optimizer._target_=torch.optim.Adamax",
    "snntrain -m \"optimizer.groups=[{match: 'out.*', lr: 0.01}]\" optimizer.groups.0.lr=0.01,0.1",
    "snntrain T=16 trainer.checkpoint_layers=4",
    "snntrain trainer.init_from=outputs/<date>/<time>-<id> optimizer.lr=1e-4",
    "snntrain network=sew_resnet network.width=8 trainer.epochs=1",
    "snntrain experiment=sew_gesture --cfg job",
    "snntrain experiment=mnist_fast",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of a small convolutional network on the digits."""
    folder = tmp_path_factory.mktemp("documents")
    small = (*SMALL, *SMALL_NETWORK, *SMALL_MAPS, "monitor=off")
    assert run_in(folder, *small, f"hydra.run.dir={RUN}") == 0
    return folder / RUN


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a few recordings of each kind."""
    root = tmp_path_factory.mktemp("recorded")
    write_nmnist(root, 5, 1)
    write_cifar10_dvs(root, (0, 1, 2, 3, 900))
    write_tonic_gesture(root)
    write_spikes(root, "shd", "train", 20, [index // 2 for index in range(20)])
    write_spikes(root, "shd", "test", 4)
    return root


@pytest.fixture
def folder(tmp_path: Path, finished: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder, with a finished run, a sweep, MNIST and its family, recordings, and a picture."""
    for place in (RUN, f"{SWEEP}/0", f"{SWEEP}/1"):
        shutil.copytree(finished, tmp_path / place)
    monkeypatch.setenv("SNNTRAIN_DATA", str(tmp_path / "data"))
    for root in (tmp_path / "data", tmp_path / "home" / "data"):
        for name in ("MNIST", "FashionMNIST"):
            write_mnist(root, name, 200, 20)
    _write_letters(tmp_path / "data")
    for path in recorded.iterdir():
        (tmp_path / "data" / path.name).symlink_to(path)
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(tmp_path / "mine.png")
    monkeypatch.setattr(speed, "SECONDS", 0.05)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write_letters(root: Path) -> None:
    labels = np.arange(104, dtype=np.uint8) % 26 + 1
    write_emnist(root, "letters", pictures(len(labels), 28, 28), labels)


def _write_files(page: Path, folder: Path) -> None:
    """Write the files that a page shows."""
    for block in blocks("python", "yaml"):
        if block.page == page and block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)


def test_every_block_has_a_language_that_is_looked_at() -> None:
    assert [block.name for block in blocks() if block.language not in LANGUAGES] == []


def test_no_command_hides_in_a_block_of_text() -> None:
    program = re.compile(r"^\$ |^(snntrain|python3?|pytest|bash|pip) ", re.MULTILINE)
    assert [block.name for block in blocks("text") if program.search(block.text)] == []


def test_each_command_that_is_not_run_is_in_the_documents() -> None:
    present = {command for block in blocks("bash", "console") for command in block.commands()}
    assert set(NOT_RUN) - present - set(inline_commands().values()) == set()


def _new_commands() -> dict[Block, list[str]]:
    """Return the commands of each block that no block before it has."""
    seen: set[str] = set()
    found = {}
    for block in blocks("bash", "console"):
        if new := [command for command in block.commands() if command not in seen]:
            found[block] = new
        seen |= set(new)
    return found


def test_every_block_of_commands_has_a_command() -> None:
    assert [block.name for block in blocks("bash", "console") if not block.commands()] == []


def test_every_slow_block_is_in_the_documents() -> None:
    assert set(SLOW) - {block.commands()[0] for block in _new_commands()} == set()


@pytest.mark.parametrize(
    ("block", "commands"),
    [
        pytest.param(block, new, id=block.name, marks=[pytest.mark.slow] if block.commands()[0] in SLOW else [])
        for block, new in _new_commands().items()
    ],
)
def test_the_commands_of_a_block_work(
    block: Block,
    commands: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _write_files(block.page, folder)
    if "~" in block.text:  # Elsewhere the real home, with its caches of compiled code and of fonts, saves seconds.
        monkeypatch.setenv("HOME", str(folder / "home"))
    for command in commands:
        if command.startswith("snntrain -m "):
            _assert_only_mistake("T=0", words_of(command)[1:], folder, capsys)
        capsys.readouterr()
        status = _carry_out(command, folder)
        printed = "".join(capsys.readouterr())
        if block.language == "console":
            _assert_printed(block, printed)
        else:
            assert status == 0, f"{command}\n{printed}"


@pytest.mark.parametrize("command", inline_commands().values(), ids=inline_commands())
def test_a_command_in_a_sentence_works(command: str, folder: Path) -> None:
    words = words_of(command)
    # `snntrain eval` is a name of a command, not a command to give.
    named = words[0] == "snntrain" and words[1] in COMMANDS and len(words) == 2
    assert _carry_out(f"{command} --help" if named else command, folder) == 0


@pytest.mark.parametrize(
    "block", [block for block in blocks("python") if block.file is None], ids=lambda block: block.name
)
def test_a_python_snippet_works(block: Block, folder: Path) -> None:
    _write_files(block.page, folder)
    if f"{RUN}/inspect" in (text := _filled_in(block.text)):
        assert run_in(folder, "inspect", f"run={RUN}", "sample=0", "layer=out_neuron") == 0
    exec(compile(text, block.name, "exec"), {"__name__": "__main__"})


def _carry_out(command: str, folder: Path) -> int:
    """Run a command, or check what can be checked of one that is listed in NOT_RUN; its exit status."""
    if command in NOT_RUN:
        _check(command)
        return 0
    words = words_of(_filled_in(command))
    with pytest.MonkeyPatch.context() as patch:
        while re.match(r"[A-Z_]+=", words[0]):
            patch.setenv(*words.pop(0).split("=", 1))
        if words[:3] == ["python", "-m", "snntrain"]:
            words[:3] = ["snntrain"]
        if words[:2] == ["snntrain", "search"] and find_spec("optuna") is None:
            pytest.skip("a search needs Optuna: pip install 'snntrain[search]'")
        if words[0] == "snntrain":
            return run_in(folder, *_small(words[1:]))
        if words == ["python", "-P", "-m", "snntrain"]:
            words.append("--version")
        if words[0] == "python" and (words[1].endswith(".py") or "-P" in words):
            return subprocess.run([sys.executable, *words[1:]], cwd=folder, check=False).returncode
    raise AssertionError(f"{command}: neither run nor listed in NOT_RUN")


def _filled_in(text: str) -> str:
    """Return the text with the folders of a real run and a real sweep in place of <date>/<time>-<id>."""
    return text.replace("multirun/<date>/<time>-<id>", SWEEP).replace("outputs/<date>/<time>-<id>", RUN)


def _small(words: Sequence[str]) -> list[str]:
    """Return the arguments with overrides that make a training small; those of other commands as they are."""
    if words[:1] in (["eval"], ["inspect"], ["report"], ["data"]) or {"--help", "--version", "--cfg"} & set(words):
        return list(words)
    if any(word.startswith("resume=") for word in words):
        return [*(word for word in words if not word.startswith("trainer.epochs=")), "trainer.epochs=2"]
    given = {word.partition("=")[0] for word in words}
    # A sweep has many jobs, and a network of the reader's own has other keys.
    network: Sequence[str] = (*SMALL_NETWORK, *SMALL_MAPS)
    if words[:1] == ["search"]:
        words = [word for word in words if not word.startswith("search.trials=")]
        words, network = [*words, "search.trials=2"], ("network=mlp", *SMALL_NETWORK)
        if any(word.startswith("search.pruner=") for word in words):
            # Its rungs lie below the last epoch.
            words.append("search.rungs=[1]")
            network = (*network, "trainer.epochs=2")
    elif "-m" in words:
        words, network = _two_jobs(words), ("network=mlp", *SMALL_NETWORK)
    if "network" in given:
        network = SMALL_NETWORK if "network=mlp" in words else ()
    # The doctor takes the overrides of a training.
    small = (*SMALL, *network, "monitor=off")
    return [*words, *(word for word in small if word.partition("=")[0] not in given - {"trainer.epochs"})]


def _two_jobs(words: Sequence[str]) -> list[str]:
    """Return the command of a sweep with two values of the first swept key, and one of each other key."""
    short, most = [], 2
    for word in words:
        key, equals, values = word.partition("=")
        options = values.split(",")
        if len(options) > 1:
            options, most = [options[0], *options[1:][-(most - 1) :]] if most > 1 else options[-1:], 1
        short.append(key + equals + ",".join(options))
    return short


def _assert_only_mistake(mistake: str, words: Sequence[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check a whole sweep without running it: with one wrong value added, only that value is reported."""
    capsys.readouterr()
    assert run_in(folder, *words, mistake) == 2
    assert [line.partition(": ")[2].partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [mistake]


def _assert_printed(block: Block, printed: str) -> None:
    """Compare what a ```console block shows with what is printed, where `…` stands for any text."""
    expected = [line for line in block.text.splitlines() if not line.startswith("$ ")]
    pattern = "\n".join(".*".join(map(re.escape, line.split("…"))) for line in expected)
    assert re.fullmatch(pattern, printed.strip()), printed


class _Parsed(Exception):
    """The flags of a program are valid."""


def _check(command: str) -> None:
    """Check the files, modules, flags and extras that a command names."""
    for part in command.split(" && "):
        words = [word for word in words_of(part) if not re.match(r"[A-Z_]+=", word)]
        if words[0] in ("torchrun", "srun"):
            start = words.index("snntrain")
            if words[0] == "torchrun":
                torchrun.parse_args(words[1:])
            words = words[start:]
        if words[0] == "snntrain":
            assert run_in(Path.cwd(), *words[1:], "--help") == 0
        elif words[0] == "eval":
            assert run_in(Path.cwd(), *words_of(words[1].removeprefix("$(snntrain").removesuffix(")"))) == 0
        elif words[0] == "bash":
            assert subprocess.run(["bash", "-n", ROOT / words[1]], check=False).returncode == 0
        elif words[0].endswith("pip"):
            _check_extras(words)
        elif words[0].endswith("pytest"):
            assert all((ROOT / word).exists() for word in words[1:] if word.startswith("tests"))
        elif words[0] == "tensorboard":
            parser = argparse.ArgumentParser()
            CorePluginLoader().define_flags(parser)
            parser.parse_args(words[1:])
        elif words[:3] == ["python3", "-m", "venv"]:
            assert find_spec("venv")
        elif words[:2] == ["python", "-m"]:
            _check_flags(words[2], words[3:])
        elif words[0] == "python":
            assert (ROOT / words[1]).is_file()
        elif words[0] == "coverage":
            assert words[1] in ("run", "combine", "report")
            assert "run" in _settings()["tool"]["coverage"]
        else:
            assert words == [".venv/bin/snntrain"]


def _check_extras(words: Sequence[str]) -> None:
    extras = _settings()["project"]["optional-dependencies"]
    for word in words:
        for extra in re.findall(r"\[(\w+)\]", word):
            assert extra in extras


def _settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _check_flags(module: str, flags: Sequence[str]) -> None:
    """Run a module up to the point where it has read its flags; one without flags is only found."""
    # `python -m` runs the __main__ of a package, which may read its flags in another module.
    package = ROOT / module
    specification = find_spec(f"{module}.__main__" if package.is_dir() else module)
    assert specification is not None, module
    assert specification.origin is not None
    sources = package.glob("*.py") if package.is_dir() else [Path(specification.origin)]
    if not any("parse_args" in source.read_text(encoding="utf-8") for source in sources):
        assert not flags
        return

    def parse(parser: argparse.ArgumentParser, *arguments: object) -> None:
        parse_known(parser, list(flags))
        raise _Parsed

    parse_known = argparse.ArgumentParser.parse_args
    with pytest.MonkeyPatch.context() as patch, _environment():
        patch.setattr(sys, "argv", [module, *flags])
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(_Parsed):
            runpy.run_module(module, run_name="__main__")


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Put the environment back: benchmarks set the number of threads."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
