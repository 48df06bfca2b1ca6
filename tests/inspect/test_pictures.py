"""The content of the plots, read back from their artists, which have names and coordinates in inches."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snntrain.inspect.drawing import plots
from snntrain.inspect.pictures import heat_map, raster, voltage_traces
from snntrain.inspect.pictures.lettering import _outline
from snntrain.inspect.pictures.neurons import by_activity, evenly_spread
from snntrain.inspect.pictures.panels import HALF_DIGIT
from snntrain.inspect.recording import Recording, of_sample
from tests.inspect.seen import probes_of

T, N, NEURONS = 5, 3, 7
TITLES = ["image 1, class cat", "image 2, class dog", "image 3, class owl"]


def recording(
    T: int = T, samples: int = N, neurons: int = NEURONS, v_reset: float | None = 0.0, scale: float = 1.0
) -> Recording:
    """Return random potentials `[T, N, neurons]` that fire at 1 and are reset like those of neurons."""
    h = scale * np.random.default_rng(0).normal(0.6, 0.8, (T, samples, neurons)).astype(np.float32)
    s = h >= 1
    return Recording(h, np.where(s, h - 1 if v_reset is None else v_reset, h).astype(np.float32), s, 1.0, v_reset)


def panels(whole: Recording) -> list[Recording]:
    return [of_sample(whole, sample) for sample in range(whole.s.shape[1])]


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Draw the picture; a warning is an error."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def found(figure: Figure, name: str) -> list[Any]:
    """Return the artists of that name in the order in which they were added."""
    return [artist for artist in figure.get_children() if artist.get_label() == name]


def texts(figure: Figure, name: str) -> list[str]:
    return [text.get_text() for text in found(figure, name)]


def frames(figure: Figure) -> NDArray[np.float64]:
    """Return bottom and top of each panel, in inches: `[panels, 2]`."""
    (boxes,) = found(figure, "frames")
    return np.array([(path.vertices[:, 1].min(), path.vertices[:, 1].max()) for path in boxes.get_paths()])


def labelled(figure: Figure, panel: int) -> tuple[NDArray[np.float64], list[str]]:
    """Return heights and texts of the labels on the left of a panel."""
    low, high = frames(figure)[panel]
    half = 8 * HALF_DIGIT
    ticks = [(text.get_position()[1] + half, text.get_text()) for text in found(figure, "y tick")]
    inside = [(y, text) for y, text in ticks if low - 1e-6 <= y <= high + 1e-6]
    return np.array([y for y, _ in inside]), [text for _, text in inside]


def value_at(figure: Figure, panel: int, height: Any) -> NDArray[np.float64]:
    """Convert heights to values by the panel's labels."""
    heights, words = labelled(figure, panel)
    slope, start = np.polyfit(heights, [float(word) for word in words], 1)
    return slope * np.asarray(height) + start


def step_at(figure: Figure, x: Any) -> NDArray[np.float64]:
    """Convert positions to time steps by the labels below the panels."""
    ticks = found(figure, "x tick")
    places = [text.get_position()[0] for text in ticks]
    slope, start = np.polyfit(places, [float(text.get_text()) for text in ticks], 1)
    return slope * np.asarray(x) + start


def spikes_drawn(figure: Figure, panel: int) -> set[tuple[int, int]]:
    """Return time step, from 1, and row, from 0, of each spike of a panel."""
    (line,) = found(figure, "spikes")
    low, high = frames(figure)[panel]
    drawn = np.array([point for point in line.get_xydata() if low < point[1] < high]).reshape(-1, 2)
    steps, rows = step_at(figure, drawn[:, 0]), value_at(figure, panel, drawn[:, 1])
    return {(round(step), round(row)) for step, row in zip(steps, rows, strict=True)}


def colours_drawn(figure: Figure, name: str) -> NDArray[np.uint8]:
    """Return the pixels of an image, `[rows, columns, RGB or RGBA]`, with the first row at the top."""
    (image,) = found(figure, name)
    return np.asarray(image.get_array())


