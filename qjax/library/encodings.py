"""Encodings: circuits that hold a data point.

Features are numbers, a traced array, or (where angles are affine in them) symbols. So a circuit may
be built inside a jitted function, under `jax.vmap` over a batch, and be differentiated by its data.
"""

from collections.abc import Sequence
from math import pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError
from qjax.library._features import as_features
from qjax.library._rotations import append_evolution, real_terms
from qjax.library.ansatz.entanglers import checked_gate, entangler_pairs
from qjax.observables import PauliSum


def angle_encoding(features: Any, *, rotation: str = "ry", scale: float = 1.0) -> Circuit:
    """One rotation of one qubit for each feature: qubit q turns by scale * x_q.

    Args:
        features: d numbers, a traced array of shape (d,), or a parameter vector.
        rotation: A one-qubit gate with one angle, by name: "rx", "ry", "rz" or "p". Those about Z
            change nothing on |0>.
        scale: What features are multiplied by.

    Returns:
        A circuit on d qubits.

    Raises:
        CircuitError: If features are no vector of real numbers, or the gate does not fit.

    Examples:
        >>> import jax, jax.numpy as jnp, qjax as qj
        >>> points = jnp.array([[0.0, 1.0], [0.5, 0.2]])
        >>> jax.vmap(lambda x: qj.expectation(angle_encoding(x), "Z0"))(points)  # cos x_0
        Array([1.    , 0.8776], dtype=float32)
    """
    values = as_features(features, "angle_encoding")
    gate = checked_gate(rotation, 1, "angle_encoding: rotation")
    if len(gate.params) != 1:
        raise CircuitError(
            f"angle_encoding: rotation must have one angle, but {rotation} has {len(gate.params)}."
        )
    circuit = Circuit(len(values))
    for q, value in enumerate(values):
        circuit.append(gate, q, value * scale)
    return circuit


def basis_encoding(bits: Any) -> Circuit:
    """The basis state of a bitstring.

    Args:
        bits: A bitstring, highest qubit first; or a sequence or array of 0 and 1 whose entry q is
            for qubit q, which may be traced.

    Returns:
        A circuit of X; or, if bits are traced, of RY by pi times each bit.

    Raises:
        CircuitError: If known bits are not 0 and 1.

    Examples:
        >>> basis_encoding("011").count_ops() == basis_encoding([1, 1, 0]).count_ops()
        True
    """
    if isinstance(bits, str):
        bits = [int(b) if b in "01" else b for b in reversed(bits)]
    if is_traced(bits):
        angles = as_features(jnp.asarray(bits, jnp.result_type(float)) * pi, "basis_encoding")
        return Circuit(len(angles)).ry(angles, range(len(angles)))
    given = np.asarray(bits)
    if given.ndim != 1 or not given.size or not all(b in (0, 1) for b in given.tolist()):
        raise CircuitError(f"basis_encoding: bits must be a vector of 0 and 1, but are {bits!r}.")
    return Circuit(given.size).x(np.flatnonzero(given))


