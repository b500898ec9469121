"""A dense simulator in plain NumPy, slow and short: what every result of qjax is checked against.

It imports nothing from qjax. Gates are written down here a second time, from their definitions, as
exponentials of Pauli matrices wherever they have that form. Qubit 0 is the least significant bit,
and bit k of a gate's matrix index is its k-th qubit.
"""

from functools import reduce

import numpy as np
from scipy.linalg import expm

I2 = np.eye(2)
X = np.array([[0, 1], [1, 0]])
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1, -1])
H = (X + Z) / np.sqrt(2)
PAULI = {"I": I2, "X": X, "Y": Y, "Z": Z}
SWAP = np.eye(4)[[0, 2, 1, 3]]


def kron(*factors):
    """Tensor product with the first factor on qubit 0."""
    return reduce(lambda low, high: np.kron(high, low), factors, np.eye(1))


def pauli(letters):
    """Letter k acts on qubit k."""
    return kron(*(PAULI[p] for p in letters))


def rotation(letters, theta):
    return expm(-0.5j * theta * pauli(letters))


def phase(theta):
    return np.diag([1, np.exp(1j * theta)])


def u(theta, phi, lam):
    return phase(phi) @ rotation("Y", theta) @ phase(lam)


def gpi(phi):
    return np.cos(phi) * X + np.sin(phi) * Y


def exchange(theta):
    """exp(-i theta (XX + YY) / 4)."""
    return expm(-0.25j * theta * (pauli("XX") + pauli("YY")))


def xx_plus_yy(theta, beta):
    turn = kron(rotation("Z", beta), I2)
    return turn.conj().T @ exchange(theta) @ turn


def xx_minus_yy(theta, beta):
    turn = kron(I2, rotation("Z", beta))
    return turn @ expm(-0.25j * theta * (pauli("XX") - pauli("YY"))) @ turn.conj().T


def controlled_phase(theta):
    return np.diag([1, 1, 1, np.exp(1j * theta)])


CX = np.eye(4)[[0, 3, 2, 1]]  # control 0, target 1: |01> and |11> are exchanged
XC = np.eye(4)[[0, 1, 3, 2]]  # control 1, target 0

GATES = {
    "gphase": lambda gamma: np.array([[np.exp(1j * gamma)]]),
    "id": lambda: I2,
    "x": lambda: X,
    "y": lambda: Y,
    "z": lambda: Z,
    "h": lambda: H,
    "s": lambda: phase(np.pi / 2),
    "sdg": lambda: phase(-np.pi / 2),
    "t": lambda: phase(np.pi / 4),
    "tdg": lambda: phase(-np.pi / 4),
    "sx": lambda: H @ phase(np.pi / 2) @ H,
    "sxdg": lambda: H @ phase(-np.pi / 2) @ H,
    "rx": lambda theta: rotation("X", theta),
    "ry": lambda theta: rotation("Y", theta),
    "rz": lambda theta: rotation("Z", theta),
    "p": phase,
    "u": u,
    "u2": lambda phi, lam: rotation("Z", phi) @ rotation("Y", np.pi / 2) @ rotation("Z", lam),
    "u3": lambda t, phi, lam: rotation("Z", phi) @ rotation("Y", t) @ rotation("Z", lam),
    "phased_u": lambda theta, phi, lam, gamma: np.exp(1j * gamma) * u(theta, phi, lam),
    "prx": lambda theta, phi: expm(-0.5j * theta * gpi(phi)),
    "gpi": gpi,
    "gpi2": lambda phi: expm(-0.25j * np.pi * gpi(phi)),
    "swap": lambda: SWAP,
    "iswap": lambda: exchange(-np.pi),
    "iswapdg": lambda: exchange(np.pi),
    "sqrt_iswap": lambda: exchange(-np.pi / 2),
    "sqrt_iswapdg": lambda: exchange(np.pi / 2),
    "ecr": lambda: rotation("ZX", -np.pi / 4) @ kron(X, I2) @ rotation("ZX", np.pi / 4),
    "dcx": lambda: XC @ CX,
    "rxx": lambda theta: rotation("XX", theta),
    "ryy": lambda theta: rotation("YY", theta),
    "rzz": lambda theta: rotation("ZZ", theta),
    "rzx": lambda theta: rotation("ZX", theta),
    "xx_plus_yy": xx_plus_yy,
    "xx_minus_yy": xx_minus_yy,
    "fsim": lambda theta, phi: exchange(2 * theta) @ controlled_phase(-phi),
    "givens": lambda theta: expm(0.5j * theta * (pauli("XY") - pauli("YX"))),
    "ms": lambda phi0, phi1, theta: expm(-0.5j * theta * kron(gpi(phi0), gpi(phi1))),
}