def test_a_raster_shows_the_recorded_spikes_of_every_sample() -> None:
    whole = recording()
    figure = raster(panels(whole), TITLES, "conv1_neuron", rows=64)
    for sample in range(N):
        expected = {(int(t) + 1, int(n)) for t, n in np.argwhere(whole.s[:, sample])}
        assert spikes_drawn(figure, sample) == expected
    assert len(found(figure, "spikes")[0].get_xydata()) == whole.s.sum()


def test_a_raster_shows_the_rate_of_all_neurons_not_only_of_those_drawn() -> None:
    whole = recording()
    rates = [f"{title}, rate {whole.s[:, sample].mean():.3g}" for sample, title in enumerate(TITLES)]
    assert texts(raster(panels(whole), TITLES, "layer", rows=2), "title") == rates


@pytest.mark.parametrize(("draw", "heading"), [(raster, "spikes"), (heat_map, "potential v")])
def test_pictures_of_all_neurons_are_titled_and_labelled(draw: Callable[..., Figure], heading: str) -> None:
    figure = draw(panels(recording()), TITLES, "conv1_neuron", rows=64)
    assert texts(figure, "heading") == [f"conv1_neuron: {heading}"]
    assert [title.partition(", rate")[0] for title in texts(figure, "title")] == TITLES
    assert texts(figure, "x label") + texts(figure, "y label") == ["time step", "neuron"]
    assert labelled(figure, 0)[1] == ["0", "3", "6"]
    assert texts(figure, "x tick") == ["1", "2", "3", "4", "5"]


def test_panels_lie_below_one_another_in_the_order_of_the_samples() -> None:
    figure = raster(panels(recording()), TITLES, "layer", rows=64)
    (_, top), (_, middle), (_, bottom) = frames(figure)
    assert top > middle > bottom
    for text, over in zip(found(figure, "title"), (top, middle, bottom), strict=True):
        assert over < text.get_position()[1] < over + 0.1


@pytest.mark.parametrize(("draw", "heading"), [(raster, "spikes"), (heat_map, "potential v")])
def test_a_large_layer_is_sampled_evenly_and_says_so(draw: Callable[..., Figure], heading: str) -> None:
    whole = recording(neurons=2048)
    figure = draw(panels(whole), TITLES, "conv1_neuron", rows=64)
    assert texts(figure, "heading") == [f"conv1_neuron: {heading} of 64 in 2,048 neurons"]
    assert labelled(figure, 1)[1][-1] == "2047"
    shown = evenly_spread(2048, 64)
    assert len(found(figure, "spikes")[0].get_xydata()) == whole.s[..., shown].sum()


@pytest.mark.parametrize(("neurons", "rows"), [(1, 1), (1, 64), (64, 64), (100, 64), (65, 64), (2048, 3), (9, 1)])
def test_evenly_spread_rows(neurons: int, rows: int) -> None:
    shown = evenly_spread(neurons, rows)
    assert len(shown) == min(neurons, rows)
    assert shown[0] == 0
    assert rows == 1 or shown[-1] == neurons - 1
    assert np.ptp(np.diff(shown)) <= 1 if len(shown) > 1 else True


def test_a_trace_rises_to_h_and_falls_to_v_at_every_step() -> None:
    whole = recording()
    figure = voltage_traces(panels(whole), TITLES, "out_neuron")
    for neuron in by_activity(panels(whole), 3):
        (line,) = found(figure, f"neuron {neuron}")
        x, y = line.get_xydata().T.reshape(2, N, 2 * T + 1)
        for sample in range(N):
            np.testing.assert_allclose(step_at(figure, x[sample, :-1]), np.repeat(np.arange(1, T + 1), 2), atol=1e-9)
            expected = np.stack([whole.h[:, sample, neuron], whole.v[:, sample, neuron]], axis=1).ravel()
            np.testing.assert_allclose(value_at(figure, sample, y[sample, :-1]), expected, atol=1e-5)
            assert np.isnan(y[sample, -1])


