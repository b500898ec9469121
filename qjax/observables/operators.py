"""Projector, Diagonal and Hermitian: observables given by numbers on chosen qubits.

The j-th listed qubit is bit j of the index of the numbers; on all other qubits they are the
identity.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_integer
from qjax.errors import ObservableError
from qjax.observables.coefficients import is_traced
from qjax.observables.parse import MAX_QUBITS, checked_qubits
from qjax.observables.pauli import PauliSum

NORM_TOLERANCE = 1e-4  # in norm squared, as for initial states: a state of single precision passes


class _OnQubits:
    """What the three share: one leaf of numbers; qubits, and all else that is known, static."""

    qubits: tuple[int, ...]
    _index: int | None  # of the basis state of a Projector; its numbers are None then
    _numbers: Any

    def _set(self, qubits: Any, count: int, numbers: Any, index: int | None = None) -> None:
        name = type(self).__name__
        if qubits is None:
            qubits = range(count)
        self.qubits = checked_qubits(name, qubits, count, "index bits")
        self._index = index
        self._numbers = numbers

    @property
    def num_qubits(self) -> int:
        """Lowest number of qubits that holds it."""
        return max(self.qubits, default=-1) + 1

    def _matrix(self) -> Any:
        """The matrix on its own qubits, of shape (2**k, 2**k)."""
        raise NotImplementedError

    def to_matrix(self, num_qubits: int | None = None) -> Any:
        """Its matrix of shape (2**n, 2**n); bit q of an index is qubit q.

        Args:
            num_qubits: n, by default the lowest that holds its qubits.

        Returns:
            complex128 NumPy array, or a complex JAX array if its numbers are traced.

        Raises:
            ObservableError: If n is too small.
        """
        lowest = self.num_qubits
        n = lowest if num_qubits is None else as_integer(num_qubits, "num_qubits", ObservableError)
        if n < lowest:
            raise ObservableError(
                f"{type(self).__name__}: num_qubits must be at least {lowest} for qubits "
                f"{self.qubits}, but is {n}."
            )
        small = self._matrix()
        if is_traced(small):
            small = small.astype(np.result_type(small.dtype, np.complex64))
        mine = _spread(self.qubits)
        rest = _spread(tuple(q for q in range(n) if q not in self.qubits))
        rows = (rest[:, None] | mine)[:, :, None]
        columns = (rest[:, None] | mine)[:, None, :]
        if is_traced(small):
            return jnp.zeros((1 << n, 1 << n), small.dtype).at[rows, columns].set(small)
        matrix = np.zeros((1 << n, 1 << n), np.complex128)
        matrix[rows, columns] = small
        return matrix

    def __eq__(self, other: object) -> bool:
        """Whether class, qubits and numbers are equal; traced numbers equal only themselves."""
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, _OnQubits)
        a, b = self._numbers, other._numbers
        same = a is b if is_traced(a) or is_traced(b) else bool(np.array_equal(a, b))
        return same and (self.qubits, self._index) == (other.qubits, other._index)

    def __hash__(self) -> int:
        return hash((type(self), self.qubits, self._index))

    def tree_flatten(self) -> tuple[tuple[Any], tuple[tuple[int, ...], int | None]]:
        """The numbers as the one leaf; what is static."""
        return (self._numbers,), (self.qubits, self._index)

    @classmethod
    def tree_unflatten(cls, static: tuple[tuple[int, ...], int | None], leaves: tuple[Any]) -> Any:
        """Put it together again, whatever stands for the numbers."""
        made = object.__new__(cls)
        made.qubits, made._index = static
        (made._numbers,) = leaves
        return made

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<2**{len(self.qubits)} values>, qubits={self.qubits})"


@jax.tree_util.register_pytree_node_class
class Projector(_OnQubits):
    """The projector |v><v| onto a state of some qubits; its expectation is a probability.

    Args:
        state: A bitstring, whose leftmost bit is the last of `qubits` (by default the highest); or
            a vector of shape (2**k,) and unit norm. The norm of a traced vector is not checked.
        qubits: k distinct qubits; by default 0 to k - 1.

    Raises:
        ObservableError: If the state is no bitstring and no normalised vector, or qubits do not
            fit.

    Examples:
        >>> Projector("01")
        Projector('01', qubits=(0, 1))
        >>> Projector([0.6, 0.8], qubits=0).to_matrix().real
        array([[0.36, 0.48],
               [0.48, 0.64]])
    """

    def __init__(self, state: Any, qubits: Any = None) -> None:
        if isinstance(state, str):
            if not state or state.strip("01"):
                raise ObservableError(
                    f"Projector: a bitstring must be made of 0 and 1, but is {state!r}."
                )
            self._set(qubits, len(state), None, int(state, 2))
            return
        vector = _checked_numbers("Projector: vector", state, 1)
        if not is_traced(vector):
            off = float(np.linalg.norm(vector)) ** 2 - 1
            if abs(off) > NORM_TOLERANCE:
                raise ObservableError(
                    f"Projector: the vector must have norm 1, but its norm squared is off by "
                    f"{off:.3g}. Divide it by its norm."
                )
        self._set(qubits, vector.shape[0].bit_length() - 1, vector)

    @property
    def index(self) -> int | None:
        """For a bitstring, its basis state: bit j of the index is qubit `qubits[j]`; else None."""
        return self._index

    @property
    def vector(self) -> Any:
        """The state: complex array of shape (2**k,), made anew each time from a bitstring."""
        if self._index is None:
            return self._numbers
        vector = np.zeros(1 << len(self.qubits), np.complex128)
        vector[self._index] = 1
        return vector

    def _matrix(self) -> Any:
        vector = self.vector
        return vector[:, None] * vector.conj()

    def __repr__(self) -> str:
        if self._index is None:
            return super().__repr__()
        return f"Projector('{self._index:0{len(self.qubits)}b}', qubits={self.qubits})"


@jax.tree_util.register_pytree_node_class
class Diagonal(_OnQubits):
    """A real function of the bits of some qubits: sum over b of values[b] |b><b|.

    Args:
        values: Real array of shape (2**k,), finite.
        qubits: k distinct qubits; by default 0 to k - 1.

    Raises:
        ObservableError: If values are not real, not finite, or not 2**k, or qubits do not fit.

    Examples:
        >>> Diagonal([0, 1, 1, 2]).to_matrix().real.diagonal()  # how many bits are 1
        array([0., 1., 1., 2.])
    """

    def __init__(self, values: Any, qubits: Any = None) -> None:
        array = _checked_numbers("Diagonal: values", values, 1)
        if not is_traced(array):
            if array.imag.any():
                raise ObservableError(
                    "Diagonal: values must be real, but one has imaginary part "
                    f"{array.imag[np.argmax(np.abs(array.imag))]:.3g}."
                )
            array = array.real.copy()
            array.setflags(write=False)
        elif jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise ObservableError(f"Diagonal: values must be real, but are {array.dtype}.")
        self._set(qubits, array.shape[0].bit_length() - 1, array)

    @property
    def values(self) -> Any:
        """Real array of shape (2**k,); with leading axes in a batch."""
        return self._numbers

    def _matrix(self) -> Any:
        return (jnp if is_traced(self._numbers) else np).diag(self._numbers)


@jax.tree_util.register_pytree_node_class
class Hermitian(_OnQubits):
    """A Hermitian matrix on a few qubits.

    Args:
        matrix: Complex array of shape (2**k, 2**k), finite. Whether a traced matrix is Hermitian is
            not checked; only its Hermitian part (M + M^dagger) / 2 counts for an expectation value.
        qubits: k distinct qubits, the j-th of them bit j of the matrix index; by default 0 to
            k - 1.

    Raises:
        ObservableError: If the matrix is not Hermitian (the message says how far off), not finite
            or not 2**k by 2**k, or qubits do not fit.

    Examples:
        >>> Hermitian([[0, -1j], [1j, 0]], qubits=2)
        Hermitian(<4**1 entries>, qubits=(2,))
    """

    def __init__(self, matrix: Any, qubits: Any = None) -> None:
        array = _checked_numbers("Hermitian: matrix", matrix, 2)
        if not is_traced(array):
            off = float(np.max(np.abs(array - array.conj().T)))
            allowed = _rounding(matrix) * float(np.max(np.abs(array)))
            if off > allowed:
                raise ObservableError(
                    "Hermitian: the matrix must equal its conjugate transpose, but an entry of "
                    f"M - M^dagger is {off:.3g} (allowed: {allowed:.1g})."
                )
        self._set(qubits, array.shape[0].bit_length() - 1, array)

    @property
    def matrix(self) -> Any:
        """Complex array of shape (2**k, 2**k); with leading axes in a batch."""
        return self._numbers

    def _matrix(self) -> Any:
        return self._numbers

    def __repr__(self) -> str:
        return f"Hermitian(<4**{len(self.qubits)} entries>, qubits={self.qubits})"


Observable = PauliSum | Projector | Diagonal | Hermitian
"""Whatever an expectation value can be asked of."""


def _checked_numbers(what: str, given: Any, axes: int) -> Any:
    """Numbers of shape (2**k,) * axes: complex128 if known, else as they are traced.

    Raises:
        ObservableError: If the shape is another, or something is no finite number.
    """
    try:
        array = given if is_traced(given) else np.asarray(given)
    except ValueError:  # rows of different lengths
        raise ObservableError(f"{what} must be an array of numbers, but is {given!r}.") from None
    size = array.shape[0] if array.ndim else 0
    if array.shape != (size,) * axes or size & (size - 1) or not 0 < size <= 1 << MAX_QUBITS:
        raise ObservableError(
            f"{what} must have shape ({', '.join(['2**k'] * axes)}{',' * (axes == 1)}), "
            f"but has shape {array.shape}."
        )
    if not jnp.issubdtype(array.dtype, jnp.number):
        raise ObservableError(f"{what} must hold numbers, but holds {array.dtype}.")
    if is_traced(array):
        return array
    array = array.astype(np.complex128)
    if not np.isfinite(array).all():
        raise ObservableError(f"{what} must be finite, but holds NaN or infinity.")
    array.setflags(write=False)
    return array


def _rounding(given: Any) -> float:
    """How far an entry may be off for rounding alone, relative to the largest.

    16 * eps leaves room for a sum or two. Numbers typed in with six or seven digits pass as single
    precision.
    """
    dtype = getattr(given, "dtype", np.dtype(np.float64))
    eps = float(np.finfo(np.float32).eps)
    if jnp.issubdtype(dtype, jnp.inexact):
        eps = max(eps, float(jnp.finfo(dtype).eps))
    return 16 * eps


def _spread(qubits: tuple[int, ...]) -> np.ndarray:
    """For each number b of len(qubits) bits, the index with bit j of b at `qubits[j]`."""
    b = np.arange(1 << len(qubits))
    spread = np.zeros_like(b)
    for j, q in enumerate(qubits):
        spread |= (b >> j & 1) << q
    return spread
