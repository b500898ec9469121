r"""Problems over bits, as Hamiltonians of qubits.

A problem is a quadratic form of n bits that is to be small,

    cost(x) = sum_ij Q_ij x_i x_j + offset,

and what a bitstring means. With x = (1 - Z) / 2 it is a sum of Z and Z Z, bit i on qubit i.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from qjax._checks import as_integer
from qjax.errors import ObservableError
from qjax.observables import Diagonal, PauliSum

MOST_BITS = 26  # of a search through all bitstrings
MOST_DIAGONAL_BITS = 30
_CHUNK_BITS = 16


class Solution(NamedTuple):
    """What a bitstring means.

    Attributes:
        bits: The bitstring, highest bit first.
        cost: Its cost: what the Hamiltonian has as eigenvalue, penalties included.
        answer: In the problem's words: a set of vertices, an order of cities, ...
        value: The quantity the problem is about, in its own sign: a cut's weight, a tour's length.
        feasible: Whether every constraint holds. The value of an infeasible one means little.
    """

    bits: str
    cost: float
    answer: Any
    value: float
    feasible: bool


Meaning = Callable[[np.ndarray], tuple[Any, float, bool]]


@dataclass(frozen=True, eq=False)
class Problem:
    """A quadratic problem over bits; the least cost is best.

    Attributes:
        name: What it is.
        matrix: Q: float64, upper triangular, of shape (n, n); Q_ii weighs bit i.
        offset: What is added.
        meaning: From bits, an array of 0 and 1, to (answer, value, feasible).
    """

    name: str
    matrix: np.ndarray = field(repr=False)
    offset: float
    meaning: Meaning = field(repr=False)

    @property
    def num_qubits(self) -> int:
        """Number of bits."""
        return len(self.matrix)

    @cached_property
    def hamiltonian(self) -> PauliSum:
        """The cost as a sum of I, Z and Z Z; bit i is qubit i."""
        n = self.num_qubits
        rows, columns = np.nonzero(np.triu(self.matrix, 1))
        pairs = self.matrix[rows, columns] / 4
        # x_i x_j = (1 - Z_i - Z_j + Z_i Z_j) / 4 and x_i = (1 - Z_i) / 2.
        singles = -self.matrix.diagonal() / 2
        np.subtract.at(singles, rows, pairs)
        np.subtract.at(singles, columns, pairs)
        constant = self.offset + self.matrix.diagonal().sum() / 2 + pairs.sum()
        bits = 1 << np.arange(n, dtype=np.int64)
        z = np.concatenate([bits[rows] | bits[columns], bits, [0]])
        numbers = np.concatenate([pairs, singles, [constant]])
        return PauliSum.from_masks(np.zeros_like(z), z, numbers, n).simplify()

    def diagonal(self) -> Diagonal:
        """The cost of every bitstring, as an observable.

        Raises:
            ObservableError: If there are more than 30 bits.
        """
        if self.num_qubits > MOST_DIAGONAL_BITS:
            raise ObservableError(
                f"{self.name}: a diagonal must have at most {MOST_DIAGONAL_BITS} bits, but has "
                f"{self.num_qubits}. Use `hamiltonian`."
            )
        return Diagonal(self._costs(0, self.num_qubits))

    def cost(self, bits: Any) -> Any:
        """The cost of bitstrings.

        Args:
            bits: A bitstring, highest bit first; or an array of 0 and 1 of shape (..., n), bit 0
                first.

        Returns:
            A float, or a float64 array of shape (...).

        Raises:
            ObservableError: If there are not n bits.
        """
        x = self._array(bits)
        value = np.einsum("...i,ij,...j->...", x, self.matrix, x, optimize=True) + self.offset
        return float(value) if np.ndim(value) == 0 else value

    def decode(self, bits: Any) -> Solution:
        """What a bitstring means.

        Args:
            bits: As in `cost`, one of them.

        Raises:
            ObservableError: If there are not n bits.
        """
        x = self._array(bits)
        if x.ndim != 1:
            raise ObservableError(f"{self.name}: decode takes one bitstring, but has {x.shape}.")
        answer, value, feasible = self.meaning(x.astype(np.int64))
        text = "".join(str(b) for b in reversed(x.astype(np.int64).tolist()))
        return Solution(text, self.cost(x), answer, float(value), bool(feasible))

    def best(self, candidates: Any) -> Solution:
        """The least cost among bitstrings, for instance the keys of counts.

        Raises:
            ObservableError: If there is none.
        """
        solutions = [self.decode(bits) for bits in candidates]
        if not solutions:
            raise ObservableError(f"{self.name}: best needs a bitstring, but there is none.")
        return min(solutions, key=lambda s: s.cost)

    def brute_force(self) -> Solution:
        """The least cost of all, by looking at every bitstring.

        Raises:
            ObservableError: If there are more than 26 bits.

        Note:
            Some seconds for 24 bits.
        """
        n = self.num_qubits
        if n > MOST_BITS:
            raise ObservableError(
                f"{self.name}: brute_force must have at most {MOST_BITS} bits, but has {n}."
            )
        low = min(n, _CHUNK_BITS)
        best, where = np.inf, 0
        for high in range(1 << n - low):
            costs = self._costs(high << low, low)
            k = int(np.argmin(costs))
            if costs[k] < best:
                best, where = float(costs[k]), high << low | k
        return self.decode(f"{where:0{n}b}")

    def _costs(self, start: int, num_bits: int) -> np.ndarray:
        """The costs of start, ..., start + 2**num_bits - 1; the low bits of `start` are 0.

        Bit by bit: the costs with bit i set are those without, and Q_ii and i's couplings to the
        bits set below and above.
        """
        upper = np.array([start >> i & 1 for i in range(self.num_qubits)], np.float64)
        base = float(upper @ self.matrix @ upper) + self.offset
        # fields[i] is what setting bit i adds when all the low bits are 0.
        fields = self.matrix.diagonal() + (self.matrix + self.matrix.T - 2 * np.diag(
            self.matrix.diagonal())) @ upper  # fmt: skip
        costs = np.array([base])
        for i in range(num_bits):
            couplings = np.zeros(1)
            for j in range(i):
                couplings = np.concatenate([couplings, couplings + self.matrix[j, i]])
            costs = np.concatenate([costs, costs + fields[i] + couplings])
        return costs

    def _array(self, bits: Any) -> np.ndarray:
        n = self.num_qubits
        if isinstance(bits, str):
            valid = len(bits) == n and not set(bits) - {"0", "1"}
            x = np.array([int(b) for b in reversed(bits)] if valid else [], np.float64)
        else:
            x = np.asarray(bits, np.float64)
        if x.shape[-1:] != (n,) or not np.isin(x, (0, 1)).all():
            raise ObservableError(
                f"{self.name}: there must be {n} bits of 0 or 1, but is {bits!r}."
            )
        return x


def qubo(matrix: Any, *, offset: float = 0.0, name: str = "qubo") -> Problem:
    """Any quadratic form of bits: the sum of Q_ij x_i x_j.

    Args:
        matrix: Q of shape (n, n), finite; Q_ij and Q_ji add up. Or a mapping from pairs (i, j) to
            numbers.
        offset: What is added.
        name: What it is called in messages.

    Returns:
        The problem; its answer is the set of bits that are 1, its value the cost.

    Raises:
        ObservableError: If it is no square matrix of finite numbers, of at most 62 rows.

    Examples:
        >>> problem = qubo([[-1, 2], [0, -1]])
        >>> problem.hamiltonian
        PauliSum('0.5 * Z0 Z1 - 0.5', num_qubits=2)
        >>> problem.brute_force()
        Solution(bits='01', cost=-1.0, answer=(0,), value=-1.0, feasible=True)

    References:
        F. Glover, G. Kochenberger, Y. Du, Quantum bridge analytics I: a tutorial on formulating
        and using QUBO models, 4OR 17, 335 (2019).
    """
    upper = _upper(matrix, name)
    meaning = lambda x: (ones(x), float(x @ upper @ x) + offset, True)
    return Problem(name, upper, float(offset), meaning)


def ising(
    couplings: Any, fields: Any = None, *, offset: float = 0.0, name: str = "ising"
) -> Problem:
    """Any quadratic form of spins s = 1 - 2 x: sum over i < j of J_ij s_i s_j + sum_i h_i s_i.

    Args:
        couplings: J: a matrix of shape (n, n), in which J_ij and J_ji add up and the diagonal must
            be 0, or a mapping from pairs to numbers.
        fields: h of shape (n,); 0 if None.
        offset: What is added.
        name: What it is called in messages.

    Returns:
        The problem; its answer is the spins, 1 or -1, and its value the cost.

    Raises:
        ObservableError: If shapes do not fit, or a coupling is on the diagonal.

    Examples:
        >>> ising({(0, 1): 1.0}, [0.5, 0.0]).brute_force().answer
        (-1, 1)
    """
    count = None if fields is None else np.size(fields)
    j = _upper(couplings, name, count)
    n = len(j)
    h = np.zeros(n) if fields is None else np.asarray(fields, np.float64)
    if h.shape != (n,) or j.diagonal().any() or not np.isfinite(h).all():
        raise ObservableError(
            f"{name}: there must be a finite field for each of {n} spins, and no coupling of a "
            f"spin with itself, but fields have shape {h.shape} and the diagonal is {j.diagonal()}."
        )
    # s_i s_j = 1 - 2 x_i - 2 x_j + 4 x_i x_j.
    matrix = 4 * j + np.diag(-2 * (j.sum(axis=0) + j.sum(axis=1) + h))
    constant = float(offset + j.sum() + h.sum())

    def meaning(x: np.ndarray) -> tuple[Any, float, bool]:
        spins = 1 - 2 * x
        return tuple(spins.tolist()), float(spins @ j @ spins + h @ spins) + offset, True

    return Problem(name, matrix, constant, meaning)


def ones(x: np.ndarray) -> tuple[int, ...]:
    """Where bits are 1."""
    return tuple(np.flatnonzero(x).tolist())


def _upper(matrix: Any, name: str, size: int | None = None) -> np.ndarray:
    """A quadratic form as an upper triangular matrix."""
    if hasattr(matrix, "items"):
        try:
            pairs = [
                (as_integer(i, "bit", ObservableError), as_integer(j, "bit", ObservableError), v)
                for (i, j), v in matrix.items()
            ]
        except (TypeError, ValueError):
            pairs = [(-1, -1, 0.0)]
        if any(min(i, j) < 0 for i, j, _ in pairs):
            raise ObservableError(
                f"{name}: a mapping must go from pairs of bits to numbers, but is {matrix!r}."
            )
        n = max([*(max(i, j) + 1 for i, j, _ in pairs), size or 1])
        given = np.zeros((n, n))
        for i, j, value in pairs:
            given[i, j] += float(value)
    else:
        given = np.asarray(matrix, np.float64)
    square = given.ndim == 2 and given.shape[0] == given.shape[1]
    if not square or not 0 < len(given) <= 62 or not np.isfinite(given).all():
        raise ObservableError(
            f"{name}: the matrix must be square, with 1 to 62 rows of finite numbers, but has "
            f"shape {given.shape}."
        )
    return np.triu(given) + np.tril(given, -1).T
