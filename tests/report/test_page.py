"""report.html: everything is escaped, nothing is fetched, and a browser shows it."""

import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from snntrain.report.files import write
from snntrain.report.page import html, in_script
from snntrain.report.report import make
from tests.report.folders import write_run

EVIL = """<script>document.title='taken'</script>"'&amp;"""
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
# The actions of a user: sort by the first column of words, filter, and point at the last curve.
ACTIONS = """
<script>
document.querySelector("#runs thead th:nth-child(3) button").click();
document.querySelector("#runs thead th:nth-child(3) button").click();
document.querySelectorAll("table")[1].querySelector("th.number[aria-sort=descending] button").click();
const field = document.getElementById("filter");
field.value = "rif";
field.dispatchEvent(new Event("input"));
const show = document.querySelector('select[name="over"]');
show.value = "seeds";
show.dispatchEvent(new Event("change"));
const svg = document.querySelector("#cost svg");
const mark = svg.querySelector(".mark").getBoundingClientRect();
svg.dispatchEvent(new PointerEvent("pointermove", {
  bubbles: true, clientX: mark.x + mark.width / 2, clientY: mark.y + mark.height / 2 }));
</script>
</body>
"""


class Page(HTMLParser):
    """A parser that counts the elements of a page, and collects the addresses that it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        reported = dict(attrs)
        if tag == "a":
            self.links.append(reported["href"] or "")
        else:
            self.fetched += [value for key, value in attrs if key in ("src", "href", "action", "data") and value]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three neurons with two seeds each and their costs; some names and errors look like HTML."""
    folder = tmp_path_factory.mktemp("sweep")
    for n, neuron in enumerate(("if", "lif", "rif")):
        for seed in range(2):
            cost = {"spikes_per_image": 100.0 * (n + 1) + seed, "energy_nj_per_image": 5.0 + n}
            config = {"seed": seed, "name": EVIL if n == 2 else "plain"}
            write_run(
                folder / f"{n}{seed}", neuron=neuron, config=config, test_accuracy=0.7 + n / 10 + seed / 100, cost=cost
            )
    write_run(
        folder / EVIL.replace("/", ""),
        status="failed",
        error=EVIL,
        curve=(0.5, math.nan),
        test_accuracy=None,
        val_accuracy=None,
        config={"seed": 9},
    )
    return folder


@pytest.fixture(scope="module")
def text(sweep: Path) -> str:
    report = make([sweep], "test_accuracy", 0.0)
    return html(report, report.links(sweep))


def test_given_text_stays_text_in_the_page(text: str) -> None:
    page = Page(text)
    assert page.elements.count("script") == 2
    assert text.lower().count("</script") == 2
    assert EVIL not in text
    assert "&lt;script&gt;document.title=" in text


def test_nothing_is_fetched(text: str) -> None:
    assert Page(text).fetched == ["data:,"]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "default-src 'none'" in text


def test_every_run_is_linked_by_a_relative_address(text: str, sweep: Path, tmp_path: Path) -> None:
    links = set(Page(text).links)
    assert len(links) == 7
    assert {"00/", "21/"} <= links
    elsewhere = make([sweep], "test_accuracy", 0.0).links(tmp_path)
    assert all(link.startswith("../") and (":" not in link) for link in elsewhere)


def test_the_data_of_the_scripts_holds_the_given_values(text: str) -> None:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["runs"][0]["settings"]["name"] == EVIL
    assert {factor["name"]: factor["values"] for factor in data["factors"]}["neuron"] == ["if", "lif", "rif"]
    assert len(data["curves"]) == 7
    assert [band["runs"] for band in data["bands"]] == [[0, 1], [2, 3], [4, 5]]
    assert [curve["val_loss"] for curve in data["curves"] if curve["runs"] == [6]] == [[0.5, None]]
    assert json.loads(in_script(EVIL)) == EVIL


def test_numbers_are_right_aligned_and_the_status_is_a_word(text: str) -> None:
    assert '<td class="number metric" data-value="0.9100"' in text
    assert '<span class="status failed">failed</span>' in text
    assert 'aria-sort="descending"><button type="button">test_accuracy</button>' in text


def test_the_page_shows_the_test_accuracy_of_the_run_that_validation_picked(tmp_path: Path) -> None:
    for name, tested, validated in (("flattered", 0.99, 0.9), ("picked", 0.9625, 0.95)):
        for seed in range(2):
            figures = {"test_accuracy": tested, "val_accuracy": validated, "wall_seconds": 300.0}
            write_run(tmp_path / f"{name}{seed}", config={"T": len(name), "seed": seed}, **figures)
    report = make([tmp_path], "val_accuracy", 0.0)
    text = html(report, report.links(tmp_path))
    cards = text.partition("The best first")[0]
    assert '<h2>Best run by val_accuracy</h2><div class="value">0.9500</div>' in cards
    assert "</a>, test_accuracy 0.9625</p>" in cards
    assert "T=6, mean of 2, test_accuracy 0.9625 ± 0.0000" in cards
    assert "40 seconds of training in total, 20 minutes from start to end" in cards
    assert "ranked by val_accuracy: the test images do not affect the ranking" in text
    assert "0.9900" not in cards


def test_a_report_of_one_failed_run_is_a_page_too(tmp_path: Path) -> None:
    none = {"test_accuracy": None, "val_accuracy": None, "train_seconds": None}
    write_run(tmp_path / "a", status="failed", error="no luck", curve=(), **none)
    text = html(make([tmp_path], "val_accuracy", 0.0), ["a/"])
    assert "no luck" in text
    assert "<h2>Learning curves" not in text


def browse(page: Path, profile: Path) -> str:
    """Return the page after its scripts have run; fail if they write to the console."""
    command = [
        *FLAGS.split(),
        "--enable-logging=stderr",
        "--v=0",
        "--window-size=1300,1000",
        f"--user-data-dir={profile}",
    ]
    done = subprocess.run(
        [str(CHROMIUM), *command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH to show the page")
def test_a_browser_shows_sorts_filters_and_draws(sweep: Path, tmp_path: Path) -> None:
    report = make([sweep], "test_accuracy", 0.0)
    write(report, tmp_path)
    page = tmp_path / "report.html"
    page.write_text(page.read_text().replace("</body>", ACTIONS))
    shown = browse(page, tmp_path / "profile")
    assert "<title>taken" not in shown
    assert "&lt;script&gt;document.title=" in shown
    # Sorted by the words of the column `name`, descending; the rows that the filter hides still exist.
    body = shown[shown.index("<tbody>") : shown.index("</tbody>")]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    assert ["&lt;script&gt;document.title='taken'" in row.partition('class="setting"')[2][:120] for row in rows].count(
        True
    ) == 2
    assert [' hidden=""' in row for row in rows].count(True) == 5
    assert "2 of 7 runs" in shown
    # The means over seeds, ascending.
    means = re.findall(r'<td class="number metric" data-value="([^"]*)"[^>]*>[^<]* ± ', shown)[:3]
    assert means == ["0.7050", "0.8050", "0.9050"]
    assert shown.count('class="band') == 3
    assert shown.count('class="curve') == 3
    assert len(re.findall(r'<path class="mark[^>]*data-runs=', shown)) == 6
    tip = shown[shown.index('<div id="tip"') :]
    assert "<strong>" in tip
    assert "spikes per image" in tip
