"""Random circuits: Haar, Clifford, quantum volume, and grids as in supremacy experiments."""

from math import pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError
from qjax.library.ansatz.entanglers import checked_gate

MOST_HAAR_QUBITS = 12  # a matrix of 4**12 numbers


def haar_unitary(num_qubits: int, key: jax.Array, *, shape: tuple[int, ...] = ()) -> jax.Array:
    """Unitary matrices drawn from the uniform (Haar) measure.

    The QR decomposition of a matrix of complex normal numbers, with the phases of R's diagonal
    moved into Q; without that the measure would not be uniform.

    Args:
        num_qubits: Number of qubits k, at most 12.
        key: A `jax.random` key; may be traced.
        shape: Leading axes: how many matrices.

    Returns:
        Complex array of shape (*shape, 2**k, 2**k), complex128 if 64-bit numbers are switched on.

    Raises:
        CircuitError: If the number of qubits is out of range.

    Examples:
        >>> u = haar_unitary(2, jax.random.key(0))
        >>> bool(abs(u @ u.conj().T - jnp.eye(4, dtype=u.dtype)).max() < 1e-6)
        True

    References:
        F. Mezzadri, How to generate random matrices from the classical compact groups, Notices AMS
        54, 592 (2007).
    """
    n = as_positive(num_qubits, "haar_unitary: num_qubits")
    if n > MOST_HAAR_QUBITS:
        raise CircuitError(
            f"haar_unitary: num_qubits must be at most {MOST_HAAR_QUBITS}, but is {n}."
        )
    normal = jax.random.normal(key, (*shape, 2**n, 2**n), jnp.result_type(complex))
    q, r = jnp.linalg.qr(normal)
    diagonal = jnp.diagonal(r, axis1=-2, axis2=-1)
    return q * (diagonal / jnp.abs(diagonal).astype(diagonal.dtype))[..., None, :]


def random_haar(num_qubits: int, key: jax.Array) -> Circuit:
    """A circuit of one gate, a Haar-random unitary on all qubits.

    Args:
        num_qubits: Number of qubits n, at most 12.
        key: A `jax.random` key; may be traced.

    Returns:
        A circuit on n qubits; its matrix is that of `haar_unitary`.

    Raises:
        CircuitError: If the number of qubits is out of range.

    Note:
        Some 8**n operations to draw it.

    Examples:
        >>> random_haar(3, jax.random.key(0)).count_ops()
        {'unitary': 1}
    """
    unitary = haar_unitary(num_qubits, key)
    return Circuit(num_qubits).unitary(unitary, range(num_qubits))


def quantum_volume(num_qubits: int, key: jax.Array, *, depth: int | None = None) -> Circuit:
    """The model circuit of quantum volume: layers of Haar-random gates on random pairs.

    Args:
        num_qubits: Number of qubits n, at least 2; with an odd number one idles in each layer.
        key: A `jax.random` key, known.
        depth: How many layers; by default n.

    Returns:
        A circuit of depth * (n // 2) two-qubit unitaries.

    Raises:
        CircuitError: If a number is out of range, or the key is traced.

    Examples:
        >>> quantum_volume(5, jax.random.key(0)).count_ops()
        {'unitary': 10}

    References:
        A. W. Cross, L. S. Bishop, S. Sheldon, P. D. Nation, J. M. Gambetta, Validating quantum
        computers using randomized model circuits, Phys. Rev. A 100, 032328 (2019).
    """
    n = as_positive(num_qubits, "quantum_volume: num_qubits")
    layers = n if depth is None else as_positive(depth, "quantum_volume: depth")
    if n < 2:
        raise CircuitError(f"quantum_volume: num_qubits must be at least 2, but is {n}.")
    order_key, gate_key = jax.random.split(key)
    rng = _generator(order_key, "quantum_volume")
    drawn = np.asarray(haar_unitary(2, gate_key, shape=(layers, n // 2)), np.complex128)
    left, _, right = np.linalg.svd(drawn)
    gates = left @ right  # unitary in double precision, whatever that of the draw was
    circuit = Circuit(n)
    for row in gates:
        order = rng.permutation(n).tolist()
        for k, gate in enumerate(row):
            circuit.unitary(gate, (order[2 * k], order[2 * k + 1]))
    return circuit


_GRID_TURNS = (("sx", ()), ("ry", (pi / 2,)), ("prx", (pi / 2, pi / 4)))
_GRID_CYCLE = "ABCDCDAB"
# Which bonds (row, column, along rows?) a layer of the cycle joins.
_GRID_BONDS = {
    "A": lambda row, column, down: down and (row + column) % 2 == 0,
    "B": lambda row, column, down: down and (row + column) % 2 == 1,
    "C": lambda row, column, down: not down and (row + column) % 2 == 0,
    "D": lambda row, column, down: not down and (row + column) % 2 == 1,
}
_GRID_ANGLES = {"fsim": (pi / 2, pi / 6)}


def random_grid(
    rows: int, columns: int, depth: int, key: jax.Array, *, entangler: str = "fsim"
) -> Circuit:
    """A random circuit on a grid of qubits, as in the experiment on quantum supremacy.

    A cycle turns every qubit by a random one of sqrt(X), sqrt(Y), sqrt(W) with W = (X + Y) /
    sqrt(2), never the one it had before, then joins a quarter of the bonds, in the order ABCDCDAB.
    A last layer of turns follows.

    Args:
        rows: Rows of the grid.
        columns: Columns; qubit number is row * columns + column.
        depth: How many cycles.
        key: A `jax.random` key, known.
        entangler: "fsim" with theta = pi/2 and phi = pi/6; or a two-qubit gate without angles, as
            "cz" or "iswap".

    Returns:
        A circuit without parameters.

    Raises:
        CircuitError: If a number or gate does not fit, or the key is traced.

    Examples:
        >>> random_grid(3, 3, 4, jax.random.key(0)).count_ops()["fsim"]
        12

    References:
        F. Arute et al., Quantum supremacy using a programmable superconducting processor, Nature
        574, 505 (2019).
    """
    height = as_positive(rows, "random_grid: rows")
    width = as_positive(columns, "random_grid: columns")
    cycles = as_positive(depth, "random_grid: depth")
    gate = checked_gate(entangler, 2, "random_grid: entangler")
    angles = _GRID_ANGLES.get(gate.name, ())
    if len(gate.params) != len(angles):
        raise CircuitError(
            f'random_grid: entangler must be "fsim" or a gate without angles, not {entangler!r}.'
        )
    rng = _generator(key, "random_grid")
    n = height * width
    bonds = [(r, c, True) for r in range(height - 1) for c in range(width)]
    bonds += [(r, c, False) for r in range(height) for c in range(width - 1)]
    circuit = Circuit(n)
    chosen = rng.integers(3, size=n)
    for k in range(cycles + 1):
        for q, turn in enumerate(chosen.tolist()):
            name, params = _GRID_TURNS[turn]
            circuit.append(name, q, params)
        chosen = (chosen + rng.integers(1, 3, size=n)) % 3
        if k < cycles:
            joined = _GRID_BONDS[_GRID_CYCLE[k % len(_GRID_CYCLE)]]
            for r, c, down in bonds:
                if joined(r, c, down):
                    a = r * width + c
                    circuit.append(gate, (a, a + (width if down else 1)), angles)
    return circuit


def _generator(key: Any, what: str) -> np.random.Generator:
    """NumPy's generator from a key, for choices that decide about the structure."""
    if is_traced(key):
        raise CircuitError(
            f"{what}: key must be known, for it decides which gates there are, but is traced."
        )
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return np.random.default_rng(np.asarray(data).ravel().tolist())
