"""The command line as a separate process, and the user's own neuron of docs/extending.md."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
OWN_FILES = {"mypkg.py": "# mypkg.py\n", "my_conf/neuron/leaky.yaml": "# my_conf/neuron/leaky.yaml\n"}
# A shell makes a program that it starts in the background ignore Ctrl-C.
MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from snntrain.cli.main import main
main()
"""


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts the command line in `tmp_path`."""

    def start(*argv: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", MAIN, *argv]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture
def own_neuron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Put the page's module and config folder into `tmp_path`; return the arguments that select them."""
    blocks = re.findall(r"```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for name, first_line in OWN_FILES.items():
        (text,) = (block for block in blocks if block.startswith(first_line))
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.delitem(sys.modules, "mypkg", raising=False)
    return "--config-dir", "my_conf", "allow_targets=[mypkg]"
