"""The targets that a configuration may build: those meant for its group, and no others by any detour."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

import snntrain as package
from snntrain.config import saved
from snntrain.config.compose import CONF
from snntrain.config.targets import Component, build
from snntrain.config.trust import targets
from snntrain.errors import UserError
from tests.conftest import Outcome

from .fuzz import Tried, fuzzed, is_readable, output_is_readable

# Each of these could reach code or files of a stranger's choice.
DANGEROUS = (
    *("os.system", "subprocess.call", "builtins.eval", "builtins.exec", "pickle.loads", "shutil.rmtree"),
    *("torch.load", "torch.hub.load", "torch.hub.load_state_dict_from_url", "torch.os.system", "torch.jit.load"),
    *("torch.utils.cpp_extension.load", "torch.utils.cpp_extension.load_inline", "torch.package.PackageImporter"),
    *("torch.serialization.load", "torch.nn.Module.__init__.__globals__", "torch.nn.Module.__class__"),
    *("torch.nn.modules.module.warnings.sys.modules", "torch.nn.modules.module.functools.partial"),
    *("torch.nn.functional.torch.load", "torch.optim.optimizer.torch.hub.load", "torch.optim.lr_scheduler.wraps"),
    *("torch.nn.Linear.__init__", "torch.nn.Linear.load_state_dict", "torch.utils.data.DataLoader"),
    *("torch.distributed.run.main", "torch.multiprocessing.spawn", "torchvision.datasets.utils.download_url"),
    *("torchvision.models.get_model", "torchvision.models._api.load_state_dict_from_url"),
    *(
        "snntrain.cli.main.main",
        "snntrain.cli.main.status",
        "snntrain.cli.train.command",
        "snntrain.cli.train.os.system",
    ),
    *("snntrain.config.targets.build", "snntrain.config.targets.locate", "snntrain.training.run.train"),
    *("snntrain.runs.unstarted.discard", "snntrain.runs.run_folder._git"),
    "snntrain.training.saving.checkpoint.write",
    *("snntrain.files.output.write_output", "snntrain.report.files.write", "snntrain.errors.UserError"),
    *("snntrain.data.download.obtain", "snntrain.data.download.Source", "snntrain.data.vision.obtain"),
    *("snntrain.data.vision.pickle.loads", "snntrain.data.vision._verified", "snntrain.data.vision._datasets"),
    *("snntrain.data.vision.source", "snntrain.data.digits.np.load", "snntrain.data.digits.FILE.unlink"),
    *(
        "snntrain.data.idx.read_idx",
        "snntrain.kernels.dispatch.os.system",
        "snntrain.network.mlp.nn.functional",
    ),
    *("snntrain", "snntrain.", "snntrain..neuron", "snntrain.neuron", ".", "", "torch", "torch.nn", "torch.nn."),
    *(
        "torch.nn.modules.Linear.forward.__globals__",
        "snntrain.neuron.PLIFNode.__mro__",
        "snntrain.neuron.PLIFNode.mro",
    ),
)
GROUPS = tuple(targets.TRUSTED)


@pytest.mark.parametrize("target", DANGEROUS)
def test_a_target_outside_the_allow_list_is_refused_in_every_group(target: str) -> None:
    Tried.cases += len(GROUPS)
    for group in GROUPS:
        config = {group: {"_target_": target}}
        if not targets.forbidden(config, []):
            with pytest.raises(UserError) as error:
                build(Component.of(config[group]))
            assert is_readable(error.value)


def test_of_our_own_package_only_components_can_be_built() -> None:
    """Every possible name is tried: each allowed one is a layer, a surrogate, a schedule or a data set."""
    found = set()
    for module in pkgutil.walk_packages(package.__path__, "snntrain."):
        if "triton" in module.name or module.name.endswith("__main__"):
            continue
        for name in vars(importlib.import_module(module.name)):
            Tried.cases += 1
            try:
                found.add(targets.locate(f"{module.name}.{name}"))
            except UserError:
                continue
    functions = {f"{f.__module__.rpartition('.')[2]}.{f.__qualname__}" for f in found if inspect.isfunction(f)}
    sets = ("mnist", "fashion_mnist", "kmnist", "emnist", "cifar10", "cifar100", "svhn")
    recorded = ("nmnist", "ncaltech101", "dvs128_gesture", "cifar10_dvs")
    courses = ("constant", "cosine", "linear", "one_cycle", "polynomial")
    by_epoch = ("cosine_oscillating", "multistep", "step")
    assert functions - {"dataset.hold_out"} == {
        "digits.load",
        *(f"vision.{name}" for name in sets),
        *(f"{name}.{name}" for name in recorded),
        *(f"heidelberg.{name}" for name in ("shd", "ssc")),
        *(f"{name}.load" for name in ("image_folder", "event_folder", "tensors")),
        *(f"courses.{name}" for name in courses),
        *(f"epochs.{name}" for name in by_epoch),
        "plateau.plateau",
    }
    classes = {c.__qualname__: c for c in found if inspect.isclass(c)}
    components = (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
    assert all(
        issubclass(c, components) or c.__module__.startswith(("snntrain.neuron.surrogate.", "snntrain.data.dataset"))
        for c in classes.values()
    )
    assert {"PLIFNode", "ATan", "CSNN", "MLP", "Direct", "MSERate"} <= classes.keys()


def test_every_option_names_an_allowed_target() -> None:
    for file in CONF.glob("*/*.yaml"):
        target = (yaml.safe_load(file.read_text()) or {}).get("_target_")
        if target and file.parent.name in GROUPS:
            assert callable(targets.locate(target))
            assert targets.forbidden({file.parent.name: {"_target_": target}}, []) == []


PIECES = st.sampled_from(
    [
        *(
            "snntrain",
            "torch",
            "torchvision",
            "nn",
            "optim",
            "hub",
            "neuron",
            "data",
            "vision",
            "network",
            "models",
            "os",
        ),
        *("Module", "__init__", "__globals__", "__class__", "__mro__", "__dict__", "__subclasses__", "load", "system"),
        *(
            "functional",
            "modules",
            "module",
            "surrogate",
            "ATan",
            "digits",
            "schedule",
            "cosine",
            "__func__",
            "",
            "\x1b",
        ),
    ]
)


@fuzzed(60)
@given(st.lists(PIECES, min_size=1, max_size=6).map(".".join))
def test_any_name_is_a_component_or_refused(target: str) -> None:
    Tried.cases += 1
    try:
        found = targets.locate(target)
    except UserError as error:
        assert is_readable(error)
    else:
        assert target.rpartition(".")[0] in targets.MODULES
        assert f"{found.__module__}.".startswith(tuple(f"{module}." for module in targets.MODULES))


@pytest.fixture
def stranger(finished_run: Path, canary: Path) -> Callable[[str, str], Path]:
    """Return a copy of a run; `new` replaces a regular expression in its configuration."""

    def spoil(old: str, new: str) -> Path:
        run = canary.with_name("stranger")
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
        for name in ("best.pt", "last.pt"):
            (run / "checkpoints" / name).write_bytes((finished_run / "checkpoints" / name).read_bytes())
        text, count = re.subn(old, lambda _: new, (finished_run / "config.yaml").read_text(), count=1)
        assert count == 1
        (run / "config.yaml").write_text(text)
        return run

    return spoil


# The text to replace in a saved configuration, its replacement, and the message.
HOSTILE = {
    "a command of ours": (
        "_target_: snntrain.training.loss.MSERate",
        "_target_: snntrain.cli.train.command\n  argv: ['allow_targets=[os]', 'neuron._target_=os.system']",
        "loss._target_=snntrain.cli.train.command: may name only what is in snntrain.training.loss, torch.nn",
    ),
    "the builder of ours": (
        "_target_: snntrain.training.loss.MSERate",
        "_target_: snntrain.config.targets.build\n  node: {_target_: os.system}\n  allowed: [os]",
        "loss._target_=snntrain.config.targets.build",
    ),
    "a shell": (
        "snntrain.neuron.PLIFNode",
        "os.system",
        "neuron._target_=os.system: may name only what is in snntrain.neuron",
    ),
    "a shell that it allows itself": (
        r"allow_targets: \[\]\nneuron:\n  _target_: \S+",
        "allow_targets: [os]\nneuron:\n  _target_: os.system",
        "neuron._target_=os.system",
    ),
    "a shell below a key": (
        "_target_: snntrain.training.loss.MSERate",
        "_target_: snntrain.training.loss.MSERate\n  more: [{deep: {_target_: os.system}}]",
        "loss.more[0].deep._target_=os.system",
    ),
    "a factory of logging": (
        "name: snntrain",
        "name: snntrain\nhydra: {callbacks: {x: {_target_: os.system}}}",
        "hydra",
    ),
    "the environment": ("name: snntrain", "name: ${oc.env:HOME}", "name=${oc.env:HOME}: a run saves values"),
    "the environment in a number": ("T: 4", "T: ${oc.decode:${oc.env:SECRET,4}}", "a run saves values, not interpol"),
    "a made-up mapping": (
        r"loss:\n(  .*\n)+",
        "loss: ${oc.create:{_target_:os.system}}\n",
        "a run saves values, not interpolations",
    ),
    "an interpolation of a key": ("seed: 0", "${oc.env:HOME}: 0\nseed: 0", "a run saves values, not interpolations"),
    "a target by interpolation": ("snntrain.neuron.PLIFNode", "${name}", "a run saves values, not interpolations"),
    "an object of Python": (
        "T: 4",
        "T: !!python/object/apply:os.system ['touch executed']",
        "could not determine a cons",
    ),
    "a module of Python": ("T: 4", "T: !!python/module:antigravity", "could not determine a constructor"),
    "a name of Python": ("T: 4", "T: !!python/name:os.system", "could not determine a constructor"),
    "a document more": (r"\Z", "---\nT: 5\n", "cannot be read"),
}


@pytest.mark.parametrize(("old", "new", "said"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("command", ["eval", "inspect"])
def test_a_run_of_a_strangers_executes_nothing(
    command: str,
    old: str,
    new: str,
    said: str,
    stranger: Callable[[str, str], Path],
    snntrain: Callable[..., Outcome],
) -> None:
    Tried.cases += 1
    run = stranger(old, new)
    outcome = snntrain(command, f"run={run}")
    assert outcome.status == 2, outcome.err
    assert said in outcome.err
    assert not outcome.err or output_is_readable(outcome.err)
    assert not (run / "inspect").exists()


def test_what_a_run_was_allowed_is_allowed_only_by_the_command_line(stranger: Callable[[str, str], Path]) -> None:
    run = stranger(r"allow_targets: \[\]", "allow_targets: [os, subprocess]")
    assert saved.load(run, []).allow_targets == []
    assert saved.load(run, ["allow_targets=[mine]"]).allow_targets == ["mine"]
