"""Pictures and animations of samples of events: their files are decoded, and their pixels are compared."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from scipy import ndimage

from snntrain.inspect.pictures import frames, over_time
from snntrain.inspect.pictures.events import animation, picture
from snntrain.inspect.pictures.frames import MOST_FRAMES
from snntrain.inspect.pictures.input_colours import BOTH, OFF, ON, SATURATED
from snntrain.inspect.pictures.panels import PADDING
from snntrain.inspect.pictures.sample import pooled, stored_sample
from snntrain.inspect.plotter import pixels
from tests.inspect.test_pictures import colours_drawn, found, texts

# The bar of colours and the legend take this much at the bottom of a picture of frames, in pixels at 220 per inch.
LEGEND = 200


def decoded(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def steps_of(gif: bytes) -> list[NDArray[np.uint8]]:
    """Return the frames of a GIF as they are shown, `[H, W, RGB]`."""
    return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(gif)))]


def rgb(colour: str) -> list[int]:
    return [round(255 * part) for part in to_rgb(colour)]


def blobs(image: NDArray[np.uint8], colour: str) -> list[tuple[float, float]]:
    """Return the centre, row and column, of each connected area of exactly this colour that is larger than a line."""
    same = ndimage.binary_opening((image == rgb(colour)).all(-1), np.ones((5, 5)))
    numbered, count = ndimage.label(same)
    return [tuple(centre) for centre in ndimage.center_of_mass(same, numbered, range(1, count + 1))]


def events(T: int = 1, size: int = 8) -> NDArray[np.uint8]:
    """Return frames with an OFF event in each corner."""
    sample = np.zeros((T, 2, size, size), np.uint8)
    sample[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]] = 1
    return sample


def test_an_event_is_at_its_pixel_in_the_colour_of_its_polarity() -> None:
    sample = events()
    sample[0, 1, 2, 5] = 1
    sample[0, :, 6, 3] = 1
    drawn = decoded(picture(sample, "a title"))[:-LEGEND]
    corners = np.array(blobs(drawn, OFF))
    assert len(corners) == 4
    # The corners' centres are 7 pixels of the sensor apart.
    start, pixel = corners.min(0), np.ptp(corners, axis=0) / 7
    (on,), (both,) = blobs(drawn, ON), blobs(drawn, BOTH)
    np.testing.assert_allclose((on - start) / pixel, (2, 5), atol=0.1)
    np.testing.assert_allclose((both - start) / pixel, (6, 3), atol=0.1)


def test_each_step_has_its_frame_and_its_number_of_events() -> None:
    sample = events(T=7)
    sample[3] = 0
    sample[4, 1, 3, 3] = 9
    figure = frames([stored_sample(sample)], ["a"])
    assert texts(figure, "step") == ["1", "2", "3", "4", "5", "6", "7"]
    assert texts(figure, "events") == ["4", "4", "4", "0", "13", "4", "4"]
    assert texts(figure, "heading") == ["input: 7 frames"]
    for step in range(7):
        expected = (sample[step].sum(0) > 0) if step != 3 else np.zeros((8, 8), bool)
        np.testing.assert_array_equal((colours_drawn(figure, f"frame 0 {step}") != 255).any(-1), expected)


@pytest.mark.parametrize(("T", "shown"), [(1, 1), (10, 10), (11, 10), (100, 10)])
def test_of_many_frames_some_are_chosen_evenly_and_the_heading_says_so(T: int, shown: int) -> None:
    figure = frames([stored_sample(events(T))], ["a"])
    steps = [int(text) for text in texts(figure, "step")]
    assert (len(steps), steps[0], steps[-1]) == (shown, 1, T)
    assert len(steps) < 2 or np.ptp(np.diff(steps)) <= 1
    (heading,) = texts(figure, "heading")
    assert (f"{shown} of {T} frames, spread evenly" in heading) is (T > MOST_FRAMES)


@pytest.mark.parametrize(("T", "shown"), [(1, 1), (5, 5), (100, 20)])
def test_a_picture_shows_up_to_twenty_frames(T: int, shown: int) -> None:
    drawn = decoded(picture(events(T), "a title"))
    # Below several frames are the x-t and the y-t view, with stripes at the edges of the sensor.
    frames_only = drawn[: pixels(frames([stored_sample(events(T))], ["a"], most=20), 220).shape[0] - LEGEND]
    assert len(blobs(frames_only, OFF)) == 4 * shown


def test_padding_is_grey_and_not_an_empty_frame() -> None:
    samples = [stored_sample(events(T=4)), stored_sample(events(T=4), length=2)]
    figure = frames(samples, ["long", "short"])
    drawn = pixels(figure)[..., :3]
    assert texts(figure, "step") == ["1", "2", "3", "4"] * 2
    assert texts(figure, "events") == ["4"] * 4 + ["4"] * 2
    assert "padding" in texts(figure, "legend")
    # The third and the fourth tile of the second row of tiles, and the sample of the legend.
    grey = [row for row, _ in blobs(drawn, PADDING)]
    assert len([row for row in grey if row < 0.75 * len(drawn)]) == 2
    assert found(figure, "frame 1 1")
    assert not found(figure, "frame 1 2")


def test_an_empty_frame_is_white_and_has_no_events() -> None:
    figure = frames([stored_sample(np.zeros((2, 2, 5, 6), np.uint8))], ["silent"])
    assert texts(figure, "events") == ["0", "0"]
    assert (colours_drawn(figure, "frame 0 1") == 255).all()
    assert picture(np.zeros((2, 2, 5, 6), np.uint8), "silent")
    assert len(steps_of(animation(np.zeros((2, 2, 5, 6), np.uint8)))) == 2


def test_more_events_are_darker_on_one_scale_for_all_frames() -> None:
    sample = np.zeros((2, 2, 4, 4), np.uint8)
    sample[0, 1, 0, 0], sample[1, 1, 0, 0] = 1, 4
    figure = frames([stored_sample(sample)], ["a"])
    one, four = (colours_drawn(figure, f"frame 0 {step}")[0, 0].astype(int) for step in (0, 1))
    assert four.tolist() == rgb(ON)
    assert (one > four).any()
    # A single event stays visible.
    assert np.abs(255 - one).max() > 0.25 * 255
    assert texts(figure, "bar tick") == ["OFF 4", "0", "ON 4"]
    assert texts(figure, "bar label") == ["events per pixel and time step"]
    bar = colours_drawn(figure, "colour bar")[0]
    assert (bar[0, :3].tolist(), bar[-1, :3].tolist()) == (rgb(OFF), rgb(ON))
    assert (bar[len(bar) // 2, :3] == 255).all()


def test_a_few_very_high_counts_do_not_hide_the_others_and_the_scale_says_so() -> None:
    sample = np.ones((1, 2, 30, 30), np.uint8)
    sample[0, 1, 3, 3] = 200
    figure = frames([stored_sample(sample)], ["a"])
    assert texts(figure, "bar tick") == ["OFF ≥ 1", "0", "ON ≥ 1"]


def test_a_full_count_is_marked_and_its_frame_has_at_least_the_events_shown() -> None:
    sample = events()
    sample[0, 0, 4, 4] = 255
    figure = frames([stored_sample(sample)], ["a"])
    assert colours_drawn(figure, "frame 0 0")[4, 4].tolist() == rgb(SATURATED)
    assert texts(figure, "events") == ["259+"]
    assert "255 or more events" in texts(figure, "legend")
    assert "255 or more events" not in texts(frames([stored_sample(events())], ["a"]), "legend")
    assert len(blobs(steps_of(animation(sample))[0], SATURATED)) == 1


@pytest.mark.parametrize(("height", "width"), [(8, 8), (34, 34), (180, 240), (720, 1280)])
def test_frames_of_any_size_keep_their_shape_and_their_events(height: int, width: int) -> None:
    sample = np.zeros((3, 2, height, width), np.uint8)
    sample[:, 1, height // 4, width // 3] = 1
    figure = frames([stored_sample(sample)], ["a"])
    for step in range(3):
        (image,) = found(figure, f"frame 0 {step}")
        box = image.get_window_extent()
        assert box.width / box.height == pytest.approx(width / height, rel=1e-6)
        drawn = colours_drawn(figure, f"frame 0 {step}")
        assert max(drawn.shape[:2]) <= 128
        ((row, column),) = np.argwhere((drawn != 255).any(-1))
        assert row / len(drawn) == pytest.approx((height // 4) / height, abs=0.01)
        assert column / drawn.shape[1] == pytest.approx((width // 3) / width, abs=0.01)
    block = -(-max(height, width) // 128)
    expected = "pixel" if block == 1 else f"{block}x{block} pixels"
    assert texts(figure, "bar label") == [f"events per {expected} and time step"]


@pytest.mark.parametrize(("size", "steps"), [((2, 3), 1), ((7, 5), 3), ((4, 4), 2)])
def test_blocks_of_pixels_are_added(size: tuple[int, int], steps: int) -> None:
    values = np.arange(2 * size[0] * size[1], dtype=np.float32).reshape(2, *size)
    blocks = pooled(values, steps, steps)
    assert blocks.sum() == values.sum()
    assert blocks[0, 0, 0] == values[0, :steps, :steps].sum()
    assert blocks[1, -1, -1] == values[1, (size[0] - 1) // steps * steps :, (size[1] - 1) // steps * steps :].sum()


def test_an_edge_that_moves_slopes_in_the_x_t_view_and_not_in_the_y_t_view() -> None:
    sample = np.zeros((6, 2, 8, 9), np.uint8)
    for step in range(6):
        sample[step, 1, 2, step + 1] = 1
        sample[step, 0, 5, 8] = 1
    figure = over_time([stored_sample(sample)], ["a"])
    columns, rows = (colours_drawn(figure, f"input {panel}") for panel in (0, 1))
    assert columns.shape == (9, 6, 3)
    assert rows.shape == (8, 6, 3)
    for step in range(6):
        # The first column is at the bottom, the first row is at the top.
        assert columns[8 - (step + 1), step].tolist() == rgb(ON)
        assert columns[0, step].tolist() == rgb(OFF)
        assert rows[2, step].tolist() == rgb(ON)
        assert rows[5, step].tolist() == rgb(OFF)
    assert (columns != 255).any(-1).sum() == (rows != 255).any(-1).sum() == 12
    assert texts(figure, "y label") == ["column x", "row y"]
    assert texts(figure, "bar label") == ["events per column or row and time step"]


def units(T: int = 20, count: int = 70) -> NDArray[np.uint8]:
    sample = np.zeros((T, count), np.uint8)
    sample[np.arange(T), np.arange(T)] = 1
    return sample


def test_units_are_a_raster_with_time_from_left_to_right_and_the_first_unit_at_the_bottom() -> None:
    sample = units()
    sample[4, 60] = 3
    figure = over_time([stored_sample(sample)], ["a"])
    drawn = colours_drawn(figure, "input 0")
    np.testing.assert_array_equal((drawn[::-1] != 255).any(-1), sample.T > 0)
    dark = 255 - drawn[::-1].astype(int).mean(-1)
    assert dark[60, 4] > dark[4, 4] > 50
    assert texts(figure, "heading") == ["input: 70 units over time"]
    assert texts(figure, "bar tick") == ["0", "3"]


def test_many_units_are_added_in_groups_and_the_scale_says_so() -> None:
    sample = units(T=1000, count=1000)
    figure = over_time([stored_sample(sample)], ["a"])
    drawn = colours_drawn(figure, "input 0")
    assert drawn.shape[0] <= 180
    assert drawn.shape[1] <= 400
    assert texts(figure, "bar label") == ["events per 6 units and 3 time steps"]


def test_the_padding_of_units_is_grey() -> None:
    figure = over_time([stored_sample(units()), stored_sample(units(), length=10)], ["long", "short"])
    drawn = pixels(figure)[..., :3]
    middle = [len(drawn) * share for share in (0.3, 0.6)]
    grey = blobs(drawn, PADDING)
    assert len(grey) == 1
    assert middle[0] < grey[0][0] < len(drawn)
    assert grey[0][1] > 0.6 * drawn.shape[1]
    (image,) = found(figure, "input 1")
    assert colours_drawn(figure, "input 1").shape[1] == 10
    assert image.get_window_extent().x1 < found(figure, "input 0")[0].get_window_extent().x1


def test_an_animation_shows_each_step_with_its_events() -> None:
    sample = np.zeros((5, 2, 8, 8), np.uint8)
    for step in range(5):
        sample[step, 1, 1, step] = 1
        sample[step, 0, 6, 7 - step] = 1
    shown = steps_of(animation(sample, "class 3"))
    assert len(shown) == 5
    for step, image in enumerate(shown):
        assert image.shape == shown[0].shape
        cells = image[25:400:50, 25:400:50]
        expected = np.full((8, 8, 3), 255)
        expected[1, step], expected[6, 7 - step] = rgb(ON), rgb(OFF)
        np.testing.assert_array_equal(cells, expected)


def test_an_animation_repeats_and_leaves_out_padding() -> None:
    file = Image.open(io.BytesIO(animation(events(T=6), length=4)))
    assert file.info["loop"] == 0
    assert file.n_frames == 4


@pytest.mark.parametrize(("T", "shown"), [(1, 1), (250, 100)])
def test_an_animation_has_at_most_a_hundred_steps(T: int, shown: int) -> None:
    assert Image.open(io.BytesIO(animation(events(T)))).n_frames == shown


def test_an_animation_of_units_appears_step_by_step() -> None:
    sample = np.ones((8, 4), np.uint8)
    for step, image in enumerate(steps_of(animation(sample))):
        cells = image[50:400:100, 25:400:50]
        assert (cells[:, : step + 1] == 0).all()
        assert (cells[:, step + 1 :] == 255).all()


def test_images_have_their_own_colours() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 10, 10), np.uint8)
    figure = frames([stored_sample(image)], ["a"])
    np.testing.assert_array_equal(colours_drawn(figure, "frame 0 0"), image.transpose(1, 2, 0))
    assert texts(figure, "step") == ["1"]
    (shown,) = steps_of(animation(image))
    assert np.abs(shown[20:400:40, 20:400:40].astype(int) - image.transpose(1, 2, 0)).max() < 24
    grey = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    figure = frames([stored_sample(grey)], ["a"])
    np.testing.assert_array_equal(colours_drawn(figure, "frame 0 0")[..., 0], grey[0])
    assert texts(figure, "bar tick") == ["0", "1"]


def test_bytes_of_one_channel_are_counts_if_the_data_set_has_scale_1() -> None:
    sample = np.zeros((1, 4, 4), np.uint8)
    sample[0, 1, 2] = 1
    (cell,) = np.argwhere((colours_drawn(frames([stored_sample(sample, 1.0)], ["a"]), "frame 0 0") == 0).all(-1))
    assert cell.tolist() == [1, 2]


def test_a_tensor_is_shown_as_the_same_array() -> None:
    sample = events(T=2)
    assert picture(torch.from_numpy(sample), "a") == picture(sample, "a")
    assert animation(torch.from_numpy(sample), "a") == animation(sample, "a")


@pytest.mark.parametrize(
    ("sample", "length"),
    [
        (np.zeros((2, 2, 4, 4), np.float32), None),
        (np.zeros(4, np.uint8), None),
        (np.zeros((1, 2, 2, 4, 4), np.uint8), None),
        (np.zeros((0, 2, 4, 4), np.uint8), None),
        (np.zeros((3, 2, 4, 4), np.uint8), 0),
        (np.zeros((3, 2, 4, 4), np.uint8), 4),
    ],
)
def test_what_is_not_a_sample_is_refused(sample: NDArray[np.uint8], length: int | None) -> None:
    for shown in (picture, animation):
        with pytest.raises(ValueError, match="must"):
            shown(sample, "a", length=length)


shapes = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 60)),
    st.tuples(st.sampled_from([1, 2, 3, 4]), st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 3, 4]), st.integers(1, 20), st.integers(1, 20)),
)


@given(shapes, st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([1.0, 255.0]), st.data())
@settings(max_examples=12)
def test_any_sample_has_a_picture_and_an_animation(
    shape: tuple[int, ...], share: float, scale: float, data: st.DataObject
) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 9)))
    sample = random.integers(0, 256, shape, np.uint8) * (random.random(shape) < share).astype(np.uint8)
    T = 1 if len(shape) == 3 else shape[0]
    length = data.draw(st.one_of(st.none(), st.integers(1, T)))
    drawn = decoded(picture(sample, "ünï 数 $x$", scale=scale, length=length))
    assert (drawn[[0, -1]] == 255).all()
    assert len(steps_of(animation(sample, "ünï 数 $x$", scale=scale, length=length))) == (length or T)
