"""Messages of networks written as text; tests/network/grammar/test_mistakes.py has the others."""

from __future__ import annotations

from snntrain.training.job import build, world
from tests.training.jobs import configured

from .world import Case, World, line


def _layers(text: str) -> object:
    def bring_about(_: World) -> object:
        config = configured()
        config.network = {"_target_": "snntrain.network.grammar.WrittenNetwork", "layers": text}
        return build.prepare(config, world.decide(config.trainer))

    return bring_about


CASES: dict[str, Case] = {
    "a word that is not a layer": (
        _layers("8C3-BN-PLIF-K"),
        ("network: WrittenNetwork: PLIF at column 8 of layers", "is not a layer", "write N"),
    ),
    "images too small for a pool": (
        _layers("{8C3-BN-N-P2}*4-K"),
        ("P2 at column 11 of layers", "is larger than the images of 1x1", "leave it out"),
    ),
    "another number than the classes": (
        _layers("11-N"),
        ("11 at column 1 of layers", "the classes need 10 neurons", "write K"),
    ),
    "a list in place of a text": (
        line("network=layers network.layers=[8C3,K]"),
        ("network.layers=[8C3,K]", "must be a text", "as in 32C3-BN-N-P2-10K-N-V10"),
    ),
    "several texts without a sweep": (
        line("network=layers network.layers=8-N-K,16-N-K"),
        ("network.layers=8-N-K,16-N-K", "several values", "add -m to sweep over them"),
    ),
}
