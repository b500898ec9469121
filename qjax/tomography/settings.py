"""What is measured: every qubit in X, Y or Z, in all combinations."""

from itertools import product
from typing import Any

import numpy as np

from qjax._checks import as_positive, check_qubits
from qjax.circuit import Circuit
from qjax.errors import CircuitError

MAX_QUBITS = 8  # 6561 circuits
# The angles of the gate u that takes the eigenvectors of a letter to |0> and |1>. All bases have
# the same gates with other angles, so that they are compiled once.
_ANGLES = {"X": (np.pi / 2, 0.0, np.pi), "Y": (np.pi / 2, 0.0, np.pi / 2), "Z": (0.0, 0.0, 0.0)}


def settings(num_qubits: int) -> list[str]:
    """The bases of all settings, in order: letter j is that of qubit j.

    Args:
        num_qubits: Number k of qubits, at most 8.

    Returns:
        3**k texts of k letters X, Y and Z; the last letter changes fastest.

    Raises:
        CircuitError: If there are no qubits, or more than 8.

    Examples:
        >>> settings(2)
        ['XX', 'XY', 'XZ', 'YX', 'YY', 'YZ', 'ZX', 'ZY', 'ZZ']
    """
    k = as_positive(num_qubits, "tomography: num_qubits")
    if k > MAX_QUBITS:
        raise CircuitError(
            f"tomography: must be of at most {MAX_QUBITS} qubits, but is of {k}, which takes "
            f"3**{k} circuits. Use classical_shadow."
        )
    return ["".join(letters) for letters in product("XYZ", repeat=k)]


def circuits(circuit: Circuit, qubits: Any = None) -> list[Circuit]:
    """The circuits whose counts `fit` takes, one for each of `settings`.

    They have one structure. Send them to a machine with `qjax.qasm.dumps(c, target=...)` or an
    executor of `qjax.hardware`, or run them by `qjax.counts`, where `noise=` may be given.

    Args:
        circuit: The circuit that prepares the state, without measurements.
        qubits: The k qubits whose state is wanted, at most 8; all if None.

    Returns:
        3**k circuits; `qubits[j]` is measured into bit j.

    Raises:
        CircuitError: If the circuit measures, or qubits do not fit.

    Examples:
        >>> len(circuits(Circuit(3).h(0).cx(0, 1), [0, 1]))
        9
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"tomography: circuit must be a Circuit, but is {circuit!r}.")
    if circuit.num_clbits:
        raise CircuitError(
            "tomography: the circuit must not measure. Use circuit.remove_measurements()."
        )
    n = circuit.num_qubits
    chosen = check_qubits(range(n) if qubits is None else qubits, n, "tomography", CircuitError)
    found = []
    for letters in settings(len(chosen)):
        turned = circuit.copy()
        for letter, q in zip(letters, chosen, strict=True):
            turned.u(*_ANGLES[letter], q)
        found.append(turned.measure(list(chosen), list(range(len(chosen)))))
    return found
