"""A text with a mistake is refused with a message that points at the token and says what to write."""

from __future__ import annotations

import pytest

from snntrain.network.grammar import words
from snntrain.network.grammar.tokens import LONGEST_TEXT, tokens

from .texts import DIGITS, UNITS, refused, written

MISTAKES = {
    # text: the token, its column, and words of the reason
    "": ("the end", 1, "a layer must stand here"),
    "  ": ("the end", 3, "a layer must stand here"),
    "8C3-": ("the end", 5, "a layer must stand here"),
    "8C3--K": ("-", 5, "the layers are 128C3 (convolution)"),
    "{}*2-K": ("}", 2, "a layer must stand here"),
    "[8C3|]+-K": ("]", 6, "a layer must stand here"),
    "8C3 BN-K": ("BN", 5, "write - between two layers"),
    "8C3(2)-K": ("(", 4, "has no meaning here; write { and }, or [ and ]"),
    "8C3\u2013K": ("\u2013", 4, "has no meaning here; write -"),
    "{8C3}\u00d72-K": ("\u00d7", 6, "has no meaning here; write *"),
    "8C3@-K": ("@", 4, "use letters, digits"),
    "8C3-\x1b-K": ("\\x1b", 5, "has no meaning here"),
    # brackets
    "{8C3-N-K": ("{", 1, "is not closed; write }*2"),
    "[8C3-N-K": ("[", 1, "is not closed; write ]+"),
    "8C3}*2-K": ("}", 4, "closes a bracket that was not opened"),
    "[8C3}*2-K": ("}", 5, "does not close [ at column 1; write ]"),
    "{8C3]+-K": ("]", 5, "does not close { at column 1; write }"),
    "{8C3}-K": ("-", 6, "the number of repetitions is missing after }"),
    "{8C3}*N-K": ("N", 7, "is not a number of repetitions"),
    "{8C3}*": ("the end", 7, "is not a number of repetitions"),
    "{8C3}*0-K": ("0", 7, "repetitions = 0: give 1 to 1,000"),
    "[8C3]-K": ("-", 6, "is not the join that ] needs; write ]+ (sum)"),
    "[8C3]!-K": ("!", 6, "is not the join that ] needs"),
    "[8C3]!+-K": ("!", 6, "is not the join that ] needs"),
    "8C3|8C3-K": ("|", 4, "write [body | shortcut]+"),
    "[{8C3|8C3}*2]+-K": ("|", 6, "write [body | shortcut]+"),
    "[8C3|8C3|8C3]+-K": ("|", 9, "does not close [ at column 1"),
    "[" * 21 + "N": ("[", 21, "nest at most 20"),
    "{" * 21 + "N": ("{", 21, "nest at most 20"),
    "{{{8C3}*1000}*1000}*1000-K": ("1000", 15, "this makes 1,000,000 layers; write at most 1,000"),
    "{N}*999-N-K": ("{", 1, "this makes 1,001 layers"),
    # numbers and options
    "0C3-K": ("0C3", 1, "channels = 0: give 1 to 100,000"),
    "8C0-K": ("8C0", 1, "kernel = 0: give 1 to 255"),
    f"{'9' * 4990}C3-K": ("9" * 4990 + "C3", 1, "channels = a number of 4990 digits"),
    "8C3x2-K": ("8C3x2", 1, "has no option x; the options are s (stride), p (padding), d (dilation), g (groups), b"),
    "DW3g2-K": ("DW3g2", 1, "has no option g; the options are s (stride), p (padding), d (dilation), b"),
    "P2d2-K": ("P2d2", 1, "has no option d; the options are s (stride), p (padding)"),
    "8C3s-K": ("8C3s", 1, "the option s (stride) needs a number, as in s2"),
    "8C3s2s2-K": ("8C3s2s2", 1, "has the option s twice"),
    "8C3b1-K": ("8C3b1", 1, "the option b (bias) takes no number"),
    "8C3p3-K": ("8C3p3", 1, "a padding of 3 is too much for a window of 3; give p0 to p2"),
    "P2p2-K": ("P2p2", 1, "more than half of its window; give p0 to p1"),
    "8C3-6C3g4-K": ("6C3g4", 5, "4 groups must divide its 8 input channels and its 6 channels"),
    "DP1.0-K": ("DP1.0", 1, "must lie in [0, 1)"),
    "8C3-tdBN0-K": ("tdBN0", 5, "must be above 0"),
    f"DP0.{'1' * 30}-K": (f"DP0.{'1' * 30}", 1, "a number of 32 digits"),
    # names
    "bn-K": ("bn", 1, "did you mean BN?"),
    "8c3-K": ("8c3", 1, "did you mean 8C3?"),
    "TDBN-K": ("TDBN", 1, "did you mean tdBN?"),
    "c128k3s1-K": ("c128k3s1", 1, "write 128C3;"),
    "c128k3s2-K": ("c128k3s2", 1, "write 128C3s2;"),
    "MPk2s2-K": ("MPk2s2", 1, "write P2;"),
    "APk10s10-K": ("APk10s10", 1, "write AP10, or V10"),
    "FC512-K": ("FC512", 1, "write 512;"),
    "512FC-K": ("512FC", 1, "write 512;"),
    "PLIF-K": ("PLIF", 1, "write N, and choose the kind by neuron="),
    "DP-K": ("DP", 1, "write DP0.5"),
    "Flatten-K": ("Flatten", 1, "a linear layer flattens its input"),
    "strange-K": ("strange", 1, "is not a layer; the layers are"),
    # shapes
    "P2-P2-P2-P2-K": ("P2", 10, "its window of 2x2 is larger than the images of 1x1 here"),
    "8C3p0-P2-8C3p0-8C3p0-K": ("8C3p0", 16, "its window of 3x3 is larger than the images of 1x1"),
    "16-P2-K": ("P2", 4, "pooling needs images, and its input is 16 units"),
    "16-8C3-K": ("8C3", 4, "a convolution needs images"),
    "16-tdBN-N-K": ("tdBN", 4, "write BN"),
    "[8C3-N|4C3-N]+-K": ("[", 1, "its body gives images of 8x8x8 and its shortcut images of 4x8x8"),
    "[8C3p2-N]+-K": ("[", 1, "turns images of 1x8x8 into images of 8x10x10, and no stride of a 1x1 convolution"),
    "1000000-1000000-K": ("1000000", 9, "parameters; make it smaller, at most 1,000,000,000"),
    "8C3-100000C1p0s1-100000C255-K": ("100000C255", 18, "parameters; make it smaller"),
    "{8C1}*3-{100000C1}*2-K": ("100000C1", 10, "has 10,000,"),
    # the end
    "8C3-BN": ("8C3", 1, "the text must end in a linear layer for the classes"),
    "N": ("N", 1, "the text must end in a linear layer"),
    "K-P2": ("P2", 3, "only BN, N and V may follow it"),
    "{K-N}*2-[16-N]+": ("[", 9, "the text must end in a linear layer"),
    "K-N-BN": ("BN", 5, "write BN, N and V in this order"),
    "K-V1-V1": ("V1", 6, "each at most once"),
    "K-tdBN": ("tdBN", 3, "write BN"),
    "V10-K": ("V10", 1, "a vote is the last layer"),
    "[V10-8]+-K": ("V10", 2, "a vote is the last layer"),
    "9-N": ("9", 1, "the last linear layer has 9 neurons, and the classes need 10 neurons; write K"),
    "100": ("100", 1, "write K, which fits any set, or add V10 for a vote"),
    "100-V5": ("100", 1, "the classes need 50 neurons, 10 classes x 5 votes; write 5K"),
    "10K-V5": ("10K", 1, "write 5K"),
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: repr(text)[:30])
def test_a_mistake_is_pointed_at(text: str) -> None:
    token, column, reason = MISTAKES[text]
    message = refused(lambda: written(text), text)
    assert message is not None
    assert message.startswith(f"{token} at column {column} of layers"), message
    assert reason in message


