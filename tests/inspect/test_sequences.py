"""Pictures of networks that get sequences: padding is not shown as silence, and the input stands beside the output."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.drawing import draw, plots
from snntrain.inspect.files import arrays
from snntrain.inspect.numbers import layer_numbers
from snntrain.inspect.pictures.panels import COLOURS, GREY, PADDING
from snntrain.inspect.pictures.thumbnail import thumbnail
from snntrain.inspect.recording import UNKNOWN, Probes, Recording
from tests.inspect.seen import probes_of
from tests.inspect.test_pictures import colours_drawn, found, frames, pixels, step_at, texts, value_at

T, N, CLASSES, VOTES = 6, 3, 3, 2
LENGTHS = [6, 2, 4]
NAMES = ("a", "b", "c")
FRAMES, UNITS = (2, 8, 9), (40,)


def recording(*shape: int, silent_after: list[int] | None = None) -> Recording:
    """Return random potentials `[T, N, *shape]` that fire at 1; in the padding, all neurons fire."""
    h = np.random.default_rng(0).normal(0.6, 0.8, (T, N, *shape)).astype(np.float32)
    for sample, length in enumerate(silent_after or []):
        h[length:, sample] = 50
    s = h >= 1
    return Recording(h, np.where(s, 0, h).astype(np.float32), s, 1.0, 0.0)


def probes(shape: tuple[int, ...] = FRAMES, lengths: list[int] | None = LENGTHS, **changes: Any) -> Probes:
    """Return probes of sequences, with a convolutional layer and an output of two votes for each class."""
    sequence = np.random.default_rng(1).poisson(0.3, (T, N, *shape)).astype(np.float32)
    out = recording(CLASSES * VOTES, silent_after=lengths)
    output = out.s.reshape(T, N, CLASSES, VOTES).mean(3).astype(np.float32)
    for sample, length in enumerate(lengths or []):
        # Padding may hold any values.
        sequence[length:, sample] = 9
    layers = {"conv": recording(4, 5, 5, silent_after=lengths), "out": out}
    given = probes_of(sequence.mean(0), [0, 1, 2], NAMES, layers, output, VOTES)
    return replace(given, sequences=sequence, lengths=lengths, scale=1.0, **changes)


@cache
def drawn_of(shape: tuple[int, ...]) -> dict[str, Figure]:
    return dict(plots(probes(shape), None, 64))


def padding(figure: Figure) -> list[tuple[float, float, float]]:
    """Return left, right and the middle height of each grey box, in inches."""
    boxes = [path.vertices for artist in found(figure, "padding") for path in artist.get_paths()]
    return [(box[:, 0].min(), box[:, 0].max(), box[:, 1].mean()) for box in boxes]


def test_an_epoch_of_frames_has_pictures_of_the_input_and_one_of_units_a_raster() -> None:
    confusion = np.eye(CLASSES, dtype=np.int64)
    layers = ["spikes/conv", "voltages/conv", "heat_map/conv", "spike_counts/conv"]
    layers += ["spikes/out", "voltages/out", "heat_map/out"]
    ends = ["output/over_time", "output/spike_counts", "output/confusion"]
    for given, of_input in ((probes(), ["input/frames", "input/over_time"]), (probes(UNITS), [])):
        assert [picture.tag for picture in draw(given, confusion, 64)] == [*layers, *of_input, *ends]


@pytest.mark.parametrize("kind", ["spikes/out", "voltages/out", "heat_map/out", "output/over_time"])
@pytest.mark.parametrize("shape", [FRAMES, UNITS])
def test_the_padding_of_a_sample_is_grey_in_every_picture_over_time(kind: str, shape: tuple[int, ...]) -> None:
    figure = drawn_of(shape)[kind]
    boxes = padding(figure)
    panels = 2 if kind == "output/over_time" else 1
    assert len(boxes) == 2 * panels
    edges = frames(figure)
    for left, right, height in boxes:
        (panel,) = [number for number, (low, high) in enumerate(edges) if low < height < high]
        assert float(step_at(figure, left)) == pytest.approx(LENGTHS[panel // panels] + 0.5)
        assert float(step_at(figure, right)) == pytest.approx(T + 0.5)
    (artist,) = found(figure, "padding")
    assert {to_hex(colour) for colour in artist.get_facecolor()} == {PADDING}
    drawn = pixels(figure)
    assert (drawn[..., :3] == [int(PADDING[place : place + 2], 16) for place in (1, 3, 5)]).all(-1).sum() > 1000


def test_without_padding_nothing_is_grey() -> None:
    for _, figure in plots(probes(lengths=None), None, 64):
        assert found(figure, "padding") == []


def test_steps_after_the_longest_sample_are_left_out() -> None:
    given = probes(lengths=[3, 2, 1])
    figures = dict(plots(given, None, 64))
    for kind in ("spikes/out", "output/over_time", "input/over_time"):
        assert texts(figures[kind], "x tick") == ["1", "2", "3"]
    assert texts(figures["output/spike_counts"], "y label") == ["output spikes in 3 steps"]


def test_spikes_in_the_padding_are_not_drawn_and_not_counted() -> None:
    given = probes()
    drawn = dict(plots(given, None, 64))
    valid = [given.recordings["out"].s[:length, sample] for sample, length in enumerate(LENGTHS)]
    assert len(found(drawn["spikes/out"], "spikes")[0].get_xdata()) == sum(part.sum() for part in valid)
    rates = [title.rpartition(" ")[2] for title in texts(drawn["spikes/out"], "title")]
    assert rates == [f"{part.mean():.3g}" for part in valid]
    assert texts(drawn["spike_counts/conv"], "heading") == ["conv: spikes in 6 steps"]
    counts = [given.recordings["conv"].s[:length, sample].sum(0).max() for sample, length in enumerate(LENGTHS)]
    assert texts(drawn["spike_counts/conv"], "bar tick")[-1] == str(max(counts))
    # The padding has potentials of 50.
    assert max(value_at(drawn["voltages/out"], 0, frames(drawn["voltages/out"])[0])) < 5
    assert max(value_at(drawn["output/over_time"], 1, frames(drawn["output/over_time"])[1])) < 5


def test_numbers_of_a_layer_leave_padding_out() -> None:
    given = probes()
    seen = given.recordings["conv"]
    valid = [(seen.s[:length, sample], seen.h[:length, sample]) for sample, length in enumerate(LENGTHS)]
    s, h = (np.concatenate(parts) for parts in zip(*valid, strict=True))
    numbers = layer_numbers(seen, LENGTHS)
    assert numbers.shape == (4, 5, 5)
    assert (numbers.neurons, numbers.rate) == (100, pytest.approx(s.mean()))
    assert (numbers.silent, numbers.saturated) == (
        pytest.approx(1 - s.any(0).mean()),
        pytest.approx(s.all(0).mean()),
    )
    assert (numbers.lowest, numbers.highest) == (h.min(), h.max())
    assert layer_numbers(seen).highest == 50


def lines(figure: Figure, panel: int) -> dict[str, NDArray[np.float64]]:
    """Return the values of the coloured lines of a panel by name."""
    low, high = frames(figure)[panel]
    names = ("predicted, right", "predicted, wrong", "true class, missed")
    drawn = {}
    for name in names:
        for line in found(figure, name):
            y = line.get_ydata()
            if low <= y[0] <= high:
                drawn[name] = value_at(figure, panel, y)
    return drawn


def test_the_potential_of_the_output_is_drawn_below_the_input_with_a_line_per_class() -> None:
    given = probes(UNITS)
    guesses = list(given.answers.classes)
    labels = [guesses[0], (guesses[1] + 1) % CLASSES, UNKNOWN]
    figure = dict(plots(replace(given, labels=labels), None, 64))["output/over_time"]
    h = given.recordings["out"].h.reshape(T, N, CLASSES, VOTES).mean(3)
    for sample, length in enumerate(LENGTHS):
        drawn = lines(figure, 2 * sample + 1)
        if labels[sample] == guesses[sample] or labels[sample] == UNKNOWN:
            expected = {"predicted, right": guesses[sample]}
        else:
            expected = {"predicted, wrong": guesses[sample], "true class, missed": labels[sample]}
        assert drawn.keys() == expected.keys()
        for name, cls in expected.items():
            np.testing.assert_allclose(drawn[name], h[:length, sample, cls], atol=1e-4)
    assert texts(figure, "y label") == ["unit", "potential h"] * N
    assert len(found(figure, "threshold")) == N
    others = sum(len(artist.get_segments()) for artist in found(figure, "other classes"))
    assert others == N * CLASSES - 4
    assert to_hex(found(figure, "predicted, wrong")[0].get_color()).upper() == COLOURS[1]
    assert to_hex(found(figure, "other classes")[0].get_color()[0]) == GREY


@pytest.mark.parametrize("votes", [VOTES, None])
def test_without_a_spiking_output_layer_the_output_itself_is_drawn(votes: int | None) -> None:
    given = probes(UNITS)
    seen = {"conv": given.recordings["conv"]} if votes else given.recordings
    answers = replace(given.answers, votes=votes)
    figure = dict(plots(replace(given, recordings=seen, answers=answers), None, 64))["output/over_time"]
    assert texts(figure, "y label") == ["unit", "output"] * N
    assert found(figure, "threshold") == []
    (drawn,) = lines(figure, 1).values() if given.answers.classes[0] == 0 else [lines(figure, 1)["predicted, wrong"]]
    np.testing.assert_allclose(drawn, given.output[:, 0, given.answers.classes[0]], atol=1e-4)


def test_the_input_above_the_output_is_the_valid_part_of_the_sequence() -> None:
    given = probes(UNITS)
    assert given.sequences is not None
    figure = dict(plots(given, None, 64))["output/over_time"]
    for sample, length in enumerate(LENGTHS):
        drawn = colours_drawn(figure, f"input {2 * sample}")[::-1]
        np.testing.assert_array_equal((drawn != 255).any(-1), given.sequences[:length, sample].T > 0)


def test_a_small_picture_shows_a_sequence_of_events_in_colours_and_units_over_time() -> None:
    given = probes()
    assert given.sequences is not None
    small = thumbnail(given, 1)
    np.testing.assert_array_equal((small != 255).any(-1), given.sequences[:2, 1].sum((0, 1)) > 0)
    given = probes(UNITS)
    assert given.sequences is not None
    np.testing.assert_array_equal((thumbnail(given, 2)[::-1] != 255).any(-1), given.sequences[:4, 2].T > 0)


def test_counts_that_were_divided_by_a_scale_are_shown_as_counts() -> None:
    whole = probes()
    assert whole.sequences is not None
    divided = replace(whole, sequences=whole.sequences / np.float32(255), scale=255.0)
    shown, expected = (dict(plots(given, None, 4)) for given in (divided, whole))
    for kind in ("input/frames", "input/over_time"):
        assert texts(shown[kind], "bar tick") == texts(expected[kind], "bar tick")


@pytest.mark.parametrize("shape", [FRAMES, UNITS])
def test_the_recordings_hold_all_frames_and_the_lengths(shape: tuple[int, ...]) -> None:
    given = probes(shape)
    assert given.sequences is not None
    stored = arrays(given)
    np.testing.assert_array_equal(stored["sequences"], given.sequences)
    assert stored["lengths"].tolist() == LENGTHS
    assert "lengths" not in arrays(probes(shape, lengths=None))
    assert not {"sequences", "lengths"} & arrays(replace(given, sequences=None, lengths=None)).keys()
