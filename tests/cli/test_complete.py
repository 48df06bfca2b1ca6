"""The words that the tab key offers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from snntrain.cli.complete import completions
from tests.conftest import Outcome


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("snntrain neuron=p", ["neuron=plif", "neuron=psn"]),
        ("snntrain -m T=1,2 neuron=l", ["neuron=lif"]),
        ("snntrain neuron=rif neuron.init", ["neuron.init_w="]),
        ("snntrain trainer.ep", ["trainer.epochs="]),
        ("snntrain ev", ["eval"]),
        ("snntrain resume=l", ["resume=latest"]),
        ("snntrain doc", ["doctor"]),
        ("snntrain data sh", ["shd", "show"]),
        ("snntrain doctor neuron=l", ["neuron=lif"]),
        ("snntrain rep", ["report"]),
        ("snntrain report out", ["out="]),
        ("snntrain report no/where", []),
        ("snntrain --config-d", ["--config-dir"]),
        ("snntrain sch", ["scheduler.", "scheduler="]),
        ("snntrain schema/", []),
        ("snntrain eval run=a checkpoint=", ["checkpoint=best", "checkpoint=last"]),
        ("snntrain eval run=a reset=", ["reset=hard", "reset=soft"]),
        ("snntrain eval run=", ["run=latest"]),
        ("snntrain ins", ["inspect"]),
        ("snntrain inspect run=a layer=conv* sa", ["sample="]),
        ("snntrain inspect run=a checkpoint=best layer=a,b monitor.sam", ["monitor.samples="]),
        ("snntrain T=[ neuron=", []),
        ("snntrain --nonsense neuron=", []),
        ("snntrain --config-dir", ["--config-dir"]),
        ("", []),
    ],
)
def test_a_line_is_completed_by_what_fits_or_by_nothing(
    line: str, offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = completions(line)
    assert found == offered if line else offered in (found, [])
    assert capsys.readouterr() == ("", "")


def test_a_new_word_can_be_any_group_but_not_a_schema() -> None:
    found = completions("snntrain ")
    assert {"neuron=", "dataset=", "T=", "trainer."} <= set(found)
    assert not [word for word in found if word.startswith("schema")]


def test_the_runs_of_the_folder_can_be_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = ("outputs/2026-01-01/12-00-00-abcd", "multirun/2026-01-01/12-00-00-abcd/0_T=1")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "summary.json").touch()
    assert completions("snntrain eval run=") == sorted(f"run={folder}" for folder in ("latest", *folders))
    assert completions("snntrain eval T=8 run=out") == [f"run={folders[0]}"]


def test_any_folder_can_be_reported_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "multirun" / "2026-01-01").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").touch()
    assert completions("snntrain report ") == ["metric=", "multirun/", "out="]
    assert completions("snntrain report multirun/20") == ["multirun/2026-01-01/"]
    assert completions(f"snntrain report {tmp_path}/m") == [f"{tmp_path}/multirun/"]


def test_options_of_the_users_own_are_offered(tmp_path: Path) -> None:
    (tmp_path / "neuron").mkdir()
    (tmp_path / "neuron" / "mine.yaml").write_text("_target_: mine.Node\n")
    assert completions(f"snntrain --config-dir {tmp_path} neuron=m") == ["neuron=mine"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_each_shell_works(
    shell: str, snntrain: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = snntrain("--shell-completion", f"install={shell}")
    assert installed.status == 0
    assert "-sc query=" in installed.out
    monkeypatch.setenv("COMP_LINE", "snntrain reset=")
    assert snntrain("-sc", f"query={shell}") == Outcome(0, "reset=hard\nreset=soft\n", "")
