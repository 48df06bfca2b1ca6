"""Files of a stranger in the working directory: neither Numba nor matplotlib reads settings from them."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import snntrain
from tests.conftest import TINY

from .fuzz import Tried

PACKAGE = Path(snntrain.__file__).parent
# Each of these modules imports matplotlib, or may import it.
DRAWING = ("snntrain.training.run", "snntrain.inspect.drawing", "snntrain.inspect.pictures.raster")
COMPILE = """
from snntrain.kernels.pooling.cpu.kernels import forward
import numba, os, yaml
os.environ["NUMBA_OPT"] = "2"  # Numba reads its configuration anew where a variable of its own has changed.
forward(False)
print(yaml.safe_load("a: 1"), numba.config.CACHE_DIR, int(numba.config.OPT))
"""


def python(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `script` in a separate process in a folder, and return its output."""
    Tried.cases += 1
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)} | variables
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def plant_numba(folder: Path) -> None:
    (folder / ".numba_config.yaml").write_text(f"cache_dir: {folder / 'executed'}\nopt: 0\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["a file", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("a pipe", "YAML of another kind"))]
)
def test_numba_reads_no_configuration_there(kind: str, canary: Path) -> None:
    plant_numba(canary.parent)
    file = canary.parent / ".numba_config.yaml"
    if kind == "a pipe":
        file.unlink()
        os.mkfifo(file)
    elif kind != "a file":
        file.write_text("- [")
    done = python(COMPILE, canary.parent, NUMBA_CACHE_DIR="", XDG_CACHE_HOME=str(canary.parent / "mine"))
    assert (done.stdout, done.stderr) == ("{'a': 1}  2\n", "")
    assert len(list((canary.parent / "mine" / "snntrain" / "numba").rglob("*.nbi"))) == 1
    assert not canary.exists()


@pytest.mark.slow
def test_a_variable_of_the_users_still_counts(canary: Path) -> None:
    python(COMPILE, canary.parent, NUMBA_CACHE_DIR=str(canary.parent / "mine"))
    assert list((canary.parent / "mine").rglob("*.nbi"))


@pytest.mark.slow
def test_matplotlib_reads_no_settings_there(canary: Path) -> None:
    (canary.parent / "matplotlibrc").write_text("text.usetex: true\n")
    for module in DRAWING:
        script = f"import {module}, os, matplotlib; print(matplotlib.rcParams['text.usetex'], os.getcwd())"
        done = python(script, canary.parent)
        assert (done.stdout, done.stderr) == (f"False {canary.parent}\n", "")


def test_a_pipe_in_the_place_of_its_settings_is_not_waited_for(canary: Path) -> None:
    os.mkfifo(canary.parent / "matplotlibrc")
    assert python("import snntrain.inspect.drawing", canary.parent).returncode == 0


def test_a_relative_folder_of_modules_is_one_of_the_working_directory(canary: Path) -> None:
    done = python("import snntrain.inspect.drawing, sys; print(sys.path[1])", PACKAGE.parent, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_run_beside_them_is_unchanged(canary: Path) -> None:
    plant_numba(canary.parent)
    (canary.parent / "matplotlibrc").write_text("text.usetex: true\n")
    words = ["snntrain", *TINY, "monitor=default", "hydra.run.dir=run"]
    script = f"import sys; sys.argv = {words!r}; from snntrain.cli.main import main; main()"
    done = python(script, canary.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pictures" not in (canary.parent / "run" / "train.log").read_text()


def imported(file: Path) -> set[str]:
    """Return the top-level packages that a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) if not node.level}
    return {name.partition(".")[0] for name in found}


def test_each_is_imported_through_one_door() -> None:
    files = {str(file.relative_to(PACKAGE)): imported(file) for file in PACKAGE.rglob("*.py")}
    assert {name for name, packages in files.items() if "numba" in packages} == {
        "kernels/cpu/numba_alone.py",
    }
    drawing = {name for name, packages in files.items() if "matplotlib" in packages}
    assert {name for name in drawing if not name.startswith("inspect/pictures/")} == {"inspect/plotter.py"}
