"""Folders for compiled code belong to this user alone, or are not used."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from snntrain.files import private_folder
from snntrain.files.private_folder import lasting_cache, made_private, private_cache
from snntrain.kernels.cpu.numba_alone import config, kept_privately
from snntrain.training.job import compilers


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a home folder and a temporary folder; `tmp_path` itself is below a folder that everyone can write to."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for name in ("NUMBA_CACHE_DIR", compilers.INDUCTOR, *compilers.OF_TRITON):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(config, "CACHE_DIR", "")
    private_cache.cache_clear()
    yield tmp_path
    private_cache.cache_clear()


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_the_folder_is_in_the_users_cache_and_private(place: Path) -> None:
    before = os.umask(0)
    try:
        folder = private_cache("some")
    finally:
        os.umask(before)
    assert folder == place / "home" / ".cache" / "snntrain" / "some"
    assert [mode(path) for path in (folder, *folder.parents[:2])] == [0o700] * 3
    assert lasting_cache("some") == folder


def test_xdg_cache_home_sets_the_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "xdg"))
    assert private_cache("some") == place / "xdg" / "snntrain" / "some"


def test_it_may_lie_behind_a_link_above(place: Path) -> None:
    (place / "disk").mkdir()
    (place / "home" / ".cache").symlink_to(place / "disk")
    assert private_cache("some") == place / "disk" / "snntrain" / "some"


def test_a_folder_that_others_can_read_is_closed(place: Path) -> None:
    folder = place / "home" / "some"
    folder.mkdir(mode=0o755)
    assert made_private(folder) == folder
    assert mode(folder) == 0o700


@pytest.mark.parametrize("open_to", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_not_used(place: Path, open_to: int) -> None:
    folder = place / "home" / ".cache" / "snntrain" / "some"
    folder.mkdir(parents=True)
    folder.chmod(open_to)
    assert made_private(folder) is None
    assert private_cache("some") == place / "tmp" / f"snntrain-{os.geteuid()}" / "some"
    assert mode(folder) == open_to


def test_a_folder_that_others_can_replace_is_not_used(place: Path) -> None:
    (place / "home").chmod(0o777)
    assert made_private(place / "home" / "some") is None
    (place / "home").chmod(0o1777)
    assert made_private(place / "home" / "some") == place / "home" / "some"


def test_a_folder_of_another_user_is_not_used(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = place / "home" / ".cache" / "snntrain" / "some"
    theirs.mkdir(parents=True)
    (place / "tmp" / "snntrain-12345" / "some").mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(private_folder, "_stays_in_place", lambda above: True)
    found = private_cache("some")
    assert found.parent == place / "tmp"
    assert found.name.startswith("snntrain-")
    assert not list(found.iterdir())
    assert mode(found) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_below_another_users_folder_is_not_used(place: Path) -> None:
    (place / "home" / ".cache" / "snntrain" / "some").mkdir(parents=True, mode=0o700)
    os.chown(place / "home" / ".cache", 12345, 12345)
    assert made_private(place / "home" / ".cache" / "snntrain" / "some") is None
    os.chown(place / "home" / ".cache", 0, 0)
    os.chown(place / "home" / ".cache" / "snntrain" / "some", 12345, 12345)
    assert made_private(place / "home" / ".cache" / "snntrain" / "some") is None


def test_a_link_and_a_file_are_not_used(place: Path) -> None:
    (place / "home" / "real").mkdir(mode=0o700)
    (place / "home" / "link").symlink_to(place / "home" / "real")
    (place / "home" / "lost").symlink_to(place / "home" / "nowhere")
    (place / "home" / "file").touch()
    assert [made_private(place / "home" / name) for name in ("link", "lost", "file", "file/below")] == [None] * 4


def test_without_home_or_temporary_folder_a_new_folder_is_made_and_removed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home/.cache", f"tmp/snntrain-{os.geteuid()}"):
        (place / name).touch()
    gone: list[object] = []
    monkeypatch.setattr(private_folder.atexit, "register", lambda *given, **more: gone.extend(given))
    folder = private_cache("some")
    assert folder.parent == place / "tmp"
    assert mode(folder) == 0o700
    assert str(folder) in gone
    assert lasting_cache("some") is None
    assert private_cache("some") == folder


def test_numba_keeps_its_code_there_unless_the_user_names_a_folder(place: Path) -> None:
    with kept_privately():
        assert str(place / "home" / ".cache" / "snntrain" / "numba") == config.CACHE_DIR
    assert config.CACHE_DIR == ""
    config.CACHE_DIR = "/mine"
    with kept_privately():
        assert config.CACHE_DIR == "/mine"


@pytest.mark.parametrize(
    ("torch_compiles", "device", "kept"),
    [(False, "cpu", set()), (True, "cpu", {"inductor", "triton"}), (False, "cuda", {"triton"})],
)
def test_the_compilers_of_a_run_keep_theirs_there(
    place: Path, torch_compiles: bool, device: str, kept: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"inductor": compilers.INDUCTOR, "triton": compilers.TRITON}
    for name in names.values():  # So that they are removed again.
        monkeypatch.setenv(name, "")
        del os.environ[name]
    compilers.keep_privately(torch_compiles=torch_compiles, device=device)
    cache = place / "home" / ".cache" / "snntrain"
    expected = {variable: str(cache / name) for name, variable in names.items() if name in kept}
    assert {name: os.environ[name] for name in names.values() if name in os.environ} == expected


def test_settings_of_the_user_stay(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compilers.INDUCTOR, "/mine")
    monkeypatch.setenv("TRITON_HOME", "/my")
    compilers.keep_privately(torch_compiles=True, device="cuda")
    assert os.environ[compilers.INDUCTOR] == "/mine"
    assert compilers.TRITON not in os.environ