@pytest.mark.parametrize("v_reset", [0.0, -0.3, None])
def test_threshold_and_reset_are_drawn_at_their_heights(v_reset: float | None) -> None:
    figure = voltage_traces(panels(recording(v_reset=v_reset)), TITLES, "layer")
    levels = {"threshold": [1.0] * N, "reset": [] if v_reset is None else [v_reset] * N}
    for name, expected in levels.items():
        heights = [segment[0, 1] for lines in found(figure, name) for segment in lines.get_segments()]
        drawn = [float(value_at(figure, panel, height)) for panel, height in enumerate(heights)]
        assert drawn == pytest.approx(expected, abs=1e-5)


def test_a_threshold_that_moves_is_drawn_over_time() -> None:
    whole = recording()
    threshold = np.random.default_rng(1).uniform(1, 9, whole.h.shape).astype(np.float32)
    moving = replace(whole, more={"threshold": threshold})
    figure = voltage_traces(panels(moving), TITLES, "layer")
    assert found(figure, "threshold") == []
    for neuron in by_activity(panels(moving), 3):
        (line,) = found(figure, f"threshold of neuron {neuron}")
        x, y = line.get_xydata().T.reshape(2, N, T + 1)
        for sample in range(N):
            np.testing.assert_allclose(step_at(figure, x[sample, :-1]), np.arange(1, T + 1), atol=1e-9)
            drawn = value_at(figure, sample, y[sample, :-1])
            np.testing.assert_allclose(drawn, threshold[:, sample, neuron], atol=1e-5)
            bottom, top = frames(figure)[sample]
            assert ((bottom <= y[sample, :-1]) & (y[sample, :-1] <= top)).all()


def test_traces_are_titled_labelled_and_explained() -> None:
    figure = voltage_traces(panels(recording()), TITLES, "out_neuron", neurons=2)
    assert texts(figure, "heading") == ["out_neuron: membrane potential"]
    assert texts(figure, "title") == TITLES
    assert texts(figure, "x label") + texts(figure, "y label") == ["time step", "potential"]
    named = [f"neuron {neuron}" for neuron in by_activity(panels(recording()), 2)]
    assert texts(figure, "legend") == [*named, "threshold", "reset"]
    colours = [sample.get_color() for sample in found(figure, "legend sample")]
    assert colours[:2] == [found(figure, name)[0].get_color() for name in named]


def test_spikes_of_the_traced_neurons_are_ticked_above_the_traces() -> None:
    whole = recording()
    figure = voltage_traces(panels(whole), TITLES, "layer")
    chosen = by_activity(panels(whole), 3)
    traces = np.concatenate([found(figure, f"neuron {neuron}")[0].get_ydata() for neuron in chosen])
    for neuron in chosen:
        (line,) = found(figure, f"spikes of neuron {neuron}")
        assert line.get_color() == found(figure, f"neuron {neuron}")[0].get_color()
        for sample, (low, high) in enumerate(frames(figure)):
            drawn = [round(float(step_at(figure, x))) for x, y in line.get_xydata() if low < y < high]
            assert drawn == [t + 1 for t in np.flatnonzero(whole.s[:, sample, neuron])]
            below = traces[(traces >= low) & (traces <= high)]
            assert all(y > below.max() for y in line.get_ydata() if low < y < high)


def test_the_traced_neurons_go_from_the_most_active_to_a_quiet_one() -> None:
    s = np.zeros((4, 5), bool)
    s[:, 3], s[:2, 1] = True, True
    h = np.zeros((4, 5), np.float32)
    h[0, 4] = 0.9
    assert by_activity([Recording(h, h, s, 1.0, 0.0)], 3) == [3, 1, 4]
    assert by_activity([Recording(h, h, s, 1.0, 0.0)], 1) == [3]


def test_a_neuron_that_fires_for_another_image_is_traced_too() -> None:
    h = np.zeros((4, 5), np.float32)
    silent, firing = np.zeros((4, 5), bool), np.zeros((4, 5), bool)
    firing[:, 2] = True
    assert by_activity([Recording(h, h, s, 1.0, 0.0) for s in (silent, firing)], 1) == [2]


