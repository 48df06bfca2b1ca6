"""The table of a run's files matches what a run writes, and is the only place that names them."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import snntrain
from snntrain.files.folder import Folder
from snntrain.runs import layout
from snntrain.runs.layout import FILES

PACKAGE = Path(snntrain.__file__).parent
# The packages that know run folders; config/ is a layer below them and reads config.yaml.
PARTS = ("runs", "report", "inspect", "training")


def test_a_finished_run_has_the_files_of_the_table_and_no_others(finished_run: Path) -> None:
    run = Folder(finished_run)
    listed = {file.place(run).path / name for file in FILES for name in file.names(run)}
    written = {path for path in finished_run.rglob("*") if path.is_file()}
    assert written == listed


@pytest.mark.parametrize("name", layout.SIGNS_OF_LIFE)
def test_a_sign_of_life_is_written_by_a_run(name: str, finished_run: Path) -> None:
    assert os.path.exists(finished_run / name)


def literals(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_no_other_module_spells_the_name_of_a_file_of_a_run() -> None:
    # "tensorboard" is also the name of a package.
    names = {file.name for file in FILES} | {layout.CHECKPOINTS_FOLDER, layout.HYDRA_FOLDER, layout.SWEEP}
    spelled = {
        (str(file.relative_to(PACKAGE)), text)
        for part in PARTS
        for file in (PACKAGE / part).rglob("*.py")
        for text in literals(file)
        if text in names
    }
    assert {file for file, _ in spelled} == {"runs/layout.py"}
