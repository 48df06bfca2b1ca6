"""Files of the user's that cannot be read: left out, or listed in an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from snntrain.data.cache import CachedSplit, Recording, converted
from snntrain.data.events.events import BadRecording
from snntrain.data.own.listing import Kind, Listing
from snntrain.errors import UserError
from snntrain.files.paths import shown

# Files that an error names.
MOST_NAMED = 20


class BadPicture(UserError):
    """A picture cannot be read; the message names the file."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{shown(path)}: {reason}")

    def __reduce__(self) -> tuple[type[BadPicture], tuple[Path, str]]:
        """Keep the parts when the error is pickled for another process."""
        return type(self), (self.path, self.reason)


def is_bad(error: Exception) -> bool:
    """Return whether an error is about the file that is read, and not about the machine or the settings."""
    return isinstance(error, BadPicture | BadRecording)


def converted_parts(
    kind: Kind,
    listing: Listing,
    recordings: Mapping[str, Sequence[Recording]],
    *,
    key: Mapping[str, object],
    skip_bad: bool,
) -> dict[str, CachedSplit]:
    """Return the samples of each part from its cache.

    Args:
        kind: the files.
        listing: their names.
        recordings: what is read from the files of each part.
        key: all settings that decide the bytes of a sample.
        skip_bad: whether files that cannot be read are left out, which the log then says.

    Raises:
        UserError: files cannot be read, and are not left out.
    """
    parts = {
        part: converted(
            of_part,
            name=kind.dataset,
            part=part,
            key=key,
            # A link may lead nowhere; reading it then fails.
            sources=[file.path for file in listing.parts[part] if _exists(file.path)],
            root=listing.root,
            skip=is_bad,
        )
        for part, of_part in recordings.items()
    }
    bad = [skipped.reason for split in parts.values() for skipped in split.skipped]
    if bad and not skip_bad:
        count = sum(map(len, recordings.values()))
        more = [f"  and {len(bad) - MOST_NAMED:,} more"] if len(bad) > MOST_NAMED else []
        raise UserError(
            f"dataset={kind.dataset}: {len(bad):,} of {count:,} {kind.word} cannot be read; repair or remove them, or "
            "leave them out with dataset.skip_bad=true",
            *(f"  {reason}" for reason in bad[:MOST_NAMED]),
            *more,
        )
    return parts


def _exists(path: Path) -> bool:
    return not path.is_symlink() or path.exists()
