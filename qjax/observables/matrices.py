"""Matrices of Pauli sums, and their lowest eigenvalues. Bit q of an index is qubit q."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from qjax.errors import ObservableError
from qjax.observables.coefficients import is_traced, phased
from qjax.observables.masks import PauliStructure

DENSE_SIZE = 256  # up to here a dense solver is faster than Lanczos iterations, and always exact


def _signs(z: Any, index: np.ndarray) -> np.ndarray:
    """(-1)^|j & z| for every j in `index`, as int8."""
    return 1 - 2 * (np.bitwise_count(index & z) & 1).astype(np.int8)


def diagonals(structure: PauliStructure, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A Pauli sum as sum over x of D_x X^x, one diagonal per x mask.

    D_x[j] = sum over the terms k with that x mask of c_k i^|x & z_k| (-1)^|(j ^ x) & z_k|

    Args:
        structure: The strings.
        coefficients: NumPy array of shape (terms,).

    Returns:
        (x, D): masks of shape (groups,) and diagonals of shape (groups, 2**n); D is real if all
        its entries are.
    """
    index = np.arange(1 << structure.num_qubits)
    y = np.bitwise_count(structure.x_masks & structure.z_masks) & 3
    numbers = phased(coefficients, y)
    if np.iscomplexobj(numbers) and not numbers.imag.any():
        numbers = numbers.real
    rows = np.zeros((len(structure.groups), len(index)), numbers.dtype)
    for row, (x, terms) in zip(rows, structure.groups, strict=True):
        for k in terms:
            row += numbers[k] * _signs(structure.z_masks[k], index ^ x)
    return np.array([x for x, _ in structure.groups], np.int64), rows


def sparse_matrix(structure: PauliStructure, coefficients: np.ndarray, dtype: Any = None) -> Any:
    """The matrix as a `scipy.sparse.csr_array` of shape (2**n, 2**n)."""
    import scipy.sparse

    x, rows = diagonals(structure, coefficients)
    index = np.arange(1 << structure.num_qubits)
    columns = index[:, None] ^ x
    starts = np.arange(len(index) + 1) * len(x)
    data = rows.T.ravel().astype(dtype or rows.dtype)
    shape = (len(index), len(index))
    matrix = scipy.sparse.csr_array((data, columns.ravel(), starts), shape=shape)
    matrix.sort_indices()
    return matrix


def dense_matrix(structure: PauliStructure, coefficients: Any) -> Any:
    """The matrix of shape (2**n, 2**n): complex128 NumPy, or a JAX array if traced."""
    if not is_traced(coefficients):
        return sparse_matrix(structure, coefficients, np.complex128).toarray()
    index = np.arange(1 << structure.num_qubits)
    x, z = structure.x_masks[:, None], structure.z_masks[:, None]
    numbers = phased(coefficients, np.bitwise_count(x[:, 0] & z[:, 0]) & 3)
    numbers = numbers.astype(np.result_type(numbers.dtype, np.complex64))
    entries = numbers[:, None] * _signs(z, index).astype(numbers.dtype)
    zero = jnp.zeros((len(index), len(index)), numbers.dtype)
    return zero.at[index ^ x, np.broadcast_to(index, entries.shape)].add(entries)


def lowest_eigenpairs(
    structure: PauliStructure, coefficients: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k lowest eigenvalues and their eigenvectors, as rows; see `PauliSum.ground_state`."""
    size = 1 << structure.num_qubits
    if not 1 <= k <= size:
        raise ObservableError(f"ground_state: k must be in 1..{size}, but is {k}.")
    if not structure.x_masks.any():
        return _of_diagonal(structure, coefficients, k)
    matrix = sparse_matrix(structure, coefficients)
    # The Lanczos method finds fewer than all eigenvectors.
    if size <= DENSE_SIZE or k >= size // 2:
        energies, vectors = np.linalg.eigh(matrix.toarray())
    else:
        import scipy.sparse.linalg

        # A start vector that is fixed and has no symmetry: the same call gives the same answer.
        start = np.random.default_rng(0).normal(size=size)
        energies, vectors = scipy.sparse.linalg.eigsh(matrix, k, which="SA", v0=start)
    order = np.argsort(energies)[:k]
    return energies[order], vectors.T[order].astype(np.complex128)


def _of_diagonal(
    structure: PauliStructure, coefficients: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    _, rows = diagonals(structure, coefficients)
    values = rows.sum(axis=0)  # one row, or none for the zero operator
    order = np.argsort(values, kind="stable")[:k]
    vectors = np.zeros((k, len(values)), np.complex128)
    vectors[np.arange(k), order] = 1
    return values[order], vectors
