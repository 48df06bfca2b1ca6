"""A typed value is taken as it was meant, or the message shows the word to type."""

import shlex
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snntrain.config import words
from snntrain.config.validate import validate
from snntrain.errors import UserError

LITERAL = {
    "another script": "李明",
    "a number sign": "#1",
    "an apostrophe": "it's",
    "an equals sign": "lr=3",
    "brackets": "run (2)",
    "a call of nothing": "run(2)",
    "an index": "a[1]",
    "a Windows path": "C:\\runs",
    "an emoji of several letters": "👩‍💻",
    "a tilde": "~",
    "a number with zeros": "1.10",
    "a date": "2024_01_02",
    "a number in another notation": "1e5",
    "a truth value": "true",
    "spaces": "a b",
    "colons": "12:30",
    "a percent sign": "50%",
    "an ampersand": "a&b!",
}


@pytest.mark.parametrize("text", LITERAL.values(), ids=LITERAL)
def test_a_text_needs_no_quotes(text: str) -> None:
    (config,) = validate([f"name={text}"])
    assert config.name == text


# Without the comma, which makes a sweep, brackets and quotes, which open something, and backslash and dollar, which
# have a meaning in the grammar.
SIGNS = "~#@!%&;:<>^|*?+-_./= "


@given(st.text(st.one_of(st.sampled_from(string.ascii_letters + string.digits + SIGNS), st.sampled_from("é李🧠ß"))))
def test_a_text_of_harmless_letters_is_taken_literally(text: str) -> None:
    meant = text.strip(" ")
    if meant.lower() == "null" or meant.startswith("="):
        return
    assert read_as_name(text) == meant


@given(st.text())
def test_any_text_is_read_or_refused_with_a_word_that_gives_it(text: str) -> None:
    try:
        words.read(f"name={text}")
    except UserError as error:
        (line,) = error.lines
        # A line shows unprintable characters in another way.
        if " or 'name=" in line and "…" not in line and text.isprintable():
            (word,) = shlex.split(line.partition(", or ")[2].removesuffix(" if that is the text"))
            assert read_as_name(word.removeprefix("name=")) == text


def read_as_name(text: str) -> str:
    """Return the name that Hydra reads from the word."""
    override = words._parser().parse_override(words.read(f"name={text}"))
    assert not override.is_sweep_override()
    return str(override.value())


UNCHANGED = (
    *("T=8", "seed=1_000", "neuron.clamp=null", "network.hidden=[1,2]", "optimizer.betas=[0.9, 0.999]", "neuron=lif"),
    *("T=1,2", "seed=range(3)", "T=choice(1,2)", "name='#1'", 'name="a,b"', "name=${seed}", "~T", "+x={a:1}", "name="),
    *("dataset.root=/data", "hydra.run.dir=runs/${now:%Y}", "trainer.epochs=1e3"),
)


@pytest.mark.parametrize("word", UNCHANGED)
def test_words_that_hydra_reads_correctly_are_left_unchanged(word: str) -> None:
    assert words.read(word) == word


def test_each_value_of_a_sweep_needs_no_quotes() -> None:
    configs = validate(["name=李,#2,1.10"], multirun=True)
    assert [config.name for config in configs] == ["李", "#2", "1.10"]


def test_the_home_folder_is_expanded_in_folders_that_hydra_creates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for key in ("run", "sweep"):
        for value in ("~/${now:%Y}", "'~/${now:%Y}'"):
            assert words.read(f"hydra.{key}.dir={value}") == f'hydra.{key}.dir="/home/me/${{now:%Y}}"'
    assert words.read("hydra.run.dir=~") == 'hydra.run.dir="/home/me"'
    # Each machine expands the data root by itself.
    assert words.read("dataset.root=~/sets") == 'dataset.root="~/sets"'


@pytest.mark.parametrize("text", [*LITERAL.values(), "a,b", "'a'", "null", "[a]", "", "choice(1,2)", "=a"])
def test_the_word_for_a_text_gives_that_text(text: str) -> None:
    override = words._parser().parse_override(words.read(words.assigned("name", text)))
    assert override.value() == text


REFUSED = {
    "dataset.root=x,y": "add -m to sweep over them, or write 'dataset.root=\"x,y\"' for one value",
    "name=Hello, 世界": "or write 'name=\"Hello, 世界\"' for one value",
    "name='a": "'name=\"'\"'\"'a\"' if that is the text",
    "name=a,": "'name=\"a,\"' if that is the text",
    "name==a": "write name=a with one equals sign, or 'name=\"=a\"' if that is the text",
    "T==3": "write T=3 with one equals sign",
    "monitor.layers=[层1,out*]": "write 'monitor.layers=[\"层1\",out*]'",
    "network.hidden=[3": "write key=value with brackets that are closed, as in 'network.hidden=[a,b]'",
    "T": "write key=value, as in T=8",
    "нейрон=lif": "with a key of the letters a to z",
    "name=\x00": "a value holds no control characters",
    "hydra.run.dir=~nobody_here/a": "there is no user 'nobody_here'",
    "optimizer.lr=" + "9" * 5000: "it is too long",
}


@pytest.mark.parametrize("word", REFUSED, ids=range(len(REFUSED)))
def test_a_meaningless_word_is_refused_with_the_word_to_type(word: str) -> None:
    with pytest.raises(UserError) as error:
        validate([word])
    (line,) = error.value.lines
    assert REFUSED[word] in line


@pytest.mark.parametrize(
    ("split", "whole"),
    [
        (["network.channels=[16,", "32]"], "'network.channels=[16, 32]'"),
        (["network.hidden=[1,", "2,", "3]"], "'network.hidden=[1, 2, 3]'"),
        (["T=choice(1,", "2)"], "'T=choice(1, 2)'"),
        (['name="a', 'b"'], "'name=\"a b\"'"),
    ],
)
def test_a_word_that_the_shell_has_split_is_joined(split: list[str], whole: str) -> None:
    with pytest.raises(UserError) as error:
        validate(["T=0", *split, "seed=-1"])
    first, *others = error.value.lines
    assert first.endswith(f"the shell has split it into {len(split)} words; quote all of it: {whole}")
    # The words around it are checked as usual.
    assert [line.partition(":")[0] for line in others] == ["T=0", "seed=-1"]


def test_messages_show_a_value_as_it_was_typed() -> None:
    with pytest.raises(UserError, match=r"^T=#1: must be a whole number"):
        validate(["T=#1"])
    with pytest.raises(UserError, match=r"^neuron=李: no neuron '李'; there are adlif"):
        validate(["neuron=李"])


@pytest.mark.parametrize("word", ["+experiment=plif_mnist", "+neuron=lif", "++debug=smoke"])
def test_an_option_of_an_existing_group_needs_no_plus(word: str) -> None:
    with pytest.raises(UserError) as error:
        validate([word])
    key, bare = word.lstrip("+").partition("=")[0], word.lstrip("+")
    assert error.value.lines == (f"{word}: {key} is chosen already; leave the + out, {bare}",)


def test_a_missing_primary_config_is_reported_with_the_existing_ones(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [config, _self_]\n")
    assert validate([], config_name="mine", config_dir=str(tmp_path))[0].T == 4
    with pytest.raises(UserError) as error:
        validate([], config_name="mien", config_dir=str(tmp_path))
    (line,) = error.value.lines
    assert line.startswith("--config-name mien: there is no mien.yaml in ")
    assert f"{tmp_path}; there are config, mine (did you mean mine?)" in line
