"""Groups of Pauli strings that one circuit measures together.

References:
    O. Crawford et al., Efficient quantum measurement of Pauli operators in the presence of finite
    sampling error, Quantum 5, 385 (2021): sorted insertion.
    S. Aaronson, D. Gottesman, Improved simulation of stabilizer circuits, Phys. Rev. A 70, 052328
    (2004): how Clifford gates change Pauli strings.
"""

from dataclasses import dataclass

import numpy as np

from qjax.circuit import Circuit
from qjax.errors import ObservableError
from qjax.observables import PauliSum
from qjax.observables.grouping import Fits, agree, commute, first_fit

_FITS: dict[str, Fits] = {
    "qubit-wise": agree,
    "commuting": commute,
    "none": lambda x, z, x_one, z_one: np.zeros(len(x), bool),
}
METHODS = tuple(_FITS)


@dataclass(frozen=True)
class Group:
    """Pauli strings that one circuit measures together.

    Attributes:
        basis_change: Follows the circuit; after it, every string of the group is diagonal.
        terms: Indices of the strings in the observable.
        masks: For each, the bits whose parity is its outcome.
        signs: For each, 1 or -1: its value is sign * (-1)**parity.
    """

    basis_change: Circuit
    terms: tuple[int, ...]
    masks: tuple[int, ...]
    signs: tuple[int, ...]


def grouped(observable: PauliSum, num_qubits: int, method: str = "qubit-wise") -> list[Group]:
    """The strings of an observable in groups, the identity left out.

    Args:
        observable: A Pauli sum with known coefficients.
        num_qubits: Qubits of the circuits that are measured.
        method: "qubit-wise": strings that agree on every qubit, measured after one-qubit gates;
            "commuting": strings that commute, measured after a Clifford circuit, in fewer groups;
            "none": each string on its own.

    Raises:
        ObservableError: If the method is not known, or the observable needs more qubits.

    Examples:
        >>> energy = PauliSum("Z0 Z1 + Z0 + X0 X1 + Y0 Y1")
        >>> [len(grouped(energy, 2, m)) for m in ("none", "qubit-wise", "commuting")]
        [4, 3, 2]
    """
    if method not in METHODS:
        known = ", ".join(f'"{m}"' for m in METHODS)
        raise ObservableError(f"The grouping must be one of {known}, but is {method!r}.")
    if observable.num_qubits > num_qubits:
        raise ObservableError(
            f"The observable must act on at most {num_qubits} qubits, those of the circuit, but "
            f"acts on {observable.num_qubits}."
        )
    x, z = observable.x_masks, observable.z_masks
    size = np.abs(np.asarray(observable.coefficients))
    order = np.argsort(-size, kind="stable")
    order = order[(x | z)[order] != 0]
    change = _diagonalised if method == "commuting" else _turned
    found = []
    for group in first_fit(x[order], z[order], _FITS[method]):
        members = order[group]
        words = list(zip(x[members].tolist(), z[members].tolist(), strict=True))
        found.append(change(members.tolist(), words, num_qubits))
    return found


def _turned(members: list[int], words: list[tuple[int, int]], n: int) -> Group:
    """X is turned to Z by H, Y by S^dagger and H."""
    x = z = 0
    for a, b in words:
        x, z = x | a, z | b
    circuit = Circuit(n)
    for q in range(n):
        if x >> q & 1:
            if z >> q & 1:
                circuit.sdg(q)
            circuit.h(q)
    masks = tuple(a | b for a, b in words)
    return Group(circuit, tuple(members), masks, (1,) * len(members))


def _diagonalised(members: list[int], words: list[tuple[int, int]], n: int) -> Group:
    """A Clifford circuit that makes commuting strings diagonal.

    The x parts of the strings, by elimination, become X on pivot qubits of their own and an X on
    others, which CX from the pivot clears. What Z there is with a pivot's X goes by S and CZ, which
    works for two pivots at once since the strings commute; H turns what is left, X, to Z.
    """
    rows = _pivoted(words)
    circuit = Circuit(n)

    def apply(name: str, *qubits: int) -> None:
        circuit.append(name, qubits)
        for k, (x, z, pivot) in enumerate(rows):
            x, z, _ = _conjugated(name, qubits, x, z, 0)
            rows[k] = (x, z, pivot)

    for k in range(len(rows)):
        x, _, pivot = rows[k]
        for q in range(n):
            if q != pivot and x >> q & 1:
                apply("cx", pivot, q)
    for k in range(len(rows)):
        _, z, pivot = rows[k]
        for q in range(n):
            if z >> q & 1:
                apply("s", pivot) if q == pivot else apply("cz", pivot, q)
    for _, _, pivot in list(rows):
        apply("h", pivot)
    masks, signs = [], []
    for x, z in words:
        sign = 0
        for i in circuit:
            x, z, sign = _conjugated(i.name, i.all_qubits, x, z, sign)
        assert x == 0
        masks.append(z)
        signs.append(1 - 2 * sign)
    return Group(circuit, tuple(members), tuple(masks), tuple(signs))


def _pivoted(words: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Products of strings (x, z, pivot): each has an X on its pivot, and no other has one there."""
    rows: list[tuple[int, int, int]] = []
    for x, z in words:
        for a, b, pivot in rows:
            if x >> pivot & 1:
                x, z = x ^ a, z ^ b
        if x:
            pivot = x.bit_length() - 1
            rows = [
                (a ^ x, b ^ z, p) if a >> pivot & 1 else (a, b, p) for a, b, p in rows
            ] + [(x, z, pivot)]  # fmt: skip
    return rows


def _conjugated(
    name: str, qubits: tuple[int, ...], x: int, z: int, sign: int
) -> tuple[int, int, int]:
    """Masks and sign (0 or 1 for -1) of U P U^dagger for a Clifford gate U."""
    a = qubits[0]
    xa, za = x >> a & 1, z >> a & 1
    if name == "h":
        return x ^ ((xa ^ za) << a), z ^ ((xa ^ za) << a), sign ^ (xa & za)
    if name == "s":
        return x, z ^ (xa << a), sign ^ (xa & za)
    b = qubits[1]
    xb, zb = x >> b & 1, z >> b & 1
    if name == "cx":
        return x ^ (xa << b), z ^ (zb << a), sign ^ (xa & zb & (xb ^ za ^ 1))
    assert name == "cz"
    return x, z ^ (xb << a) ^ (xa << b), sign ^ (xa & xb & (za ^ zb))
