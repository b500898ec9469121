"""The circuits that models take where none is given, and the observables that they read."""

from itertools import combinations, product

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.errors import LearningError


def reuploading_circuit(num_inputs: int, num_qubits: int, layers: int) -> Circuit:
    r"""A circuit that takes its data anew in every layer.

    A layer rotates qubit k mod n by input k, about Y for the first n inputs, about Z for the next,
    and so on in turn; inputs are repeated where there are more qubits. Then it entangles neighbours
    on a ring by CZ, and turns each qubit by a trained RZ and RY. Of an input that is used k times
    in a layer, the expectation values are Fourier series up to frequency k L, so that layers are
    what the model's capacity is counted in.

    Args:
        num_inputs: Length m of a row of data.
        num_qubits: Number n of qubits.
        layers: Number L of layers.

    Returns:
        A template with the parameters x, of shape (m,), and w, of shape (L, n, 2).

    Raises:
        LearningError: If a number is not positive.

    Examples:
        >>> reuploading_circuit(3, 2, 4).parameters
        {'x': (3,), 'w': (4, 2, 2)}

    References:
        A. Perez-Salinas et al., Data re-uploading for a universal quantum classifier, Quantum 4,
        226 (2020). M. Schuld, R. Sweke and J. J. Meyer, Effect of data encoding on the expressive
        power of variational quantum-machine-learning models, PRA 103, 032430 (2021).
    """
    what = "reuploading_circuit"
    m = as_positive(num_inputs, f"{what}: num_inputs", LearningError)
    n = as_positive(num_qubits, f"{what}: num_qubits", LearningError)
    depth = as_positive(layers, f"{what}: layers", LearningError)
    x, w = ParameterVector("x", m), ParameterVector("w", (depth, n, 2))
    circuit = Circuit(n)
    for layer in range(depth):
        _encode(circuit, x)
        for q in range(n):
            circuit.rz(w[layer, q, 0], q).ry(w[layer, q, 1], q)
    return circuit


def feature_circuit(num_inputs: int, num_qubits: int, layers: int) -> Circuit:
    """A feature map without weights: the encoding of `reuploading_circuit`, between fixed turns.

    Args:
        num_inputs: Length m of a row of data.
        num_qubits: Number of qubits.
        layers: How often the data enter.

    Returns:
        A template with the parameter x, of shape (m,).

    Raises:
        LearningError: If a number is not positive.

    Examples:
        >>> feature_circuit(3, 3, 2).parameters
        {'x': (3,)}
    """
    what = "feature_circuit"
    x = ParameterVector("x", as_positive(num_inputs, f"{what}: num_inputs", LearningError))
    n = as_positive(num_qubits, f"{what}: num_qubits", LearningError)
    circuit = Circuit(n)
    for _ in range(as_positive(layers, f"{what}: layers", LearningError)):
        _encode(circuit, x)
        circuit.sx(range(n))  # so that the next layer's rotations do not merge with these
    return circuit


def _encode(circuit: Circuit, x: ParameterVector) -> None:
    """Rotations by data, in turn about Y and Z, and a ring of CZ."""
    n, m = circuit.num_qubits, len(x)
    for k in range(max(m, n)):
        (circuit.rz if k // n % 2 else circuit.ry)(x[k % m], k % n)
    for q in range(n if n > 2 else n - 1):
        circuit.cz(q, (q + 1) % n)


def pauli_strings(num_qubits: int, count: int) -> list[str]:
    """The first `count` Pauli strings: on one qubit Z, X, Y, then on two, and so on.

    Raises:
        LearningError: If there are not so many, beside the identity.

    Examples:
        >>> pauli_strings(2, 7)
        ['Z0', 'Z1', 'X0', 'X1', 'Y0', 'Y1', 'Z0 Z1']
    """
    if count > 4**num_qubits - 1:
        raise LearningError(
            f"observables: {num_qubits} qubits have {4**num_qubits - 1} Pauli strings beside the "
            f"identity, but {count} are needed. Use more qubits."
        )
    found: list[str] = []
    for weight in range(1, num_qubits + 1):
        for letters in product("ZXY", repeat=weight):
            for qubits in combinations(range(num_qubits), weight):
                found.append(" ".join(f"{p}{q}" for p, q in zip(letters, qubits, strict=True)))
                if len(found) == count:
                    return found
    return found