@pytest.mark.parametrize("v_reset", [0.0, -0.5, None])
def test_a_heat_map_has_the_colour_of_v_in_every_cell(v_reset: float | None) -> None:
    """Look up v in the colour bar by its labels."""
    whole = recording(v_reset=v_reset)
    figure = heat_map(panels(whole), TITLES, "layer", rows=64)
    bar = colours_drawn(figure, "colour bar")[0]
    (image,) = found(figure, "colour bar")
    left, right = (place / figure.dpi for place in image.get_window_extent().intervalx)
    named = [(text.get_position()[0], text.get_text().split()) for text in found(figure, "bar tick")]
    assert [words[0] for _, words in named] == ["≤", "rest" if v_reset is None else "reset", "threshold", "≥"]
    assert [float(words[1]) for _, words in named[1:3]] == [v_reset or 0.0, 1.0]
    slope, start = np.polyfit([float(words[1]) for _, words in named], [x for x, _ in named], 1)
    for sample in range(N):
        cells = colours_drawn(figure, f"v {sample}")[::-1].swapaxes(0, 1)
        place = (slope * whole.v[:, sample] + start - left) / (right - left)
        expected = bar[(256 * place).astype(int).clip(0, 255)]
        assert np.abs(cells.astype(int) - expected).max() <= 4


def test_white_is_the_reset_potential() -> None:
    rest, silent = np.full((T, NEURONS), -0.5, np.float32), np.zeros((T, NEURONS), bool)
    figure = heat_map([Recording(rest, rest, silent, 1.0, -0.5)], ["an image"], "layer", rows=64)
    assert colours_drawn(figure, "v 0")[..., :3].min() > 0xF0


def test_a_heat_map_marks_the_recorded_spikes() -> None:
    whole = recording()
    figure = heat_map(panels(whole), TITLES, "layer", rows=64)
    for sample in range(N):
        expected = {(int(t) + 1, int(n)) for t, n in np.argwhere(whole.s[:, sample])}
        assert spikes_drawn(figure, sample) == expected


def all_of(parts: list[Recording], titles: list[str]) -> list[Figure]:
    """Return every picture of a layer of neurons without positions."""
    return [
        raster(parts, titles, "layer", 64),
        voltage_traces(parts, titles, "layer"),
        heat_map(parts, titles, "layer", 64),
    ]


@pytest.mark.parametrize("samples", [1, 3, 10])
@pytest.mark.parametrize("steps", [1, 4, 32])
def test_pictures_of_every_size_are_drawn(samples: int, steps: int) -> None:
    parts = panels(recording(steps, samples))
    titles = [f"image {number}" for number in range(samples)]
    for figure in all_of(parts, titles):
        assert len(frames(figure)) == samples
        height, width = pixels(figure).shape[:2]
        assert width == 484
        assert height > 150 * samples


def test_spikes_are_visible() -> None:
    whole = recording()
    silent = Recording(whole.h, whole.v, np.zeros_like(whole.s), 1.0, 0.0)
    blue = [
        (pixels(raster(panels(shown), TITLES, "layer", 64))[..., :3] == (0, 0x72, 0xB2)).all(2).mean()
        for shown in (whole, silent)
    ]
    assert blue[0] > 0.5 * whole.s.mean() * 0.9 * 0.8
    assert blue[1] == 0


@pytest.mark.parametrize("rows", [64, 256, 2048])
def test_spikes_of_many_neurons_are_visible(rows: int) -> None:
    """This holds even if a row is lower than a pixel."""
    whole = recording(neurons=2048)
    picture = pixels(raster(panels(whole), TITLES, "layer", rows)).astype(int)
    blue = (picture[..., 2] - picture[..., 0]).clip(0).mean() / 0xB2
    assert blue > 0.5 * whole.s.mean() * 0.9 * 0.8


def test_a_layer_of_one_neuron_is_drawn() -> None:
    parts = panels(recording(neurons=1))
    assert labelled(raster(parts, TITLES, "layer", 64), 0)[1] == ["0"]
    for figure in all_of(parts, TITLES):
        pixels(figure)


