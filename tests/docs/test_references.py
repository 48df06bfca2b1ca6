"""What the documents name exists: links, files, tests, modules, classes and functions."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from snntrain.runs import layout

from .documents import PAGES, ROOT

LINK = re.compile(r"\]\(([^)#\s]+)?(?:#([^)\s]+))?\)")
FOLDERS = ("snntrain", "conf", "tests", "benchmarks", "scripts", "chaos", "docs", ".ci")
FILE = re.compile(rf"(?<![\w/.])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)")
NAME = re.compile(r"(?<![\w/.-])(snntrain(?:\.[A-Za-z_]\w*)+)(?![\w/-])")
CHANGED = re.compile(r"^- `([\w.]+)` -> `((?:snntrain|chaos)[\w.]*)`$", re.MULTILINE)
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
names = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@names
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        assert not anchor or anchor in headings(there), f"{target}#{anchor}"


@names
def test_every_file_that_is_named_exists(page: Path) -> None:
    missing = {
        name for name in FILE.findall(page.read_text(encoding="utf-8")) if not (ROOT / name.rstrip(".")).exists()
    }
    assert missing == set()


@names
def test_every_test_that_is_named_without_a_folder_exists(page: Path) -> None:
    present = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(re.findall(r"`(test_\w+\.py)`", page.read_text(encoding="utf-8"))) - present == set()


@names
def test_every_dotted_name_exists(page: Path) -> None:
    missing = {name for name in NAME.findall(page.read_text(encoding="utf-8")) if not _exists(name)}
    assert missing == set()


def test_the_readme_links_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in text] == []


def test_each_name_that_changed_leads_to_one_that_exists() -> None:
    changed = CHANGED.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert len(changed) > 200
    assert [new for _, new in changed if not _exists(new)] == []


def test_each_old_name_is_listed_once() -> None:
    old = Counter(old for old, _ in CHANGED.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    assert [name for name, count in old.items() if count > 1] == []


def test_contributing_shows_the_layers_of_the_import_rules() -> None:
    contracts = SETTINGS["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("| layer") :].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    shown = [row.replace("`", "").replace(".py", "").replace(",", " :").replace(";", " |").strip() for row in rows]
    assert shown == [layer for layer in layers if layer != "__main__"]


def test_contributing_shows_every_marker_of_the_tests() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    markers = {marker.partition(":")[0] for marker in SETTINGS["pytest"]["ini_options"]["markers"]}
    shown = re.findall(r"`pytest -m (\w+)`|`@pytest\.mark\.(sample\(few\))`", text)
    assert {selected or used for selected, used in shown} == markers


def test_every_file_of_a_run_is_on_its_page() -> None:
    text = (ROOT / "docs" / "run_folder.md").read_text(encoding="utf-8")
    # The other folders have a line of their own.
    listed = ("", layout.CHECKPOINTS_FOLDER)
    shown = {file.name if file.folder in listed else f"{file.folder}/" for file in layout.FILES}
    assert [name for name in sorted(shown) if f"{name}`" not in text] == []


def _exists(name: str) -> bool:
    """Whether a module, or a class or function in one, has this name; a module needs not be importable here."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:cut])
        if not (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()):
            continue
        if cut == len(parts):
            return True
        found = importlib.import_module(".".join(parts[:cut]))
        for part in parts[cut:]:
            if not hasattr(found, part):
                # An attribute of the instances of a class.
                return isinstance(found, type) and f"self.{part}" in inspect.getsource(found)
            found = getattr(found, part)
        return True
    return False
