"""What the figures hold, read back from their artists; the panels of a figure share one pair of axes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from snntrain.inspect.pictures import by_activity, evenly_spread, raster, voltage_traces
from snntrain.inspect.recording import Recording, of_sample

T, N, NEURONS = 5, 3, 7
TITLES = ["image 1, class cat", "image 2, class dog", "image 3, class owl"]


def recording(
    T: int = T, samples: int = N, neurons: int = NEURONS, v_reset: float | None = 0.0, scale: float = 1.0
) -> Recording:
    """Random potentials `[T, N, neurons]` that fire at 1 and are reset as neurons are."""
    h = scale * np.random.default_rng(0).normal(0.6, 0.8, (T, samples, neurons)).astype(np.float32)
    s = h >= 1
    return Recording(h, np.where(s, h - 1 if v_reset is None else v_reset, h).astype(np.float32), s, 1.0, v_reset)


def panels(whole: Recording) -> list[Recording]:
    return [of_sample(whole, sample) for sample in range(whole.s.shape[1])]


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """The drawn picture; a warning is an error."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def frames(figure: Figure) -> NDArray[np.float64]:
    """Bottom and top of each panel, in heights of the axes: `[panels, 2]`."""
    (boxes,) = (found for found in figure.axes[0].collections if type(found) is PolyCollection)
    return np.array([(path.vertices[:, 1].min(), path.vertices[:, 1].max()) for path in boxes.get_paths()])


def labelled(figure: Figure, panel: int) -> tuple[NDArray[np.float64], list[str]]:
    """Heights and texts of the labels on the left of a panel."""
    axes = figure.axes[0]
    low, high = frames(figure)[panel]
    inside = [(y, text.get_text()) for y, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)]
    inside = [(y, text) for y, text in inside if low <= y <= high]
    return np.array([y for y, _ in inside]), [text for _, text in inside]


def value_at(figure: Figure, panel: int, height: float) -> float:
    """The value that the panel's labels give to a height."""
    heights, texts = labelled(figure, panel)
    slope, start = np.polyfit(heights, [float(text) for text in texts], 1)
    return float(slope * height + start)


def lines(figure: Figure) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in figure.axes[0].lines}


def spikes_drawn(figure: Figure, panel: int) -> set[tuple[int, int]]:
    """Time step and row, from 1 and 0, of each spike of a panel."""
    (line,) = figure.axes[0].lines
    low, high = frames(figure)[panel]
    heights, texts = labelled(figure, panel)
    drawn = [(step, height) for step, height in line.get_xydata() if low < height < high]
    rows = heights[-1] - heights[0]
    count = int(texts[-1])
    return {(round(step), round(count * (height - heights[0]) / rows)) for step, height in drawn}


def test_a_raster_shows_the_recorded_spikes_of_every_sample() -> None:
    whole = recording()
    figure = raster(panels(whole), TITLES, "conv1_neuron", rows=64)
    for sample in range(N):
        expected = {(int(t) + 1, int(n)) for t, n in np.argwhere(whole.s[:, sample])}
        assert spikes_drawn(figure, sample) == expected
    assert len(figure.axes[0].lines[0].get_xydata()) == whole.s.sum()


def test_a_raster_is_titled_and_labelled() -> None:
    figure = raster(panels(recording()), TITLES, "conv1_neuron", rows=64)
    axes = figure.axes[0]
    assert figure.get_suptitle() == "conv1_neuron: spikes"
    assert [text.get_text() for text in axes.texts] == TITLES
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time step", "neuron")
    assert labelled(figure, 0)[1] == ["0", "3", "6"]
    assert {1, T} <= {int(tick) for tick in axes.get_xticks()}
    assert axes.get_xlim() == (0.5, T + 0.5)


def test_panels_lie_below_one_another_in_the_order_of_the_samples() -> None:
    figure = raster(panels(recording()), TITLES, "layer", rows=64)
    (_, top), (_, middle), (_, bottom) = frames(figure)
    assert top > middle > bottom
    assert [text.get_position()[1] for text in figure.axes[0].texts] > [top, middle, bottom]


