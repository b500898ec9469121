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


def random_clifford(num_qubits: int, key: jax.Array) -> Circuit:
    """A Clifford gate drawn uniformly, as a circuit of h, sdg, cx, swap and Pauli gates.

    Qubit by qubit, the images of X and Z are two random Pauli strings that anticommute; gates that
    sweep these back to X and Z make up the inverse.

    Args:
        num_qubits: Number of qubits n.
        key: A `jax.random` key, known.

    Returns:
        A circuit of O(n**2) gates.

    Raises:
        CircuitError: If the key is traced.

    Examples:
        >>> gates = set(random_clifford(3, jax.random.key(0)).count_ops())
        >>> gates <= {"h", "sdg", "cx", "swap", "x", "y", "z"}
        True

    References:
        E. van den Berg, A simple method for sampling random Clifford operators, IEEE QCE 2021, 54.
    """
    n = as_positive(num_qubits, "random_clifford: num_qubits")
    rng = _generator(key, "random_clifford")
    sweep = Circuit(n)
    for q in range(n):
        _sweep(sweep, rng, q)
    return sweep.inverse()


class _Tableau:
    """Two Pauli strings, as bits x and z of each qubit, that gates act on; signs apart."""

    def __init__(self, circuit: Circuit, rng: np.random.Generator, first: int) -> None:
        n = circuit.num_qubits
        self.circuit = circuit
        while True:
            self.x, self.z = rng.integers(2, size=(2, 2, n)).astype(bool)
            self.x[:, :first] = self.z[:, :first] = False
            crossed = (self.x[0] & self.z[1]) ^ (self.z[0] & self.x[1])
            if crossed.sum() % 2:  # they anticommute, so neither is the identity
                return

    def h(self, q: int) -> None:
        self.circuit.h(q)
        self.x[:, q], self.z[:, q] = self.z[:, q].copy(), self.x[:, q].copy()

    def s(self, q: int) -> None:
        self.circuit.s(q)
        self.z[:, q] ^= self.x[:, q]

    def cx(self, control: int, target: int) -> None:
        self.circuit.cx(control, target)
        self.x[:, target] ^= self.x[:, control]
        self.z[:, control] ^= self.z[:, target]

    def swap(self, a: int, b: int) -> None:
        self.circuit.swap(a, b)
        for table in (self.x, self.z):
            table[:, [a, b]] = table[:, [b, a]]

    def to_x(self, row: int, first: int) -> None:
        """Gates that take a string to X on qubit `first`, up to its sign."""
        for q in range(first, self.x.shape[1]):
            if self.z[row, q]:
                (self.s if self.x[row, q] else self.h)(q)
        support = np.flatnonzero(self.x[row]).tolist()
        while len(support) > 1:
            for a, b in zip(support[::2], support[1::2], strict=False):
                self.cx(a, b)
            support = support[::2]
        if support[0] != first:
            self.swap(support[0], first)


def _sweep(circuit: Circuit, rng: np.random.Generator, first: int) -> None:
    """Append gates that take two random anticommuting strings to X and Z on qubit `first`.

    With the first string at X, the second is Z there up to a factor that commutes. It is Z alone
    already, or H makes X of what should be Z, the sweep goes on, and H goes back.
    """
    pair = _Tableau(circuit, rng, first)
    pair.to_x(0, first)
    alone = pair.z[1].sum() == 1 and not pair.x[1].any() and pair.z[1, first]
    if not alone:
        pair.h(first)
        pair.to_x(1, first)
        pair.h(first)
    sign = rng.integers(4)
    if sign:
        circuit.append("xyz"[sign - 1], first)


def _generator(key: Any, what: str) -> np.random.Generator:
    """NumPy's generator from a key, for choices that decide about the structure."""
    if is_traced(key):
        raise CircuitError(
            f"{what}: key must be known, for it decides which gates there are, but is traced."
        )
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return np.random.default_rng(np.asarray(data).ravel().tolist())
