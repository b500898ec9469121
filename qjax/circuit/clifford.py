r"""Random Clifford circuits, uniform over the group.

A Clifford circuit is known, up to a phase, by the strings that it takes to X_i and Z_i. Qubit by
qubit, draw a string P, not the identity, and a string Q that anticommutes with P, on the qubits
that are left, each with a random sign, and sweep them by H, S, CX and Paulis to X_i and Z_i. Every
choice gives another Clifford, and all are equally likely.

One list of gates holds every sweep: which of its gates act is a row of bits. So many circuits are
one template with many values.

References:
    E. van den Berg, A simple method for sampling random Clifford operators, IEEE International
    Conference on Quantum Computing and Engineering (2021), arXiv:2008.06011.
    S. Aaronson, D. Gottesman, Improved simulation of stabilizer circuits, Phys. Rev. A 70, 052328
    (2004): how gates change strings.
"""

from functools import cache

import jax
import numpy as np

from qjax._checks import as_positive, check_key
from qjax.circuit.circuit import Circuit
from qjax.circuit.parameter import ParameterVector, is_traced
from qjax.errors import CircuitError

Slot = tuple[str, tuple[int, ...]]


def random_clifford(num_qubits: int, key: jax.Array) -> Circuit:
    """A circuit drawn uniformly from the Clifford group, of H, S, CX, X and Z.

    Args:
        num_qubits: Number of qubits n.
        key: A `jax.random` key, known, for it decides which gates there are.

    Returns:
        A circuit of at most some 3 n**2 gates.

    Raises:
        CircuitError: If the key is traced.
        SamplingError: If the key is none.

    Examples:
        >>> circuit = random_clifford(2, jax.random.key(0))
        >>> circuit.num_qubits, set(circuit.count_ops()) <= {"h", "s", "cx", "x", "z"}
        (2, True)
    """
    n = as_positive(num_qubits, "random_clifford: num_qubits")
    check_key(key, "random_clifford: key")
    if is_traced(key):
        raise CircuitError(
            "random_clifford: key must be known, for it decides which gates there are, but is "
            "traced."
        )
    circuit = Circuit(n)
    for (name, qubits), acts in zip(slots(n), drawn_bits(n, 1, key)[0], strict=True):
        if acts:
            circuit.append(name, qubits)
    return circuit


@cache
def slots(n: int) -> tuple[Slot, ...]:
    """The gates of all sweeps, in order; `drawn_bits` says which act."""
    found: list[Slot] = []
    for i in range(n):
        later = range(i + 1, n)
        for j in range(i, n):
            found += [("h", (j,)), ("s", (j,))]
        found += [("cx", (j, i)) for j in later] + [("cx", (i, j)) for j in later]
        found.append(("h", (i,)))
        for j in range(i, n):
            found += [("h", (j,)), ("s", (j,))]
        found += [("cx", (i, j)) for j in later]
        found += [("h", (i,)), ("z", (i,)), ("x", (i,))]
    return tuple(found)


@cache
def template(n: int) -> Circuit:
    """The circuit whose values are the bits of `drawn_bits`, as floats; equal up to phases."""
    bits = ParameterVector("bits", len(slots(n)))
    circuit = Circuit(n)
    for (name, qubits), bit in zip(slots(n), bits, strict=True):
        turn = np.pi * bit
        if name == "h":
            circuit.u(turn / 2, 0.0, turn, *qubits)
        elif name == "s":
            circuit.p(turn / 2, *qubits)
        elif name == "cx":
            circuit.crx(turn, *qubits).p(turn / 2, qubits[0])
        elif name == "x":
            circuit.rx(turn, *qubits)
        else:
            circuit.rz(turn, *qubits)
    return circuit


