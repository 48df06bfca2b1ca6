"""Every message of the tool says what was given, what is allowed, and what to do next.

One table of cases, a line each. A message that none of them brings about fails the test: whoever writes a new one adds
a line to CASES with what brings it about, and the words of it that say what was given, what is allowed (or why not),
and what to do next, where the latter is not the same.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from torchvision import datasets

import snntrain
from snntrain.cli import doctor, sweep
from snntrain.config import saved
from snntrain.config.compose import validate
from snntrain.config.targets import build, locate
from snntrain.data import digits, idx, picture_file, vision
from snntrain.data.dataset import Data, ImageTensors, hold_out
from snntrain.errors import RunFailed, UserError
from snntrain.inspect import files
from snntrain.report.report import make, write
from snntrain.training import checkpoint, loop
from tests.cli import broken
from tests.conftest import TINY, run_in
from tests.data.files import NO_NETWORK, write_idx, write_mnist
from tests.report.folders import write_run

PACKAGE = Path(snntrain.__file__).parent
# So many letters of its own does a message have at least; what passes on another's text has fewer.
FEWEST_LETTERS = 8


class World:
    """Files to make mistakes with, below `folder`, and the ways to make them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.patch, self.capsys = folder, patch, capsys
        self.broken = folder / "broken"

    def line(self, command: str) -> list[str]:
        """What the command line says; `{broken}` is the folder of broken things."""
        self.capsys.readouterr()
        assert run_in(self.folder, *command.format(broken=self.broken).split()) in (1, 2)
        for name in (None, "snntrain", "snntrain.file"):
            # A run that was refused took its folder back, and so its log file.
            logging.getLogger(name).handlers.clear()
        return [line.removeprefix("snntrain: ") for line in self.capsys.readouterr().err.splitlines()]

    def idx(self, content: bytes, ndim: int = 3) -> Any:
        """Reads an IDX file of these bytes."""
        (self.folder / "idx").write_bytes(content)
        return idx.read_idx(self.folder / "idx", ndim)

    def pair(self, images: int, labels: list[int]) -> Any:
        """Reads so many images of 2x2 with these labels, of which there are two classes."""
        write_idx(self.folder / "images", np.zeros((images, 2, 2), np.uint8))
        write_idx(self.folder / "labels", np.array(labels, np.uint8))
        return idx.read_pair(self.folder / "images", self.folder / "labels", 0, 2)

    def picture(self, name: str, channels: int = 1) -> Any:
        split = ImageTensors(torch.zeros(2, channels, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]))
        return picture_file.read(self.broken / name, Data("some", split, split, split, ("a", "b")))

    def config(self, name: str) -> Any:
        return saved.load(self.broken / "runs" / name, [])

    def good(self, *overrides: str) -> Any:
        return saved.load(self.broken / "runs" / "good", overrides)

    def checkpoint(self, name: str) -> Any:
        return checkpoint.load(self.broken / "runs" / name / "checkpoints" / "best.pt")

    def foreign_weights(self) -> Any:
        return checkpoint.restore(torch.nn.Linear(2, 2), self.broken / "runs" / "good" / "checkpoints" / "best.pt")

    def digits(self, content: bytes) -> Any:
        (self.folder / "optdigits.npz").write_bytes(content)
        with self.patch.context() as patch:
            patch.setattr(digits, "FILE", self.folder / "optdigits.npz")
            digits.load()

    def without_torchvision(self) -> None:
        with self.patch.context() as patch:
            patch.setitem(sys.modules, "torchvision", None)
            vision._datasets()

    def without_training(self) -> None:
        def breaks(*arguments: object) -> None:
            raise OSError("no compiler")

        from snntrain.doctor import speed

        with self.patch.context() as patch:
            patch.setattr(speed, "measure", breaks)
            doctor.command(["trainer.device=cpu"])

    def failed_sweep(self) -> None:
        folder = self.folder / "failed"
        write_run(folder / "0", status="failed", error="no luck")
        with self.patch.context() as patch:
            patch.setattr(sweep.RememberFolder, "folder", folder)
            sweep.conclude()

    def report_below_a_file(self) -> None:
        write(make([self.folder / "sweep"], "test_accuracy", 0.0), self.broken / "file" / "report")


def overrides(*given: str, **options: Any) -> Callable[[World], object]:
    return lambda world: validate(
        given, **{k: str(v).format(broken=world.broken) if k == "config_dir" else v for k, v in options.items()}
    )


def line(command: str) -> Callable[[World], object]:
    return lambda world: world.line(command)