def gate_matrix(name, params=(), arguments=()):
    """Matrix of a gate without its controls."""
    if name == "pauli_rotation":
        return rotation(arguments[0], *params)
    if name == "unitary":
        return np.asarray(params[0])
    if name == "diagonal":
        return np.diag(params[0])
    if name == "permutation":
        (table,) = arguments
        return np.eye(len(table))[:, list(table)]  # column j is the basis state |table[j]>
    return GATES[name](*params)


def embed(matrix, qubits, controls, control_values, n):
    """The gate as a matrix on n qubits: 1 + |v><v| (gate - 1), as a sum of tensor products."""
    total = np.eye(2**n, dtype=complex)
    for (a, b), entry in np.ndenumerate(matrix - np.eye(len(matrix))):
        factors = [I2] * n
        for k, q in enumerate(qubits):
            factors[q] = np.outer(I2[a >> k & 1], I2[b >> k & 1])
        for c, v in zip(controls, control_values, strict=True):
            factors[c] = np.diag(I2[v])
        total += entry * kron(*factors)
    return total


def apply(matrix, qubits, controls, control_values, state):
    """The gate on a state of shape (2**n, ...), by the definition: amplitude by amplitude."""
    new = state.astype(complex)
    index = np.arange(state.shape[0])
    acts = np.ones(len(index), bool)
    for c, v in zip(controls, control_values, strict=True):
        acts &= (index >> c & 1) == v
    own = sum(((index >> q & 1) << k for k, q in enumerate(qubits)), np.zeros_like(index))
    rest = index & ~sum(1 << q for q in qubits)
    new[acts] = 0
    for column in range(len(matrix)):
        source = rest | sum((column >> k & 1) << q for k, q in enumerate(qubits))
        factor = matrix[own, column].reshape(-1, *[1] * (state.ndim - 1))
        new[acts] += (factor * state[source])[acts]
    return new


def run(circuit, state):
    for i in circuit.instructions:
        if i.operation.name == "barrier":
            continue
        arguments = getattr(i.operation, "arguments", ())
        matrix = gate_matrix(i.operation.name, i.params, arguments)
        state = apply(matrix, i.qubits, i.controls, i.control_values, state)
    return state


def unitary(circuit):
    """Matrix of a circuit whose parameters are bound."""
    return run(circuit, np.eye(2**circuit.num_qubits, dtype=complex))


def statevector(circuit, initial=None):
    if initial is None:
        initial = np.eye(2**circuit.num_qubits, 1, dtype=complex)[:, 0]
    return run(circuit, np.asarray(initial, complex))


def pauli_matrix(text, n):
    """Matrix of a Pauli string such as "X0 Z2"."""
    letters = ["I"] * n
    for word in text.split():
        letters[int(word[1:])] = word[0]
    return pauli(letters)


def operator(terms, n):
    """Matrix of a sum of Pauli strings, given as text -> coefficient."""
    return sum((c * pauli_matrix(text, n) for text, c in terms.items()), np.zeros((2**n, 2**n)))


def expectation(state, terms):
    n = len(state).bit_length() - 1
    return np.vdot(state, operator(terms, n) @ state).real


def probabilities(state, qubits):
    """Born's rule: the chance of each value of the qubits, the first the least significant bit."""
    index = np.arange(len(state))
    value = sum(((index >> q & 1) << k for k, q in enumerate(qubits)), np.zeros_like(index))
    return np.bincount(value, np.abs(state) ** 2, 2 ** len(qubits))


def partial_trace(state, kept):
    """Density matrix of the kept qubits, by summing over the others one basis state at a time."""
    n = len(state).bit_length() - 1
    rest = [q for q in range(n) if q not in kept]
    rho = np.zeros((2 ** len(kept),) * 2, complex)
    for other in range(2 ** len(rest)):
        base = sum((other >> k & 1) << q for k, q in enumerate(rest))
        index = [
            base | sum((own >> k & 1) << q for k, q in enumerate(kept))
            for own in range(2 ** len(kept))
        ]
        rho += np.outer(state[index], state[index].conj())
    return rho


def central_difference(function, x, step=1e-5):
    """Gradient of a real function of a real vector; error step**2 plus eps / step."""
    x = np.asarray(x, float)
    return np.array(
        [(function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(x.size)]
    )
