r"""Qubits that symmetries take away.

A Pauli string that commutes with every string of a Hamiltonian is a symmetry with eigenvalues 1 and
-1. For such a string t, choose a qubit q and s = X_q, Y_q or Z_q that anticommutes with t. Then
U = (s + t) / sqrt 2 is Hermitian and unitary, U t U = s, and any P that commutes with t becomes

    U P U = P      if P commutes with s,
            s t P  if not.

Every string then has the identity or s on q: s is a number, 1 or -1, and the qubit goes.

References:
    S. Bravyi, J. M. Gambetta, A. Mezzacapo, K. Temme, Tapering off qubits to simulate fermionic
    Hamiltonians, arXiv:1701.08213 (2017).
"""

from collections.abc import Sequence

import numpy as np

from qjax.errors import ObservableError
from qjax.observables import PauliString, PauliSum
from qjax.observables.coefficients import is_traced
from qjax.observables.masks import POWERS_OF_I, PauliStructure, products


def symmetries(hamiltonian: PauliSum) -> tuple[PauliString, ...]:
    """Independent Pauli strings that commute with every string of a sum, and with each other.

    They are the kernel, over the numbers mod 2, of the matrix of masks. Strings of Z come first.

    Args:
        hamiltonian: The sum; its coefficients do not matter.

    Returns:
        The strings, none of them the identity; none if there is no symmetry.

    Raises:
        ObservableError: If it is no PauliSum.

    Examples:
        >>> symmetries(PauliSum("Z0 Z1 + X0 + X1"))
        (PauliString('X0 X1'),)
    """
    if not isinstance(hamiltonian, PauliSum):
        raise ObservableError(
            f"symmetries: hamiltonian must be a PauliSum, but is {hamiltonian!r}."
        )
    n = hamiltonian.num_qubits
    # (x, z) commutes with (x', z') if |x & z'| + |z & x'| is even. As numbers of 2 n bits: the row
    # z' x' and the vector x z have an even number of common bits.
    masks = zip(hamiltonian.x_masks.tolist(), hamiltonian.z_masks.tolist(), strict=True)
    vectors = _reduced(_kernel(_reduced([z << n | x for x, z in masks]), 2 * n))
    left = sorted(vectors)  # with x in the high bits, strings of Z come first
    found = []
    while left:
        first, left = left[0], left[1:]
        found.append(first)
        partner = next((v for v in left if _anticommute(first, v, n)), None)
        if partner is not None:
            # What anticommutes with `first` does not after a product with its partner.
            others = [v for v in left if v != partner]
            left = sorted(v ^ partner if _anticommute(first, v, n) else v for v in others)
    low = (1 << n) - 1
    return tuple(PauliString.from_masks(v >> n, v & low) for v in found)


def taper(hamiltonian: PauliSum, sector: str | Sequence[int]) -> PauliSum:
    """A sum on fewer qubits, whose spectrum is that of one sector of its symmetries.

    Args:
        hamiltonian: The sum; coefficients may be traced.
        sector: The eigenvalue, 1 or -1, of each string of `symmetries(hamiltonian)`; or a
            bitstring, highest qubit first: the sector that this basis state is in, as that of
            Hartree-Fock.

    Returns:
        The sum on the qubits that `kept_qubits` names, numbered anew in the same order.

    Raises:
        ObservableError: If the sector does not fit.

    Examples:
        >>> from qjax.library import load_molecule
        >>> hydrogen = load_molecule("h2")
        >>> small = taper(hydrogen.hamiltonian, hydrogen.hartree_fock_bits())
        >>> small.num_qubits, small.ground_state()[0]
        (1, array([-1.1373]))
    """
    signs = _signs(symmetries(hamiltonian), sector, hamiltonian.num_qubits)
    x, z, factors, kept = _eliminated(hamiltonian, signs)
    numbers = hamiltonian.coefficients
    if is_traced(numbers):
        factors = factors.astype(numbers.dtype)
    return PauliSum.from_masks(
        _gathered(x, kept), _gathered(z, kept), numbers * factors, len(kept)
    ).simplify()


def kept_qubits(hamiltonian: PauliSum) -> tuple[int, ...]:
    """The qubits that `taper` leaves, rising.

    Where the symmetries are strings of Z, as for electrons, a basis state keeps its bits there.

    Args:
        hamiltonian: The sum; its coefficients do not matter.

    Returns:
        The qubits' numbers in the sum; qubit j of the tapered sum is the one at index j.

    Raises:
        ObservableError: If it is no PauliSum.

    Examples:
        >>> kept_qubits(PauliSum("Z0 Z1 + X0 + X1"))
        (1,)
    """
    return _eliminated(hamiltonian, [1] * len(symmetries(hamiltonian)))[-1]


