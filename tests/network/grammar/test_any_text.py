"""Any text either builds a network that runs, or is refused with a message that points at a token."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snntrain.network.grammar.parse import parse
from snntrain.network.grammar.plan import plan
from snntrain.network.grammar.shapes import Shape, fitted, outputs
from snntrain.network.grammar.tokens import Token
from snntrain.network.grammar.words import layer
from tests.network.inputs import noise

from .texts import EVERYTHING, refused, written

PIECES = [
    *(*"-{}*[]|+&! \n", *EVERYTHING.replace("-", " ").split(), *"0123456789sdpgbKNPC"),
    *("}*2", "]+", "]!&", "\u2013", "\x00"),
]
anything = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@st.composite
def layers_of(draw: st.DrawFn, shape: Shape, depth: int = 2) -> tuple[str, Shape]:
    """Draw a chain of layers that fit the input, and the shape of its output."""
    chain: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        words = ["N", "BN", "DP0.3", "5", "7b"]
        if len(shape) == 3:
            channels, *sides = shape
            words += ["tdBN", "tdBN0.5", "GAP", "P1", "AP1", "DW3", "DW3b", "DW1d2", f"{2 * channels}C3g{channels}"]
            words += ["3C3", "2C1b", "4C3s2", "3C3d2", "5C3p2"]
            if min(sides) >= 2:
                words += ["P2", "AP2", "P2s1p1", "3C2", "AP2s1"]
        brackets = ["{", "["] if depth and len(shape) == 3 else []
        word = draw(st.sampled_from([*words, *brackets]))
        if word == "[":
            inner, after = draw(layers_of(shape, depth - 1))
            join = draw(st.sampled_from(["+", "&", "!&"]))
            # The stride of a shortcut may not exist; the body a second time always fits.
            other = f"|{inner}" if len(after) == 3 and after[1:] != shape[1:] else ""
            word = f"[{inner}{other}]{join}"
            shape = after
        elif word == "{":
            word = f"{{{draw(st.sampled_from(['N', 'BN-N', '3C3-BN-N', 'DW3-N']))}}}*{draw(st.integers(1, 3))}"
            shape = (3, *shape[1:]) if "3C3" in word else shape
        else:
            token = Token(word, 1, word)
            if word[0] in "57" and "C" not in word:
                shape = (int(word[0]),)
            else:
                shape = outputs(fitted(layer(token), shape, 3, token), shape, token)
        chain.append(word)
    space = draw(st.sampled_from(["-", " - "]))
    return space.join(chain), shape


@st.composite
def whole(draw: st.DrawFn) -> tuple[str, Shape]:
    """Draw a valid text, and the shape of its input."""
    shape = draw(st.sampled_from([(1, 4, 4), (2, 5, 3), (6,)]))
    text, _ = draw(layers_of(shape))
    return f"{text}-{draw(st.sampled_from(['K', 'K-N', '3b-BN-N', '2K-V2', '6-N-V2', 'Kb-V1']))}", shape


def builds_and_runs(drawn: tuple[str, Shape]) -> None:
    text, shape = drawn
    net = written(text, shape, classes=3)
    output = net(noise(2, 3, *shape, dtype=torch.float32))
    assert output.shape == (2, 3, 3)
    assert output.isfinite().all()


def builds_or_is_refused(text: str, shape: Shape) -> None:
    """Plan any text; build and run the network if it is small."""
    if refused(lambda: plan(parse(text), shape, 3), text) is None:
        planned = plan(parse(text), shape, 3)
        if planned.inputs < 10_000 and len(text) < 300:
            written(text, shape, classes=3)


@st.composite
def changed(draw: st.DrawFn) -> str:
    """Draw a valid text with up to three changes."""
    text = draw(st.sampled_from([EVERYTHING, "{4C3-BN-N-P2}*2-[8-N]+-DP0.1-2K-N-V2", "[N-4C3|4C3]&-3"]))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[start + draw(st.integers(0, 3)) :]
    return text


@pytest.mark.parametrize("count", [15, pytest.param(500, marks=pytest.mark.slow)])
def test_a_text_of_the_grammar_builds_and_runs(count: int) -> None:
    settings(max_examples=count, deadline=None)(given(whole())(builds_and_runs))()


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("texts", [anything, changed()], ids=["any letters", "changed texts"])
def test_any_text_builds_or_is_refused_with_its_position(texts: st.SearchStrategy[str], count: int) -> None:
    shapes = st.sampled_from([(3, 16, 16), (6,)])
    settings(max_examples=count, deadline=None)(given(texts, shapes)(builds_or_is_refused))()
