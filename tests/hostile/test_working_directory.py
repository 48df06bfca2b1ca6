"""The working directory may be a stranger's: a module in it is imported only if the user allowed it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.config.trust import targets
from snntrain.errors import UserError
from snntrain.process import working_directory
from tests.conftest import TINY, Outcome

from .fuzz import Tried

# Modules that one of our commands imports, or looks for in vain.
BAIT = (
    *("numba", "triton", "scipy", "matplotlib", "yaml", "numpy", "torch", "torchvision", "tensorboard", "PIL", "tqdm"),
    *("cupy", "opt_einsum", "tensorflow", "hydra_plugins", "sitecustomize", "usercustomize", "signal", "queue"),
    *("IPython", "ipywidgets", "google", "six", "pandas", "distutils", "antigravity", "colorlog", "psutil"),
)
PLANTED = "open({canary!r}, 'a').write(__name__)\n"
NODE = """\
from snntrain.neuron import LIFNode

class Mine(LIFNode):
    @classmethod
    def slow(cls, **given):
        return cls(tau=8.0, **given)
"""


@pytest.fixture
def bundle(finished_run: Path, canary: Path) -> Path:
    """Return a folder as somebody may send it: a run, and hostile modules."""
    folder = canary.parent / "bundle"
    shutil.copytree(finished_run, folder / "run")
    for name in BAIT:
        (folder / f"{name}.py").write_text(PLANTED.format(canary=str(canary)))
    return folder


def command(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder as a separate process, and return its end."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    return subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.pop(0); from snntrain.cli.main import main; main()", *argv],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "argv",
    [
        ("eval", "run=run"),
        pytest.param(("inspect", "run=run", "sample=1"), marks=pytest.mark.slow),
        ("resume=run", "trainer.epochs=3"),
        pytest.param(("eval", "run=run", "loss._target_=some.Loss", "allow_targets=[some]"), marks=pytest.mark.slow),
        (*TINY, "trainer.epochs=1", "dataset=svhn", "dataset.root=none"),
    ],
    ids=lambda argv: argv[0],
)
@pytest.mark.sample(1)
def test_a_module_that_lies_where_the_command_is_given_is_not_imported(argv: tuple[str, ...], bundle: Path) -> None:
    Tried.cases += len(BAIT)
    # The fixture `canary` fails if one of the modules was imported.
    done = command(bundle, *argv)
    assert done.returncode in (0, 2), done.stderr
    assert "unexpected" not in done.stderr


@pytest.mark.slow
def test_python_dash_m_finds_nothing_there_either(bundle: Path, tmp_path: Path) -> None:
    Tried.cases += len(BAIT)
    # Python itself imports what it needs to start before this program can intervene.
    for name in ("signal", "queue", "sitecustomize", "usercustomize"):
        (bundle / f"{name}.py").unlink()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "snntrain", "eval", "run=run"],
        cwd=bundle,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout


@pytest.fixture
def own_package(canary: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module in the working directory, beside hostile ones."""
    name = f"own_{canary.parent.name}".replace("-", "_")
    (canary.parent / f"{name}.py").write_text(NODE)
    for bait in ("opt_einsum", "antigravity", "this"):
        (canary.parent / f"{bait}.py").write_text(PLANTED.format(canary=str(canary)))
    return name


def test_what_the_command_line_allows_is_found_there_last_and_nothing_with_it(
    own_package: str, canary: Path, snntrain: Callable[..., Outcome]
) -> None:
    Tried.cases += 3
    before = list(sys.path), list(sys.meta_path)
    outcome = snntrain(
        *TINY, "trainer.epochs=1", f"neuron._target_={own_package}.Mine", f"allow_targets=[{own_package}]"
    )
    assert outcome.status == 2
    assert "unexpected keyword argument 'init_tau'" in outcome.err  # The module was found.
    assert targets.locate(f"{own_package}.Mine", [own_package]).__name__ == "Mine"
    assert targets.locate(f"{own_package}.Mine.slow", [own_package]).__name__ == "slow"
    # An installed module takes precedence over one in the working directory.
    (canary.parent / "colorsys.py").write_text(PLANTED.format(canary=str(canary)))
    assert targets.locate("colorsys.rgb_to_hsv", ["colorsys"]).__module__ == "colorsys"
    with working_directory.importing([own_package]), pytest.raises(ModuleNotFoundError):
        __import__("opt_einsum")
    assert (sys.path, sys.meta_path) == before


def test_a_module_that_was_not_allowed_by_name_is_reported(canary: Path) -> None:
    name = f"needs_{canary.parent.name}".replace("-", "_")
    (canary.parent / f"{name}.py").write_text("import helper_of_mine\nclass Node: ...\n")
    (canary.parent / "helper_of_mine.py").write_text("")
    with pytest.raises(UserError, match=r"if helper_of_mine lies here and you trust it, allow that too"):
        targets.locate(f"{name}.Node", [name])
    assert targets.locate(f"{name}.Node", [name, "helper_of_mine"]).__name__ == "Node"


REACHES_FURTHER = ("os.system", "LIFNode.__init__", "LIFNode", "Mine.load_state_dict", "nn.Linear", "Mine.__mro__")


@pytest.mark.parametrize("name", REACHES_FURTHER)
def test_an_allowed_module_gives_no_access_to_another(name: str, canary: Path) -> None:
    Tried.cases += 1
    module = f"way_{canary.parent.name}".replace("-", "_")
    (canary.parent / f"{module}.py").write_text(f"import os\nfrom torch import nn\n{NODE}")
    with pytest.raises(UserError, match=r"is not defined in|no such class"):
        targets.locate(f"{module}.{name}", [module])


def test_what_an_allowed_module_offers_by_name_can_be_named(canary: Path) -> None:
    module = f"offers_{canary.parent.name}".replace("-", "_")
    (canary.parent / f"{module}.py").write_text("from torch.nn import Linear\n__all__ = ['Linear']\n")
    assert targets.locate(f"{module}.Linear", [module]).__name__ == "Linear"
