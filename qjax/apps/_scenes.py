"""Scenes with a digit among clutter, boxes and their overlap, and windows that slide over scenes.

A box is (row, column, height, width), row and column of its centre, all as shares of the scene's
side. A digit's box is the frame that it was written in.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from qjax.apps._images import SIDE

SIZES = (6, 10)  # least and largest side of a digit in a scene, in pixels
WINDOWS = (6, 8, 10)  # sides of the windows that slide over a scene
CLUTTER = (3, 5)  # least and largest side of a piece of clutter
NOISE = 0.1  # largest grey value of the noise

Boxes = np.ndarray | jax.Array


@dataclass(frozen=True)
class Scenes:
    """Scenes and the boxes of their digits.

    Attributes:
        images: Grey values of shape (scenes, side, side) in 0..1.
        boxes: Boxes of shape (scenes, digits, 4).
    """

    images: np.ndarray
    boxes: np.ndarray


def resampling(before: int, after: int) -> np.ndarray:
    """The matrix (after, before) that stretches a row of pixels by linear interpolation.

    Examples:
        >>> resampling(4, 2)
        array([[0.5, 0.5, 0. , 0. ],
               [0. , 0. , 0.5, 0.5]], dtype=float32)
    """
    places = (np.arange(after) + 0.5) * before / after - 0.5
    columns = [np.interp(places, np.arange(before), one) for one in np.eye(before)]
    return np.array(columns, np.float32).T


def draw_scenes(
    digits: np.ndarray, count: int, side: int, rng: np.random.Generator, *, each: int = 1
) -> Scenes:
    """Scenes of noise, pieces of digits as clutter, and whole digits of several sizes.

    Args:
        digits: Images of shape (n, 8, 8).
        count: Number of scenes.
        side: Pixels along an edge of a scene.
        rng: Source of all that is drawn.
        each: Digits in a scene; their boxes do not overlap. There are two pieces of clutter for
            each of them.
    """
    images = rng.uniform(0, NOISE, (count, side, side)).astype(np.float32)
    boxes = np.zeros((count, each, 4), np.float32)
    for image, its in zip(images, boxes, strict=True):
        for _ in range(2 * each):
            size = int(rng.integers(*CLUTTER, endpoint=True))
            r, c = rng.integers(0, SIDE - size, 2, endpoint=True)
            _paste(image, _any(digits, rng)[r : r + size, c : c + size], rng, side - size)
        k = 0
        while k < each:
            size = int(rng.integers(*SIZES, endpoint=True))
            r, c = rng.integers(0, side - size, 2, endpoint=True)
            box = np.array([r + size / 2, c + size / 2, size, size], np.float32) / side
            if np.all(overlap(its[:k], box) == 0):
                m = resampling(SIDE, size)
                _put(image, m @ _any(digits, rng) @ m.T, int(r), int(c))
                its[k] = box
                k += 1
    return Scenes(images, boxes)


def overlap(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union (IoU) of boxes of shapes (..., 4), which broadcast.

    Examples:
        >>> overlap(jnp.array([0.5, 0.5, 0.5, 0.5]), jnp.array([0.5, 0.75, 0.5, 0.5]))
        Array(0.3333, dtype=float32)
    """
    xp = np if isinstance(a, np.ndarray) else jnp
    low = xp.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    high = xp.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    both = xp.prod(xp.maximum(high - low, 0), axis=-1)
    area = lambda box: box[..., 2] * box[..., 3]
    return both / (area(a) + area(b) - both)


def window_boxes(side: int) -> np.ndarray:
    """Boxes of all windows of a scene, of shape (windows, 4): all sizes, row by row."""
    found = [
        (r + size / 2, c + size / 2, size, size)
        for size in WINDOWS
        for r in range(side - size + 1)
        for c in range(side - size + 1)
    ]
    return np.array(found, np.float32) / side


def windows(images: np.ndarray) -> np.ndarray:
    """What is seen in all windows, stretched to the size of a digit.

    Args:
        images: Scenes of shape (scenes, side, side).

    Returns:
        Array of shape (scenes, windows, 8, 8), in the order of `window_boxes`.
    """
    seen = []
    for size in WINDOWS:
        patches = np.lib.stride_tricks.sliding_window_view(images, (1, size, size))
        m = resampling(size, SIDE)  # (scenes, rows, columns, 1, size, size) -> (..., 8, 8)
        seen.append((m @ patches @ m.T).reshape(len(images), -1, SIDE, SIDE))
    return np.concatenate(seen, axis=1)


def strongest(boxes: np.ndarray, scores: np.ndarray, least: float) -> list[int]:
    """Windows with scores of at least so much, the highest first, that do not overlap by a tenth.

    This is non-maximum suppression.
    """
    found: list[int] = []
    left = np.array(scores, float)
    while left.max() >= least:
        k = int(left.argmax())
        found.append(k)
        left[overlap(boxes, boxes[k]) > 0.1] = -np.inf
    return found


def _any(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return digits[rng.integers(len(digits))]


def _paste(image: np.ndarray, patch: np.ndarray, rng: np.random.Generator, last: int) -> None:
    r, c = rng.integers(0, last, 2, endpoint=True)
    _put(image, patch, int(r), int(c))


def _put(image: np.ndarray, patch: np.ndarray, r: int, c: int) -> None:
    """Write a patch over an image where it is brighter."""
    place = image[r : r + patch.shape[0], c : c + patch.shape[1]]
    np.maximum(place, patch, out=place)
