"""A path is read as the user means it."""

from pathlib import Path

import pytest

from snntrain.errors import UserError
from snntrain.files.paths import as_typed, user_path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that is not the working directory."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_tilde_at_the_beginning_is_the_home_folder(home: Path) -> None:
    assert user_path("~") == home
    assert user_path("~/a b/李") == home / "a b" / "李"
    assert user_path("~root/x") == Path("~root").expanduser() / "x"


@pytest.mark.parametrize("given", ["a/~", "./~/a", "$HOME/a", "a~b", "/~", "..", "${x}"])
def test_every_other_path_is_unchanged(given: str) -> None:
    assert user_path(given) == Path(given)


def test_the_home_folder_of_an_unknown_user_is_an_error_that_says_what_to_write() -> None:
    with pytest.raises(
        UserError, match=r"^out=~nobody_here/a: there is no user 'nobody_here'; write \./~nobody_here/a "
    ):
        user_path("~nobody_here/a", "out")


def test_a_file_whose_name_begins_with_a_tilde_is_taken() -> None:
    Path("~copy.png").touch()
    assert user_path("~copy.png") == Path("~copy.png")


@pytest.mark.parametrize("path", ["~/a", "~", "a", "/a", "~nobody_here", "'a'"])
def test_a_shown_path_is_read_as_the_same_path(path: str) -> None:
    assert user_path(as_typed(Path(path))).absolute() == Path(path).absolute()