OWN = "{broken}/configs"
HEAD = bytes((0, 0, 8, 3))
# What brings a message about; what was given, what is allowed or why it is not, what to do next.
CASES: dict[str, tuple[Callable[[World], object], tuple[str, str, str]]] = {
    # cli/arguments.py, cli/main.py
    "flag without value": (line("T=2 -cn"), ("-cn", "needs a value", "as in -cn <value>")),
    "unknown flag": (line("--frobnicate"), ("--frobnicate", "no such flag", "snntrain --help")),
    "word of a flag": (line("--cfg everything"), ("--cfg everything", "job, hydra, all", "must be one of")),
    "flag that goes with --cfg": (line("--resolve"), ("--resolve", "goes with --cfg", "snntrain --cfg job --resolve")),
    "completion of nothing": (line("--shell-completion"), ("--shell-completion", "needs", "install=bash, or zsh")),
    "unknown command": (line("evall"), ("evall", "no such command", "did you mean eval?")),
    # cli/train.py, cli/sweep.py
    "package": (line("--cfg job --package x"), ("--package x", "no such part", "one is neuron")),
    "no folder": (line("hydra.run.dir="), ("hydra.run.dir=", "names no folder", "without it a run makes its own")),
    "folder of a run": (
        line("hydra.run.dir={broken}/runs/good"),
        ("runs/good", "holds a run already", "name another one"),
    ),
    "folder that cannot be": (
        line("hydra.run.dir={broken}/file/a"),
        ("file/a", "cannot be written", "hydra.run.dir=…"),
    ),
    "no sweep folder": (
        line("-m T=1,2 hydra.sweep.dir="),
        ("hydra.sweep.dir=", "no folder", "without it a sweep makes"),
    ),
    "folder of a sweep": (
        line("-m T=1,2 hydra.sweep.dir={broken}/runs"),
        ("hydra.sweep.dir=", "holds runs already", "name another one"),
    ),
    "one folder for all": (
        line("-m T=1,2 hydra.sweep.subdir=a"),
        ("hydra.sweep.subdir=a", "one for all jobs", "without it each has its own"),
    ),
    "a failed run": (
        line(
            f"{' '.join(TINY)} monitor=off allow_targets=[failing] loss._target_=failing.Loss hydra.run.dir=failed_run"
        ),
        ("the run failed", "no such luck", "failed_run/train.log"),
    ),
    "a failed sweep": (World.failed_sweep, ("1 of 1 jobs", "failed", "each folder's summary.json says why")),
    # cli/evaluate.py, cli/inspect.py, cli/report.py, cli/doctor.py, cli/help.py
    "flag of eval": (line("eval run=x -m"), ("--multirun", "eval takes run=<folder>", "overrides and --config-dir")),
    "eval of nothing": (line("eval"), ("eval", "needs run=<folder>", "as in run=outputs/")),
    "other checkpoint": (line("eval run=x checkpoint=y"), ("checkpoint=y", "must be", "best or last")),
    "layer": (
        line("inspect run={broken}/runs/good layer=x"),
        ("layer=x", "no such layer", "there are fc1_neuron"),
    ),
    "sample": (line("inspect run={broken}/runs/good sample=-1"), ("sample=-1", "0 to 358", "several as in 3,14")),
    "sample and image": (
        line("inspect run={broken}/runs/good sample=1 image=a"),
        ("sample= and image=", "one of them", "give"),
    ),
    "flag of report": (line("report -m x"), ("--multirun", "report takes folders", "metric=<figure>")),
    "report of nothing": (line("report"), ("report", "needs the folders", "as in snntrain report multirun")),
    "key of report without value": (
        line("report x metric="),
        ("metric=", "needs a value", "as in metric=val_accuracy"),
    ),
    "key of report": (line("report x=y"), ("x=y", "no such folder, and no key 'x'", "the keys are metric, out")),
    "flag of doctor": (line("doctor -m"), ("--multirun", "doctor takes", "overrides and --config-dir")),
    "doctor fails": (World.without_training, ("this machine", "training does not work", "no compiler")),
    "help on YAML": (line("--help --config-dir {broken}/syntax"), ("syntax.yaml", "cannot be read", "mend it")),
    "help on no schema": (
        line("--help --config-dir {broken}/no_such_schema"),
        ("/schema/neuron/gif", "there is no", "there are config, neuron/if"),
    ),
    "help on a list": (
        line("--help --config-dir {broken}/lists"),
        ("list.yaml", "must be a mapping", "keys with values"),
    ),
    # config/compose.py
    "config folder": (overrides(config_dir="nowhere"), ("--config-dir nowhere", "no such folder", "give the one")),
    "config that is not there": (overrides(config_name="mine"), ("mine", "Cannot find primary config", "take another")),
    "unreadable override": (overrides("T=[", "x"), ("T=[", "cannot be read", "write key=value")),
    "sweep without -m": (overrides("T=1,2"), ("T=1,2", "several values", "add -m")),
    "sweep of nothing": (overrides("T=range(0)", multirun=True), ("T=range(0)", "no value", "needs one or more")),
    "great sweep": (overrides("seed=range(99999)", multirun=True), ("seed=range(99999)", "10,000 at most", "in parts")),
    "hydra as a value": (overrides("hydra=1"), ("hydra=1", "must stay a mapping", "as in hydra.run.dir=…")),
    "allowed by a file": (
        overrides("experiment=shadow", config_dir=OWN),
        ("allow_targets=['os']", "on the command line alone", "give it there"),
    ),
    # config/explain.py
    "option": (overrides("neuron=liff"), ("neuron=liff", "there are if, lif", "did you mean lif?")),
    "option of Hydra": (
        overrides("hydra/launcher=x"),
        ("hydra/launcher=x", "no hydra/launcher 'x'", "there are basic"),
    ),
    "broken option": (
        overrides("neuron=syntax", config_dir=OWN),
        ("neuron=syntax", "syntax.yaml, line", "mend its file"),
    ),
    "key": (overrides("neuron.int_tau=1"), ("neuron.int_tau=1", "the keys are", "did you mean init_tau?")),
    "key in another group": (overrides("lr=1"), ("lr=1", "the keys are T", "did you mean optimizer.lr?")),
    "key below a value": (overrides("T.x=1"), ("T.x=1", "no keys of its own", "set it, T=…")),
    "type": (overrides("T=x"), ("T=x", "must be a whole number, >= 1", "time steps")),
    "type of Hydra's": (overrides("hydra.job=x"), ("hydra.job=x", "is not a subclass", "snntrain --cfg hydra prints")),
    "value added twice": (overrides("+T=3"), ("+T=3", "is there already", "without the + it is set")),
    "value taken away": (overrides("~T=3"), ("~T=3", "has another value", "~T takes it away")),
    "key taken away": (overrides("~neuron.init_tau"), ("~neuron.init_tau", "cannot be taken away", "give it a value")),
    # config/check.py
    "key beside the schema": (overrides("+x=1"), ("x", "no key 'x'", "the keys are")),
    "needed key": (overrides("~T"), ("T", "cannot be taken away", "give it a value")),
    "no value": (overrides("T=???"), ("T", "has no value", "give it one, T=…")),
    "interpolation to nowhere": (overrides("T=${nothing}"), ("T=${nothing}", "'nothing' not found", "give a value")),
    "no mapping": (overrides("neuron=number", config_dir=OWN), ("neuron=", "must be a mapping", "as conf/neuron/ has")),
    "no schema": (
        overrides("reset=bare", config_dir=OWN),
        ("reset", "its file must begin with", "[/schema/reset/reset@_here_, _self_]"),
    ),
    "no target": (
        overrides("neuron=no_target", config_dir=OWN),
        ("neuron", "has no _target_", "its file must give them, as conf/neuron/ does"),
    ),
    "list in a list": (
        overrides("network.hidden=[[1]]"),
        ("network.hidden=[[1]]", "one list, with no other", "neurons of"),
    ),
    "more than 64 bits": (overrides("T=1" + "0" * 20), ("T=1000", "at most 9,223,372", "time steps")),
    "out of range": (overrides("T=0"), ("T=0", "must be >= 1", "time steps")),
    "not finite": (overrides("neuron.v_threshold=nan"), ("v_threshold=nan", "a finite number", "a neuron fires where")),
    # config/rules.py
    "soft reset": (
        overrides("reset=soft", "neuron.v_threshold=0"),
        ("neuron.v_threshold=0", "must be > 0", "with reset=soft"),
    ),
    "hard reset": (overrides("reset.v_reset=1"), ("reset.v_reset=1.0", "must be below", "neuron.v_threshold=1.0")),
    "tau": (overrides("neuron.init_tau=1"), ("neuron.init_tau=1.0", "must be > 1", "neuron.clamp=null takes any")),
    "amplitude": (
        overrides("neuron=rif", "neuron.amplitude=x"),
        ("neuron.amplitude=x", "must be null, a number A", "[lo, hi]"),
    ),
    "empty interval": (
        overrides("neuron=rif", "neuron.amplitude=0"),
        ("neuron.amplitude=0", "open interval", "A > 0 or [lo, hi]"),
    ),
    "weight": (
        overrides("neuron=rif", "neuron.init_w=2", "neuron.amplitude=1"),
        ("neuron.init_w=2.0", "inside the open interval (-1, 1)", "of neuron.amplitude=1"),
    ),
    "zoom": (overrides("dataset.augment.scale=[2,1]"), ("scale=[2.0, 1.0]", "two numbers", "lo <= hi")),
    "betas": (overrides("optimizer.betas=[0.9]"), ("optimizer.betas=[0.9]", "two numbers", "as [0.9,0.999]")),
    "nesterov": (
        overrides("optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=true"),
        ("optimizer.nesterov=true", "needs", "optimizer.momentum > 0"),
    ),
    "device": (overrides("trainer.device=gpu"), ("trainer.device=gpu", "auto, cpu, cuda", "from 0 to 127")),
    "fp16": (
        overrides("trainer.device=cpu", "trainer.precision=fp16"),
        ("trainer.precision=fp16", "needs a GPU", "use fp32 or bf16"),
    ),
    # config/saved.py
    "no run": (lambda world: saved.load(world.folder / "none", []), ("none", "no run folder", "run=outputs/")),
    "saved list": (lambda world: world.config("list"), ("config.yaml", "is not the configuration", "get it anew")),
    "saved bytes": (lambda world: world.config("binary"), ("config.yaml", "cannot be read", "get it anew")),
    "saved key": (lambda world: world.config("unknown_key"), ("config.yaml", "'momentum'", "get it anew")),
    "saved interpolation": (
        lambda world: world.config("interpolation"),
        ("name=${oc.env:HOME}", "values and no interpolations", "get it anew"),
    ),
    "several values": (lambda world: world.good("T=2,4"), ("T=2,4", "give one value", "as in T=8")),
    "preset": (
        lambda world: world.good("experiment=mnist_cpu"),
        ("experiment=mnist_cpu", "presets are for training", "give the keys"),
    ),
    # config/targets.py
    "forbidden": (
        overrides("neuron._target_=os.system"),
        ("neuron._target_=os.system", "may name only snntrain.neuron.", "add allow_targets=[os]"),
    ),
    "out of reach": (lambda _: locate("os.system"), ("_target_=os.system", "must be under", "snntrain.neuron.")),
    "no component": (
        lambda _: locate("torch.nn.functional.relu"),
        ("torch.nn.functional.relu", "nothing to build", "add allow_targets=[torch]"),
    ),
    "no such class": (lambda _: locate("torch.nn.Linar"), ("torch.nn.Linar", "no such class", "is the name right")),
    "module that raises": (
        lambda _: locate("broken_module.Node", ["broken_module"]),
        ("broken_module.Node", "division by zero", "mend it"),
    ),
    "keys that do not fit": (
        line(f"{' '.join(TINY)} --config-dir {OWN} neuron=other_keys"),
        ("neuron: _target_=snntrain.neuron.LIFNode", "unexpected keyword argument 'slope'", "it takes (tau"),
    ),
    "value that a class refuses": (
        lambda _: build(OmegaConf.create({"_target_": "torch.optim.Adam", "lr": -1}), [torch.zeros(1)]),
        ("Adam", "Invalid learning rate", "-1"),
    ),
    # data/
    "share": (
        lambda _: hold_out(
            "some",
            *[ImageTensors(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), torch.tensor([0]))] * 2,
            ("a",),
            validation=0.5,
            split_seed=0,
        ),
        ("dataset.validation=0.5", "class 0 has a single element", "cannot be on both sides"),
    ),
    "digits": (lambda world: world.digits(b""), ("optdigits.npz", "is damaged", "install snntrain anew")),
    "no network": (
        lambda world: vision.mnist(str(world.broken / "empty")),
        ("dataset=mnist", "lacks train-images-idx3-ubyte", "put them there"),
    ),
    "data root": (
        lambda world: vision.mnist(str(world.broken / "file" / "data")),
        ("file/data", "cannot be written", "name another data root"),
    ),
    "magic number": (lambda world: world.idx(b"\x89PNG"), ("idx", "should begin with the bytes 00000803", "delete it")),
    "no pixels": (lambda world: world.idx(HEAD + bytes(12)), ("idx", "have 0x0 pixels", "delete it")),
    "IDX size": (
        lambda world: world.idx(HEAD + bytes((0, 0, 0, 1)) * 3),
        ("idx", "promises 1x1x1 bytes, it holds 0", "put a good copy there"),
    ),
    "IDX folder": (lambda world: idx.read_idx(world.folder, 3), ("", "cannot be read", "make it readable")),
    "labels": (lambda world: world.pair(2, [0]), ("labels", "1 labels for the 2 images", "delete it")),
    "no labels": (lambda world: world.pair(0, []), ("labels", "it is empty", "delete it")),
    "label of no class": (lambda world: world.pair(2, [0, 2]), ("labels", "must run from 0 to 1", "delete it")),
    "checksum": (
        lambda world: vision._verified(world.broken / "file", "0" * 32),
        ("file", "its MD5 checksum is", "delete it"),
    ),
    "file of a set": (
        lambda world: vision._verified(world.broken, "0" * 32),
        ("broken", "cannot be read", "make it readable"),
    ),
    "EMNIST": (lambda _: vision.emnist(split="x"), ("dataset.split=x", "must be one of", "balanced, letters")),
    "torchvision": (World.without_torchvision, ("torchvision", "does not work here", "take dataset=digits")),
    "no picture": (lambda world: world.picture("none"), ("image=", "no such file", "give an image file")),
    "folder of pictures": (lambda world: world.picture("empty"), ("empty", "is a folder", "name a file in it")),
    "text as a picture": (lambda world: world.picture("file"), ("file", "no image that can be read", "save it as PNG")),
    "great picture": (
        lambda world: world.picture("great.png"),
        ("great.png", "more than 100,000,000 pixels", "scale it down"),
    ),
    "two channels": (lambda world: world.picture("file", 2), ("image=", "has 2 channels", "take sample=")),
    # inspect/, report/
    "page below a file": (
        lambda world: files.write(world.broken / "file" / "page", {}),
        ("file/page", "cannot be written", "give another out="),
    ),
    "layers to watch": (
        line(f"{' '.join(TINY)} monitor.layers=[fc9]"),
        ("'fc9'", "matches no spiking layer", "there are fc1_neuron"),
    ),
    "report of no folder": (lambda _: make([Path("no")], "x", 0.0), ("no", "no such folder", "give those of runs")),
    "report of no runs": (
        lambda world: make([world.broken / "empty"], "x", 0.0),
        ("empty", "no runs there", "the folder of a run holds a summary.json"),
    ),
    "metric": (
        lambda world: make([world.folder / "sweep"], "val_acuracy", 0.0),
        ("metric=val_acuracy", "no run has it", "did you mean val_accuracy?"),
    ),
    "report below a file": (World.report_below_a_file, ("file/report", "cannot be written", "choose another folder")),
    # training/
    "channels": (
        line(f"{' '.join(TINY)} dataset.mean=[0.1,0.2]"),
        ("dataset.mean=[0.1, 0.2]", "one number a channel", "digits has 1"),
    ),
    "no neuron": (
        line(f"{' '.join(TINY)} --config-dir {OWN} allow_targets=[broken_neurons] neuron=no_node"),
        ("broken_neurons.NoNode", "must be a subclass", "snntrain.neuron.BaseNode"),
    ),
    "no checkpoint": (lambda world: world.checkpoint("no_best"), ("best.pt", "there is no", "such checkpoint")),
    "damaged checkpoint": (lambda world: world.checkpoint("truncated"), ("best.pt", "damaged", "try the run's other")),
    "other checkpoint format": (
        lambda world: world.checkpoint("other_format"),
        ("best.pt", "not a checkpoint", "that this version of snntrain can read"),
    ),
    "other weights": (World.foreign_weights, ("best.pt", "do not fit this network", "was an override given?")),
    "not finite any more": (
        lambda _: loop._check_finite(SimpleNamespace(), float("nan"), 3),  # type: ignore[arg-type]
        ("the training loss became nan in epoch 3", "try a lower optimizer.lr", "trainer.precision=fp32"),
    ),
    "fp16 of a CPU": (
        line(f"{' '.join(TINY)} trainer.device=auto trainer.precision=fp16"),
        ("trainer.precision=fp16", "needs a GPU", "use fp32, bf16 or auto"),
    ),
    "no such GPU": (line(f"{' '.join(TINY)} trainer.device=cuda:99"), ("cuda:99", "no such GPU", "or use auto")),
}


