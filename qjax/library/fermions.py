r"""Fermions: sums of ladder operators, and their maps to qubits.

Every map here is linear: the qubits hold b = A n mod 2 of the occupations n, for an invertible
binary matrix A. A ladder operator flips occupation j, and its sign counts the occupied modes below.
On qubits that is

    a_j   = (X^x Z^z - X^x Z^(z ^ r)) / 2
    a_j^+ = (X^x Z^z + X^x Z^(z ^ r)) / 2

where x is column j of A, r is row j of A^-1 (the qubits whose parity is n_j), and z is the sum mod
2 of the rows of A^-1 above j (the qubits whose parity is n_0 + ... + n_(j-1)).

References:
    P. Jordan, E. Wigner, Über das Paulische Äquivalenzverbot, Z. Phys. 47, 631 (1928).
    S. Bravyi, A. Kitaev, Fermionic quantum computation, Ann. Phys. 298, 210 (2002).
    J. Seeley, M. Richard, P. Love, The Bravyi-Kitaev transformation for quantum computation of
    electronic structure, J. Chem. Phys. 137, 224109 (2012).
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from qjax._checks import as_integer, as_positive
from qjax.errors import ObservableError
from qjax.observables import PauliSum

MAX_MODES = 62  # masks of qubits are 64-bit integers
_LADDER = re.compile(r"(\d+)(\^?)\Z")


class FermionSum:
    """A weighted sum of products of ladder operators; it is never changed.

    `+`, `-`, `*` and `/` by numbers and `@` (the operator product) make new sums. Products stay in
    the order they are written in; equal ones add up.

    Args:
        terms: A mapping from products to numbers. A product is text as "2^ 0" for a_2^+ a_0 ("" is
            the identity), or a tuple of pairs (mode, 1 for creation or 0). An operator of
            OpenFermion (anything with such a mapping as `terms`) may be given too.
        num_modes: By default the lowest that holds every term.

    Attributes:
        num_modes: Number of modes.
        terms: The mapping from tuples of pairs (mode, 1 or 0) to numbers.

    Raises:
        ObservableError: If a product is none, a number is not finite, or a mode does not fit.

    Examples:
        >>> hopping = FermionSum({"0^ 1": -1.0, "1^ 0": -1.0})
        >>> hopping @ FermionSum({"1^": 1.0})
        FermionSum('-1 * 0^ 1 1^ - 1 * 1^ 0 1^', num_modes=2)
        >>> jordan_wigner(hopping)
        PauliSum('-0.5 * X0 X1 - 0.5 * Y0 Y1', num_qubits=2)
    """

    def __init__(self, terms: Any, *, num_modes: int | None = None) -> None:
        given = getattr(terms, "terms", terms)
        if not isinstance(given, Mapping):
            raise ObservableError(
                f"FermionSum: terms must be a mapping from products to numbers, but is {terms!r}."
            )
        collected: dict[tuple[tuple[int, int], ...], complex] = {}
        for product, number in given.items():
            key = _product(product)
            collected[key] = collected.get(key, 0.0) + _number(key, number)
        lowest = max((mode for key in collected for mode, _ in key), default=-1) + 1
        size = lowest
        if num_modes is not None:
            size = as_integer(num_modes, "FermionSum: num_modes", ObservableError)
        if not lowest <= size <= MAX_MODES:
            raise ObservableError(
                f"FermionSum: num_modes must be in {lowest}..{MAX_MODES}, but is {size}."
            )
        self.num_modes = size
        self.terms = collected

    def __len__(self) -> int:
        return len(self.terms)

    def __add__(self, other: Any) -> "FermionSum":
        if not isinstance(other, FermionSum):
            return NotImplemented
        terms = dict(self.terms)
        for key, number in other.terms.items():
            terms[key] = terms.get(key, 0.0) + number
        return FermionSum(terms, num_modes=max(self.num_modes, other.num_modes))

    def __sub__(self, other: Any) -> "FermionSum":
        if not isinstance(other, FermionSum):
            return NotImplemented
        return self + other * -1.0

    def __mul__(self, factor: Any) -> "FermionSum":
        terms = {key: number * factor for key, number in self.terms.items()}
        return FermionSum(terms, num_modes=self.num_modes)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> "FermionSum":
        return self * (1.0 / divisor)

    def __matmul__(self, other: Any) -> "FermionSum":
        """The operator product."""
        if not isinstance(other, FermionSum):
            return NotImplemented
        terms: dict[tuple[tuple[int, int], ...], complex] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                terms[left + right] = terms.get(left + right, 0.0) + a * b
        return FermionSum(terms, num_modes=max(self.num_modes, other.num_modes))

    def adjoint(self) -> "FermionSum":
        """The Hermitian adjoint.

        Examples:
            >>> FermionSum({"2^ 0": 1j}).adjoint()
            FermionSum('(-1j) * 0^ 2', num_modes=3)
        """
        terms = {
            tuple((mode, 1 - raising) for mode, raising in reversed(key)): np.conj(number).item()
            for key, number in self.terms.items()
        }
        return FermionSum(terms, num_modes=self.num_modes)

    def __repr__(self) -> str:
        shown = list(self.terms.items())[:12]
        parts = [f"{_short(number)} * {_text(key) or 'I'}" for key, number in shown]
        text = " + ".join(parts).replace("+ -", "- ")
        if len(self) > len(shown):
            return f"<FermionSum: {text} ... and {len(self) - len(shown)} more terms>"
        return f"FermionSum({text!r}, num_modes={self.num_modes})"


def jordan_wigner(fermions: FermionSum) -> PauliSum:
    """A fermion sum on qubits: qubit j holds the occupation of mode j.

    A ladder operator acts on its mode and, by Z, on all below.

    Args:
        fermions: The sum.

    Returns:
        A sum of Pauli strings on as many qubits as there are modes; those that cancel, to within
        rounding, are left out.

    Raises:
        ObservableError: If it is no `FermionSum`.

    Examples:
        >>> jordan_wigner(FermionSum({"1^ 1": 1.0}))
        PauliSum('0.5 - 0.5 * Z1', num_qubits=2)

    References:
        P. Jordan, E. Wigner, Über das Paulische Äquivalenzverbot, Z. Phys. 47, 631 (1928).
    """
    return to_qubits(fermions, "jordan-wigner")


def parity(fermions: FermionSum) -> PauliSum:
    """A fermion sum on qubits: qubit j holds the parity of modes 0 to j.

    A ladder operator acts on its mode, by Z on the one below, and by X on all above.

    Args:
        fermions: The sum.

    Returns:
        A sum of Pauli strings on as many qubits as there are modes; those that cancel, to within
        rounding, are left out.

    Raises:
        ObservableError: If it is no `FermionSum`.

    Examples:
        >>> parity(FermionSum({"1^ 1": 1.0}))
        PauliSum('0.5 - 0.5 * Z0 Z1', num_qubits=2)

    References:
        J. Seeley, M. Richard, P. Love, The Bravyi-Kitaev transformation for quantum computation of
        electronic structure, J. Chem. Phys. 137, 224109 (2012).
    """
    return to_qubits(fermions, "parity")


def bravyi_kitaev(fermions: FermionSum) -> PauliSum:
    """A fermion sum on qubits that hold sums as in a binary indexed tree.

    Qubit j holds the parity of the modes j - 2^k + 1 to j, where 2^k is the largest power of two
    that divides j + 1. A ladder operator then acts on some log2(n) qubits.

    Args:
        fermions: The sum.

    Returns:
        A sum of Pauli strings on as many qubits as there are modes; those that cancel, to within
        rounding, are left out.

    Raises:
        ObservableError: If it is no `FermionSum`.

    Examples:
        >>> bravyi_kitaev(FermionSum({"3^ 3": 1.0}))
        PauliSum('0.5 - 0.5 * Z1 Z2 Z3', num_qubits=4)

    References:
        S. Bravyi, A. Kitaev, Fermionic quantum computation, Ann. Phys. 298, 210 (2002).
    """
    return to_qubits(fermions, "bravyi-kitaev")


def to_qubits(fermions: FermionSum, mapping: str = "jordan-wigner") -> PauliSum:
    """A fermion sum on as many qubits as it has modes.

    Args:
        fermions: The sum.
        mapping: "jordan-wigner", "parity" or "bravyi-kitaev".

    Returns:
        The sum of Pauli strings; those that cancel, to within rounding, are left out.

    Raises:
        ObservableError: If there is no such map.

    Note:
        Time and memory in proportion to 2^k for each product of k ladder operators.

    Examples:
        >>> number = FermionSum({"0^ 0": 1.0, "1^ 1": 1.0})
        >>> to_qubits(number, "parity")
        PauliSum('1 - 0.5 * Z0 - 0.5 * Z0 Z1', num_qubits=2)
    """
    if not isinstance(fermions, FermionSum):
        raise ObservableError(f"to_qubits: fermions must be a FermionSum, but is {fermions!r}.")
    by_length: dict[int, list[tuple[tuple[tuple[int, int], ...], complex]]] = {}
    for key, number in fermions.terms.items():
        by_length.setdefault(len(key), []).append((key, number))
    parts = []
    for length, terms in by_length.items():
        ladders = np.array([key for key, _ in terms], np.int64).reshape(len(terms), length, 2)
        numbers = np.array([number for _, number in terms], np.complex128)
        parts.append(_mapped(ladders, numbers, _masks(fermions.num_modes, mapping)))
    return sum_of_parts(parts, fermions.num_modes)


def sum_of_parts(
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], num_qubits: int
) -> PauliSum:
    """One sum from arrays (x masks, z masks, coefficients), without what cancels."""
    none = np.zeros(0, np.int64)
    x, z, numbers = (
        np.concatenate([*(part[k] for part in parts), none.astype(dtype)])
        for k, dtype in enumerate((np.int64, np.int64, np.complex128))
    )
    total = PauliSum.from_masks(x, z, numbers, num_qubits)
    # A coefficient is a sum over few of the products, each rounded relative to the largest.
    return total.simplify(
        16 * float(np.finfo(np.float64).eps) * float(np.abs(numbers).max(initial=0.0))
    )


def occupation_bits(occupations: Any, mapping: str = "jordan-wigner") -> str:
    """The bitstring of a state with given occupations.

    Args:
        occupations: 0 or 1 for each mode, mode 0 first.
        mapping: As in `to_qubits`.

    Returns:
        A bitstring, highest qubit first.

    Raises:
        ObservableError: If an occupation is not 0 or 1, or there is no such map.

    Examples:
        >>> occupation_bits([1, 1, 0, 0]), occupation_bits([1, 1, 0, 0], "parity")
        ('0011', '0001')
    """
    filled = np.asarray(occupations)
    if filled.ndim != 1 or not np.isin(filled, (0, 1)).all():
        raise ObservableError(
            f"occupation_bits: occupations must be a list of 0 and 1, but are {occupations!r}."
        )
    bits = _encoding(len(filled), mapping) @ filled.astype(np.int64) % 2
    return "".join(str(b) for b in reversed(bits.tolist()))


def _jordan_wigner_matrix(n: int) -> np.ndarray:
    return np.eye(n, dtype=np.int64)


def _parity_matrix(n: int) -> np.ndarray:
    return np.tril(np.ones((n, n), np.int64))


def _bravyi_kitaev_matrix(n: int) -> np.ndarray:
    row, column = np.arange(1, n + 1)[:, None], np.arange(1, n + 1)
    return ((column <= row) & (column > row - (row & -row))).astype(np.int64)


MAPPINGS = {
    "jordan-wigner": _jordan_wigner_matrix,
    "parity": _parity_matrix,
    "bravyi-kitaev": _bravyi_kitaev_matrix,
}
"""Each map of fermions to qubits, by name: from the number of modes to its matrix A."""


def _encoding(num_modes: int, mapping: str) -> np.ndarray:
    if mapping not in MAPPINGS:
        known = ", ".join(f'"{name}"' for name in MAPPINGS)
        raise ObservableError(f"mapping must be one of {known}, but is {mapping!r}.")
    return MAPPINGS[mapping](num_modes)


def _masks(num_modes: int, mapping: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The masks x, z and r of every mode, each of shape (modes,)."""
    encoding = _encoding(num_modes, mapping)
    # Unit triangular with entries 0 and 1: the inverse has integer entries.
    inverse = np.rint(np.linalg.inv(encoding)).astype(np.int64) % 2
    above = (np.cumsum(inverse, axis=0) - inverse) % 2
    bits = 1 << np.arange(num_modes, dtype=np.int64)
    return bits @ encoding, above @ bits, inverse @ bits