def test_units_have_no_images() -> None:
    message = refused(lambda: written("8C3-K", UNITS), "8C3-K")
    assert message is not None
    assert "a convolution needs images, and its input is 20 units" in message


def test_the_message_shows_the_text_around_the_token_and_the_repetition() -> None:
    text = "{8C3-BN-N-P2}*4-512-N-10K-N-V10"
    message = refused(lambda: written(text), text)
    assert message is not None
    assert message.startswith("P2 at column 11 of layers ({8C3-BN-N-P2}*4-512-N-10K-N-…), repetition 4: its window")


def test_a_text_has_an_end() -> None:
    long = "N-" * (LONGEST_TEXT // 2) + "K"
    message = refused(lambda: written(long), long)
    assert message == f"layers has {LONGEST_TEXT + 1:,} characters: give at most {LONGEST_TEXT:,}"


@pytest.mark.parametrize("word", ["128C3", "DW3", "P2", "AP2", "GAP", "BN", "tdBN", "2048", "10K", "N", "DP0.5", "V10"])
def test_the_layers_that_messages_list_are_layers(word: str) -> None:
    assert word in words.KNOWN
    words.layer(tokens(word)[0])


def test_the_largest_network_is_refused_before_any_memory_is_taken() -> None:
    text = "8C3-{100000C255}*900-K"
    assert "parameters; make it smaller" in str(refused(lambda: written(text, DIGITS), text))
