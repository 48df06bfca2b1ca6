"""The end of a text: the last linear layer, and what may follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snntrain.network.grammar.layers import Linear, Neurons, Norm, Vote
from snntrain.network.grammar.parse import Branches, Written
from snntrain.network.grammar.tokens import Token

# What may follow the last linear layer, in this order.
AFTER = (Norm, Neurons, Vote)


@dataclass(frozen=True)
class Ending:
    """The last linear layer.

    Args:
        position: its place among the items of the text.
        token: its token.
        linear: the layer, with a fixed number of neurons.
        norm: the normalisation after it; None without one.
        votes: output neurons per class.
    """

    position: int
    token: Token
    linear: Linear
    norm: Norm | None
    votes: int


def ending(items: Sequence[Written | Branches], classes: int) -> Ending:
    """Return the end of a text.

    Raises:
        ValueError: it does not end in a linear layer with a number of neurons for each class.
    """
    position = len(items)
    while position and isinstance(after := items[position - 1], Written) and isinstance(after.layer, AFTER):
        position -= 1
    last = items[position - 1] if position else None
    if not isinstance(last, Written) or not isinstance(last.layer, Linear):
        token = items[-1].token if last is None else last.token
        raise token.wrong(
            "the text must end in a linear layer for the classes, as in …-K, or …-10K-N-V10 with 10 votes per class; "
            "only BN, N and V may follow it"
        )
    norm, votes = _following([item for item in items[position:] if isinstance(item, Written)])
    size = last.layer.neurons(classes)
    if size != classes * votes:
        raise last.token.wrong(_wrong_number(size, classes, votes))
    return Ending(position - 1, last.token, Linear(size, bias=last.layer.bias), norm, votes)


def _following(items: Sequence[Written]) -> tuple[Norm | None, int]:
    """Return the normalisation and the votes after the last linear layer."""
    norm, votes, rank = None, 1, -1
    for item in items:
        here = next(index for index, kind in enumerate(AFTER) if isinstance(item.layer, kind))
        if here <= rank:
            raise item.token.wrong("after the last linear layer write BN, N and V in this order, each at most once")
        rank = here
        if isinstance(item.layer, Norm):
            norm = item.layer
            if norm.alpha is not None:
                raise item.token.wrong("tdBN normalises images, and its input is units; write BN")
        elif isinstance(item.layer, Vote):
            votes = item.layer.votes
    return norm, votes


def _wrong_number(size: int, classes: int, votes: int) -> str:
    wanted = f"{votes}K" if votes > 1 else "K"
    need = f"{classes * votes:,} neurons, {classes} classes x {votes} votes" if votes > 1 else f"{classes:,} neurons"
    text = (
        f"the last linear layer has {size:,} neurons, and the classes need {need}; write {wanted}, which fits any set"
    )
    if votes == 1 and size % classes == 0:
        text += f", or add V{size // classes} for a vote"
    return text
