"""The sections of the page about a search, each as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from snntrain.report.markup import element, section
from snntrain.report.numbers import figure
from snntrain.report.search.drawing import Point, axis, picture
from snntrain.report.search.reading import Objective, Rung, Search, Trial
from snntrain.report.table import NOTHING

# A picture with more points takes a browser seconds.
MOST_POINTS = 2000


def sections(searches: Sequence[Search]) -> Iterator[str]:
    """Yield the section of each search."""
    for search in searches:
        title = "Search" if len(searches) == 1 else f"Search in {search.title}"
        yield section(title, _summary(search), *_parts(search))


def _parts(search: Search) -> Iterator[str]:
    yield from _best(search)
    yield from _front(search) if len(search.objectives) > 1 else _course(search)
    yield from _rungs(search)
    yield from _importances(search)


def _summary(search: Search) -> str:
    states = [trial.state for trial in search.trials]
    words = {"complete": "complete", "stopped": "stopped at a rung", "fail": "failed", "running": "running"}
    counts = ", ".join(f"{states.count(state):,} {word}" for state, word in words.items() if state in states)
    names = ", ".join(f"{'greatest' if each.maximize else 'smallest'} {each.name}" for each in search.objectives)
    return f"{len(states):,} trials by {search.method}: {counts or 'none'}. Wanted: the {names}."


def _best(search: Search) -> Iterator[str]:
    by_number = {trial.number: trial for trial in search.trials}
    items = []
    for number, command in search.best:
        trial = by_number.get(number)
        shown = _shown(search.objectives, trial.results) if trial and trial.results else "not complete"
        items.append(element("li", f"{escape(f'trial {number}: {shown}')}; train it with {_code(command)}"))
    if items:
        title = "Pareto front" if len(search.objectives) > 1 else "Best trial"
        yield element("h3", title) + element("ul", "\n".join(items), class_="errors")


def _code(text: str) -> str:
    return element("code", escape(text))


def _shown(objectives: Sequence[Objective], results: Sequence[float]) -> str:
    pairs = zip(objectives, results, strict=True)
    return ", ".join(f"{each.name} {figure(each.name, value)}" for each, value in pairs)


def _course(search: Search) -> Iterator[str]:
    """Yield the best figure so far over the trials, with each trial at its last figure."""
    (objective,) = search.objectives
    points: list[Point] = []
    line: list[tuple[float, float]] = []
    best: float | None = None
    for trial in search.trials[:MOST_POINTS]:
        if (value := _last(trial)) is None:
            continue
        whole = trial.results is not None
        points.append(
            Point(
                trial.number,
                value,
                f"trial {trial.number}, {trial.state}: {objective.name} {figure(objective.name, value)}",
                "dot" if whole else "ring",
            )
        )
        if whole:
            if best is None or (value > best if objective.maximize else value < best):
                # A step: the line stays at the old figure until this trial.
                line += [] if best is None else [(trial.number, best)]
                best = value
            line.append((trial.number, best))
    if len(points) > 1:
        xs, ys = axis("trial", [point.x for point in points]), axis(objective.name, [point.y for point in points])
        title = element("h3", "Best so far")
        note = (
            "The line is the best complete trial so far. Rings are trials that stopped at a rung, at their last figure."
        )
        drawn = picture(f"best {objective.name} so far", xs, ys, points, line)
        yield title + element("p", note, class_="muted") + drawn


def _last(trial: Trial) -> float | None:
    if trial.results is not None:
        return trial.results[0]
    return trial.reached[-1][1] if trial.reached else None


def _front(search: Search) -> Iterator[str]:
    """Yield the first two objectives of each complete trial, and the front."""
    first, second = search.objectives[:2]
    done = {trial.number: trial.results for trial in search.trials[:MOST_POINTS] if trial.results is not None}
    if len(done) < 2:
        return
    front = {number for number, _ in search.best if number in done}
    points = [
        Point(results[1], results[0], f"trial {number}: {_shown(search.objectives, results)}", _kind(number in front))
        for number, results in done.items()
    ]
    line = sorted((done[number][1], done[number][0]) for number in front)
    xs, ys = axis(second.name, [point.x for point in points]), axis(first.name, [point.y for point in points])
    more = f" of the first two of {len(search.objectives)} objectives" if len(search.objectives) > 2 else ""
    note = f"The line connects the trials{more} that no other one beats in everything; rings are the others."
    drawn = picture(f"Pareto front of {first.name} and {second.name}", xs, ys, points, line)
    yield (
        element("h3", escape(f"{first.name} against {second.name}"))
        + element("p", escape(note), class_="muted")
        + drawn
    )


def _kind(on_front: bool) -> str:
    return "dot" if on_front else "ring"


def _rungs(search: Search) -> Iterator[str]:
    """Yield what each rung stopped."""
    if not search.rungs:
        return
    name = search.objectives[0].name
    several = len({rung.bracket for rung in search.rungs}) > 1
    heads = [*(["bracket"] if several else []), "rung, in epochs", "trials", "resumed", "stopped", f"best {name}"]
    lines = [_row(rung, name, several) for rung in search.rungs]
    head = element("tr", "".join(element("th", escape(text), scope="col", class_="number") for text in heads))
    table = element("table", f"{element('thead', head)}<tbody>{''.join(lines)}</tbody>")
    note = "Of the trials that reached a rung, the best were resumed; the others were not trained further."
    yield (
        element("h3", "Rungs")
        + element("p", note, class_="muted")
        + element("div", table, class_="scroll", tabindex="0")
    )


def _row(rung: Rung, name: str, several: bool) -> str:
    best = NOTHING if rung.best is None else figure(name, rung.best)
    counts = [rung.epochs, rung.trials, rung.resumed, rung.trials - rung.resumed]
    cells = [*([str(rung.bracket)] if several else []), *(f"{count:,}" for count in counts), best]
    return element("tr", "".join(element("td", escape(text), class_="number") for text in cells))


def _importances(search: Search) -> Iterator[str]:
    """Yield how much each key matters."""
    for name, shares in search.importances.items():
        lines = []
        for key, share in sorted(shares.items(), key=lambda pair: -pair[1]):
            bar = f"--share: {min(max(share, 0.0), 1.0):.3f}"
            cells = element("td", escape(key)) + element("td", f"{share:.0%}", class_="number metric", style=bar)
            lines.append(element("tr", cells))
        at = (
            ""
            if search.compared_at is None
            else f" after epoch {search.compared_at}, where most trials can be compared"
        )
        note = f"The share of each key in good values of {name}{at} (PED-ANOVA)."
        table = element("table", f"<tbody>{''.join(lines)}</tbody>", class_="narrow")
        yield element("h3", escape(f"Importance for {name}")) + element("p", escape(note), class_="muted") + table