@pytest.fixture
def world(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    made = World(tmp_path, monkeypatch, capsys)
    broken.fill(made.broken, finished_run)
    for name, text in {
        "lists/neuron/list.yaml": "- a\n",
        "configs/reset/bare.yaml": "v_reset: 0\n",
        "configs/neuron/number.yaml": "# @package _global_\nneuron: 3\n",
        "modules/failing.py": "import torch\n\n\nclass Loss(torch.nn.Module):\n    def forward(self, *given):\n"
        "        raise RuntimeError('no such luck')\n",
    }.items():
        (made.broken / name).parent.mkdir(parents=True, exist_ok=True)
        (made.broken / name).write_text(text)
    interpolated = made.broken / "runs" / "interpolation" / "config.yaml"
    interpolated.parent.mkdir()
    interpolated.write_text(
        (finished_run / "config.yaml").read_text().replace("name: snntrain", "name: ${oc.env:HOME}")
    )
    Image.new("1", (11_000, 11_000)).save(made.broken / "great.png")
    write_run(tmp_path / "sweep" / "0")
    write_mnist(tmp_path / "mnist")
    monkeypatch.syspath_prepend(made.broken / "modules")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [NO_NETWORK])
    monkeypatch.setenv("no_proxy", "*")
    return made


def lines(bring_about: Callable[[World], object], world: World) -> list[str]:
    """What is said: by an exception, or on the terminal."""
    try:
        said = bring_about(world)
    except UserError as error:
        return list(error.lines)
    except RunFailed as error:
        return [str(error)]
    assert isinstance(said, list), said
    return said


