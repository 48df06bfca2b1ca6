from pathlib import Path

import pytest

from snntrain.data.root import data_root


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNTRAIN_DATA", "/from/environment")
    monkeypatch.setenv("XDG_CACHE_HOME", "/from/cache")


def test_the_config_key_comes_first() -> None:
    assert data_root("/from/config") == Path("/from/config")


def test_the_environment_variable_comes_second() -> None:
    assert data_root(None) == Path("/from/environment")


def test_an_empty_environment_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNTRAIN_DATA", "")
    assert data_root(None) == Path("/from/cache/snntrain/data")


def test_the_cache_folder_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNTRAIN_DATA")
    assert data_root(None) == Path("/from/cache/snntrain/data")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_root(None) == Path.home() / ".cache" / "snntrain" / "data"


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_root("~/sets") == Path.home() / "sets"
    monkeypatch.setenv("SNNTRAIN_DATA", "~/others")
    assert data_root(None) == Path.home() / "others"