def amplitude_encoding(features: Any) -> Circuit:
    """The state whose amplitudes are the features, divided by their norm.

    Args:
        features: d real or complex numbers, known or traced, not all 0. Bit q of an index is qubit
            q; 0 follows up to the next power of two.

    Returns:
        A circuit on ceil(log2 d) qubits. Of known features, it is that of
        `Circuit.prepare_state`: RY, RZ and CX. Of traced ones, a diagonal gate between two RX for
        each qubit, and for complex features another diagonal gate: all exact.

    Raises:
        CircuitError: If features are no vector, not finite, or all 0. Traced ones that are all 0
            give NaN.

    Note:
        Derivatives by features are exact, except where a block of amplitudes that share their
        higher bits is 0 as a whole: the derivatives in it come out as 0, for there angles jump.
        `statevector(circuit, initial_state=x / norm)` has them everywhere, and costs nothing; this
        function is for states that are to be prepared on a machine.

    Examples:
        >>> import jax.numpy as jnp, qjax as qj
        >>> qj.statevector(amplitude_encoding([3, 0, 4])).real
        Array([0.6, 0. , 0.8, 0. ], dtype=float32)
        >>> jax.jit(lambda x: qj.probabilities(amplitude_encoding(x)))(jnp.array([1.0, 2.0]))
        Array([0.2, 0.8], dtype=float32)

    References:
        M. Möttönen, J. Vartiainen, V. Bergholm, M. Salomaa, Transformation of quantum states using
        uniformly controlled rotations, Quantum Inf. Comput. 5, 467 (2005).
    """
    given: Any = features if is_traced(features) else np.asarray(features)
    if given.ndim != 1 or not given.size or np.dtype(given.dtype).kind not in "iufc":
        raise CircuitError(
            "amplitude_encoding: features must be a vector of numbers, but have shape "
            f"{given.shape} and dtype {given.dtype}. Use jax.vmap for a batch."
        )
    n = (given.size - 1).bit_length()
    if isinstance(given, jax.Array):
        integer = jnp.issubdtype(given.dtype, jnp.integer)
        floating = jnp.result_type(float) if integer else given.dtype
        padded = jnp.pad(given.astype(floating), (0, 2**n - given.size))
        return _traced_state(padded, n)
    vector = np.pad(given.astype(complex), (0, 2**n - given.size))
    largest = float(np.max(np.abs(vector)))
    if not np.isfinite(largest) or largest == 0:
        raise CircuitError("amplitude_encoding: features must be finite and not all 0.")
    vector = vector / largest
    return Circuit(n).prepare_state(vector / np.linalg.norm(vector))


def _traced_state(amplitudes: jax.Array, num_qubits: int) -> Circuit:
    """Qubit by qubit from the highest, RY by an angle for each value of the qubits above.

    RY(t) = RX(-pi/2) RZ(t) RX(pi/2), and RZ by an angle for each value is one diagonal gate. The
    angles depend on ratios only, so no norm is needed.
    """
    real = not jnp.issubdtype(amplitudes.dtype, jnp.complexfloating)
    weights = amplitudes**2 if real else amplitudes.real**2 + amplitudes.imag**2
    bad = jnp.where(jnp.sum(weights) > 0, jnp.zeros((), weights.dtype), jnp.nan)
    circuit = Circuit(num_qubits)
    for j in reversed(range(num_qubits)):
        if j == 0 and real:
            sizes = amplitudes.reshape(-1, 2)  # with their signs
        else:
            sizes = _root(jnp.sum(weights.reshape(-1, 2, 2**j), axis=2))
        empty = (sizes[:, 0] == 0) & (sizes[:, 1] == 0)
        half = jnp.arctan2(sizes[:, 1], jnp.where(empty, jnp.ones_like(bad), sizes[:, 0])) + bad
        turned = jnp.concatenate([-half, half])  # qubit j is the highest bit of the index
        qubits = (*range(j + 1, num_qubits), j)
        circuit.rx(pi / 2, j).diagonal(_phases(turned), qubits).rx(-pi / 2, j)
    if not real:
        nonzero = weights > 0
        safe = jnp.where(nonzero, amplitudes, jnp.ones_like(amplitudes))
        circuit.diagonal(_phases(jnp.angle(safe) + bad), range(num_qubits))
    elif num_qubits == 0:
        circuit.gphase(jnp.where(amplitudes[0] < 0, pi, 0.0) + bad)
    return circuit


def _root(squares: jax.Array) -> jax.Array:
    """Square roots, with derivative 0 at 0."""
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, jnp.ones_like(squares))), 0)


def _phases(angles: jax.Array) -> jax.Array:
    return lax.complex(jnp.cos(angles), jnp.sin(angles))


def iqp_encoding(
    features: Any, *, repeats: int = 1, pattern: str | Sequence[tuple[int, int]] = "full"
) -> Circuit:
    """Hadamard gates, then RZ(x_i) and RZZ(x_i x_j): an instantaneous quantum polynomial circuit.

    Args:
        features: d numbers or a traced array of shape (d,).
        repeats: How many times.
        pattern: Which pairs have products, as in `entangler_pairs`.

    Returns:
        A circuit on d qubits.

    Raises:
        CircuitError: If features are no vector of real numbers.
        ParameterError: If they are symbols, for an angle must be affine in these.

    Examples:
        >>> iqp_encoding([0.1, 0.2, 0.3]).count_ops()
        {'h': 3, 'rz': 3, 'rzz': 3}

    References:
        V. Havlíček et al., Supervised learning with quantum-enhanced feature spaces, Nature 567,
        209 (2019).
    """
    values = as_features(features, "iqp_encoding")
    n = len(values)
    circuit = Circuit(n)
    for layer in range(as_positive(repeats, "iqp_encoding: repeats")):
        circuit.h(range(n))
        for q, value in enumerate(values):
            circuit.rz(value, q)
        for a, b in entangler_pairs(n, pattern, layer=layer):
            circuit.rzz(values[a] * values[b], a, b)
    return circuit