def _mapped(
    ladders: np.ndarray, numbers: np.ndarray, masks: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Products of k ladder operators, of shape (terms, k, 2), as 2^k strings each.

    X^x Z^z X^x' Z^z' = (-1)^|z & x'| X^(x ^ x') Z^(z ^ z'), and X^x Z^z = (-i)^|x & z| P.
    """
    flips, counts, values = masks
    x = np.zeros((len(ladders), 1), np.int64)
    z = np.zeros_like(x)
    factors = numbers[:, None]
    for mode, raising in ladders.transpose(1, 2, 0):
        flip = flips[mode][:, None]
        signs = 1 - 2.0 * (np.bitwise_count(z & flip) & 1)
        last = np.where(raising == 1, 0.5, -0.5)[:, None]
        z = z ^ counts[mode][:, None]
        factors = np.concatenate([0.5 * signs * factors, last * signs * factors], axis=1)
        z = np.concatenate([z, z ^ values[mode][:, None]], axis=1)
        x = np.concatenate([x ^ flip, x ^ flip], axis=1)
    phases = np.array([1, -1j, -1, 1j])[np.bitwise_count(x & z) & 3]
    return x.ravel(), z.ravel(), (factors * phases).ravel()


def _product(given: Any) -> tuple[tuple[int, int], ...]:
    """A product as pairs (mode, 1 or 0)."""
    if isinstance(given, str):
        found = [_LADDER.match(word) for word in given.split()]
        if all(found):
            return tuple((int(m[1]), int(bool(m[2]))) for m in found if m)
    else:
        try:
            pairs = tuple((as_integer(mode, "mode"), raising) for mode, raising in given)
        except (TypeError, ValueError):
            pairs = ((-1, 0),)
        if all(mode >= 0 and raising in (0, 1) for mode, raising in pairs):
            return tuple((mode, int(raising)) for mode, raising in pairs)
    raise ObservableError(
        'FermionSum: a product must be text as "2^ 0", or pairs (mode, 1 for creation or 0), '
        f"but is {given!r}."
    )


def _number(key: tuple[tuple[int, int], ...], value: Any) -> complex:
    try:
        number = complex(value)
    except (TypeError, ValueError):
        number = complex("nan")
    if not np.isfinite(number):
        raise ObservableError(
            f"FermionSum: the coefficient of {_text(key) or 'I'!r} must be a finite number, "
            f"but is {value!r}."
        )
    return number if number.imag else number.real


def _text(key: tuple[tuple[int, int], ...]) -> str:
    return " ".join(f"{mode}{'^' * raising}" for mode, raising in key)


def _short(number: complex) -> str:
    return (
        f"({number})".replace("((", "(").replace("))", ")") if number.imag else f"{number.real:g}"
    )


def from_integrals(
    one_body: Any, two_body: Any, constant: float = 0.0, *, num_modes: int | None = None
) -> FermionSum:
    r"""The Hamiltonian of electrons, from integrals over spatial orbitals.

        H = c + sum h_pq a+_ps a_qs + 1/2 sum (pq|rs) a+_pa a+_rb a_sb a_qa

    Mode 2 p is orbital p with spin up, 2 p + 1 with spin down.

    Args:
        one_body: h of shape (orbitals, orbitals).
        two_body: (pq|rs) of shape (orbitals,) * 4, in the order of chemists.
        constant: c, for instance the repulsion of the nuclei.
        num_modes: As in `FermionSum`; by default 2 * orbitals.

    Raises:
        ObservableError: If shapes do not fit.

    Examples:
        >>> dimer = from_integrals([[0, -1], [-1, 0]], np.zeros((2, 2, 2, 2)))
        >>> len(dimer), dimer.num_modes
        (4, 4)
    """
    h = np.asarray(one_body, np.float64)
    g = np.asarray(two_body, np.float64)
    size = as_positive(h.shape[0] if h.ndim else 0, "from_integrals: orbitals", ObservableError)
    if h.shape != (size,) * 2 or g.shape != (size,) * 4:
        raise ObservableError(
            "from_integrals: one_body and two_body must have shapes (n, n) and (n, n, n, n), "
            f"but have {h.shape} and {g.shape}."
        )
    terms: dict[tuple[tuple[int, int], ...], complex] = {(): float(constant)} if constant else {}
    for p, q in np.argwhere(h).tolist():
        for s in (0, 1):
            terms[(2 * p + s, 1), (2 * q + s, 0)] = float(h[p, q])
    for p, q, r, s in np.argwhere(g).tolist():
        for a in (0, 1):
            for b in (0, 1):
                if (a, p) != (b, r) and (a, q) != (b, s):  # else a Pauli principle of its own
                    key = ((2 * p + a, 1), (2 * r + b, 1), (2 * s + b, 0), (2 * q + a, 0))
                    terms[key] = 0.5 * float(g[p, q, r, s])
    return FermionSum(terms, num_modes=2 * size if num_modes is None else num_modes)
