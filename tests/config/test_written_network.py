"""A network as text on the command line: its brackets need no quotes but those of the shell."""

from __future__ import annotations

import pytest

from snntrain.config.validate import validate
from snntrain.errors import UserError

TEXTS = (
    *("10K-N-V10", "100", "{8C3-BN-N-P2}*2-K", "[8C3-N]+-K", "[ 8C3-N | 8C3 ]!& - {N}*2 - K", "[8C3-N]&-K", "K"),
    *('"8C3-K"', "'{8C3}*2-K'"),
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_taken_as_it_is(text: str) -> None:
    (config,) = validate(["network=layers", f"network.layers={text}"])
    assert config.network.layers == text.strip("\"'")


def test_each_text_of_a_sweep_is_taken_as_it_is() -> None:
    texts = ["{8C3-N}*2-K", "[8C3-N]+-K", "16-N-K", "1e3"]
    configs = validate(["network=layers", f"network.layers={','.join(texts)}"], multirun=True)
    assert [config.network.layers for config in configs] == texts


def test_a_network_of_a_paper_can_be_changed() -> None:
    (config,) = validate(["network=plif_dvs128_gesture", "network.layers={8C3-BN-N-P2}*5-10K-N-V10"])
    assert config.network.layers == "{8C3-BN-N-P2}*5-10K-N-V10"


@pytest.mark.parametrize("value", ["null", "[8C3,16C3]", "{a:1}"])
def test_another_value_than_a_text_is_refused(value: str) -> None:
    with pytest.raises(UserError) as error:
        validate(["network=layers", f"network.layers={value}"])
    (line,) = error.value.lines
    assert "must be a text (the network as text, as in 32C3-BN-N-P2-10K-N-V10" in line


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(UserError, match="has 6,001 characters; give at most 5,000"):
        validate(["network=layers", f"network.layers={'N-' * 3000}K"])
