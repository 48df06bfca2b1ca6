"""Archives are unpacked below their folder, and hostile ones are refused."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.data.archives import unpack as unpacking
from snntrain.data.archives.archive import Unusable
from snntrain.data.archives.unpack import unpack

LINK, FIFO = 0o120777 << 16, 0o010644 << 16


def zipped(path: Path, members: dict[str, bytes], attributes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (attributes or {}).get(name, 0)
            archive.writestr(info, content)
    return path


def tarred(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    members = {"Train/0/1.bin": b"one", "Train/1/ä b.bin": b"", "Train/2/": b""}
    unpack(zipped(tmp_path / "a.zip", members), tmp_path / "new")
    assert below(tmp_path / "new") == {"Train/0/1.bin": b"one", "Train/1/ä b.bin": b""}
    assert (tmp_path / "new" / "Train" / "2").is_dir()


def test_a_tar_is_unpacked(tmp_path: Path) -> None:
    archive = tarred(
        tmp_path / "a.tar.gz",
        [(member(".", tarfile.DIRTYPE), b""), (member("./a/b"), b"one"), (member("a/c", tarfile.DIRTYPE), b"")],
    )
    unpack(archive, tmp_path / "new")
    assert below(tmp_path / "new") == {"a/b": b"one"}
    assert (tmp_path / "new" / "a" / "c").is_dir()


ZIPS: dict[str, Callable[[Path], Path]] = {
    "above": lambda path: zipped(path, {"../executed": b"evil"}),
    "far above": lambda path: zipped(path, {"Train/../../executed": b"evil"}),
    "absolute": lambda path: zipped(path, {"/tmp/executed": b"evil"}),
    "of Windows": lambda path: zipped(path, {"..\\executed": b"evil"}),
    "link": lambda path: zipped(path, {"link": b"/", "link/tmp/executed": b"evil"}, {"link": LINK}),
    "pipe": lambda path: zipped(path, {"pipe": b""}, {"pipe": FIFO}),
    "a file as a folder": lambda path: zipped(path, {"a": b"", "a/executed": b"evil"}),
}
TARS: dict[str, Callable[[Path], Path]] = {
    "above": lambda path: tarred(path, [(member("../executed"), b"evil")]),
    "absolute": lambda path: tarred(path, [(member("/tmp/executed"), b"evil")]),
    "link": lambda path: tarred(path, [(member("a", tarfile.SYMTYPE, "/"), b""), (member("a/executed"), b"evil")]),
    "hard link": lambda path: tarred(path, [(member("a", tarfile.LNKTYPE, "/etc/passwd"), b"")]),
    "device": lambda path: tarred(path, [(member("a", tarfile.CHRTYPE), b"")]),
    "pipe": lambda path: tarred(path, [(member("a", tarfile.FIFOTYPE), b"")]),
    "the same name twice": lambda path: tarred(path, [(member("a"), b"one"), (member("a"), b"two")]),
}
HOSTILE = [
    *((f"{kind}.zip", make) for kind, make in ZIPS.items()),
    *((f"{kind}.tar.gz", make) for kind, make in TARS.items()),
]


@pytest.mark.parametrize(("name", "make"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_a_hostile_member_is_refused(name: str, make: Callable[[Path], Path], tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    archive = make(tmp_path / name)
    with pytest.raises(Unusable, match=rf"^{name} has "):
        unpack(archive, tmp_path / "inside" / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["inside", name])
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or path.name == "executed"]
    assert not os.path.lexists("/tmp/executed")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_that_would_fill_the_disk_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"a/{number}": bytes(1000) for number in range(5)}
    make = zipped(tmp_path / name, members) if name == "a.zip" else None
    archive = make or tarred(tmp_path / name, [(member(key), content) for key, content in members.items()])
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "MOST_UNPACKED", 4999)
        with pytest.raises(Unusable, match="would unpack to more than"):
            unpack(archive, tmp_path / "large")
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 4)
    with pytest.raises(Unusable, match="has more than 4 members"):
        unpack(archive, tmp_path / "many")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_damaged_archive_is_refused(name: str, tmp_path: Path) -> None:
    content = os.urandom(5000)
    good = (
        zipped(tmp_path / f"good {name}", {"a": content})
        if name == "a.zip"
        else tarred(tmp_path / f"good {name}", [(member("a"), content)])
    ).read_bytes()
    for number, damaged in enumerate((b"", b"no archive", good[: len(good) // 2], good[:1000] + b"x" + good[1001:])):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(Unusable, match="is damaged"):
            unpack(tmp_path / name, tmp_path / str(number))


def test_a_zip_with_a_password_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"content"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(Unusable, match=r"cannot be unpacked \(.*password"):
        unpack(archive, tmp_path / "new")
