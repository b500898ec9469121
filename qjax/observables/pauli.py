"""PauliString and PauliSum: operators written as products of X, Y and Z."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np

from qjax._checks import as_integer, as_positive
from qjax.errors import ObservableError
from qjax.observables.algebra import Algebra
from qjax.observables.coefficients import is_scalar, is_traced, known, stack, together
from qjax.observables.collect import collected, pairs_of, resized
from qjax.observables.masks import POWERS_OF_I, PauliStructure, products
from qjax.observables.matrices import dense_matrix, lowest_eigenpairs, sparse_matrix
from qjax.observables.parse import MAX_QUBITS, Word, parse_letters, parse_string
from qjax.observables.terms import (
    Terms,
    canonical,
    checked,
    largest_imaginary_part,
    merged,
    simplified,
    single,
)
from qjax.observables.write import write_string, write_sum

_SHOWN = 12  # terms that repr prints


@jax.tree_util.register_static
@dataclass(frozen=True, slots=True, init=False, repr=False)
class PauliString(Algebra["PauliSum"]):
    """A product of X, Y and Z on distinct qubits.

    With masks x and z it is i^|x & z| X^x Z^z, so P|j> = i^|x & z| (-1)^|j & z| |j ^ x>, where |m|
    is the number of bits set in m. It knows no number of qubits: it is the identity on all others.

    `a @ b`, `2 * a` and `a + b` are `PauliSum`s; `a.product(b)` gives phase and string apart.

    Args:
        text: "X0 Z3" with indices; or a label such as "XIZ", whose leftmost letter acts on the
            highest qubit, as in Qiskit; or, with `qubits`, letters. "" and "I" are the identity.
        qubits: Letter k of `text` acts on `qubits[k]`.

    Attributes:
        x: Python int; bit q is set if X or Y acts on qubit q.
        z: Python int; bit q is set if Z or Y acts on qubit q.

    Raises:
        ObservableError: If the text is no Pauli string, or qubits do not fit.

    Examples:
        >>> PauliString("XIZ"), PauliString("ZX", qubits=(1, 4))
        (PauliString('Z0 X2'), PauliString('Z1 X4'))
        >>> PauliString("X0") @ PauliString("Y0")
        PauliSum('(1j) * Z0', num_qubits=1)
    """

    x: int
    z: int

    def __init__(self, text: str = "", qubits: Any = None) -> None:
        if not isinstance(text, str):
            raise ObservableError(f"PauliString: text must be a string, but is {text!r}.")
        word = parse_string(text) if qubits is None else parse_letters(text, qubits)
        object.__setattr__(self, "x", word.x)
        object.__setattr__(self, "z", word.z)

    @classmethod
    def from_masks(cls, x: int, z: int) -> "PauliString":
        """The string with the given masks.

        Raises:
            ObservableError: If a mask is not in 0..2**62-1.

        Examples:
            >>> PauliString.from_masks(0b011, 0b110)
            PauliString('X0 Y1 Z2')
        """
        for name, mask in (("x", x), ("z", z)):
            bits = as_integer(mask, f"PauliString: {name} mask", ObservableError)
            if not 0 <= bits < 1 << MAX_QUBITS:
                raise ObservableError(
                    f"PauliString: {name} mask must be in 0..2**{MAX_QUBITS}-1, but is {bits}."
                )
        return _string(int(x), int(z))

    @property
    def support(self) -> tuple[int, ...]:
        """The qubits it acts on, rising."""
        both = self.x | self.z
        return tuple(q for q in range(both.bit_length()) if both >> q & 1)

    @property
    def weight(self) -> int:
        """How many qubits it acts on."""
        return (self.x | self.z).bit_count()

    @property
    def num_qubits(self) -> int:
        """Lowest number of qubits that holds it."""
        return (self.x | self.z).bit_length()

    def commutes(self, other: "PauliString") -> bool:
        """Whether the two operators commute; if not, they anticommute.

        Examples:
            >>> PauliString("X0 X1").commutes(PauliString("Z0 Z1"))
            True
        """
        return ((self.x & other.z).bit_count() + (self.z & other.x).bit_count()) % 2 == 0

    def product(self, other: "PauliString") -> tuple[complex, "PauliString"]:
        """The operator product of this string with another, to its right.

        Returns:
            (phase, string) with phase one of 1, -1, 1j, -1j.

        Examples:
            >>> PauliString("X0").product(PauliString("Z0"))
            (-1j, PauliString('Y0'))
        """
        x, z, power, _ = products(self._terms.structure, other._terms.structure)
        return POWERS_OF_I[power.item()], _string(x.item(), z.item())

    def to_matrix(self, num_qubits: int | None = None, *, sparse: bool = False) -> Any:
        """Its matrix; see `PauliSum.to_matrix`. By default on the lowest number of qubits."""
        return PauliSum(self, num_qubits=num_qubits).to_matrix(sparse=sparse)

    @property
    def _terms(self) -> Terms:
        return single(self.x, self.z)

    @staticmethod
    def _sum(terms: Terms) -> "PauliSum":
        return _made(terms)

    def __str__(self) -> str:
        return write_string(self.x, self.z)

    def __repr__(self) -> str:
        return f"PauliString({str(self)!r})"


@jax.tree_util.register_pytree_node_class
class PauliSum(Algebra["PauliSum"]):
    """A weighted sum of Pauli strings, each string once, in order of first appearance.

    It is a pytree: its strings are static, its coefficients are the one leaf. Known coefficients
    are kept in double precision (float64, or complex128 if one is not real); traced ones keep
    their dtype. It is never changed: `+`, `-`, `*` and `/` by scalars and `@` (the operator
    product) make new sums. A number added stands for that multiple of the identity. The result has
    as many qubits as the larger operand.

    Args:
        terms: One of

            - a mapping from strings to coefficients: {"Z0 Z1": -1.0, "X0": 0.5};
            - text: "0.5 * X0 Z3 - 1.2 * Y1 + 2";
            - pairs, as in Qiskit's `SparsePauliOp.from_list`: [("ZZI", -1.0), ("IIX", 0.5)];
            - a `PauliString`, or a `PauliSum`.

            Strings are written as for `PauliString`. A label such as "ZZI" must have a letter for
            every qubit. Coefficients are numbers or traced scalars; equal strings add up.
        qubits: If given, strings are letters, and letter k acts on `qubits[k]`:
            PauliSum("ZZ", qubits=(0, 1)).
        num_qubits: From 0 to 62; by default the lowest that holds every string.

    Raises:
        ObservableError: If a string or a coefficient is none, or a string does not fit.

    Note:
        `a @ b` takes time and memory in proportion to len(a) * len(b).

    Examples:
        >>> energy = PauliSum({"Z0 Z1": -1.0, "X0": 0.5})
        >>> energy + PauliSum("X0 - 2")
        PauliSum('-Z0 Z1 + 1.5 * X0 - 2', num_qubits=2)
        >>> jax.grad(lambda g: (g * energy).coefficients.sum())(1.0)
        Array(-0.5, dtype=float32, weak_type=True)
    """

    _structure: PauliStructure
    _coefficients: Any

    def __init__(self, terms: Any, *, qubits: Any = None, num_qubits: int | None = None) -> None:
        if isinstance(terms, Algebra):
            if qubits is not None:
                raise ObservableError(f"PauliSum: qubits must come with letters, not {terms!r}.")
            made = resized(terms._terms, num_qubits)
        else:
            pairs = [(_plain(key, qubits), number) for key, number in pairs_of(terms, qubits)]
            made = collected(pairs, qubits, num_qubits)
        self._structure, self._coefficients = made

    @classmethod
    def from_masks(
        cls, x_masks: Any, z_masks: Any, coefficients: Any, num_qubits: int
    ) -> "PauliSum":
        """The sum of strings that are given by their masks; equal strings add up.

        Args:
            x_masks: Integers of shape (terms,): bit q is set for X or Y on qubit q.
            z_masks: Integers of shape (terms,): bit q is set for Z or Y on qubit q.
            coefficients: Numbers of shape (terms,); they may be traced.
            num_qubits: From 0 to 62.

        Raises:
            ObservableError: If shapes differ, a mask does not fit, or a coefficient is not finite.

        Examples:
            >>> PauliSum.from_masks([0b01, 0b11], [0b00, 0b10], [0.5, 2.0], 2)
            PauliSum('0.5 * X0 + 2 * X0 Y1', num_qubits=2)
        """
        size = as_integer(num_qubits, "PauliSum: num_qubits", ObservableError)
        x, z = (np.array(masks, np.int64) for masks in (x_masks, z_masks))
        numbers = coefficients if is_traced(coefficients) else known(coefficients)
        if x.ndim != 1 or not x.shape == z.shape == numbers.shape:
            raise ObservableError(
                "PauliSum: masks and coefficients must have the same shape (terms,), but have "
                f"{x.shape}, {z.shape} and {numbers.shape}."
            )
        if not 0 <= size <= MAX_QUBITS or ((x | z) >> size).any():
            raise ObservableError(
                f"PauliSum: masks must fit in num_qubits, at most {MAX_QUBITS}, but it is {size}."
            )
        return _made(merged(size, x, z, numbers))

    # --- contents -----------------------------------------------------------------------------

    @property
    def structure(self) -> PauliStructure:
        """The sum without its coefficients: static and hashable."""
        return self._structure

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return self._structure.num_qubits

    @property
    def coefficients(self) -> Any:
        """Array of shape (terms,); with leading axes in a batched sum."""
        return self._coefficients

    @property
    def x_masks(self) -> np.ndarray:
        """int64 array of shape (terms,): bit q of entry k is set for X or Y on qubit q."""
        return self._structure.x_masks

    @property
    def z_masks(self) -> np.ndarray:
        """int64 array of shape (terms,): bit q of entry k is set for Z or Y on qubit q."""
        return self._structure.z_masks

    @cached_property
    def strings(self) -> tuple[PauliString, ...]:
        """The strings, in order."""
        return tuple(map(_string, self.x_masks.tolist(), self.z_masks.tolist()))

    def groups(self) -> tuple[tuple[int, np.ndarray], ...]:
        """Pairs (x mask, indices of the terms that have it), by rising x mask.

        Examples:
            >>> [(x, terms.tolist()) for x, terms in PauliSum("Z0 + X1 + Z0 Z1").groups()]
            [(0, [0, 2]), (2, [1])]
        """
        return self._structure.groups

    def __len__(self) -> int:
        return len(self._structure)

    def __iter__(self) -> Iterator[tuple[PauliString, Any]]:
        """Pairs (string, coefficient)."""
        numbers = self._scalars()
        if numbers is None:
            numbers = [self._coefficients[..., k] for k in range(len(self))]
        return zip(self.strings, numbers, strict=True)

    def with_coefficients(self, coefficients: Any) -> "PauliSum":
        """The same strings with other coefficients.

        Args:
            coefficients: Array of shape (..., terms), known or traced. Leading axes make a batch
                of sums, for `jax.vmap`.

        Raises:
            ObservableError: If the shape does not fit, or a number is not finite.

        Examples:
            >>> PauliSum("Z0 + X0").with_coefficients([3, 4])
            PauliSum('3 * Z0 + 4 * X0', num_qubits=1)
        """
        listed = isinstance(coefficients, (list, tuple)) and all(map(is_scalar, coefficients))
        _, (numbers,) = together(stack(list(coefficients)) if listed else coefficients)
        if numbers.shape[-1:] != (len(self),):
            raise ObservableError(
                f"PauliSum: coefficients must have shape (..., {len(self)}), "
                f"but have shape {numbers.shape}."
            )
        return _made(checked(self._structure, numbers))

    # --- algebra ------------------------------------------------------------------------------

    def simplify(self, atol: float = 0.0) -> "PauliSum":
        """Drop terms whose coefficient is known and at most `atol` in modulus.

        Imaginary parts are dropped too if all of them are at most `atol`. Equal strings need no
        merging: every operation does that. A sum with traced coefficients stays as it is.

        Examples:
            >>> PauliSum({"X0": 1.0, "Z0": 1e-12}).simplify(1e-9)
            PauliSum('X0', num_qubits=1)
        """
        return _made(simplified(self._terms, atol))

    def adjoint(self) -> "PauliSum":
        """The Hermitian adjoint: complex conjugate coefficients."""
        return _made(checked(self._structure, self._coefficients.conj()))

    def is_hermitian(self, atol: float = 0.0) -> bool:
        """Whether every coefficient is real, to within `atol`.

        Raises:
            ObservableError: If coefficients are traced and complex, for then it is not known.
        """
        if not np.issubdtype(self._coefficients.dtype, np.complexfloating):
            return True
        return largest_imaginary_part(self._known("is_hermitian")) <= atol

    def __eq__(self, other: object) -> bool:
        """Whether both are the same operator on as many qubits, number for number.

        Order and terms with coefficient 0 do not matter. Traced coefficients are equal only to
        themselves.
        """
        if not isinstance(other, PauliSum):
            return NotImplemented
        if is_traced(self._coefficients) or is_traced(other._coefficients):
            same = self._coefficients is other._coefficients
            return same and self._structure == other._structure
        (a, numbers), (b, others) = canonical(self._terms), canonical(other._terms)
        return a == b and np.array_equal(numbers, others)

    def __hash__(self) -> int:
        if is_traced(self._coefficients):
            return hash(self._structure)
        structure, numbers = canonical(self._terms)
        return hash((structure, tuple(numbers.ravel().tolist())))

    # --- matrices -----------------------------------------------------------------------------

    def to_matrix(self, *, sparse: bool = False) -> Any:
        """Its matrix of shape (2**n, 2**n); bit q of an index is qubit q.

        Args:
            sparse: Whether to give a `scipy.sparse.csr_array`, real if all entries are; else a
                dense complex128 array, or a JAX array if coefficients are traced.

        Raises:
            ObservableError: If coefficients are batched, or traced and `sparse` was asked for.

        Note:
            The sparse matrix has 2**n entries for each distinct x mask.

        Examples:
            >>> PauliSum("X0 + 2 * Z0").to_matrix()
            array([[ 2.+0.j,  1.+0.j],
                   [ 1.+0.j, -2.+0.j]])
        """
        if self._coefficients.ndim != 1:
            raise ObservableError(
                "to_matrix: coefficients must have shape (terms,), but have shape "
                f"{self._coefficients.shape}. Use jax.vmap."
            )
        if sparse:
            return sparse_matrix(self._structure, self._known("to_matrix(sparse=True)"))
        numbers = self._coefficients
        numbers = numbers if is_traced(numbers) else known(numbers)
        return dense_matrix(self._structure, numbers)

    def ground_state(self, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """The k lowest energies and their states, by sparse diagonalisation.

        Args:
            k: How many, at most 2**n.

        Returns:
            (energies, vectors): float64 of shape (k,), rising; complex128 of shape (k, 2**n), row i
            a statevector of unit norm with energy i. Global phases are arbitrary, and so is the
            basis of a degenerate level.

        Raises:
            ObservableError: If the sum is not Hermitian, traced or batched, or k is out of range.

        Note:
            Lanczos iterations (ARPACK). They may miss copies of a degenerate level; with k >= 2**n
            / 2, up to 8 qubits, and for a diagonal operator, the answer is complete.

        Examples:
            >>> energies, vectors = PauliSum("X0 X1 + Z0 Z1").ground_state()
            >>> energies, abs(vectors[0]) ** 2
            (array([-2.]), array([0. , 0.5, 0.5, 0. ]))
        """
        numbers = self._known("ground_state")
        if numbers.ndim != 1:
            raise ObservableError("ground_state: coefficients must have shape (terms,); take one.")
        off = largest_imaginary_part(numbers)
        if off > 8 * np.finfo(np.float64).eps * np.abs(numbers).max(initial=0.0):
            raise ObservableError(
                "ground_state: the sum must be Hermitian, but a coefficient has imaginary part "
                f"{off:.3g}."
            )
        count = as_positive(k, "ground_state: k", ObservableError)
        return lowest_eigenpairs(self._structure, np.real(numbers), count)

    # --- pytree and text ----------------------------------------------------------------------

    def tree_flatten(self) -> tuple[tuple[Any], PauliStructure]:
        """The coefficients as the one leaf, and the static structure."""
        return (self._coefficients,), self._structure

    @classmethod
    def tree_unflatten(cls, structure: PauliStructure, leaves: tuple[Any]) -> "PauliSum":
        """Put it together again, whatever stands for the coefficients."""
        made = object.__new__(cls)
        made._structure = structure
        (made._coefficients,) = leaves
        return made

    def __str__(self) -> str:
        return write_sum([str(string) for string in self.strings], self._scalars())

    def __repr__(self) -> str:
        text = write_sum([str(string) for string in self.strings[:_SHOWN]], self._scalars())
        more = len(self) - _SHOWN
        if more > 0:
            return f"<PauliSum: {text} ... and {more} more terms, num_qubits={self.num_qubits}>"
        return f"PauliSum({text!r}, num_qubits={self.num_qubits})"

    # --- private ------------------------------------------------------------------------------

    @property
    def _terms(self) -> Terms:
        return Terms(self._structure, self._coefficients)

    @staticmethod
    def _sum(terms: Terms) -> "PauliSum":
        return _made(terms)

    def _known(self, what: str) -> np.ndarray:
        if is_traced(self._coefficients):
            raise ObservableError(
                f"{what}: coefficients must be known, but are traced. Call it outside jit, grad "
                "and vmap."
            )
        return known(self._coefficients)

    def _scalars(self) -> list[float | complex] | None:
        """The coefficients as Python numbers, or None if they are traced or batched."""
        numbers = self._coefficients
        if is_traced(numbers) or not isinstance(numbers, (np.ndarray, jax.Array)):
            return None
        return known(numbers).tolist() if numbers.ndim == 1 else None


def _string(x: int, z: int) -> PauliString:
    """A string from masks that need no check."""
    string = object.__new__(PauliString)
    object.__setattr__(string, "x", x)
    object.__setattr__(string, "z", z)
    return string


def _made(terms: Terms) -> PauliSum:
    return PauliSum.tree_unflatten(terms.structure, (terms.coefficients,))


def _plain(key: Any, qubits: Any) -> Any:
    """A key as the parser knows it."""
    if not isinstance(key, PauliString):
        return key
    if qubits is not None:
        raise ObservableError(f"PauliSum: qubits must come with letters, not {key!r}.")
    return Word(key.x, key.z, key.num_qubits)
