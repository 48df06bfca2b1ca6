"""Any text in a page, a table or on a terminal stays text."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snntrain.inspect import files
from snntrain.inspect.drawing import plots
from snntrain.inspect.numbers import layer_numbers
from snntrain.inspect.page import Inspection, page
from snntrain.inspect.recording import Recording
from snntrain.report.markdown import markdown, markdown_text
from snntrain.report.page import html, in_script
from snntrain.report.report import Report, make
from snntrain.report.spreadsheet import as_csv
from snntrain.report.terminal import terminal
from tests.inspect.seen import probes_of
from tests.report.folders import write_run

from .fuzz import Tried, fuzzed

CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
TAKEN = "<script>document.title='taken'</script>"
FORMULA = "$\\frac{1}{$ % ^_ {"
HOSTILE = (
    TAKEN,
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "\"><svg onload=document.title='taken'>",
    "' onmouseover='document.title=1' x='",
    "javascript:document.title='taken'",
    "--><!--<script>",
    "]]></style></title><textarea>",
    "$script $data ${title} $$",
    "&lt;b&gt; &amp; &#60;",
    "=cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "| a | b |\n|---|---|\n",
    "`` ` ``[x](javascript:alert(1))![y](http://evil)",
    "\x1b]0;taken\x07\x1b[2J\x1b[31m",
    "\u202egnp.exe",
    FORMULA,
    "__proto__",
)
EVENTS = re.compile(r"on[a-z]+$")


class Page(HTMLParser):
    """The elements of a page by name, its attributes, and its text by the element around it."""

    VOID = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1] if self.open else "", data))

    def is_harmless(self) -> bool:
        """Return whether nothing in it runs, and its links lead to folders beside it, to itself or to its own data."""
        leads = [
            value for _, key, value in self.attributes if key in ("href", "src", "action", "formaction", "xlink:href")
        ]
        return (
            not self.open
            and not any(EVENTS.match(key) for _, key, _ in self.attributes)
            and not {"iframe", "object", "embed", "base", "form", "textarea"} & set(self.elements)
            and all(re.match(r"(?:#|data:|[^:]*/$)", value) for value in leads)
        )


def texts(hostile: int) -> Mapping[str, object]:
    """Return the summary and the configuration of a run, with hostile texts in every place."""
    first, second, third = (HOSTILE[(hostile + shift) % len(HOSTILE)] for shift in range(3))
    config = {"name": first, second: third, "loss": {"_target_": f"snntrain.{first}", first: second}, "seed": hostile}
    return {
        "config": config,
        "options": {"loss": second.replace("'", "").replace("\n", "")},
        "error": f"{third} failed",
        "status": "failed" if hostile % 2 else "completed",
        "precision": first,
        "device_name": second,
        "test_accuracy": 0.5 + hostile / 100,
        "cost": {first: 3.0, "spikes_per_image": 2.0 + hostile},
        third: 4.0 + hostile,
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("hostile")
    for number, name in enumerate(HOSTILE):
        write_run(folder / name.replace("/", "∕").strip("\0"), **texts(number))
    write_search(folder)
    return make([folder], "test_accuracy", 0.0)


def write_search(folder: Path) -> None:
    """Write a search.json with hostile texts in every place."""
    numbered = list(enumerate(HOSTILE))
    content = {
        "format": 1,
        "method": TAKEN,
        "objectives": [{"name": TAKEN, "maximize": True}, {"name": FORMULA, "maximize": False}],
        "trials": [
            {"number": number, "folder": text, "state": text, "values": {text: text}, "error": text}
            | {"results": [number / 10, 1 - number], "rungs": [[1, 0.5]]}
            for number, text in numbered
        ],
        "best": [{"number": number, "command": text} for number, text in numbered],
        "rungs": [{"bracket": n, "epochs": 1, "trials": 9, "resumed": 3, "best": 0.5} for n in (0, 1)],
        "importances": {"epochs": 1, "by": {text: dict.fromkeys(HOSTILE, 0.05) for text in HOSTILE}},
    }
    (folder / "search.json").write_text(json.dumps(content))


def test_a_page_of_a_report_holds_everything_as_text(report: Report) -> None:
    Tried.cases += len(HOSTILE)
    text = html(report, report.links(Path("out")))
    shown = Page(text)
    assert shown.is_harmless()
    assert shown.elements.count("script") == 2
    assert "Importance for " in text
    assert "Pareto front" in text
    words = "".join(word for element, word in shown.words if element not in ("script", "style"))
    printable = [name for name in HOSTILE if name.isprintable()]
    assert all(name in words for name in printable), [name for name in printable if name not in words]
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert {run["settings"]["name"] for run in json.loads(data)["runs"]} >= set(printable)
    assert words.isprintable() or {letter for letter in words if not letter.isprintable()} == {"\n"}


def test_a_document_of_a_report_holds_everything_as_text(report: Report) -> None:
    lines = markdown(report, report.links(Path("out"))).split("\n")
    tables = "\n".join(line if line.startswith("| ") else "" for line in lines).split("\n\n")
    for table in filter(None, (table.strip() for table in tables)):
        assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table.split("\n")}) == 1
    assert not any("<" in line or ">" in line for line in lines)
    assert all(line.isprintable() for line in lines)
    # Links lead only to the folders.
    leads = re.findall(r"(?<!\\)\]\(([^)]*)\)", "\n".join(lines))
    assert len(leads) == len(HOSTILE)
    assert all(re.fullmatch(r"[\w./%~-]+/", lead) for lead in leads), leads


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_table_of_a_report_has_no_formulas(report: Report) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(report.comparison, report.paths(Path("out"))))))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == 1 + len(HOSTILE)
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if not cell.isprintable()] == []
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not is_number(cell)]
    shown = {*cells, *(cell.removeprefix("'") for cell in cells)}
    assert {name for name in HOSTILE if name.isprintable()} <= shown


def test_numbers_of_a_table_are_numbers(tmp_path: Path) -> None:
    write_run(tmp_path / "a", config={"reset": {"v_reset": -0.5}}, val_loss=-1.5)
    write_run(tmp_path / "b", config={"reset": {"v_reset": -0.25}}, val_loss=-2.5)
    report = make([tmp_path], "test_accuracy", 0.0)
    rows = list(csv.DictReader(io.StringIO(as_csv(report.comparison, report.paths(tmp_path)))))
    assert {(row["reset.v_reset"], row["val_loss"]) for row in rows} == {("-0.5", "-1.5"), ("-0.25", "-2.5")}


def test_a_terminal_gets_no_control_characters(report: Report) -> None:
    for width in (40, 120, 10_000):
        assert all(line.isprintable() for line in terminal(report, width).split("\n"))


@fuzzed(60)
@given(st.text(max_size=40))
def test_any_text_in_a_script_is_data(text: str) -> None:
    Tried.cases += 1
    shown = in_script({text: [text]})
    assert json.loads(shown) == {text: [text]}
    assert shown.isascii()
    assert not set("<>&\u2028") & set(shown)


@fuzzed(60)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_of_markdown_has_no_bare_sign(text: str) -> None:
    Tried.cases += 1
    shown = markdown_text(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*\[\]]", shown)
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown)


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    """Return a page about layers, classes and images with hostile names."""
    generator = np.random.default_rng(0)
    spikes = generator.random((4, 2, 6)) < 0.4
    recording = Recording(spikes * 1.2, spikes * 0.5, spikes, 1.0, 0.0)
    names = tuple(name.replace("\x1b", "").replace("\x07", "").replace("\n", " ") for name in HOSTILE)
    output = generator.random((4, 2, len(names))).astype(np.float32)
    probes = probes_of(
        generator.random((2, 1, 8, 8)).astype(np.float32),
        [0, 1],
        names,
        dict.fromkeys((FORMULA, *names[:5]), recording),
        output,
    )
    pictures = dict(plots(probes, np.eye(len(names), dtype=np.int64), 4))
    return Inspection(
        name=TAKEN,
        about=HOSTILE,
        figures=dict(zip(HOSTILE, reversed(HOSTILE), strict=True)),
        command=TAKEN,
        sources=HOSTILE[:2],
        probes=probes,
        numbers={layer: layer_numbers(recording) for layer in probes.recordings},
        learnt=dict.fromkeys(names, TAKEN),
        pictures={tag: files.svg(figure) for tag, figure in pictures.items()},
    )


def test_a_page_of_an_inspection_holds_everything_as_text(inspection: Inspection) -> None:
    Tried.cases += len(HOSTILE)
    shown = Page(page(inspection))
    assert shown.is_harmless()
    assert "script" not in shown.elements
    words = "".join(word for _, word in shown.words)
    assert all(name in words for name in HOSTILE if name.isprintable())


def test_pictures_take_no_text_for_formulas(inspection: Inspection) -> None:
    drawn = "".join(word for svg in inspection.pictures.values() for _, word in Page(svg[svg.index("<svg") :]).words)
    assert FORMULA in drawn


FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH to show the pages")
def test_a_browser_executes_nothing_of_a_page(report: Report, inspection: Inspection, tmp_path: Path) -> None:
    about = replace(inspection, name="seen")
    for name, text in {"report": html(report, report.links(tmp_path)), "inspect": page(about)}.items():
        file = tmp_path / f"{name}.html"
        # Hovering over everything calls every handler.
        hover = (
            "<script>for (const e of document.querySelectorAll('*')) e.dispatchEvent(new Event('mouseover'))</script>"
        )
        file.write_text(text.replace("</body>", f"{hover}</body>"))
        command = [
            str(CHROMIUM),
            *FLAGS.split(),
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            file.as_uri(),
        ]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        assert re.search(r"<title>([^<]*)", shown)[1].startswith(("/tmp", "seen", str(tmp_path.parent)[:4]))
        assert "<title>taken" not in shown
