"""The unpacking of an archive. Its checksum may be right and its members still hostile, so each member is checked.

Only files and folders are unpacked. No name leads out of the folder, no member is a link or a device, no name comes
twice, and the size of all members together is limited.
"""

from __future__ import annotations

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from snntrain.data.archives.archive import AT_A_TIME, Unusable, bar
from snntrain.files.bounded import open_regular

# The largest set, DVS128 Gesture, has 5 GB; the set with the most files, N-MNIST, has 60,000 in an archive.
MOST_UNPACKED = 2**35
MOST_MEMBERS = 10**6
# What reading a damaged archive raises.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError)


def unpack(path: Path, folder: Path) -> None:
    """Unpack a zip or a tar.gz into an empty folder, with a progress bar on a terminal.

    Raises:
        Unusable: it is damaged, or has a member that must not be unpacked.
        OSError: it cannot be read, or a file cannot be written.
    """
    folder.mkdir()
    try:
        if path.name.endswith(".zip"):
            _unzip(path, folder)
        else:
            _untar(path, folder)
    except DAMAGED as error:
        raise Unusable(f"{path.name} is damaged ({error})") from error
    except RuntimeError as error:  # A zip with a password, or of a kind that Python does not have.
        raise Unusable(f"{path.name} cannot be unpacked ({error})") from error


def _unzip(path: Path, folder: Path) -> None:
    with open_regular(path) as opened, zipfile.ZipFile(opened) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        _check_size(path, len(members), total)
        with bar(f"unpacking {path.name}", total) as progress:
            for member in members:
                kind = stat.S_IFMT(member.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise Unusable(f"{path.name} has {member.filename}, which is not a file or folder")
                target = _target(path, folder, member.orig_filename)
                if member.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    with archive.open(member) as content:
                        _write(path, content, target, member.file_size, progress)


def _untar(path: Path, folder: Path) -> None:
    count = total = 0
    with (
        open_regular(path) as opened,
        bar(f"unpacking {path.name}", None) as progress,
        gzip.GzipFile(fileobj=opened) as unzipped,
        tarfile.open(fileobj=unzipped, mode="r:") as archive,
    ):
        for member in archive:
            count, total = count + 1, total + member.size
            _check_size(path, count, total)
            target = _target(path, folder, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                raise Unusable(f"{path.name} has {member.name}, which is not a file or folder")
            with content:
                _write(path, content, target, member.size, progress)
        # A gzip file ends with its checksum, which comes after the last member of the tar.
        while part := unzipped.read(AT_A_TIME):
            total += len(part)
            _check_size(path, count, total)


def _check_size(path: Path, members: int, total: int) -> None:
    if members > MOST_MEMBERS:
        raise Unusable(f"{path.name} has more than {MOST_MEMBERS:,} members")
    if total > MOST_UNPACKED:
        raise Unusable(f"{path.name} would unpack to more than {MOST_UNPACKED / 1e9:,.0f} GB")


def _target(path: Path, folder: Path, name: str) -> Path:
    """Return the path of a member below the folder."""
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or "\\" in name or "\0" in name:
        raise Unusable(f"{path.name} has a member {name!r}, which would lead out of its folder")
    return folder.joinpath(*parts)


def _write(path: Path, content: IO[bytes], target: Path, size: int, progress: tqdm[None]) -> None:
    left = size
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while left and (part := content.read(min(AT_A_TIME, left))):
                file.write(part)
                left -= len(part)
                progress.update(len(part))
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise Unusable(f"{path.name} has two members {target.name}") from error
    if left:
        raise Unusable(f"{path.name} is damaged ({target.name} ends early)")