def _signs(
    strings: tuple[PauliString, ...], sector: str | Sequence[int], num_qubits: int
) -> list[int]:
    """The eigenvalue of each symmetry."""
    if not isinstance(sector, str):
        signs = list(sector)
        if len(signs) != len(strings) or not all(sign in (1, -1) for sign in signs):
            raise ObservableError(
                f"taper: sector must have 1 or -1 for each of {len(strings)} symmetries, but is "
                f"{sector!r}."
            )
        return [int(sign) for sign in signs]
    if len(sector) != num_qubits or set(sector) - {"0", "1"}:
        raise ObservableError(f"taper: a bitstring must have {num_qubits} bits, but is {sector!r}.")
    mixed = [str(t) for t in strings if t.x]
    if mixed:
        raise ObservableError(
            f"taper: a basis state must be in one sector, but is in several of {mixed[0]}. Give "
            "the eigenvalue of each symmetry."
        )
    return [(-1) ** (t.z & int(sector, 2)).bit_count() for t in strings]


def _eliminated(
    hamiltonian: PauliSum, signs: list[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Masks of every string without the qubits that go, its factor of 1 or -1, and what is left."""
    strings, count = symmetries(hamiltonian), len(hamiltonian)
    # The symmetries follow the Hamiltonian's strings, for those still to come are turned as well.
    x = np.append(hamiltonian.x_masks, np.array([t.x for t in strings], np.int64))
    z = np.append(hamiltonian.z_masks, np.array([t.z for t in strings], np.int64))
    factors, kept = np.ones(len(x)), set(range(hamiltonian.num_qubits))
    for k, sign in enumerate(signs, count):
        t = PauliString.from_masks(int(x[k]), int(z[k]))
        qubit = t.support[0]
        s = PauliString(f"{'X' if t.z >> qubit & 1 else 'Z'}{qubit}")
        value = sign * factors[k]  # of t, and so of s after U
        turns = (np.bitwise_count(x & s.z) + np.bitwise_count(z & s.x)) & 1 == 1
        x, z, signs_of = _times(s, t, x, z, turns)
        holds = ((x & s.x) | (z & s.z)) != 0
        factors = factors * signs_of * np.where(holds, value, 1.0)
        x, z = x & ~s.x, z & ~s.z
        kept.remove(qubit)
    return x[:count], z[:count], factors[:count], tuple(sorted(kept))


def _times(
    s: PauliString, t: PauliString, x: np.ndarray, z: np.ndarray, where: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks of s t P for the strings P = (x, z) that are chosen, and the signs of these."""
    phase, both = s.product(t)
    left = PauliStructure(0, np.array([both.x]), np.array([both.z]))
    new_x, new_z, power, _ = products(left, PauliStructure(0, x.copy(), z.copy()))
    signs = (phase * np.array(POWERS_OF_I)[power[0]]).real  # s t P is Hermitian
    return (
        np.where(where, new_x[0], x),
        np.where(where, new_z[0], z),
        np.where(where, signs, 1.0),
    )


def _gathered(masks: np.ndarray, kept: tuple[int, ...]) -> np.ndarray:
    """Bit kept[k] of every mask, as bit k."""
    return sum((masks >> q & 1) << k for k, q in enumerate(kept)) + np.zeros_like(masks)


def _anticommute(a: int, b: int, n: int) -> bool:
    """Whether two strings, as numbers with x above z, anticommute."""
    low = (1 << n) - 1
    return ((a >> n & b & low).bit_count() + (a & low & b >> n).bit_count()) % 2 == 1


def _reduced(rows: list[int]) -> list[int]:
    """Reduced echelon form over the numbers mod 2; the highest bit of a row is its pivot."""
    made: list[int] = []
    for row in rows:
        for other in made:
            row = min(row, row ^ other)  # clears the other's pivot
        if row:
            pivot = 1 << row.bit_length() - 1
            made = [other ^ row if other & pivot else other for other in made] + [row]
    return made


def _kernel(rows: list[int], width: int) -> list[int]:
    """A basis of the vectors that have an even number of bits in common with each reduced row."""
    pivots = {row.bit_length() - 1: row for row in rows}
    return [
        sum((1 << p for p, row in pivots.items() if row >> free & 1), 1 << free)
        for free in range(width)
        if free not in pivots
    ]
