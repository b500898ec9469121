"""The quantum Fourier transform."""

from math import pi

from qjax._checks import as_integer, as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError


def qft(
    num_qubits: int, *, approximation: int = 0, swaps: bool = True, inverse: bool = False
) -> Circuit:
    """The quantum Fourier transform: |j> becomes sum_k exp(2 pi i j k / 2**n) |k> / sqrt(2**n).

    Args:
        num_qubits: Number of qubits n.
        approximation: How many of the finest angles are left out: those of pi / 2**m for
            m >= n - approximation. 0 is exact. With angles down to pi / 2**m, the error in norm is
            at most n pi / 2**m.
        swaps: Whether qubits are put in order at the end; without, the result has its bits
            reversed.
        inverse: Whether to give the inverse transform.

    Returns:
        A circuit of n H, at most n (n - 1) / 2 CP and n // 2 swaps.

    Raises:
        CircuitError: If a number is out of range.

    Examples:
        >>> qft(4).count_ops(), qft(4, approximation=2).count_ops()
        ({'cp': 6, 'h': 4, 'swap': 2}, {'h': 4, 'cp': 3, 'swap': 2})

    References:
        D. Coppersmith, An approximate Fourier transform useful in quantum factoring, IBM RC 19642
        (1994), arXiv:quant-ph/0201067.
    """
    n = as_positive(num_qubits, "qft: num_qubits")
    dropped = as_integer(approximation, "qft: approximation")
    if not 0 <= dropped < n:
        raise CircuitError(f"qft: approximation must be in 0..{n - 1}, but is {dropped}.")
    circuit = Circuit(n)
    for q in reversed(range(n)):
        circuit.h(q)
        for other in reversed(range(q)):
            if q - other < n - dropped:
                circuit.cp(pi / 2 ** (q - other), other, q)
    if swaps:
        for q in range(n // 2):
            circuit.swap(q, n - 1 - q)
    return circuit.inverse() if inverse else circuit
