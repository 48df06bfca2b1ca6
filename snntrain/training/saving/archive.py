"""The check of a checkpoint's archive before torch reads it: only an archive as torch.save writes it passes."""

from __future__ import annotations

import io
import zipfile

from snntrain.training.saving.pickled import ALSO, MOST_TIMES, Scan, Strange

PICKLE = "data.pkl"
# Ours has 30 kB; a network of a thousand layers has some megabytes.
MOST_PICKLE = 64 * 2**20
# Small entries by which torch recognises versions.
OTHERS = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id")
LARGEST_OTHER = 1000
FIRST = b"PK\x03\x04"


def check(content: bytes) -> None:
    """Check the bytes of a checkpoint.

    Entries must be stored, not deflated: then they are no larger than the file. They must have unique names: then every
    reader of the archive finds the same entry.

    Raises:
        ValueError, zipfile.BadZipFile, struct.error, …: not an archive as this program writes it.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if not content.startswith(FIRST):
            raise Strange("bytes before the archive")
        entries: dict[str, int] = {}
        folders, end = set(), 0
        for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise Strange("entries that are compressed")
            if entry.header_offset < end:
                raise Strange("overlapping entries")
            end = entry.header_offset + entry.file_size
            folder, _, name = entry.filename.partition("/")
            if name in entries or end > len(content) or not _is_known(name, entry.file_size):
                raise Strange("other entries")
            folders.add(folder)
            entries[name] = entry.file_size
        if len(folders) != 1 or PICKLE not in entries:
            raise Strange("other entries")
        pickled = next(entry for entry in archive.infolist() if entry.filename.partition("/")[2] == PICKLE)
        sizes = {name.removeprefix("data/"): size for name, size in entries.items() if name.startswith("data/")}
        Scan(sizes, MOST_TIMES * len(content) + ALSO).run(archive.read(pickled))


def _is_known(name: str, size: int) -> bool:
    if name == PICKLE:
        return size <= MOST_PICKLE
    folder, _, key = name.partition("/")
    return (folder == "data" and key.isdecimal()) or (name in OTHERS and size <= LARGEST_OTHER)
