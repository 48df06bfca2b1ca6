"""Max pooling by 2 compiled for GPUs with Triton: float32, bfloat16 or float16.

An image has H rows of W pixels, and a pixel has INNER numbers: its channels in channels-last order `[N, H, W, C]`, or
one number in images `[N C, H, W]`. A thread takes VECTOR contiguous outputs at a time. Their inputs are contiguous too:
the channels of a pixel, or the windows of a row if a pixel is one number. The next thread takes the next outputs, so
neighbouring threads read and write neighbouring memory in both orders.

Sizes are compiled in, since a network pools few sizes: divisions by them become products, and the compiler knows the
alignment. A program takes BLOCK vectors; distances within it have 32 bits, distances from the first number 64 bits.

Nothing here calls `triton.language`'s own jitted functions; see `neuron/integrate_and_fire/cuda/kernels.py`.
"""

import triton
import triton.language as tl


@triton.jit
def places(ROWS: tl.constexpr, COLUMNS: tl.constexpr, INNER: tl.constexpr, VECTOR: tl.constexpr, BLOCK: tl.constexpr):
    """Return the places of this program's vectors; an image has ROWS by COLUMNS windows per number of a pixel.

    Returns:
        The row of the first vector, counted over all images, and its image; then for each vector its distance from the
        first one in rows and in images, its row within the image, its column, and its first number within the pixel.
    """
    # Vectors per row.
    SPAN: tl.constexpr = COLUMNS * INNER // VECTOR
    start = tl.program_id(0).to(tl.int64) * BLOCK
    first_row = start // SPAN
    along = (start - first_row * SPAN).to(tl.int32) + tl.arange(0, BLOCK)
    down = along // SPAN
    along = (along - down * SPAN) * VECTOR
    column = along // INNER
    first_image = first_row // ROWS
    row = (first_row - first_image * ROWS).to(tl.int32) + down
    images = row // ROWS
    return first_row, first_image, down, images, row - images * ROWS, column, along - column * INNER


@triton.jit
def at(
    memory,
    windows,
    ROWS: tl.constexpr,
    SIDE: tl.constexpr,
    HEIGHT: tl.constexpr,
    LENGTH: tl.constexpr,
    INNER: tl.constexpr,
):
    """Return pointers to the beginnings of SIDE by SIDE windows, in images of HEIGHT rows of LENGTH."""
    first_row, first_image, down, images, _, column, number = windows
    # Rows that an image has beyond its windows, or lacks, if its side is odd.
    MORE: tl.constexpr = HEIGHT - SIDE * ROWS
    first = memory + (SIDE * first_row + MORE * first_image) * (LENGTH * INNER)
    return first + (((SIDE * down + MORE * images) * LENGTH + SIDE * column) * INNER + number)


@triton.jit
def run(pointers, LENGTH: tl.constexpr):
    """Return pointers to LENGTH numbers from each pointer on."""
    return pointers[:, None] + tl.arange(0, LENGTH)[None, :]


# ---- forward ---------------------------------------------------------------------------------------------------------


@triton.jit
def left_and_right(pixels, here, INNER: tl.constexpr, VECTOR: tl.constexpr, BLOCK: tl.constexpr):
    """Load two pixels of each window that are side by side."""
    if INNER == 1:
        both = tl.load(run(pixels, 2 * VECTOR), mask=here[:, None])
        left, right = tl.split(tl.reshape(both, (BLOCK, VECTOR, 2)))
    else:
        left = tl.load(run(pixels, VECTOR), mask=here[:, None])
        right = tl.load(run(pixels + INNER, VECTOR), mask=here[:, None])
    return left, right


@triton.jit
def challenged(greatest, winner, pixel, number: tl.constexpr):
    """Return the greatest pixel and its number after one more pixel: the first of equals and NaN are kept."""
    new = pixel.to(tl.float32)
    beats = (new > greatest.to(tl.float32)) | (new != new)
    return tl.where(beats, pixel, greatest), tl.where(beats, number, winner)


@triton.jit
def forward(
    x,
    pooled,
    winner,
    total,
    H: tl.constexpr,
    W: tl.constexpr,
    INNER: tl.constexpr,
    VECTOR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the greatest pixel of each window and its number in the window; `total` counts the vectors."""
    ROWS: tl.constexpr = H // 2
    first = tl.program_id(0).to(tl.int64) * BLOCK
    lanes = tl.arange(0, BLOCK)
    here = lanes < total - first
    upper = at(x, places(ROWS, W // 2, INNER, VECTOR, BLOCK), ROWS, 2, H, W, INNER)
    a, b = left_and_right(upper, here, INNER, VECTOR, BLOCK)
    c, d = left_and_right(upper + W * INNER, here, INNER, VECTOR, BLOCK)
    greatest, number = challenged(a, tl.full([BLOCK, VECTOR], 0, tl.int32), b, 1)
    greatest, number = challenged(greatest, number, c, 2)
    greatest, number = challenged(greatest, number, d, 3)
    tl.store(run(pooled + first * VECTOR + lanes * VECTOR, VECTOR), greatest, mask=here[:, None])
    tl.store(run(winner + first * VECTOR + lanes * VECTOR, VECTOR), number.to(tl.uint8), mask=here[:, None])


# ---- backward --------------------------------------------------------------------------------------------------------


@triton.jit
def give(
    pixels,
    passed,
    won,
    number: tl.constexpr,
    here,
    both,
    INNER: tl.constexpr,
    VECTOR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write two pixels side by side: the gradient to the pixel with the winning number, 0 to the other.

    `here` is the mask of left pixels, `both` the mask of right ones.
    """
    left, right = tl.where(won == number, passed, 0.0), tl.where(won == number + 1, passed, 0.0)
    if INNER == 1:
        pixel = tl.arange(0, 2 * VECTOR)[None, :]
        there = tl.where(pixel == 0, here[:, None], both[:, None])
        tl.store(run(pixels, 2 * VECTOR), tl.reshape(tl.join(left, right), (BLOCK, 2 * VECTOR)), mask=there)
    else:
        tl.store(run(pixels, VECTOR), left, mask=here[:, None])
        tl.store(run(pixels + INNER, VECTOR), right, mask=both[:, None])


@triton.jit
def backward(
    grad,
    winner,
    grad_x,
    total,
    H: tl.constexpr,
    W: tl.constexpr,
    INNER: tl.constexpr,
    VECTOR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write all of the images' gradient; `total` also counts vectors of windows that are cut off at an odd side.

    These windows have no winner, and their pixels get 0.
    """
    ROWS: tl.constexpr = (H + 1) // 2
    here = tl.arange(0, BLOCK) < total - tl.program_id(0).to(tl.int64) * BLOCK
    windows = places(ROWS, (W + 1) // 2, INNER, VECTOR, BLOCK)
    below, beside = here, here
    if H % 2:
        below = here & (windows[4] < H // 2)
    if W % 2:
        beside = here & (windows[5] < W // 2)
    whole = below & beside
    grads = run(at(grad, windows, ROWS, 1, H // 2, W // 2, INNER), VECTOR)
    winners = run(at(winner, windows, ROWS, 1, H // 2, W // 2, INNER), VECTOR)
    passed = tl.load(grads, mask=whole[:, None], other=0.0)
    won = tl.load(winners, mask=whole[:, None], other=0)
    upper = at(grad_x, windows, ROWS, 2, H, W, INNER)
    give(upper, passed, won, 0, here, beside, INNER, VECTOR, BLOCK)
    give(upper + W * INNER, passed, won, 2, below, whole, INNER, VECTOR, BLOCK)
