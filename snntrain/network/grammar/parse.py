"""The tokens of a text, read as a chain of layers with repetitions and residual connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from snntrain.network.grammar import words
from snntrain.network.grammar.layers import Layer
from snntrain.network.grammar.tokens import SYMBOLS, Token, tokens

# Far beyond any network; a configuration may come from a stranger.
MOST_LAYERS = 1000
DEEPEST = 20
JOINS = {"+": "add", "&": "and", "!&": "iand"}


@dataclass(frozen=True)
class Written:
    """A layer, and the token that names it."""

    token: Token
    layer: Layer


@dataclass(frozen=True)
class Branches:
    """A residual connection, and its opening bracket; `shortcut` is None if it is not written."""

    token: Token
    body: Chain
    shortcut: Chain | None
    join: str


@dataclass(frozen=True)
class Repeat:
    """A chain in braces, and the number of its repetitions."""

    chain: Chain
    times: int


Chain = tuple["Written | Branches | Repeat", ...]


def parse(text: str) -> Chain:
    """Return the chain that a text describes.

    Raises:
        ValueError: the text does not follow the grammar; the message points at the token.
    """
    return _Parser(tokens(text)).whole()


def unrolled(chain: Chain) -> Iterator[Written | Branches]:
    """Yield the items of a chain in order, with its repetitions written out."""
    for item in chain:
        if isinstance(item, Repeat):
            for repetition in range(1, item.times + 1):
                for inner in unrolled(item.chain):
                    yield replace(inner, token=replace(inner.token, repetition=repetition))
        else:
            yield item


def _count(chain: Chain | None) -> int:
    """Return the number of layers, with those of repetitions and brackets."""
    total = 0
    for item in chain or ():
        if isinstance(item, Repeat):
            total += item.times * _count(item.chain)
        elif isinstance(item, Branches):
            total += 1 + _count(item.body) + _count(item.shortcut)
        else:
            total += 1
    return total


class _Parser:
    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = found
        self.position = 0
        self.open: list[Token] = []

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += 1
        return token

    def whole(self) -> Chain:
        chain = self.chain()
        if self.next.text:
            raise self.next.wrong("closes a bracket that was not opened; leave it out, or open it before")
        self.check_count(chain, self.tokens[0])
        return chain

    def chain(self) -> Chain:
        """Return the items up to the end of the text, or up to a closing symbol, which stays."""
        items = [self.item()]
        while self.next.text == "-":
            self.take()
            items.append(self.item())
        if self.next.text not in ("", "}", "]", "|"):
            raise self.next.wrong("stands beside another layer; write - between two layers")
        if self.open and not self.next.text:
            opened = self.open[-1]
            raise opened.wrong(f"is not closed; write {'}*2' if opened.text == '{' else ']+'} at its end")
        if self.next.text == "|" and (not self.open or self.open[-1].text != "["):
            raise self.next.wrong("separates body and shortcut inside [ ]; write [body | shortcut]+")
        return tuple(items)

    def item(self) -> Written | Branches | Repeat:
        token = self.take()
        if token.text == "{":
            return self.repeat(token)
        if token.text == "[":
            return self.branches(token)
        if not token.text or token.text in SYMBOLS:
            raise token.wrong(f"a layer must stand here; the layers are {words.KNOWN}")
        return Written(token, words.layer(token))

    def enter(self, token: Token) -> None:
        if len(self.open) == DEEPEST:
            raise token.wrong(f"is inside {DEEPEST} other brackets; nest at most {DEEPEST}")
        self.open.append(token)

    def close(self, symbol: str) -> None:
        opened = self.open.pop()
        token = self.take()
        if token.text != symbol:
            raise token.wrong(f"does not close {opened.text} at column {opened.column}; write {symbol}")

    def repeat(self, opened: Token) -> Repeat:
        self.enter(opened)
        chain = self.chain()
        self.close("}")
        if self.next.text != "*":
            raise self.next.wrong("the number of repetitions is missing after }; write {…}*2")
        self.take()
        token = self.take()
        if not (token.text.isascii() and token.text.isdigit()):
            raise token.wrong("is not a number of repetitions; write {…}*2")
        repeated = Repeat(chain, words.whole(token, token.text, "repetitions", most=MOST_LAYERS))
        # Each number is checked before it multiplies another.
        self.check_count((repeated,), token)
        return repeated

    def branches(self, opened: Token) -> Branches:
        self.enter(opened)
        body = self.chain()
        shortcut = None
        if self.next.text == "|":
            self.take()
            shortcut = self.chain()
        self.close("]")
        first, symbol = self.next, ""
        while self.next.text in ("!", "&", "+") and symbol not in JOINS:
            symbol += self.take().text
        if symbol not in JOINS:
            raise first.wrong(
                "is not the join that ] needs; write ]+ (sum), ]& (product) or ]!& (shortcut where the body is silent)"
            )
        return Branches(opened, body, shortcut, JOINS[symbol])

    def check_count(self, chain: Chain, token: Token) -> None:
        if (count := _count(chain)) > MOST_LAYERS:
            raise token.wrong(f"this makes {count:,} layers; write at most {MOST_LAYERS:,}")
