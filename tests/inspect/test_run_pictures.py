"""The pictures of feature maps, outputs and classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.drawing import draw, plots
from snntrain.inspect.pictures import confusion_matrix, count_map, output_counts
from snntrain.inspect.pictures.count_map import COLOURS, tile_columns, tiled
from snntrain.inspect.pictures.panels import COLOURS as HUES
from snntrain.inspect.pictures.panels import GREY
from snntrain.inspect.recording import UNKNOWN, Probes, Recording
from tests.inspect.seen import probes_of
from tests.inspect.test_pictures import colours_drawn, found, frames, pixels, recording, texts, value_at

T, N, CLASSES = 4, 3, 10
NAMES = tuple("0123456789")


def spikes(channels: int, T: int = T) -> NDArray[np.bool_]:
    """Return random spikes of feature maps `[T, N, C, 5, 6]`."""
    return np.random.default_rng(0).random((T, N, channels, 5, 6)) < 0.4


def probes(colours: int = 1) -> Probes:
    """Return images, and an output that is wrong for the second one; the class of the third is unknown."""
    generator = np.random.default_rng(1)
    output = (generator.random((T, N, CLASSES)) < 0.2).astype(np.float32)
    output[:, 0, 7], output[:, 1, 4], output[:, 2] = 1, 1, 0
    images = generator.random((N, colours, 8, 9)).astype(np.float32)
    maps = spikes(6)
    layers = {"conv": Recording(maps * 1.2, maps * 0.0, maps, 1.0, 0.0), "out": recording(T, N)}
    return probes_of(images, [7, 2, 0], NAMES, layers, output)


def corners(bars: Any) -> NDArray[np.float64]:
    """Return the left, right and top of each bar: `[bars, 3]`."""
    vertices = [path.vertices for path in bars.get_paths()]
    return np.array([(v[:, 0].min(), v[:, 0].max(), v[:, 1].max()) for v in vertices])


@pytest.mark.parametrize(("channels", "most"), [(1, 64), (6, 64), (32, 64), (40, 16)])
def test_a_tile_shows_the_spikes_of_its_channel_summed_over_time(channels: int, most: int) -> None:
    whole = spikes(channels)
    figure = count_map(whole, ["a", "b", "c"], "conv1_neuron", most)
    shown = np.linspace(0, channels - 1, min(channels, most)).round().astype(int)
    columns = tile_columns(len(shown))
    highest = whole[:, :, shown].sum(0).max()
    for sample in range(N):
        drawn = colours_drawn(figure, f"counts {sample}")
        for place, channel in enumerate(shown):
            top, left = 6 * (place // columns), 7 * (place % columns)
            expected = COLOURS(whole[:, sample, channel].sum(0) / highest, bytes=True)
            np.testing.assert_array_equal(drawn[top : top + 5, left : left + 6], expected)
            assert not drawn[top + 5, left : left + 7, 3].any()
    pixels(figure)


def test_a_count_map_names_the_channels_of_its_tiles() -> None:
    figure = count_map(spikes(40), ["a", "b", "c"], "conv1_neuron", 16)
    assert texts(figure, "heading") == ["conv1_neuron: spikes in 4 steps of 16 in 40 channels"]
    assert texts(figure, "title") == ["a", "b", "c"]
    assert texts(figure, "y tick") == ["0", "21"] * N
    assert texts(figure, "bar label") == ["spikes per neuron"]


def test_a_count_map_of_a_silent_layer_is_black() -> None:
    figure = count_map(np.zeros((T, 1, 4, 5, 6), bool), ["a"], "layer", 64)
    drawn = colours_drawn(figure, "counts 0")
    assert drawn[drawn[..., 3] > 0][:, :3].max() < 5
    assert texts(figure, "bar tick") == ["0", "1"]


@pytest.mark.parametrize("tiles", [1, 2, 3, 5, 32, 64, 100, 256])
def test_tiles_lie_in_rows_about_half_as_many_as_columns(tiles: int) -> None:
    columns = tile_columns(tiles)
    rows = -(-tiles // columns)
    assert columns <= tiles <= rows * columns
    assert tiles == 1 or 1 <= columns / rows <= 8
    assert tiled(np.zeros((tiles, 2, 3), int), columns).shape == (rows * 3, columns * 4)


def test_a_bar_is_as_high_as_the_output_spikes_of_its_class() -> None:
    given = probes()
    figure = output_counts(given, ["a", "b", "c"])
    counts = given.output.sum(0)
    others, predicted = (corners(found(figure, name)[0]) for name in ("other classes", "predicted classes"))
    guesses = [7, 4, 0]
    for panel, guess in enumerate(guesses):
        rest = [cls for cls in range(CLASSES) if cls != guess]
        low, high = frames(figure)[panel]
        tops = [top for _, _, top in others[panel * 9 : panel * 9 + 9]]
        np.testing.assert_allclose(value_at(figure, panel, tops), counts[panel, rest], atol=1e-6)
        if counts[panel, guess]:
            assert float(value_at(figure, panel, predicted[panel, 2])) == pytest.approx(counts[panel, guess])
        assert low < predicted[panel, 2] <= high


def test_the_predicted_class_is_coloured_and_the_true_one_pointed_at() -> None:
    figure = output_counts(probes(), ["a", "b", "c"])
    (bars,) = found(figure, "predicted classes")
    assert [to_hex(colour).upper() for colour in bars.get_facecolor()] == [HUES[0], HUES[1], HUES[0]]
    assert {to_hex(colour).upper() for colour in found(figure, "other classes")[0].get_facecolor()} == {GREY}
    ticks = {text.get_text(): text.get_position()[0] for text in found(figure, "x tick")}
    (pointers,) = found(figure, "true class")
    assert list(pointers.get_xdata()) == pytest.approx([ticks[name] for name in ("7", "2", "0")])
    assert list(corners(bars)[:, :2].mean(1)) == pytest.approx([ticks[name] for name in ("7", "4", "0")])
    assert texts(figure, "legend") == ["true class", "predicted, right", "predicted, wrong"]


@pytest.mark.parametrize(
    ("votes", "heading", "label"),
    [
        (1, "output spikes", "output spikes in 4 steps"),
        (10, "output spikes, mean of 10 neurons per class", "output spikes in 4 steps"),
        (None, "output", "output in 4 steps"),
    ],
)
def test_the_picture_of_the_output_explains_its_bars(votes: int | None, heading: str, label: str) -> None:
    given = probes()
    figure = output_counts(probes_of(given.images, given.labels, NAMES, {}, given.output, votes), ["a", "b", "c"])
    assert texts(figure, "heading") == [heading]
    assert texts(figure, "y label") == [label]
    tops = [
        float(value_at(figure, panel, corners(found(figure, "predicted classes")[0])[panel, 2])) for panel in (0, 1)
    ]
    assert tops == pytest.approx([4.0, 4.0])


def test_an_image_of_unknown_class_has_no_pointer_and_is_not_wrong() -> None:
    given = replace(probes(), labels=[UNKNOWN, 2, UNKNOWN])
    figure = output_counts(given, ["a", "b", "c"])
    assert len(found(figure, "true class")[0].get_xdata()) == 1
    pixels(figure)
    assert "spikes/out" in [picture.tag for picture in draw(given, None, 4)]


@pytest.mark.parametrize("colours", [1, 2, 3])
def test_each_image_stands_beside_its_output(colours: int) -> None:
    given = probes(colours)
    figure = output_counts(given, ["a", "b", "c"])
    for sample in range(N):
        image = given.images[sample] if colours == 3 else np.repeat(given.images[sample].mean(0)[None], 3, 0)
        np.testing.assert_allclose(colours_drawn(figure, f"image {sample}"), 255 * image.transpose(1, 2, 0), atol=0.51)
        (artist,) = found(figure, f"image {sample}")
        low, high = frames(figure)[sample]
        bottom, top = (place / figure.dpi for place in artist.get_window_extent().intervaly)
        assert low <= bottom < top <= high


def confusion(classes: int) -> NDArray[np.int64]:
    counts = np.random.default_rng(2).poisson(0.3, (classes, classes)) + 50 * np.eye(classes, dtype=np.int64)
    counts[1, 2], counts[classes - 1] = 30, 0
    return counts


def test_the_cells_of_a_confusion_matrix_hold_their_counts() -> None:
    counts = confusion(10)
    figure = confusion_matrix(counts, NAMES)
    columns = {text.get_text(): text.get_position()[0] for text in found(figure, "x tick")}
    rows = {text.get_text(): text.get_position()[1] for text in found(figure, "y tick")}
    assert list(rows.values()) == sorted(rows.values(), reverse=True)
    written = {}
    for text in found(figure, "count"):
        x, y = text.get_position()
        row = min(rows, key=lambda name: abs(rows[name] - y))
        written[int(row), int(min(columns, key=lambda name: abs(columns[name] - x)))] = int(text.get_text())
    assert written == {(int(i), int(j)): int(counts[i, j]) for i, j in np.argwhere(counts)}
    assert texts(figure, "title") == [
        f"{counts.trace()} of {counts.sum()} right, {100 * counts.trace() / counts.sum():.2f} %"
    ]
    assert texts(figure, "mistake")[0] == "1 taken for 2: 30"
    pixels(figure)


@pytest.mark.parametrize("classes", [10, 100])
def test_a_cell_is_shaded_by_its_share_of_the_true_class(classes: int) -> None:
    counts = confusion(classes)
    figure = confusion_matrix(counts, [f"class {number}" for number in range(classes)])
    drawn = colours_drawn(figure, "shares").astype(int)
    bar = colours_drawn(figure, "colour bar")[0].astype(int)
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    expected = bar[(256 * np.sqrt(shares)).astype(int).clip(0, 255)]
    assert np.abs(drawn - expected).max() <= 4
    pixels(figure)


def test_a_hundred_classes_have_no_numbers_and_their_worst_mistake_is_named() -> None:
    figure = confusion_matrix(confusion(100), [f"class {number}" for number in range(100)])
    assert texts(figure, "count") == []
    assert texts(figure, "x tick") == texts(figure, "y tick") == [str(number) for number in range(0, 100, 10)]
    assert texts(figure, "mistake")[0] == "class 1 taken for class 2: 30"


@pytest.mark.parametrize(("classes", "labelled"), [(10, True), (20, False)])
def test_classes_have_their_names_below_the_bars_if_the_names_fit(classes: int, labelled: bool) -> None:
    given, names = probes(), [f"c{number % 10}" for number in range(classes)]
    output = np.zeros((T, N, classes), np.float32)
    figure = output_counts(probes_of(given.images, given.labels, names, {}, output), ["a", "b", "c"])
    assert (texts(figure, "x tick") == names) is labelled
    widths = np.diff([text.get_position()[0] for text in found(figure, "x tick")])
    assert widths.min() > 0.16


def test_a_network_without_mistakes_lists_none() -> None:
    figure = confusion_matrix(np.diag(np.arange(1, 5)), ["a", "b", "c", "d"])
    assert texts(figure, "mistake") == []
    assert texts(figure, "title") == ["10 of 10 right, 100.00 %"]


def test_an_epoch_has_every_picture_of_every_layer_and_of_the_run() -> None:
    given = probes()
    tags = [picture.tag for picture in draw(given, confusion(CLASSES), 64)]
    assert tags == [
        *("spikes/conv", "voltages/conv", "heat_map/conv", "spike_counts/conv"),
        *("spikes/out", "voltages/out", "heat_map/out", "output/spike_counts", "output/confusion"),
    ]
    assert [picture.tag for picture in draw(given, None, 64)] == tags[:-1]


def test_titles_show_the_true_and_the_predicted_class() -> None:
    for _, figure in plots(probes(), None, 64):
        titles = [title.partition(", rate")[0] for title in texts(figure, "title")]
        assert titles == ["image 1, class 7", "image 2, class 2, taken for 4", "image 3, class 0, tied"]


@pytest.mark.parametrize("name", ["$\\nothing$", "$5", "Ångström", "<b>", " "])
def test_a_name_is_shown_literally(name: str) -> None:
    figure = confusion_matrix(np.array([[1, 3], [0, 1]]), [name, "other"])
    assert texts(figure, "mistake") == [f"{name} taken for other: 3"]
    pixels(figure)


def test_a_long_title_fits_its_picture() -> None:
    long = "image 1, class " + "aquarium fish " * 6
    figure: Figure = output_counts(probes(), [long, "b", "c"])
    white = pixels(figure)
    assert (white[:, [0, -1], :3] == 255).all()