def test_a_silent_layer_at_rest_is_drawn() -> None:
    zero = np.zeros((T, N, NEURONS), np.float32)
    parts = panels(Recording(zero, zero, zero > 0, 1.0, 0.0))
    spikes, traces, colours = all_of(parts, TITLES)
    for figure in (spikes, traces, colours):
        pixels(figure)
    assert float(value_at(traces, 0, found(traces, "neuron 0")[0].get_ydata()[0])) == pytest.approx(0, abs=1e-6)
    assert len(found(spikes, "spikes")[0].get_xydata()) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("everywhere", [True, False])
def test_potentials_that_are_not_finite_leave_gaps(value: float, everywhere: bool) -> None:
    whole = recording()
    for part in (whole.h, whole.v):
        part[0 if everywhere else T // 2 :] = value
    _, traces, colours = all_of(panels(whole), TITLES)
    pixels(traces)
    (levels,) = found(traces, "threshold")
    assert float(value_at(traces, 0, levels.get_segments()[0][0, 1])) == pytest.approx(1.0, abs=1e-5)
    pixels(colours)
    assert (colours_drawn(colours, "v 0")[:, -1, :3] == 0xBB).all()


@pytest.mark.parametrize("scale", [1e-30, 1e6, 1e37])
def test_extreme_potentials_are_drawn_to_scale(scale: float) -> None:
    whole = recording(scale=scale)
    _, figure, colours = all_of(panels(whole), TITLES)
    for drawn in (figure, colours):
        pixels(drawn)
    neuron = by_activity(panels(whole), 1)[0]
    first = float(value_at(figure, 0, found(figure, f"neuron {neuron}")[0].get_ydata()[0]))
    assert first == pytest.approx(float(whole.h[0, 0, neuron]), rel=1e-4, abs=1e-6)


def test_a_sample_of_a_feature_map_has_its_neurons_in_one_row() -> None:
    h = np.arange(2 * 3 * 4 * 5 * 6, dtype=np.float32).reshape(2, 3, 4, 5, 6)
    part = of_sample(Recording(h, h + 1, h > 7, 1.0, None), 1)
    np.testing.assert_array_equal(part.h, h[:, 1].reshape(2, -1))
    np.testing.assert_array_equal(part.v, h[:, 1].reshape(2, -1) + 1)
    np.testing.assert_array_equal(part.s, h[:, 1].reshape(2, -1) > 7)
    assert (part.v_threshold, part.v_reset) == (1.0, None)


def test_a_text_is_as_wide_as_its_curves() -> None:
    """A text is placed by its width, so the width must match `get_extents`, which follows every curve, to the pixel."""
    for letter in map(chr, [*range(0x21, 0x7F), *range(0xC0, 0x180)]):
        outline, width = _outline(letter)
        assert width == outline.get_extents().x1, letter


@pytest.mark.parametrize("blank", ["", " "])
def test_a_class_may_have_a_blank_name(blank: str) -> None:
    drawn = pixels(raster(panels(recording()), [blank] * N, blank, NEURONS))
    assert drawn[..., :3].min() < 255


@pytest.mark.parametrize("count", [0.0, 3.0])
def test_no_picture_is_cut_at_its_right_edge(count: float) -> None:
    """The legend of the output's picture is the widest; TensorBoard's card ends with the picture."""
    whole = recording()
    images = np.zeros((N, 1, 8, 8), np.float32)
    output = np.full((T, N, 10), count / T, np.float32)
    probes = probes_of(images, list(range(N)), tuple("0123456789"), {"layer": whole}, output)
    drawn = dict(plots(probes, np.eye(10, dtype=np.int64), NEURONS))
    assert "output/spike_counts" in drawn
    for tag, figure in drawn.items():
        assert pixels(figure)[:, -5:, :3].min() == 255, tag


def test_an_output_without_a_spike_has_an_axis_of_whole_spikes() -> None:
    probes = probes_of(
        np.zeros((1, 1, 8, 8), np.float32), [3], tuple("0123456789"), {}, np.zeros((T, 1, 10), np.float32)
    )
    ((_, figure),) = plots(probes, None, NEURONS)
    assert texts(figure, "y tick") == ["0", "0.5", "1"]
