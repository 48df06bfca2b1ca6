"""Whether a command line asks for a search; it is found out without the imports of one."""

from __future__ import annotations

from collections.abc import Sequence

from snntrain.config.compose import Composer
from snntrain.config.composed import Composed
from snntrain.config.explain import OF_OVERRIDES, key_of
from snntrain.errors import UserError

METHOD = "sweep.search"
# Groups that can set it.
GROUPS = ("sweep", "experiment", "debug")


def is_asked(compose: Composer, overrides: Sequence[str]) -> bool:
    """Return whether a sweep with these overrides is a search; a mistake in them counts as no."""
    chosen = [line for line in overrides if key_of(line).partition(".")[0] in GROUPS]
    try:
        return bool(Composed(compose(chosen)).value(METHOD))
    except OF_OVERRIDES:
        return False


def check_not_meant(composed: Composed, overrides: Sequence[str]) -> None:
    """Check that a command that does not search has no keys of a search.

    Raises:
        UserError: it has some, which would have no effect.
    """
    if method := composed.value(METHOD):
        raise UserError(f"{METHOD}={method}: searches with -m only; write snntrain search, or add -m")
    for line in overrides:
        if key_of(line).partition(".")[0] == "search":
            raise UserError(f"{line}: only a search reads it; write snntrain search, or add -m {METHOD}=tpe")
