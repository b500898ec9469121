"""Dicke states: all bitstrings with a given number of ones, in equal parts."""

from math import acos, sqrt

from qjax._checks import as_integer, as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError


def dicke_state(num_qubits: int, ones: int) -> Circuit:
    """The equal superposition of all bitstrings of n qubits with k ones.

    Args:
        num_qubits: Number of qubits n.
        ones: k, in 0..n. k = 1 is the W state.

    Returns:
        A circuit of O(n k) gates, without parameters.

    Raises:
        CircuitError: If a number is out of range.

    Examples:
        >>> import qjax as qj
        >>> abs(qj.statevector(dicke_state(3, 1))) ** 2
        Array([0.    , 0.3333, 0.3333, 0.    , 0.3333, 0.    , 0.    , 0.    ],      dtype=float32)

    References:
        A. Bärtschi, S. Eidenbenz, Deterministic preparation of Dicke states, FCT 2019, LNCS 11651,
        126.
    """
    n = as_positive(num_qubits, "dicke_state: num_qubits")
    k = as_integer(ones, "dicke_state: ones")
    if not 0 <= k <= n:
        raise CircuitError(f"dicke_state: ones must be in 0..{n}, but is {k}.")
    circuit = Circuit(n).x(range(n - k, n))
    # Step m splits the ones off qubit m - 1: with weight j / m the highest of j ones stays there.
    for m in range(n, 1, -1):
        for j in range(1, min(k, m - 1) + 1):
            low, high = m - 1 - j, m - 1
            controls = [high] if j == 1 else [high, m - j]
            circuit.cx(low, high).mcry(2 * acos(sqrt(j / m)), controls, low).cx(low, high)
    return circuit
