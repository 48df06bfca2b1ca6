"""The place of a data set below the data root, and the ways to fill it."""

from __future__ import annotations

import os
import shutil
import socket
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from snntrain.data.archives.archive import Archive, Unusable
from snntrain.data.archives.http import TIMEOUT, download
from snntrain.data.archives.unpack import unpack
from snntrain.errors import UserError

ANOTHER_WAY = "name another data root by dataset.root or SNNTRAIN_DATA, or take dataset=digits, which needs no files"
# The largest archive of torchvision's, EMNIST's, has 0.56 GB.
MOST_OF_AN_ARCHIVE = 2**31


@dataclass(frozen=True)
class Place:
    """The place of a data set below the data root.

    Args:
        name: name on the command line.
        folder: its folder, relative to the data root.
        files: names of the files in that folder, or of folders that are put there whole.
    """

    name: str
    folder: str
    files: tuple[str, ...]

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

    @property
    def by_hand(self) -> bool:
        """Whether the user must fetch an archive."""
        return False

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

    def fill(self, root: Path, staging: Path) -> None:
        """Put the missing files below `root`; `staging` is an empty folder on the same disk.

        Raises:
            Exception: it failed, for whatever reason; nothing that looks like data is left.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no fill(root, staging)")

    def remedy(self, root: Path) -> str:
        """Return what to do if the files cannot be downloaded; it follows on the names of the missing files."""
        return f"put them there, {ANOTHER_WAY}"

    def _is_in(self, folder: Path) -> bool:
        return len(self._not_in(folder)) < len(self.files)

    def _not_in(self, folder: Path) -> list[str]:
        return [name for name in self.files if not self._is_there(folder / name)]

    def _is_there(self, path: Path) -> bool:
        return path.exists()


@dataclass(frozen=True)
class Source(Place):
    """A data set that torchvision downloads.

    Args:
        archives: paths of the downloaded archives, relative to the data root; an existing archive is used.
        fetch: downloads the data set into a folder; its error is reported as the reason.
        gzipped: whether a file may exist as <name>.gz instead.
    """

    archives: tuple[str, ...]
    fetch: Callable[[Path], object]
    gzipped: bool = False

    def fill(self, root: Path, staging: Path) -> None:
        """Download all files, and move those that are missing to their place."""
        for archive in self.archives:
            if (root / archive).is_file() and (root / archive).stat().st_size <= MOST_OF_AN_ARCHIVE:
                (staging / archive).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / archive, staging / archive)
        with _timeout(TIMEOUT), _harmless_archives():
            self.fetch(staging)
        _move_new_files(staging, root)

    def _is_there(self, path: Path) -> bool:
        return path.is_file() or (self.gzipped and path.with_name(f"{path.name}.gz").is_file())


@dataclass(frozen=True)
class Packed(Place):
    """A data set in archives, each of which holds one of its files or folders.

    Args:
        archives: one for each of `files`, in their order; one that lies in the set's folder is used.
        page: the address of the page that offers them.
        note: what else the user can do if an archive cannot be downloaded; '' for nothing.
    """

    archives: tuple[Archive, ...]
    page: str
    note: str = ""

    def fill(self, root: Path, staging: Path) -> None:
        """Unpack the archives of the missing files, downloaded if they are not there, and move each into its place.

        An archive in the set's folder stays there; one that was downloaded is removed.
        """
        folder = root / self.folder
        missing = self._not_in(folder)
        for archive in self.archives:
            if archive.holds in missing:
                self._unpack(archive, folder, staging)

    @property
    def by_hand(self) -> bool:
        return not all(archive.urls for archive in self.archives)

    def remedy(self, root: Path) -> str:
        missing = self._not_in(root / self.folder)
        wanted = [archive.name for archive in self.archives if archive.holds in missing]
        note = f"{self.note}, or " if self.note else ""
        return f"download {', '.join(wanted)} from {self.page} into that folder, or {note}{ANOTHER_WAY}"

    def _unpack(self, archive: Archive, folder: Path, staging: Path) -> None:
        own = folder / archive.name
        if own.is_file():
            archive.check(own)
            packed = own
        elif archive.urls:
            packed = download(archive, staging)
        else:
            raise Unusable(f"no program may fetch {archive.name}")
        new = staging / f"unpacked {archive.holds}"
        unpack(packed, new)
        if not (new / archive.holds).exists():
            raise Unusable(f"{archive.name} does not hold {archive.holds}")
        # A machine that loses its power after the rename must not be left with empty files.
        os.sync()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            (new / archive.holds).rename(folder / archive.holds)
        except OSError:
            # Another process may have put it there in the meantime.
            if not (folder / archive.holds).exists():
                raise
        shutil.rmtree(new)
        if packed != own:
            packed.unlink()


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
