"""Block encodings: a matrix as a corner of a unitary."""

from typing import Any, NamedTuple

import numpy as np

from qjax.circuit import Circuit
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError
from qjax.observables import PauliSum


class BlockEncoding(NamedTuple):
    """A circuit U with A / scale = (<0| x 1) U (|0> x 1), the |0> being that of the ancillas.

    Attributes:
        circuit: U.
        scale: By what A is divided; at least its largest singular value.
        system: The qubits that A acts on.
        ancillas: The others.
    """

    circuit: Circuit
    scale: float
    system: tuple[int, ...]
    ancillas: tuple[int, ...]


def block_encoding(operator: Any, *, scale: float | None = None) -> BlockEncoding:
    """A block encoding of a sum of Pauli strings, or of a matrix.

    A sum is a linear combination of unitaries: ancillas are prepared with amplitudes
    sqrt(|c_k| / scale), select the string with its phase, and are prepared back; ceil(log2 terms)
    ancillas, scale = sum |c_k|. A matrix is dilated with one ancilla to
    ((A, sqrt(1 - A A^dagger)), (sqrt(1 - A^dagger A), -A^dagger)).

    Args:
        operator: A `PauliSum` with known coefficients, also complex; or an array of shape
            (2**n, 2**n), which may be any.
        scale: For a matrix, at least its largest singular value, which it is by default.

    Returns:
        A circuit U, and the scale, system qubits and ancillas for which <0|U|0> on the ancillas is
        the operator over the scale.

    Raises:
        CircuitError: If the operator is neither, is 0, or the scale is too small.

    Examples:
        >>> found = block_encoding(PauliSum("0.5 * X0 + 1.5 * Z0"))
        >>> found.scale, found.ancillas, found.circuit.count_ops()
        (2.0, (1,), {'ry': 2, 'mcx': 1, 'cz': 1})

    References:
        A. M. Childs, N. Wiebe, Hamiltonian simulation using linear combinations of unitary
        operations, Quantum Inf. Comput. 12, 901 (2012).
        A. Gilyén, Y. Su, G. H. Low, N. Wiebe, Quantum singular value transformation and beyond,
        STOC 2019, 193.
    """
    if isinstance(operator, PauliSum):
        if scale is not None:
            raise CircuitError("block_encoding: scale must not be given for a PauliSum.")
        return _linear_combination(operator)
    return _dilation(operator, scale)


def _linear_combination(operator: PauliSum) -> BlockEncoding:
    if is_traced(operator.coefficients):
        raise CircuitError("block_encoding: coefficients must be known, but are traced.")
    terms = [(s, complex(c)) for s, c in operator if complex(c)]
    if not terms:
        raise CircuitError("block_encoding: the operator must not be 0.")
    n, k = operator.num_qubits, (len(terms) - 1).bit_length()
    system, ancillas = tuple(range(n)), tuple(range(n, n + k))
    sizes = np.array([abs(c) for _, c in terms])
    scale = float(sizes.sum())
    amplitudes = np.zeros(2**k)
    amplitudes[: len(terms)] = np.sqrt(sizes / scale)
    prepare = Circuit(n + k)
    if k:
        prepare.prepare_state(amplitudes / np.linalg.norm(amplitudes), ancillas)
    circuit = Circuit(n + k).compose(prepare)
    for index, (string, coefficient) in enumerate(terms):
        values = [index >> j & 1 for j in range(k)]
        angle = float(np.angle(coefficient))
        if angle:
            circuit.append("gphase", (), angle, controls=ancillas, control_values=values)
        for q in string.support:
            letter = "ixzy"[(string.x >> q & 1) + 2 * (string.z >> q & 1)]
            circuit.append(letter, q, controls=ancillas, control_values=values)
    return BlockEncoding(circuit.compose(prepare.inverse()), scale, system, ancillas)


def _dilation(operator: Any, scale: float | None) -> BlockEncoding:
    matrix = np.asarray(operator, complex)
    size = matrix.shape[0] if matrix.ndim == 2 else 0
    if matrix.shape != (size, size) or size < 2 or size & (size - 1):
        raise CircuitError(
            "block_encoding: operator must be a PauliSum or an array of shape (2**n, 2**n), "
            f"but has shape {matrix.shape}."
        )
    if not np.isfinite(matrix).all():
        raise CircuitError("block_encoding: the operator must be finite, but holds NaN or inf.")
    left, values, right = np.linalg.svd(matrix)
    norm = float(values[0])
    chosen = norm if scale is None else float(scale)
    if not chosen > 0 or norm > chosen * (1 + 1e-12):
        raise CircuitError(
            f"block_encoding: scale must be at least the largest singular value {norm:.6g} and "
            f"positive, but is {chosen:.6g}."
        )
    cosines = np.minimum(values / chosen, 1.0)
    sines = np.sqrt((1 - cosines) * (1 + cosines))
    block = (left * cosines) @ right
    upper = (left * sines) @ left.conj().T
    lower = (right.conj().T * sines) @ right
    unitary = np.block([[block, upper], [lower, -block.conj().T]])
    n = size.bit_length() - 1
    circuit = Circuit(n + 1).unitary(unitary, range(n + 1))
    return BlockEncoding(circuit, chosen, tuple(range(n)), (n,))
