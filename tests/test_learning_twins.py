"""Classical blocks of equal size: the search against a look at every size."""

from dataclasses import dataclass

import numpy as np
import pytest

from qjax.errors import LearningError
from qjax.learning import Block, closest_in_size
from qjax.learning.blocks import Dense


@dataclass(frozen=True)
class Sized(Block):
    size: int
    numbers: tuple[int, ...]

    @property
    def num_parameters(self):
        return self.numbers[self.size]


def rising(rng):
    return np.sort(rng.integers(0, 40, size=rng.integers(1, 30))).tolist()


def hump(rng):
    up = rising(rng)
    return [*up, *reversed(up), -1]


@pytest.mark.parametrize(
    "family", [rising, lambda rng: rising(rng)[::-1], hump], ids=["rises", "falls", "hump"]
)
def test_the_closest_is_that_of_all_sizes(family, rng):
    for _ in range(200):
        numbers, wanted = tuple(family(rng)), int(rng.integers(-5, 45))
        made = [Sized(size, numbers) for size in range(len(numbers))]
        best = min(made, key=lambda b: (abs(b.num_parameters - wanted), -b.num_parameters))
        assert closest_in_size(made.__getitem__, wanted, range(len(made))) == best


def test_few_sizes_are_counted():
    counted = set()

    def make(width):
        counted.add(width)
        return Dense(3, width)  # 4 numbers for each unit

    assert closest_in_size(make, 401, range(1, 1025)).num_parameters == 400
    assert len(counted) <= 2 * 11 + 1  # two bisections and the last


def test_no_size_is_refused():
    with pytest.raises(LearningError, match="at least one size"):
        closest_in_size(Dense, 5, ())
