"""The files of a data set below the data root: found there, or downloaded completely or not at all."""

import logging
import os
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from snntrain.data.root import data_root
from snntrain.errors import UserError

TIMEOUT = 30.0  # seconds without an answer; urllib would wait for ever
ANOTHER_WAY = "name another data root by dataset.root or SNNTRAIN_DATA, or take dataset=digits, which needs no files"
# The largest archive, EMNIST's, has 0.56 GB.
MOST_OF_AN_ARCHIVE = 2**31
log = logging.getLogger(__name__)
# A data root to which nothing is downloaded, and the file that names it.
_only_read: ContextVar[tuple[Path, Path] | None] = ContextVar("only_read", default=None)


@contextmanager
def only_read(root: str | None, named_by: Path) -> Iterator[None]:
    """Forbid downloads to a data root that the user has not named while the block runs.

    A file, such as the configuration of somebody else's run, may name any folder; nothing must be written there.
    Downloads to the root of the command line, of a variable or of the default stay possible.

    Args:
        root: `dataset.root` of a configuration; None if the default applies.
        named_by: the file of the configuration.
    """
    token = _only_read.set((data_root(root), named_by) if root else None)
    try:
        yield
    finally:
        _only_read.reset(token)


def read_only_root() -> tuple[Path, Path] | None:
    """Return the data root that is only read, and the file that names it; None if downloads are allowed."""
    return _only_read.get()


@dataclass(frozen=True)
class Source:
    """The place of a data set below the data root, and its download.

    Args:
        name: name on the command line.
        folder: its folder, relative to the data root.
        files: names of the files in that folder.
        archives: paths of the downloaded archives, relative to the data root; an existing archive is used.
        fetch: downloads the data set into a folder; its error is reported as the reason.
        gzipped: whether a file may exist as <name>.gz instead.
    """

    name: str
    folder: str
    files: tuple[str, ...]
    archives: tuple[str, ...]
    fetch: Callable[[Path], object]
    gzipped: bool = False

    def missing(self, root: Path) -> list[str]:
        """Return the files that are missing below a data root."""
        return self._not_in(root / self.folder)

    def data_root_of(self, named: Path) -> Path:
        """Return the data root: the folder `named`, or its parent if that is the set's own folder, like MNIST/raw."""
        own = Path(self.folder).parts
        if not self._is_in(named / self.folder):
            for path in (Path(os.path.abspath(named)), Path(os.path.realpath(named))):
                for depth in range(1, len(own) + 1):
                    if path.parts[-depth:] == own[:depth] and self._is_in(path.parents[depth - 1] / self.folder):
                        return path.parents[depth - 1]
        return named

    def check_place(self, root: Path) -> None:
        """Check that the files are not in the data root itself.

        Raises:
            UserError: they are there, and the right folder has none of them.
        """
        folder = root / self.folder
        if self._is_in(root) and not self._is_in(folder):
            held = ", ".join(name for name in self.files if name not in self._not_in(root))
            raise UserError(
                f"dataset={self.name}: {root} itself holds {held}; if these are {self.name}'s, move them to {folder}, "
                f"else {ANOTHER_WAY}"
            )

    def _is_in(self, folder: Path) -> bool:
        return len(self._not_in(folder)) < len(self.files)

    def _not_in(self, folder: Path) -> list[str]:
        endings = ("", ".gz") if self.gzipped else ("",)
        return [name for name in self.files if not any((folder / f"{name}{ending}").is_file() for ending in endings)]


def obtain(source: Source, root: Path) -> Path:
    """Return the folder with all files of the data set; download missing files.

    If no file is missing, nothing is written, and a read-only data root is sufficient.

    Args:
        source: the data set.
        root: the data root, or the set's own folder below it.

    Raises:
        UserError: files are missing and cannot be downloaded, or the data root cannot be written, or is `only_read`.
    """
    given, root = root, source.data_root_of(root)
    folder = root / source.folder
    missing = source.missing(root)
    if not missing:
        return folder
    _refuse_to_write(source, given, folder, missing)
    source.check_place(root)
    log.info("dataset=%s: downloading to %s", source.name, root)
    with _staging(source, root) as staging:
        try:
            for archive in source.archives:
                if (root / archive).is_file() and (root / archive).stat().st_size <= MOST_OF_AN_ARCHIVE:
                    (staging / archive).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(root / archive, staging / archive)
            with _timeout(TIMEOUT), _harmless_archives():
                source.fetch(staging)
            _move_new_files(staging, root)
        except UserError:
            raise
        except Exception as error:
            # Sockets, archives, checksums, torchvision, a full disk: whatever failed, there is no data.
            raise UserError(
                f"dataset={source.name}: {folder} lacks {', '.join(missing)} and the download failed "
                f"({_reason(error)}); put them there, {ANOTHER_WAY}"
            ) from error
    return folder


def _refuse_to_write(source: Source, root: Path, folder: Path, missing: list[str]) -> None:
    if (given := _only_read.get()) is not None and given[0] == root != data_root(None):
        raise UserError(
            f"dataset={source.name}: {folder} lacks {', '.join(missing)}; nothing is downloaded there, as the folder "
            f"comes from {given[1]}; to allow it, give dataset.root={root} on the command line, or {ANOTHER_WAY}"
        )


@contextmanager
def _staging(source: Source, root: Path) -> Iterator[Path]:
    """Make a temporary folder, so that an interrupted download leaves nothing that looks like data.

    It is on the disk of the data root; the data root is created only when there is a file for it.
    """
    there = next(path for path in (root, *root.parents) if os.path.lexists(path))
    try:
        folder = tempfile.TemporaryDirectory(dir=there, prefix=".snntrain-download-", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(
            f"dataset={source.name}: the data root {root} cannot be written ({error.strerror}); {ANOTHER_WAY}"
        ) from error
    with folder as path:
        yield Path(path)


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _harmless_archives() -> Iterator[None]:
    """Reject members of a tar that would leave its folder or are not files; for a zip Python itself prevents this.

    torchvision checks the checksum of an archive, but not its members.
    """
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _move_new_files(staging: Path, root: Path) -> None:
    """Move all downloaded files except archives and links; existing files stay."""
    for path in sorted(staging.rglob("*")):
        target = root / path.relative_to(staging)
        if path.is_file() and not path.is_symlink() and path.suffix not in (".gz", ".zip") and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)


def _reason(error: Exception) -> str:
    """Return the last line of an error: torchvision puts the answer of each mirror on a separate line."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
