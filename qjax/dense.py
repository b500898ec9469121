"""The definition of a circuit in plain NumPy: every gate's matrix, amplitude by amplitude.

It shares the table of gates with the engines and nothing else: no plan, no fusion, no kernel. It is
slow, and what `verify` compares engines with.
"""

from typing import Any

import numpy as np

from qjax.circuit.circuit import Circuit
from qjax.circuit.instruction import Instruction
from qjax.errors import CircuitError
from qjax.gates import Gate


def dense_statevector(circuit: Circuit, start: np.ndarray | None = None) -> np.ndarray:
    """The state after a circuit with no open parameter, complex128 of shape (2**n,).

    Args:
        circuit: The circuit; its measurements and barriers are left out.
        start: The state before it, |0...0> if None.

    Raises:
        CircuitError: If it resets qubits or depends on outcomes.

    Examples:
        >>> dense_statevector(Circuit(1).h(0))
        array([0.7071+0.j, 0.7071+0.j])
    """
    if (dynamic := circuit.structure.dynamic) is not None:
        raise CircuitError(f"dense_statevector: the circuit must be unitary, but has {dynamic}.")
    state = np.eye(1, 2**circuit.num_qubits, dtype=complex)[0] if start is None else start
    for instruction in circuit.instructions:
        if isinstance(instruction.operation, Gate):
            state = _applied(instruction, state)
    return state


def _applied(instruction: Instruction, state: np.ndarray) -> np.ndarray:
    gate: Any = instruction.operation
    matrix = np.asarray(gate.matrix(*(np.asarray(p) for p in instruction.params)))
    index = np.arange(len(state))
    acts = np.ones(len(index), bool)
    for c, v in zip(instruction.controls, instruction.control_values, strict=True):
        acts &= (index >> c & 1) == v
    row = index[acts]
    own = sum((row >> q & 1) << k for k, q in enumerate(instruction.qubits)) + 0 * row
    rest = row & ~sum(1 << q for q in instruction.qubits)
    new = state.copy()
    new[acts] = 0
    for column in range(len(matrix)):
        source = rest | sum((column >> k & 1) << q for k, q in enumerate(instruction.qubits))
        new[acts] += matrix[own, column] * state[source]
    return new


def dense_expectation(state: np.ndarray, terms: dict[tuple[int, int], float]) -> float:
    """<psi|O|psi> of a sum of Pauli strings, given as (x-mask, z-mask) -> coefficient."""
    index = np.arange(len(state))
    total = 0.0
    for (x, z), coefficient in terms.items():
        signs = 1 - 2 * (np.bitwise_count(index & z) & 1).astype(float)
        phase = (-1j) ** ((x & z).bit_count() % 4)
        total += coefficient * np.vdot(state, phase * signs * state[index ^ x]).real
    return float(total)
