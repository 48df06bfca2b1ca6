"""Converts the recordings of a split once, into a cache; later runs use the cache."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from snntrain.data.cache import place, turn
from snntrain.data.cache.conversion import GB, Conversion, Skip
from snntrain.data.cache.identity import Identity, identify
from snntrain.data.cache.layout import Unusable
from snntrain.data.cache.recording import Recording
from snntrain.data.cache.split import CachedSplit
from snntrain.data.cache.writer import left_behind
from snntrain.errors import UserError
from snntrain.files.folder import Folder
from snntrain.files.paths import shown as shown_path
from snntrain.process import cores

log = logging.getLogger("snntrain")

# More readers than this would wait for the disk, or for the process that writes.
MOST_WORKERS = 16
# Recordings that are left out are logged by their reason up to this number.
MOST_NAMED = 5


def converted(
    recordings: Sequence[Recording],
    *,
    name: str,
    part: str,
    key: Mapping[str, object],
    sources: Sequence[Path],
    root: Path,
    workers: int | None = None,
    skip: Skip | None = None,
    shown: str | None = None,
) -> CachedSplit:
    """Return the samples of all recordings from their cache; convert them first if there is no such cache.

    Of processes that are started at the same time one converts, and the others wait for it. A cache that is not
    complete, of another version or damaged is made anew.

    Args:
        recordings: the recordings, in the order of the samples.
        name: the data set, as on the command line.
        part: the part of the data set, such as train.
        key: all settings that decide the bytes of the samples: plain data, paths, or dataclasses of these.
        sources: the files that are read; by their names, sizes and times a cache of older files is noticed.
        root: the data root; the cache lies below it, or below the user's cache folder if it cannot be written.
        workers: number of processes that convert; 0 to convert in this process; None for one a core.
        skip: returns whether a recording is left out because of an error of its `read`; None if each error ends the
            conversion. `rows` and `skipped` of the result show which are left out. It must be picklable.
        shown: name of the split in messages; None for name and part.

    Raises:
        UserError: there is no recording, no place for the cache, or not enough space on its disk; samples do not fit
            together, or all are left out.
        RunFailed: worker processes die again and again.
        Exception: the error of a recording.
    """
    title = shown or f"{name} {part}"
    if not recordings:
        raise UserError(f"{title}: there is no recording in {shown_path(root)}; put some there")
    labels = [int(recording.label) for recording in recordings]
    identity = identify(name, part, key, sources, root, labels)
    split = _found(identity, labels, root, strict=skip is None)
    if split is None:
        most = min(cores.usable(), MOST_WORKERS)
        conversion = Conversion(recordings, title, most if workers is None else workers, skip)
        split = _made(conversion, identity, labels, root)
    _report_skipped(split, title, len(recordings))
    return split


def _found(identity: Identity, labels: Sequence[int], root: Path, *, strict: bool) -> CachedSplit | None:
    """Return the samples of an existing cache, or None if no cache can be used.

    Args:
        identity, labels: those of the cache.
        root: the data root.
        strict: whether a cache without some of the recordings cannot be used.
    """
    for folder in place.folders(root):
        try:
            return _opened(folder, identity, labels, strict=strict)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = error.strerror or str(error)
        except Unusable as error:
            reason = str(error)
        log.warning("%s: %s; it is made anew", shown_path(folder.path / identity.file), reason)
    return None


def _opened(folder: Folder, identity: Identity, labels: Sequence[int], *, strict: bool) -> CachedSplit:
    """Return the samples of a cache.

    Raises:
        Unusable: it is another one.
        OSError: it cannot be read.
    """
    split = CachedSplit(folder, identity.file)
    index, count = split.index, len(labels)
    if index.digest != identity.digest:
        raise Unusable("it belongs to other data")
    if index.rows[-1] >= count or not np.array_equal(index.labels, np.asarray(labels)[index.rows]):
        raise Unusable("its labels are not those of the recordings")
    if len(index) + len(index.skipped) != count:
        raise Unusable("it does not have all recordings")
    if strict and index.skipped:
        raise Unusable(f"it lacks {len(index.skipped)} recordings that could not be read")
    return split


def _made(conversion: Conversion, identity: Identity, labels: Sequence[int], root: Path) -> CachedSplit:
    """Convert the recordings, or wait until another process has done so, and return the samples."""
    folder = place.writable(root)
    path = shown_path(folder.path / identity.file)

    def waiting(owner: str) -> None:
        log.info("%s: waiting for %s, which converts the same recordings into %s", conversion.title, owner, path)

    with turn.taken(folder, identity.stem, waiting) as sure:
        try:
            return _opened(folder, identity, labels, strict=conversion.skip is None)
        except (OSError, Unusable):
            pass  # Logged before, if it is not just missing.
        if sure:
            for name in left_behind(folder, identity.stem):
                folder.remove(name)
        log.info("%s: converting %s recordings into %s, once", conversion.title, f"{len(conversion):,}", path)
        begun = time.monotonic()
        conversion.write(folder, identity)
        try:
            split = _opened(folder, identity, labels, strict=False)
        except (OSError, Unusable) as error:
            raise UserError(
                f"{path}: the converted recordings cannot be read again ({error}); check the disk"
            ) from error
    seconds = time.monotonic() - begun
    log.info("%s: converted in %.1f s, %.2f GB", conversion.title, seconds, split.nbytes / GB)
    return split


def _report_skipped(split: CachedSplit, title: str, count: int) -> None:
    """Log how many recordings are left out, and the reasons of the first."""
    if not split.skipped:
        return
    log.warning("%s: %s of %s recordings are left out", title, f"{len(split.skipped):,}", f"{count:,}")
    for skipped in split.skipped[:MOST_NAMED]:
        log.warning("  %s", skipped.reason)
    if (more := len(split.skipped) - MOST_NAMED) > 0:
        log.warning("  and %s more", f"{more:,}")
