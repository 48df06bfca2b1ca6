"""The commit of the working directory is read as text: no program of the repository runs, and nothing waits for one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from snntrain.runs import git
from tests.conftest import TINY, run_in

from .fuzz import Tried

COMMIT, OTHER = "0123456789abcdef" * 2 + "01234567", "f" * 64
NAMES = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a"}
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no Git")


def run(folder: Path, *arguments: str) -> str:
    environment = os.environ | NAMES | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(canary: Path) -> Path:
    """Return a repository with one commit."""
    folder = canary.with_name("checkout")
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    (folder / "file").write_text("a")
    run(folder, "add", ".")
    run(folder, "commit", "-qm", "first")
    return folder


def git_folder(canary: Path, head: str = "ref: refs/heads/main\n") -> Path:
    """Return a checkout with a `.git` folder written by hand."""
    place = canary.with_name(".git")
    (place / "refs" / "heads").mkdir(parents=True)
    (place / "HEAD").write_text(head)
    return place


@needs_git
@pytest.mark.parametrize(
    "change",
    [
        (),
        ("pack-refs", "--all"),
        ("checkout", "-q", "--detach"),
        ("checkout", "-qb", "a/branch"),
        ("symbolic-ref", "refs/heads/alias", "refs/heads/main"),
    ],
    ids=["a branch", "packed", "a commit", "a branch in a folder", "a name of a branch"],
)
def test_it_is_what_git_says(change: tuple[str, ...], checkout: Path) -> None:
    if change:
        run(checkout, *change)
    (checkout / "below").mkdir()
    assert git.commit(checkout) == git.commit(checkout / "below") == run(checkout, "rev-parse", "HEAD")
    assert git.commit(checkout.parent) is None


@needs_git
def test_a_worktree_has_a_commit_of_its_own(checkout: Path) -> None:
    run(checkout, "worktree", "add", "-q", "../other", "-b", "other")
    (checkout / "file").write_text("b")
    run(checkout, "commit", "-qam", "second")
    for folder in (checkout, checkout.with_name("other")):
        assert git.commit(folder) == run(folder, "rev-parse", "HEAD")
    run(checkout, "pack-refs", "--all")
    assert git.commit(checkout.with_name("other")) == run(checkout.with_name("other"), "rev-parse", "HEAD")


@needs_git
def test_a_run_runs_nothing_of_the_repository(checkout: Path, canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for key in ("core.fsmonitor", "filter.x.clean", "core.sshCommand", "diff.external"):
        run(checkout, "config", key, f"touch {canary}; false")
    (checkout / ".gitattributes").write_text("* filter=x\n")
    (checkout / "file").write_text("b")
    bare = checkout / "bare"
    for name in ("objects", "refs"):
        (bare / name).mkdir(parents=True)
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    (bare / "config").write_text(
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {bare}\n\tfsmonitor = touch {canary}\n"
    )
    for folder in (checkout, bare):
        monkeypatch.chdir(folder)
        assert git.commit(folder) == git.commit(checkout)
        assert run_in(folder, *TINY, "hydra.run.dir=run") == 0
        assert not canary.exists()


HEADS: dict[str, str] = {
    "a word": "main\n",
    "a short commit": COMMIT[:12],
    "a commit and more": f"{COMMIT}\n\x1b[2J",
    "a path": "ref: /etc/passwd\n",
    "a path upwards": "ref: refs/heads/../../../secret\n",
    "a branch that is not there": "ref: refs/heads/none\n",
    "nothing": "",
    "zeros": "\0" * 100,
    "a long line": "a" * 10**6,
    "a name of nothing": "ref: refs/heads/\0\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_other_content_is_not_a_commit(head: str, canary: Path) -> None:
    Tried.cases += 1
    git_folder(canary, head)
    canary.with_name("secret").write_text(f"{COMMIT}\n")
    assert git.commit(canary.parent) is None


def test_a_commit_may_have_64_digits(canary: Path) -> None:
    git_folder(canary, f"{OTHER}\n")
    assert git.commit(canary.parent) == OTHER


def test_branches_that_name_each_other_have_no_commit(canary: Path) -> None:
    place = git_folder(canary)
    (place / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")
    assert git.commit(canary.parent) is None


@pytest.mark.parametrize("name", ["HEAD", "refs/heads/main", "packed-refs", "commondir"])
@pytest.mark.parametrize("kind", ["a pipe", "a device", "holes", "a folder", "a circle"])
def test_a_file_without_end_is_not_waited_for(name: str, kind: str, canary: Path) -> None:
    Tried.cases += 1
    file = git_folder(canary) / name
    file.unlink(missing_ok=True)
    if kind == "a pipe":
        os.mkfifo(file)
    elif kind == "a folder":
        file.mkdir()
    elif kind == "holes":
        with file.open("wb") as opened:
            opened.truncate(3 * 10**12)
    else:
        file.symlink_to("/dev/zero" if kind == "a device" else file)
    assert git.commit(canary.parent) is None


@pytest.mark.parametrize(
    "content", ["gitdir: /dev", "gitdir: /proc/self/fd", "gitdir: ../../../../etc", "gitdir: .git", "", "x" * 10**6]
)
def test_a_worktree_of_anything_has_no_commit(content: str, canary: Path) -> None:
    Tried.cases += 1
    canary.with_name(".git").write_text(content)
    assert git.commit(canary.parent) is None


def test_a_pipe_in_the_place_of_a_repository_is_not_waited_for(canary: Path) -> None:
    os.mkfifo(canary.with_name(".git"))
    assert git.commit(canary.parent) is None