def zz_feature_map(
    features: Any, *, repeats: int = 2, pattern: str | Sequence[tuple[int, int]] = "full"
) -> Circuit:
    """Hadamard gates, P(2 x_i), and P(2 (pi - x_i) (pi - x_j)) on the parity of two qubits.

    Args:
        features: d numbers or a traced array of shape (d,).
        repeats: How many times.
        pattern: Which pairs have products, as in `entangler_pairs`.

    Returns:
        A circuit on d qubits; that of Qiskit's `zz_feature_map`, phase included.

    Raises:
        CircuitError: If features are no vector of real numbers.
        ParameterError: If they are symbols, for an angle must be affine in these.

    Examples:
        >>> zz_feature_map([0.1, 0.2], repeats=1).count_ops()
        {'p': 3, 'h': 2, 'cx': 2}

    References:
        V. Havlíček et al., Supervised learning with quantum-enhanced feature spaces, Nature 567,
        209 (2019).
    """
    values = as_features(features, "zz_feature_map")
    n = len(values)
    circuit = Circuit(n)
    for layer in range(as_positive(repeats, "zz_feature_map: repeats")):
        circuit.h(range(n))
        for q, value in enumerate(values):
            circuit.p(value * 2.0, q)
        for a, b in entangler_pairs(n, pattern, layer=layer):
            angle = (pi - values[a]) * (pi - values[b]) * 2.0
            circuit.cx(a, b).p(angle, b).cx(a, b)
    return circuit


def hamiltonian_encoding(
    features: Any,
    hamiltonians: Sequence[PauliSum] | None = None,
    *,
    time: float = 1.0,
    steps: int = 1,
    initial: Circuit | None = None,
) -> Circuit:
    """Evolution under a Hamiltonian whose couplings are the features, by Trotter steps.

    (prod_j exp(-i (time / steps) x_j H_j)) ** steps; within H_j, terms act one after the other.

    Args:
        features: d numbers, a traced array of shape (d,), or a parameter vector.
        hamiltonians: d sums of Pauli strings with known coefficients; by default the bonds
            X_j X_(j+1) + Y_j Y_(j+1) + Z_j Z_(j+1) of a Heisenberg chain of d + 1 qubits.
        time: The time t.
        steps: How many Trotter steps.
        initial: What prepares the first state; by default |0...0>, which a Heisenberg chain leaves
            as it is, so give it one, as random rotations of each qubit.

    Returns:
        A circuit on as many qubits as the Hamiltonians and `initial` have.

    Raises:
        CircuitError: If numbers of features and Hamiltonians differ, or coefficients are not real.

    Examples:
        >>> hamiltonian_encoding([0.1, 0.2], steps=3).count_ops()
        {'rxx': 6, 'ryy': 6, 'rzz': 6}

    References:
        H.-Y. Huang et al., Power of data in quantum machine learning, Nat. Commun. 12, 2631 (2021).
    """
    what = "hamiltonian_encoding"
    values = as_features(features, what)
    count = as_positive(steps, f"{what}: steps")
    if hamiltonians is None:
        hamiltonians = [
            PauliSum({f"{p}{j} {p}{j + 1}": 1.0 for p in "XYZ"}) for j in range(len(values))
        ]
    if len(hamiltonians) != len(values):
        raise CircuitError(
            f"{what}: there must be a Hamiltonian for each of the {len(values)} features, but "
            f"there are {len(hamiltonians)}."
        )
    parts = [real_terms(h, what) for h in hamiltonians]
    n = max(h.num_qubits for h in hamiltonians)
    circuit = Circuit(max(n, initial.num_qubits if initial else 0))
    if initial is not None:
        circuit.compose(initial)
    for _ in range(count):
        for value, terms in zip(values, parts, strict=True):
            append_evolution(circuit, terms, value * (time / count))
    return circuit