def test_a_large_layer_is_sampled_evenly_and_says_so() -> None:
    whole = recording(neurons=2048)
    figure = raster(panels(whole), TITLES, "conv1_neuron", rows=64)
    assert figure.get_suptitle() == "conv1_neuron: spikes of 64 in 2,048 neurons"
    assert labelled(figure, 1)[1][-1] == "2047"
    shown = evenly_spread(2048, 64)
    assert len(figure.axes[0].lines[0].get_xydata()) == whole.s[..., shown].sum()


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
    chosen = by_activity(of_sample(whole, 0), 3)
    for neuron in chosen:
        x, y = lines(figure)[f"neuron {neuron}"].get_xydata().T.reshape(2, N, 2 * T + 1)
        for sample in range(N):
            np.testing.assert_array_equal(x[sample, :-1], np.repeat(np.arange(1, T + 1), 2))
            drawn = [value_at(figure, sample, height) for height in y[sample, :-1]]
            expected = np.stack([whole.h[:, sample, neuron], whole.v[:, sample, neuron]], axis=1).ravel()
            np.testing.assert_allclose(drawn, expected, atol=1e-5)
            assert np.isnan(y[sample, -1])


@pytest.mark.parametrize("v_reset", [0.0, -0.3, None])
def test_threshold_and_reset_are_drawn_at_their_heights(v_reset: float | None) -> None:
    figure = voltage_traces(panels(recording(v_reset=v_reset)), TITLES, "layer")
    levels = {
        str(found.get_label()): [segment[0, 1] for segment in found.get_segments()]
        for found in figure.axes[0].collections
        if isinstance(found, LineCollection)
    }
    expected = {"threshold": 1.0} if v_reset is None else {"threshold": 1.0, "reset": v_reset}
    assert levels.keys() == expected.keys()
    for name, value in expected.items():
        drawn = [value_at(figure, panel, height) for panel, height in enumerate(levels[name])]
        assert drawn == pytest.approx([value] * N, abs=1e-5)


def test_traces_are_titled_labelled_and_explained() -> None:
    figure = voltage_traces(panels(recording()), TITLES, "out_neuron", neurons=2)
    assert figure.get_suptitle() == "out_neuron: membrane potential"
    assert [text.get_text() for text in figure.axes[0].texts] == TITLES
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("time step", "potential")
    named = [f"neuron {neuron}" for neuron in by_activity(of_sample(recording(), 0), 2)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*named, "threshold", "reset"]


def test_spikes_of_the_traced_neurons_are_ticked_above_the_traces() -> None:
    whole = recording()
    figure = voltage_traces(panels(whole), TITLES, "layer")
    chosen = by_activity(of_sample(whole, 0), 3)
    ticks = [line for line in figure.axes[0].lines if line.get_marker() == "|"]
    traces = np.concatenate([lines(figure)[f"neuron {neuron}"].get_ydata() for neuron in chosen])
    for neuron, line in zip(chosen, ticks, strict=True):
        assert line.get_color() == lines(figure)[f"neuron {neuron}"].get_color()
        for sample, (low, high) in enumerate(frames(figure)):
            drawn = [x for x, y in line.get_xydata() if low < y < high]
            assert drawn == [t + 1 for t in np.flatnonzero(whole.s[:, sample, neuron])]
            below = traces[(traces >= low) & (traces <= high)]
            assert all(y > below.max() for y in line.get_ydata() if low < y < high)


def test_the_traced_neurons_go_from_the_most_active_to_a_quiet_one() -> None:
    s = np.zeros((4, 5), bool)
    s[:, 3], s[:2, 1] = True, True
    h = np.zeros((4, 5), np.float32)
    h[0, 4] = 0.9
    assert by_activity(Recording(h, h, s, 1.0, 0.0), 3) == [3, 1, 4]
    assert by_activity(Recording(h, h, s, 1.0, 0.0), 1) == [3]