def drawn_bits(n: int, count: int, key: jax.Array) -> np.ndarray:
    """Which of the gates of `slots` act, for `count` random Cliffords: bool (count, gates)."""
    found: list[np.ndarray] = []
    for i, own in enumerate(jax.random.split(key, n)):
        pair = _anticommuting(n - i, count, own)
        act = _Sweep(pair, found)
        k = n - i  # qubits are counted from i here
        for j in range(k):
            act.to_x(0, j)
        none_yet = ~pair[0].x[:, 0]
        for j in range(1, k):
            first = none_yet & pair[0].x[:, j]
            act.gate("cx", (j, 0), first)
            none_yet &= ~first
        act.clear(0, k)
        everywhere = np.ones(count, bool)
        act.gate("h", (0,), everywhere)
        for j in range(k):
            act.to_x(1, j)
        act.clear(1, k)
        act.gate("h", (0,), everywhere)
        act.gate("z", (0,), pair[0].sign.copy())
        act.gate("x", (0,), pair[1].sign.copy())
    return np.stack(found, axis=1)


class _Rows:
    """Signed Pauli strings, one for each circuit: x and z are bool (count, k), sign (count,)."""

    def __init__(self, x: np.ndarray, z: np.ndarray, sign: np.ndarray) -> None:
        self.x, self.z, self.sign = x, z, sign

    def conjugate(self, name: str, qubits: tuple[int, ...], acts: np.ndarray) -> None:
        """P to G P G^dagger where the gate acts."""
        x, z = self.x, self.z
        if name == "cx":
            c, t = qubits
            self.sign ^= acts & x[:, c] & z[:, t] & ~(x[:, t] ^ z[:, c])
            x[:, t] ^= acts & x[:, c]
            z[:, c] ^= acts & z[:, t]
            return
        (q,) = qubits
        a, b = x[:, q].copy(), z[:, q].copy()
        if name == "h":
            self.sign ^= acts & a & b
            x[:, q], z[:, q] = np.where(acts, b, a), np.where(acts, a, b)
        elif name == "s":
            self.sign ^= acts & a & b
            z[:, q] ^= acts & a
        else:
            self.sign ^= acts & (b if name == "x" else a)


class _Sweep:
    """Applies gates to a pair of rows, and notes where they acted."""

    def __init__(self, pair: tuple[_Rows, _Rows], found: list[np.ndarray]) -> None:
        self.pair, self.found = pair, found

    def gate(self, name: str, qubits: tuple[int, ...], acts: np.ndarray) -> None:
        for rows in self.pair:
            rows.conjugate(name, qubits, acts)
        self.found.append(acts)

    def to_x(self, which: int, q: int) -> None:
        """Z becomes X by H, and Y becomes X by S."""
        x, z = self.pair[which].x[:, q].copy(), self.pair[which].z[:, q].copy()
        self.gate("h", (q,), z & ~x)
        self.gate("s", (q,), z & x)

    def clear(self, which: int, size: int) -> None:
        """X X ... becomes X on qubit 0 alone."""
        for j in range(1, size):
            self.gate("cx", (0, j), self.pair[which].x[:, j].copy())


def _anticommuting(k: int, count: int, key: jax.Array) -> tuple[_Rows, _Rows]:
    """Uniform pairs of anticommuting strings on k qubits, with random signs."""
    of_first, of_second, of_signs = jax.random.split(key, 3)
    first = np.array(jax.random.bernoulli(of_first, 0.5, (count, 2 * k)))
    while (identities := ~first.any(axis=1)).any():  # these are drawn again
        of_first, own = jax.random.split(of_first)
        again = jax.random.bernoulli(own, 0.5, (int(identities.sum()), 2 * k))
        first[identities] = np.asarray(again)
    second = np.asarray(jax.random.bernoulli(of_second, 0.5, (count, 2 * k)))
    (x, z), (u, v) = ((row[:, :k].copy(), row[:, k:].copy()) for row in (first, second))
    commute = (np.sum((x & v) ^ (z & u), axis=1) & 1) == 0
    # A string that commutes is multiplied by one that does not: Z or X where P is not the identity.
    place = np.argmax(x | z, axis=1)
    here = np.arange(count)
    with_z = commute & x[here, place]
    v[here, place] ^= with_z
    u[here, place] ^= commute & ~with_z
    signs = np.asarray(jax.random.bernoulli(of_signs, 0.5, (2, count)))
    return _Rows(x, z, signs[0].copy()), _Rows(u, v, signs[1].copy())
