"""The page of an inspection: self-contained, light and dark, without scripts."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from snntrain.inspect.numbers import LayerNumbers
from snntrain.inspect.pictures.panels import INK
from snntrain.inspect.pictures.thumbnail import thumbnail
from snntrain.inspect.png import as_png
from snntrain.inspect.recording import UNKNOWN, Probes

STYLE = Path(__file__).with_name("page.css")
# The words for the first part of a picture's tag.
KINDS = {
    "spikes": "spike raster",
    "voltages": "voltage traces",
    "heat_map": "heat map of v",
    "spike_counts": "spike counts",
}


@dataclass(frozen=True)
class Inspection:
    """The content of the page.

    Args:
        name: the run's name.
        about: one or two lines on the run.
        figures: the run's figures by name.
        command: the command that creates the page again.
        sources: the origin of each image.
        probes: the images and the recordings.
        numbers: the activity of each layer.
        learnt: the learnt constants of each layer, as `{"conv1_neuron": "tau 2.1"}`.
        pictures: the pictures as SVG, by tag.
    """

    name: str
    about: Sequence[str]
    figures: Mapping[str, str]
    command: str
    sources: Sequence[str]
    probes: Probes
    numbers: Mapping[str, LayerNumbers]
    learnt: Mapping[str, str]
    pictures: Mapping[str, str]


def page(seen: Inspection) -> str:
    """Return the page as HTML."""
    title = f"{escape(seen.name)} · snntrain inspect"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{title}</title>",
            # An empty icon: without it browsers ask a server for one.
            '<link rel="icon" href="data:,">',
            f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
            *_head(seen),
            *_images(seen),
            *_layers(seen),
            *_foot(seen),
            "</body></html>",
            "",
        ]
    )


def _head(seen: Inspection) -> Iterable[str]:
    yield f"<header><h1>{escape(seen.name)}</h1>"
    yield from (f"<p>{escape(line)}</p>" for line in seen.about)
    yield "<dl>"
    yield from (f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in seen.figures.items())
    yield f"</dl><pre>{escape(seen.command)}</pre></header>"


def _images(seen: Inspection) -> Iterable[str]:
    probes, guesses = seen.probes, seen.probes.answers.classes
    kind = probes.kind
    yield f'<section id="images"><h2>{kind.capitalize()}s</h2><div class="cards">'
    for number, source in enumerate(seen.sources):
        label, guess = probes.labels[number], probes.class_names[guesses[number]]
        true = "not known" if label == UNKNOWN else probes.class_names[label]
        verdict = "" if label == UNKNOWN else ' class="right"' if guesses[number] == label else ' class="wrong"'
        yield (
            f'<figure class="card"><img alt="{kind} {number + 1}" src="{_png(thumbnail(probes, number))}">'
            f"<figcaption><b>{kind} {number + 1}</b><span>{escape(source)}</span>"
            f"<span>true class <b>{escape(true)}</b></span>"
            f"<span{verdict}>predicted <b>{escape(guess)}</b>{', tied' if probes.answers.tied[number] else ''}</span>"
            "</figcaption></figure>"
        )
    yield "</div>"
    if any(probes.answers.tied):
        yield "<p>Tied: several classes share the largest output; the first of them is predicted.</p>"
    yield from _pictures(seen, [tag for tag in seen.pictures if tag.startswith(("input/", "output/"))])
    yield "</section>"


def _layers(seen: Inspection) -> Iterable[str]:
    yield '<section id="layers"><h2>Layers</h2><table><thead><tr><th>layer</th><th>neurons</th>'
    yield "<th>firing rate</th><th>silent</th><th>saturated</th><th>h</th><th>learnt</th></tr></thead><tbody>"
    for number, (layer, numbers) in enumerate(seen.numbers.items()):
        shape = f"<small>{' × '.join(map(str, numbers.shape))}</small>" if len(numbers.shape) > 1 else ""
        yield (
            f'<tr><th><a href="#layer{number}">{escape(layer)}</a></th>'
            f"<td>{numbers.neurons:,}{shape}</td>"
            f"<td>{_bar(numbers.rate, '.4f')}</td><td>{_bar(numbers.silent)}</td>"
            f"<td>{_bar(numbers.saturated)}</td><td>{numbers.lowest:.2f} … {numbers.highest:.2f}</td>"
            f"<td>{escape(seen.learnt.get(layer, '–'))}</td></tr>"
        )
    yield f"</tbody></table><p>Over the {seen.probes.kind}s above. Firing rate: spikes per neuron and time step. "
    yield "Silent: never fired. Saturated: fired at every step. h: the potential before the reset.</p></section>"
    for number, layer in enumerate(seen.numbers):
        yield f'<section id="layer{number}"><h2>{escape(layer)}</h2>'
        yield from _pictures(seen, [tag for tag in seen.pictures if tag.partition("/")[2] == layer])
        yield "</section>"


def _bar(share: float | None, form: str | None = None) -> str:
    """Return a number with a bar behind it, by default in percent; a dash without a number."""
    if share is None:
        return "–"
    text = f"{100 * share:.1f} %" if form is None else f"{share:{form}}"
    return f'<span class="bar" style="--share:{100 * share:.1f}%">{text}</span>'


def _pictures(seen: Inspection, tags: Iterable[str]) -> Iterable[str]:
    yield '<div class="pictures">'
    for tag in tags:
        kind, _, of = tag.partition("/")
        label = f"{KINDS[kind]} of {of}" if kind in KINDS else of.replace("_", " ")
        yield f'<figure role="img" aria-label="{escape(label)}">'
        yield inline(seen.pictures[tag], f"p{list(seen.pictures).index(tag)}-")
        yield "</figure>"
    yield "</div>"


def _foot(seen: Inspection) -> Iterable[str]:
    layer = next(iter(seen.numbers))
    code = (
        "import numpy as np\n\n"
        'seen = np.load("recordings.npz")  # next to this page\n'
        f'seen["{layer}/h"]  # before the reset, [T, N, …]; /v after it, /s spikes'
    )
    yield f"<footer><h2>In a notebook</h2><pre>{escape(code)}</pre>"
    yield "<p>All pictures are next to this page as PNG and SVG.</p></footer>"


def inline(svg: str, prefix: str) -> str:
    """Return an SVG file as part of the page: with the page's colours, and with names that start with `prefix`."""
    svg = svg[svg.index("<svg") :]
    svg = svg.replace(INK, "currentColor").replace("fill: #ffffff", "fill: none", 1)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{prefix}", svg)


def _png(pixels: np.ndarray) -> str:
    """Return pixels `[H, W, RGB]` as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(as_png(pixels)).decode()}"
