"""The help text names every option and key, and the allowed values."""

from dataclasses import fields, is_dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from snntrain.cli.help import WIDTH, help_text
from snntrain.config import schema
from snntrain.config.compose import CONF


@pytest.fixture(scope="module")
def text() -> str:
    return help_text()


def described(text: str, key: str) -> str:
    """Return the lines of a key as one; a key with a meaning per option starts several times."""
    lines = text.splitlines()
    said = []
    for first in (n for n, line in enumerate(lines) if line.startswith(f"  {key}=")):
        said.append(lines[first])
        said += [line.strip() for line in takewhile(lambda line: line.startswith(" " * 40), lines[first + 1 :])]
    assert said
    return " ".join(" ".join(said).split())


def test_every_option_of_every_group_is_listed(text: str) -> None:
    words = set(text.replace(",", " ").replace("[", " ").replace("]", " ").replace("=", " ").split())
    for file in CONF.glob("*/*.yaml"):
        assert {file.parent.name, file.stem} <= words


def test_every_key_is_listed(text: str) -> None:
    for path, declared in schema.SCHEMAS.items():
        prefix = "" if path == "config" else f"{path.partition('/')[0]}."
        prefix = prefix.replace("launcher.", "hydra.launcher.")
        for field in fields(declared):
            is_subtree = isinstance(field.type, type) and is_dataclass(field.type)
            if field.name != "_target_" and not is_subtree and (prefix or field.type is not Any):
                assert f"  {prefix}{field.name}=" in text


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("T", "T=4 time steps (>= 1)"),
        ("seed", "(>= 0 and < 4294967296)"),
        ("optimizer.lr", "optimizer.lr=0.001 learning rate (> 0)"),
        ("trainer.precision", "(one of auto, fp32, tf32, bf16, fp16)"),
        ("trainer.clip_grad_norm", "trainer.clip_grad_norm=null"),
        ("dataset.augment.translate", "(>= 0 and < 1)"),
        ("neuron.tau", "lif: membrane time constant"),
        ("optimizer.betas", "all but rmsprop, sgd: "),
        ("scheduler.warmup", "share of the run in which the learning rate rises in a line, from lr/(1 + steps"),
        ("scheduler.warmup", "onecycle: share of the run in which the learning rate rises, from lr/25"),
        ("trainer.limit_batches", "of training and of validation each"),
        ("trainer.early_stopping", "validation (accuracy, then loss)"),
    ],
)
def test_a_key_shows_its_default_its_meaning_and_its_allowed_values(key: str, said: str, text: str) -> None:
    assert said in described(text, key)


def test_the_default_option_stands_in_brackets(text: str) -> None:
    assert "  neuron=adlif, cuba, if, lif, [plif], psn, rif, sliding_psn\n" in text
    assert "  debug=overfit, smoke\n" in text


def test_it_can_be_read_in_120_columns(text: str) -> None:
    assert WIDTH == 120
    assert max(map(len, text.splitlines())) <= 120


def test_options_of_the_users_own_are_listed_with_ours(tmp_path: Path) -> None:
    (tmp_path / "neuron").mkdir()
    (tmp_path / "neuron" / "slow.yaml").write_text(
        "defaults: [/schema/neuron/lif@_here_, _self_]\n_target_: snntrain.neuron.LIFNode\nv_threshold: 1\ntau: 20\n"
    )
    (tmp_path / "neuron" / "mine.yaml").write_text("_target_: mine.Node\nleak: 1\n")
    text = help_text(str(tmp_path))
    assert "  neuron=adlif, cuba, if, lif, mine, [plif], psn, rif, sliding_psn, slow\n" in text
    assert "lif, slow: membrane time constant" in text


def test_ready_made_choices_for_a_part_of_a_group_are_listed(text: str) -> None:
    _, _, choices = text.partition("  dataset.augment=…")
    assert "the name of a choice: cifar, dvs_wide, none, sew_gesture, spikformer, trivial" in " ".join(choices.split())
    assert "  dataset.augment.shear=0.0 " in text
    assert "null" not in next(line for line in text.splitlines() if line.startswith("  dataset.augment.roll="))
