"""Overlaps by interference: the Hadamard test and the swap test."""

from typing import Any

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.algorithms.registers import Algorithm, as_circuit


def hadamard_test(
    unitary: Any, *, state: Circuit | None = None, imaginary: bool = False
) -> Algorithm:
    """<Z> of the ancilla is the real or imaginary part of <psi| U |psi>.

    Args:
        unitary: U: a circuit, or a matrix of shape (2**m, 2**m).
        state: What prepares psi; |0...0> by default.
        imaginary: Whether it is the imaginary part.

    Returns:
        A circuit on m + 1 qubits and its registers "system" and "ancilla".

    Raises:
        CircuitError: If something does not fit.

    Examples:
        >>> import qjax as qj
        >>> test = hadamard_test(qj.Circuit(1).t(0), state=qj.Circuit(1).x(0))
        >>> qj.expectation(test.circuit, "Z1")  # cos(pi / 4)
        Array(0.7071, dtype=float32)

    References:
        R. Cleve, A. Ekert, C. Macchiavello, M. Mosca, Quantum algorithms revisited, Proc. R. Soc.
        A 454, 339 (1998).
    """
    made = as_circuit(unitary, "hadamard_test: unitary")
    m = made.num_qubits
    circuit = Circuit(m + 1)
    if state is not None:
        prepared = as_circuit(state, "hadamard_test: state")
        if prepared.num_qubits > m:
            raise CircuitError(
                f"hadamard_test: state must act on the {m} qubits of the unitary, "
                f"but has {prepared.num_qubits}."
            )
        circuit.compose(prepared)
    circuit.h(m)
    if imaginary:
        circuit.sdg(m)
    circuit.compose(made.controlled()).h(m)
    return Algorithm(circuit, {"system": tuple(range(m)), "ancilla": (m,)})


def swap_test(first: Circuit, second: Circuit) -> Algorithm:
    """<Z> of the ancilla is the fidelity |<a|b>|^2 of two states.

    Args:
        first: What prepares a.
        second: What prepares b, on as many qubits.

    Returns:
        A circuit on 2 n + 1 qubits and its registers "first", "second" and "ancilla".

    Raises:
        CircuitError: If numbers of qubits differ.

    Examples:
        >>> import qjax as qj
        >>> test = swap_test(qj.Circuit(1).h(0), qj.Circuit(1))
        >>> qj.expectation(test.circuit, "Z2")
        Array(0.5, dtype=float32)

    References:
        H. Buhrman, R. Cleve, J. Watrous, R. de Wolf, Quantum fingerprinting, Phys. Rev. Lett. 87,
        167902 (2001).
    """
    a, b = as_circuit(first, "swap_test: first"), as_circuit(second, "swap_test: second")
    n = as_positive(a.num_qubits, "swap_test: number of qubits")
    if b.num_qubits != n:
        raise CircuitError(
            f"swap_test: both states must have as many qubits, but have {n} and {b.num_qubits}."
        )
    lower, upper, ancilla = tuple(range(n)), tuple(range(n, 2 * n)), 2 * n
    circuit = Circuit(2 * n + 1).compose(a).compose(b, qubits=upper).h(ancilla)
    for p, q in zip(lower, upper, strict=True):
        circuit.cswap(ancilla, p, q)
    circuit.h(ancilla)
    return Algorithm(circuit, {"first": lower, "second": upper, "ancilla": (ancilla,)})
