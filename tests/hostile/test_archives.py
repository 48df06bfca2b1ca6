"""Archives of data sets that would write outside their folder are refused, and none of their files is kept."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from torchvision import datasets

from snntrain.data import vision
from snntrain.data.dataset import Data
from snntrain.errors import UserError
from tests.data.files import NO_NETWORK, md5


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
    return info


MEMBERS: dict[str, Callable[[Path], list[tarfile.TarInfo]]] = {
    "above": lambda outside: [member("../../executed")],
    "far above": lambda outside: [member("cifar-10-batches-py/../../../../executed")],
    "absolute": lambda outside: [member(str(outside / "executed"))],
    "link": lambda outside: [
        member("cifar-10-batches-py", tarfile.SYMTYPE, str(outside)),
        member("cifar-10-batches-py/executed"),
    ],
    "link to a file": lambda outside: [member("cifar-10-batches-py/data_batch_1", tarfile.SYMTYPE, "/etc/passwd")],
    "hard link": lambda outside: [member("cifar-10-batches-py/data_batch_1", tarfile.LNKTYPE, "/etc/passwd")],
    "device": lambda outside: [member("cifar-10-batches-py/data_batch_1", tarfile.CHRTYPE)],
    "pipe": lambda outside: [member("cifar-10-batches-py/data_batch_1", tarfile.FIFOTYPE)],
}


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(load: Callable[[str], Data], root: Path, outside: Path) -> None:
    before = everything_below(root.parent)
    with pytest.raises(UserError, match="the download failed") as error:
        load(str(root))
    assert len(error.value.lines) == 1
    assert everything_below(root.parent) == before
    assert everything_below(outside) == []


@pytest.mark.parametrize("trusted", [False, True], ids=["of another checksum", "of the published checksum"])
@pytest.mark.parametrize("kind", MEMBERS)
def test_a_tar_keeps_to_its_folder(kind: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, outside = tmp_path / "a" / "root", tmp_path / "outside"
    root.mkdir(parents=True)
    outside.mkdir()
    archive = root / datasets.CIFAR10.filename
    with tarfile.open(archive, "w:gz") as tar:
        for info in MEMBERS[kind](outside):
            tar.addfile(info, io.BytesIO(b"evil") if info.isreg() else None)
    monkeypatch.setattr(datasets.CIFAR10, "url", NO_NETWORK + "cifar-10-python.tar.gz")
    monkeypatch.setenv("no_proxy", "*")
    if trusted:
        monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(archive))
    refused(vision.cifar10, root, outside)


@pytest.mark.parametrize("name", ["../../executed", "/executed", "..\\executed"])
def test_a_zip_keeps_to_its_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, outside = tmp_path / "a" / "root", tmp_path / "outside"
    archive = root / "EMNIST" / "raw" / "gzip.zip"
    archive.parent.mkdir(parents=True)
    outside.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, "evil")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, str(outside))
        file.writestr("link/executed", "evil")
    monkeypatch.setattr(datasets.EMNIST, "md5", md5(archive))
    refused(vision.emnist, root, outside)
