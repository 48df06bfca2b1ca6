"""The tab key in a real bash: its offers stay text, whatever the names of folders and files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snntrain.cli.complete import completions

from .fuzz import Tried

# Each creates the file `executed`, or does something else, if a shell reads it as more than a word.
NAMES = (
    "$(touch executed)",
    "`touch executed`",
    "a$(touch executed)",
    "${x:=$(touch executed)}",
    "$((a[$(touch executed)]))",
    "a;touch executed",
    "a|touch executed",
    "a&touch executed",
    "a\ntouch executed",
    "<(touch executed)",
    ">executed",
    "a b",
    "a\tb",
    "'",
    '"',
    "\\",
    "*",
    "?",
    "[a-z]*",
    "{a,b}",
    "~",
    "!!",
    "#",
    "(a)",
    "a\u00a0b",
    "a\u202eb",
    "a\x1b[2Jb",
    "a\x07b",
    os.fsdecode(b"a\xffb"),
)
PLAIN = ("12-00-00-abcd", "0_T=1,seed=2", "a@b+c%d:e", "größe", "李明")
BASH = shutil.which("bash")
# Install the completion as a user does, and call it as bash does at a tab.
ASK = """
eval "$(snntrain --shell-completion install=bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1) COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
[[ $1 == *' ' ]] && COMP_CWORD=$(( COMP_CWORD + 1 ))
hydra_bash_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(line: str, folder: Path) -> list[str]:
    """Return the words that bash offers for the command `line`, given in `folder`."""
    assert BASH is not None
    Tried.cases += 1
    root = str(Path(__file__).parents[2])
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": root,
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [BASH, "--norc", "-c", ASK, "bash", line], cwd=folder, env=environment, capture_output=True, timeout=60
    )
    return [word for word in os.fsdecode(done.stdout).split("\n") if word]


def run_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "summary.json").touch()


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize("command", ["resume=outputs", "eval run=outputs", "inspect run=outputs"])
def test_names_of_runs_execute_nothing_and_plain_ones_are_offered(command: str, canary: Path) -> None:
    for name in (*NAMES, *PLAIN):
        run_folder(canary.parent / "outputs" / "day" / name)
        run_folder(canary.parent / "outputs" / f"{name}" / "run")
    key = command.split()[-1].partition("=")[0]
    days = {"day": PLAIN} | dict.fromkeys(PLAIN, ("run",))
    expected = sorted(f"{key}=outputs/{day}/{name}" for day, names in days.items() for name in names)
    assert sorted(offered(f"snntrain {command}", canary.parent)) == expected


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_names_of_folders_execute_nothing_and_plain_ones_are_offered(canary: Path) -> None:
    below = canary.parent / "below"
    for name in (*NAMES, *PLAIN):
        (below / name).mkdir(parents=True)
    assert sorted(offered("snntrain report below/", below.parent)) == sorted(f"below/{name}/" for name in PLAIN)


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.slow
def test_options_and_keys_of_a_config_folder_execute_nothing(canary: Path) -> None:
    own = canary.parent / "conf" / "neuron"
    own.mkdir(parents=True)
    for name in (*NAMES, "mine"):
        (own / f"{name}.yaml").write_text("_target_: mine.Node\n'$(touch executed)': 1\nleak: 1\n")
    assert offered("snntrain --config-dir conf neuron=", canary.parent) == [
        *("neuron=if", "neuron=lif", "neuron=mine", "neuron=plif", "neuron=rif"),
    ]
    assert offered("snntrain --config-dir conf neuron=mine neuron.", canary.parent) == [
        *("neuron._target_=", "neuron.leak="),
    ]
    for command in ("snntrain hydra.run.", "snntrain report ", "snntrain ", "snntrain T=[ neuron=", "snntrain x=./"):
        offered(command, canary.parent)


@pytest.mark.parametrize("name", NAMES)
def test_a_word_that_a_shell_would_interpret_is_left_out(name: str, canary: Path) -> None:
    Tried.cases += 1
    (canary.parent / "below" / name).mkdir(parents=True)
    assert completions("snntrain report below/") == []


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_word_is_offered(name: str, canary: Path) -> None:
    (canary.parent / name).mkdir()
    assert completions(f"snntrain report {name[:1]}") == [f"{name}/"]
