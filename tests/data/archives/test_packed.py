"""Sets in archives: downloaded from a server of this machine, checked, unpacked and put there whole or not at all."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from snntrain.data.archives import http, unpack
from snntrain.data.archives.archive import Archive
from snntrain.data.download import obtain, only_read
from snntrain.data.source import Packed
from snntrain.errors import UserError

CONTENT = {"Train/0/1.bin": b"one", "Train/1/2.bin": b"two", "notes.txt": b"no data"}


class Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class Wall(BaseHTTPRequestHandler):
    """A server that answers with no bytes, or with fewer than it promises."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0" if "empty" in self.path else "1000")
        self.end_headers()
        if "empty" not in self.path:
            self.wfile.write(b"half")

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def serving(handler: type[BaseHTTPRequestHandler] | partial[SimpleHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "server").mkdir()
    yield from serving(partial(Files, directory=str(tmp_path / "server")))


@pytest.fixture
def wall() -> Iterator[str]:
    yield from serving(Wall)


def archive(path: Path, content: dict[str, bytes] | None = None) -> str:
    """Write a zip; return its checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in (CONTENT if content is None else content).items():
            file.writestr(name, data)
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def place(md5: str, *urls: str) -> Packed:
    return Packed("set", "SET", ("Train",), (Archive("Train.zip", "Train", md5, urls),), "https://example.org/page")


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


DONE = ["SET", "SET/Train", "SET/Train/0", "SET/Train/0/1.bin", "SET/Train/1", "SET/Train/1/2.bin"]


def test_a_set_is_downloaded_and_only_its_files_are_kept(server: str, tmp_path: Path) -> None:
    md5 = archive(tmp_path / "server" / "Train.zip")
    folder = obtain(place(md5, f"{server}/Train.zip"), tmp_path / "new" / "root")
    assert folder == tmp_path / "new" / "root" / "SET"
    assert everything(tmp_path / "new" / "root") == DONE
    assert (folder / "Train/1/2.bin").read_bytes() == b"two"


def test_an_archive_in_the_folder_is_used_without_a_network_and_stays(tmp_path: Path) -> None:
    md5 = archive(tmp_path / "root" / "SET" / "Train.zip")
    obtain(place(md5, "http://127.0.0.1:9/Train.zip"), tmp_path / "root")
    assert everything(tmp_path / "root") == sorted([*DONE, "SET/Train.zip"])


def test_an_archive_with_another_checksum_is_refused(server: str, tmp_path: Path) -> None:
    archive(tmp_path / "server" / "Train.zip")
    right = hashlib.md5(b"another").hexdigest()
    with pytest.raises(UserError, match=rf"the MD5 checksum of Train\.zip is \w+, not {right}"):
        obtain(place(right, f"{server}/Train.zip"), tmp_path / "root")
    archive(tmp_path / "root" / "SET" / "Train.zip")
    with pytest.raises(UserError, match=rf"the MD5 checksum of Train\.zip is \w+, not {right}"):
        obtain(place(right), tmp_path / "root")
    assert everything(tmp_path / "root") == ["SET", "SET/Train.zip"]


def test_the_next_address_is_tried(server: str, wall: str, tmp_path: Path) -> None:
    md5 = archive(tmp_path / "server" / "Train.zip")
    urls = (f"{server}/none.zip", f"{wall}/empty", f"{wall}/half", "http://127.0.0.1:9/", f"{server}/Train.zip")
    obtain(place(md5, *urls), tmp_path / "root")
    assert everything(tmp_path / "root") == DONE


def test_the_reason_of_each_address_and_the_page_are_named(server: str, wall: str, tmp_path: Path) -> None:
    urls = (f"{server}/none.zip", f"{wall}/empty", f"{wall}/half")
    with pytest.raises(UserError) as error:
        obtain(place("0" * 32, *urls), tmp_path / "root")
    (line,) = error.value.lines
    assert f"dataset=set: {tmp_path / 'root' / 'SET'} lacks Train and the download failed" in line
    assert "/none.zip: File not found" in line or "/none.zip: HTTP Error 404" in line
    assert "/empty: the server sent 0 bytes" in line
    assert "/half: " in line
    assert "download Train.zip from https://example.org/page into that folder" in line
    assert not (tmp_path / "root").exists()


def test_a_hostile_archive_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "root" / "SET" / "Train.zip"
    md5 = archive(path, {"Train/0/1.bin": b"one", "Train/../../../executed": b"evil"})
    with pytest.raises(UserError, match=r"which would lead out of its folder"):
        obtain(place(md5), tmp_path / "root")
    assert everything(tmp_path) == ["root", "root/SET", "root/SET/Train.zip"]


def test_an_archive_of_another_set_is_refused(tmp_path: Path) -> None:
    md5 = archive(tmp_path / "SET" / "Train.zip", {"Testing/1.bin": b""})
    with pytest.raises(UserError, match=r"Train\.zip does not hold Train"):
        obtain(place(md5), tmp_path)
    assert everything(tmp_path) == ["SET", "SET/Train.zip"]


def test_an_interrupted_unpacking_leaves_nothing_that_looks_like_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5 = archive(tmp_path / "SET" / "Train.zip")
    write = unpack._write

    def interrupted(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(unpack, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        obtain(place(md5), tmp_path)
    assert everything(tmp_path) == ["SET", "SET/Train.zip"]


def test_a_larger_answer_than_any_archive_is_cut_off(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5 = archive(tmp_path / "server" / "Train.zip")
    monkeypatch.setattr(http, "MOST_BYTES", 10)
    with pytest.raises(UserError, match="it has more than 0 GB"):
        obtain(place(md5, f"{server}/Train.zip"), tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_folder_that_another_process_has_put_there_is_kept(tmp_path: Path) -> None:
    md5 = archive(tmp_path / "SET" / "Train.zip")
    own = tmp_path / "SET" / "Train" / "0"
    packed = place(md5)
    assert packed.missing(tmp_path) == ["Train"]
    own.mkdir(parents=True)
    (own / "1.bin").write_bytes(b"theirs")
    (tmp_path / "staging").mkdir()
    packed._unpack(packed.archives[0], tmp_path / "SET", tmp_path / "staging")
    assert (own / "1.bin").read_bytes() == b"theirs"


def test_nothing_is_unpacked_below_a_root_that_only_a_file_names(tmp_path: Path) -> None:
    md5 = archive(tmp_path / "SET" / "Train.zip")
    with only_read(str(tmp_path), Path("config.yaml")), pytest.raises(UserError, match="nothing is downloaded there"):
        obtain(place(md5), tmp_path)
    assert everything(tmp_path) == ["SET", "SET/Train.zip"]
