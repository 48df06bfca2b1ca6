"""Servers in the documents' commands listen to this machine alone."""

import argparse
import re
from pathlib import Path

import pytest
from tensorboard.plugins.core.core_plugin import CorePluginLoader

from snntrain.cli import doctor, evaluate, help, inspect, report

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "scripts/**/*.py", "scripts/**/*.sh")
    for path in ROOT.glob(pattern)
]
# Programs that serve, and the flag that limits them to this machine; None if they are limited without one.
SERVERS = {
    r"tensorboard\b": None,
    r"-m\s+http\.server": r"(-b|--bind)[ =](localhost|127\.0\.0\.1)",
    r"jupyter\b": None,
    r"(uvicorn|gunicorn|flask run|streamlit run|mlflow (ui|server))\b": r"(localhost|127\.0\.0\.1)",
}
OPEN = re.compile(
    r"--bind_all|--ip[ =](?!localhost|127)|--host[ =](?!localhost|127\.0\.0\.1)|0\.0\.0\.0|\[?::\]?(?=\s|:|$)"
)


def commands() -> dict[str, str]:
    """Return every line that starts with a command of a server, by its place in the document."""
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in DOCUMENTS}
    texts["snntrain --help"] = help.HEAD + help.REST
    texts |= {f"snntrain {m.__name__.rpartition('.')[2]} --help": m.HELP for m in (doctor, evaluate, inspect, report)}
    starts = re.compile(rf"^[\s$`(]*(?:\S*python3?\s+|nohup\s+)?({'|'.join(SERVERS)})\s+-.*$", re.MULTILINE)
    return {f"{name}: {found[0].strip()}": found[0] for name, text in texts.items() for found in starts.finditer(text)}


def test_there_are_servers_to_look_at() -> None:
    assert any(name.startswith("README.md: tensorboard") for name in commands())
    assert any(name.startswith("snntrain --help: tensorboard") for name in commands())


@pytest.mark.parametrize("name", commands())
def test_a_server_of_the_documents_is_for_this_machine_alone(name: str) -> None:
    command = commands()[name]
    assert not OPEN.search(command.partition("#")[0])
    for server, needed in SERVERS.items():
        if needed and re.search(server, command):
            assert re.search(needed, command)


def test_tensorboard_listens_to_this_machine_alone_unless_it_is_asked() -> None:
    parser = argparse.ArgumentParser()
    CorePluginLoader().define_flags(parser)
    flags = parser.parse_args(["--logdir", "outputs"])
    assert (flags.host, flags.bind_all) == (None, False)
    host = next(action for action in parser._actions if "--host" in action.option_strings)
    assert host.help is not None
    assert "default: localhost" in host.help
