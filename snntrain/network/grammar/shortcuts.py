"""The shortcut of a residual connection that changes the shape, if the text does not give one."""

from __future__ import annotations

from snntrain.network.grammar.layers import Convolution, Layer, Linear, Neurons, Norm
from snntrain.network.grammar.shapes import Shape, shown
from snntrain.network.grammar.tokens import Token


def layers(inputs: Shape, outputs: Shape, norm: Norm, token: Token, *, fires: bool) -> list[Layer]:
    """Return a 1x1 convolution, or a linear layer for units, the normalisation, and neurons if the body ends in them.

    Raises:
        ValueError: no stride gives that shape.
    """
    first: Layer
    if len(outputs) == 1:
        first, norm = Linear(outputs[0]), Norm()
    elif stride := _stride(inputs[1:], outputs[1:]):
        first = Convolution(outputs[0], kernel=1, padding=0, stride=stride)
    else:
        raise token.wrong(
            f"its body turns {shown(inputs)} into {shown(outputs)}, and no stride of a 1x1 convolution does the same; "
            "write the shortcut, as in [body | 64C3s2-BN-N]+"
        )
    return [first, norm, *([Neurons()] if fires else [])]


def _stride(before: Shape, after: Shape) -> int | None:
    """Return the smallest stride with which a window of one pixel turns the sides `before` into `after`."""
    if any(new > old for old, new in zip(before, after, strict=True)):
        return None
    candidates = range(1, max(before) + 1)
    fits = (s for s in candidates if all((old - 1) // s + 1 == new for old, new in zip(before, after, strict=True)))
    return next(fits, None)
