"""Pauli strings in groups: first fit, against strings that are asked one by one."""

import numpy as np
import pytest

from qjax.observables import PauliString
from qjax.observables.grouping import agree, commute, first_fit


def agreeing(a, b):
    both = set(a.support) & set(b.support)
    return all((a.x >> q & 1, a.z >> q & 1) == (b.x >> q & 1, b.z >> q & 1) for q in both)


@pytest.mark.parametrize(
    ("fits", "asked"),
    [(commute, PauliString.commutes), (agree, agreeing)],
    ids=["commute", "agree"],
)
@pytest.mark.parametrize("n", [3, 62])
def test_each_string_joins_the_first_group_that_takes_it(fits, asked, n, rng):
    # Strings on few of many qubits, so that groups have several members.
    support = np.bitwise_or.reduce(1 << rng.integers(0, n, size=(80, 3)), axis=1)
    x, z = rng.integers(0, 1 << n, size=(2, 80)) & support
    strings = [PauliString.from_masks(a, b) for a, b in zip(x.tolist(), z.tolist(), strict=True)]
    expected: list[list[int]] = []
    for k, string in enumerate(strings):
        for members in expected:
            if all(asked(string, strings[m]) for m in members):
                members.append(k)
                break
        else:
            expected.append([k])
    assert [g.tolist() for g in first_fit(x, z, fits)] == expected


def test_no_strings_are_no_groups():
    none = np.zeros(0, np.int64)
    assert first_fit(none, none, commute) == []
