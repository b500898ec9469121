"""The quantum convolutional neural network."""

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.ansatz.blocks import find_block
from qjax.library.ansatz.entanglers import Angles

_POOL = 2  # angles of a pooling step


def qcnn(num_qubits: int, *, block: str = "su4", name: str = "theta") -> Circuit:
    """Layers of convolution and pooling that halve the qubits until one is left, qubit 0.

    A convolution puts one block, with the same angles everywhere, on all neighbours in a ring:
    even pairs, then odd ones. Pooling turns the first qubit of a pair by RZ(a) if the second is 1
    and by RX(b) if it is 0, and goes on with the first.

    Args:
        num_qubits: Number of qubits, at least 2; need not be a power of two.
        block: The convolution: a two-qubit block, as in `brick_wall`.
        name: Name of the parameter vector.

    Returns:
        A circuit with (block's angles + 2) ceil(log2 n) parameters, layer by layer. The answer is
        read at qubit 0: `expectation(circuit, "Z0", params)`.

    Raises:
        CircuitError: If a number or block does not fit.

    Examples:
        >>> circuit = qcnn(8, block="so4")
        >>> circuit.num_parameters, circuit.count_ops()["crz"]
        (24, 7)

    References:
        I. Cong, S. Choi, M. D. Lukin, Quantum convolutional neural networks, Nat. Phys. 15, 1273
        (2019).
        T. Hur, L. Kim, D. K. Park, Quantum convolutional neural network for classical data
        classification, Quantum Mach. Intell. 4, 3 (2022): this pooling, and blocks.
    """
    n = as_positive(num_qubits, "qcnn: num_qubits")
    row = find_block(block, "qcnn")
    if n < 2:
        raise CircuitError(f"qcnn: num_qubits must be at least 2, but is {n}.")
    layers = (n - 1).bit_length()
    angles = Angles(name, layers * (row.num_parameters + _POOL), "qcnn")
    circuit = Circuit(n)
    kept = list(range(n))
    while len(kept) > 1:
        shared = angles.take(row.num_parameters)
        ring = list(zip(kept, kept[1:] + kept[:1], strict=True)) if len(kept) > 2 else [tuple(kept)]
        for parity in (0, 1):
            for a, b in ring[parity::2]:
                row.append(circuit, shared, a, b)
        zero, one = angles.take(_POOL)
        for a, b in zip(kept[::2], kept[1::2], strict=False):
            circuit.crz(zero, b, a).append("rx", a, one, controls=b, control_values=0)
        kept = kept[::2]
    return circuit
