"""One word of a text, such as `128C3s2` or `DP0.5`, read as a layer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping

from snntrain.network.grammar.layers import (
    Convolution,
    Dropout,
    GlobalPool,
    Layer,
    Linear,
    Neurons,
    Norm,
    Pool,
    Vote,
)
from snntrain.network.grammar.tokens import Token

KNOWN = (
    "128C3 (convolution), DW3 (depthwise), P2 and AP2 (pooling), GAP, BN, tdBN, 2048 and 10K (linear), N (neurons), "
    "DP0.5 (dropout), V10 (vote)"
)
# Far beyond any network: the greatest numbers of a layer.
MOST = {"channels": 100_000, "neurons": 1_000_000, "kernel": 255, "votes": 10_000}
OPTION = r"(?P<options>(?:[a-z]\d*)*)"
NUMBER = r"\d+(?:\.\d+)?|\.\d+"
# The other notations of the field, and ours for them.
ELSEWHERE = (
    (r"c(\d+)k(\d+)(?:s1)?", r"\1C\2"),
    (r"c(\d+)k(\d+)(s\d+)", r"\1C\2\3"),
    (r"(?:MP|Max[Pp]ool|M)k?(\d+)(?:s\1)?", r"P\1"),
    (r"(?:MP|Max[Pp]ool)k(\d+)(s\d+)", r"P\1\2"),
    (r"APk(\d+)(?:s\1)?", r"AP\1, or V\1 for the vote"),
    (r"(?:FC|fc|D|L)(\d+)|(\d+)(?:FC|fc|F|D)", r"\1\2"),
    (r"(?:P?LIF|IF|RIF|ALIF|SN|LIF\w*|[sS]pike)", r"N, and choose the kind by neuron=…"),
    (r"(?:DP|[dD]o|[dD]rop(?:out)?)", r"DP0.5, with the probability"),
    (r"(?:Dp|dp|[dD]rop(?:out)?)(\d*\.?\d+)", r"DP\1"),
    (r"(?:Flatten|flatten|FL|F)", r"nothing: a linear layer flattens its input"),
    (r"(?:GMP|AAP|AdaptiveAvgPool)\w*", r"GAP"),
)


def layer(token: Token) -> Layer:
    """Return the layer that a word names.

    Raises:
        ValueError: it names none, or has a number or an option that is not allowed.
    """
    for pattern, read in READERS:
        if found := re.fullmatch(pattern, token.text, re.ASCII):
            return read(token, found)
    raise token.wrong(f"is not a layer{_instead(token.text)}; the layers are {KNOWN}")


def _instead(word: str) -> str:
    for pattern, ours in ELSEWHERE:
        if found := re.fullmatch(pattern, word, re.ASCII):
            return f", write {found.expand(ours)}"
    plain = ("BN", "tdBN", "GAP", "N", "K")
    near = next((name for name in plain if name.lower() == word.lower()), None)
    if near is None and (upper := word.upper()) != word and any(re.fullmatch(p, upper, re.ASCII) for p, _ in READERS):
        near = upper
    close = [near] if near else difflib.get_close_matches(word, plain, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _convolution(token: Token, found: re.Match[str]) -> Layer:
    depthwise = found["channels"] is None
    channels = None if depthwise else whole(token, found["channels"], "channels", most=MOST["channels"])
    kernel = whole(token, found["kernel"], "kernel", most=MOST["kernel"])
    allowed = {"s": "stride", "p": "padding", "d": "dilation"} | ({} if depthwise else {"g": "groups"}) | {"b": "bias"}
    given = _options(token, found["options"], allowed)
    span = given.get("dilation", 1) * (kernel - 1)
    padding = given.pop("padding", span // 2)
    if padding > span:
        raise token.wrong(f"a padding of {padding} is too much for a window of {span + 1}; give p0 to p{span}")
    return Convolution(channels, kernel, padding, bias="bias" in given, **_without_bias(given))


def _pool(token: Token, found: re.Match[str]) -> Layer:
    kernel = whole(token, found["kernel"], "window", most=MOST["kernel"])
    given = _options(token, found["options"], {"s": "stride", "p": "padding"})
    padding = given.get("padding", 0)
    if padding > kernel // 2:
        raise token.wrong(f"a padding of {padding} is more than half of its window; give p0 to p{kernel // 2}")
    return Pool(kernel, given.get("stride", kernel), padding, mean=bool(found["mean"]))


def _linear(token: Token, found: re.Match[str]) -> Layer:
    per_class = bool(found["classes"])
    most = MOST["votes" if per_class else "neurons"]
    size = whole(token, found["size"], "neurons", most=most) if found["size"] else 1
    return Linear(size, per_class, bias=bool(found["bias"]))


def _td_norm(token: Token, found: re.Match[str]) -> Layer:
    alpha = _real(token, found["alpha"]) if found["alpha"] else 1.0
    if not 0 < alpha <= 100:
        raise token.wrong("its share of the threshold must be above 0 and at most 100, as in tdBN0.7071")
    return Norm(alpha)


def _dropout(token: Token, found: re.Match[str]) -> Layer:
    p = _real(token, found["p"])
    if not 0 <= p < 1:
        raise token.wrong("the probability of dropping must lie in [0, 1), as in DP0.5")
    return Dropout(p)


def _vote(token: Token, found: re.Match[str]) -> Layer:
    return Vote(whole(token, found["votes"], "votes", most=MOST["votes"]))


Reader = Callable[[Token, re.Match[str]], Layer]
READERS: tuple[tuple[str, Reader], ...] = (
    (rf"(?:(?P<channels>\d+)C|DW)(?P<kernel>\d+){OPTION}", _convolution),
    (rf"(?P<mean>A?)P(?P<kernel>\d+){OPTION}", _pool),
    (r"(?P<size>(?=[\dK])\d*)(?P<classes>K?)(?P<bias>b?)", _linear),
    (r"GAP", lambda token, found: GlobalPool()),
    (r"BN", lambda token, found: Norm()),
    (rf"tdBN(?P<alpha>{NUMBER})?", _td_norm),
    (r"N", lambda token, found: Neurons()),
    (rf"DP(?P<p>{NUMBER})", _dropout),
    (r"V(?P<votes>\d+)", _vote),
)


def _options(token: Token, text: str, allowed: Mapping[str, str]) -> dict[str, int]:
    """Return the numbers of the options by their names; that of the bias is 1."""
    given: dict[str, int] = {}
    for letter, digits in re.findall(r"([a-z])(\d*)", text, re.ASCII):
        name = allowed.get(letter)
        if name is None:
            options = ", ".join(f"{known} ({meaning})" for known, meaning in allowed.items())
            raise token.wrong(f"has no option {letter}; the options are {options}")
        if name in given:
            raise token.wrong(f"has the option {letter} twice; give it once")
        if name == "bias":
            if digits:
                raise token.wrong("the option b (bias) takes no number")
            given[name] = 1
        elif not digits:
            raise token.wrong(f"the option {letter} ({name}) needs a number, as in {letter}2")
        else:
            most = MOST["channels" if name == "groups" else "kernel"]
            given[name] = whole(token, digits, name, least=0 if name == "padding" else 1, most=most)
    return given


def _without_bias(given: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in given.items() if name != "bias"}


def whole(token: Token, digits: str, what: str, *, least: int = 1, most: int) -> int:
    """Return a whole number.

    Raises:
        ValueError: it is too small or too large.
    """
    # Python refuses to read thousands of digits.
    digits = digits.lstrip("0") or "0"
    number = int(digits) if len(digits) < 10 else most + 1
    if not least <= number <= most:
        shown = digits if len(digits) < 10 else f"a number of {len(digits)} digits"
        raise token.wrong(f"{what} = {shown}: give {least:,} to {most:,}")
    return number


def _real(token: Token, text: str) -> float:
    if len(text) > 20:
        raise token.wrong(f"a number of {len(text)} digits: give at most 20")
    return float(text)