def test_every_message_says_what_was_given_what_is_allowed_and_what_to_do(world: World) -> None:
    every: list[str] = []
    wordless: list[str] = []
    for name, (bring_about, words) in CASES.items():
        said = lines(bring_about, world)
        every += said
        if not any(all(word in line for word in words) for line in said) or not "".join(said).isprintable():
            wordless.append(f"{name}: {' | '.join(words)}: {said}")
    assert not wordless, "messages that do not say what their case has:\n" + "\n".join(wordless)
    missing = [
        f"{where}: {shown(parts)}" for where, parts in messages() if not any(brought(parts, line) for line in every)
    ]
    assert not missing, "messages without a case in CASES:\n" + "\n".join(missing)


# A message as its parts: texts of its own, and None where it shows a value.
Parts = tuple[str | None, ...]


def messages() -> Iterator[tuple[str, Parts]]:
    """Every message that the package's code holds, and where."""
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for told in _told(function, config=file.parent.name == "config"):
                parts = _parts(told)
                if sum(len(re.findall(r"[^\W\d_]", part)) for part in parts if part) >= FEWEST_LETTERS:
                    yield f"{file.relative_to(PACKAGE)}:{told.lineno} {function.name}", parts


def _told(function: ast.FunctionDef, config: bool = False) -> Iterator[ast.expr]:
    """What a function raises and, of the checks of a configuration, gathers in `lines` or yields."""
    named = {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("UserError", "RunFailed", "damaged") or (config and called == "lines.append"):
                for argument in node.args[1:] if called == "damaged" else node.args:
                    yield named.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
        elif config and isinstance(node, ast.Yield | ast.YieldFrom) and node.value is not None:
            yield from (part for part in ast.walk(node.value) if isinstance(part, ast.JoinedStr) and _is_line(part))


def _is_line(told: ast.JoinedStr) -> bool:
    return any(isinstance(part, ast.Constant) and " " in str(part.value) for part in told.values)


def _parts(told: ast.expr) -> Parts:
    if isinstance(told, ast.JoinedStr):
        return tuple(str(part.value) if isinstance(part, ast.Constant) else None for part in told.values)
    return (told.value,) if isinstance(told, ast.Constant) and isinstance(told.value, str) else (None,)


def brought(parts: Parts, line: str) -> bool:
    """Whether a line that was said is this message."""
    return bool(re.search("".join(".*" if part is None else re.escape(part) for part in parts), line))


def shown(parts: Parts) -> str:
    return "".join("…" if part is None else part for part in parts)


def test_a_message_without_a_case_would_be_found() -> None:
    function = ast.parse("def f(x):\n    told = f'{x}: is no such thing'\n    raise UserError(told)\n").body[0]
    assert isinstance(function, ast.FunctionDef)
    (told,) = _told(function)
    assert _parts(told) == (None, ": is no such thing")
    assert brought(_parts(told), "T=0: is no such thing")
    assert not brought(_parts(told), "T=0: is another")
    assert len(list(messages())) > 80
