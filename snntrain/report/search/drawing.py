"""The pictures of a search, as SVG that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from snntrain.report.markup import element
from snntrain.report.numbers import figure

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 15, 30, 40


@dataclass(frozen=True)
class Point:
    """A point with the text that is shown beside it; `kind` is its class in the style sheet."""

    x: float
    y: float
    text: str
    kind: str = "dot"


@dataclass(frozen=True)
class Axis:
    """The name of an axis, and its ends."""

    name: str
    low: float
    high: float

    def share(self, value: float) -> float:
        """Return the place of a value, from 0 to 1."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5


def axis(name: str, values: Sequence[float]) -> Axis:
    """Return an axis that covers values."""
    return Axis(name, min(values), max(values))


def picture(label: str, x: Axis, y: Axis, points: Sequence[Point], line: Sequence[tuple[float, float]]) -> str:
    """Return points and a line through others, with the ends of both axes."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def place(at: float, up: float) -> tuple[str, str]:
        return f"{LEFT + x.share(at) * (right - LEFT):.1f}", f"{bottom - y.share(up) * (bottom - TOP):.1f}"

    parts = [
        f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>',
        f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{bottom}"/>',
        _word(LEFT, bottom + 16, "start", figure(x.name, x.low)),
        _word(right, bottom + 16, "end", figure(x.name, x.high)),
        _word((LEFT + right) / 2, bottom + 32, "middle", x.name),
        _word(LEFT - 6, bottom, "end", figure(y.name, y.low)),
        _word(LEFT - 6, TOP + 8, "end", figure(y.name, y.high)),
        _word(LEFT - 6, 12, "start", y.name),
    ]
    if len(line) > 1:
        path = " ".join(",".join(place(*each)) for each in line)
        parts.append(f'<polyline class="line" points="{path}"/>')
    for point in points:
        cx, cy = place(point.x, point.y)
        shown = element("title", escape(point.text))
        parts.append(element("circle", shown, class_=point.kind, cx=cx, cy=cy, r="4"))
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", "".join(parts), class_="drawing", viewBox=box, role="img", aria_label=label)


def _word(x: float, y: float, anchor: str, text: str) -> str:
    return element("text", escape(text), x=f"{x:.0f}", y=f"{y:.0f}", text_anchor=anchor)