@pytest.mark.parametrize("samples", [1, 3, 10])
@pytest.mark.parametrize("steps", [1, 4, 32])
def test_pictures_of_every_size_are_drawn(samples: int, steps: int) -> None:
    parts = panels(recording(steps, samples))
    titles = [f"image {number}" for number in range(samples)]
    for figure in (raster(parts, titles, "layer", 64), voltage_traces(parts, titles, "layer")):
        assert len(frames(figure)) == samples
        height, width = pixels(figure).shape[:2]
        assert width == 484
        assert height > 150 * samples


def test_the_spikes_are_to_be_seen() -> None:
    whole = recording()
    silent = Recording(whole.h, whole.v, np.zeros_like(whole.s), 1.0, 0.0)
    blue = [
        (pixels(raster(panels(shown), TITLES, "layer", 64))[..., :3] == (0, 0x72, 0xB2)).all(2).mean()
        for shown in (whole, silent)
    ]
    assert blue[0] > 0.5 * whole.s.mean() * 0.9 * 0.8
    assert blue[1] == 0


@pytest.mark.parametrize("rows", [64, 256, 2048])
def test_spikes_of_many_neurons_are_to_be_seen_too(rows: int) -> None:
    """Also where a row is lower than a pixel."""
    whole = recording(neurons=2048)
    picture = pixels(raster(panels(whole), TITLES, "layer", rows)).astype(int)
    blue = (picture[..., 2] - picture[..., 0]).clip(0).mean() / 0xB2
    assert blue > 0.5 * whole.s.mean() * 0.9 * 0.8


def test_a_layer_of_one_neuron_is_drawn() -> None:
    parts = panels(recording(neurons=1))
    assert labelled(raster(parts, TITLES, "layer", 64), 0)[1] == ["0"]
    for figure in (raster(parts, TITLES, "layer", 64), voltage_traces(parts, TITLES, "layer")):
        pixels(figure)


def test_a_silent_layer_at_rest_is_drawn() -> None:
    zero = np.zeros((T, N, NEURONS), np.float32)
    parts = panels(Recording(zero, zero, zero > 0, 1.0, 0.0))
    figure = voltage_traces(parts, TITLES, "layer")
    pixels(figure)
    assert value_at(figure, 0, lines(figure)["neuron 0"].get_ydata()[0]) == pytest.approx(0, abs=1e-6)
    assert len(raster(parts, TITLES, "layer", 64).axes[0].lines[0].get_xydata()) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("everywhere", [True, False])
def test_potentials_that_are_no_numbers_leave_gaps(value: float, everywhere: bool) -> None:
    whole = recording()
    for part in (whole.h, whole.v):
        part[0 if everywhere else T // 2 :] = value
    figure = voltage_traces(panels(whole), TITLES, "layer")
    pixels(figure)
    levels = [found for found in figure.axes[0].collections if found.get_label() == "threshold"]
    assert value_at(figure, 0, levels[0].get_segments()[0][0, 1]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e6, 1e37])
def test_extreme_potentials_are_drawn_to_scale(scale: float) -> None:
    whole = recording(scale=scale)
    figure = voltage_traces(panels(whole), TITLES, "layer")
    pixels(figure)
    neuron = by_activity(of_sample(whole, 0), 1)[0]
    first = value_at(figure, 0, lines(figure)[f"neuron {neuron}"].get_ydata()[0])
    assert first == pytest.approx(float(whole.h[0, 0, neuron]), rel=1e-4, abs=1e-6)


def test_a_sample_of_a_feature_map_has_its_neurons_in_one_row() -> None:
    h = np.arange(2 * 3 * 4 * 5 * 6, dtype=np.float32).reshape(2, 3, 4, 5, 6)
    part = of_sample(Recording(h, h + 1, h > 7, 1.0, None), 1)
    np.testing.assert_array_equal(part.h, h[:, 1].reshape(2, -1))
    np.testing.assert_array_equal(part.v, h[:, 1].reshape(2, -1) + 1)
    np.testing.assert_array_equal(part.s, h[:, 1].reshape(2, -1) > 7)
    assert (part.v_threshold, part.v_reset) == (1.0, None)
