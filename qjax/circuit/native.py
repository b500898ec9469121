"""Circuits in a basis of native gates."""

from collections.abc import Collection

from qjax.circuit.circuit import Circuit
from qjax.circuit.structure import check_noiseless
from qjax.circuit.synthesis import BASES, Basis
from qjax.circuit.synthesis.native import native_steps
from qjax.errors import CircuitError


def native(
    circuit: Circuit,
    basis: str | Basis,
    *,
    couplings: Collection[tuple[int, int]] | None = None,
) -> Circuit:
    """A circuit in the gates of a basis, exactly.

    Two-qubit gates next to each other on the same qubits become one matrix where that saves
    entangling gates, and each matrix takes the fewest of them. One-qubit gates between them are
    merged. Symbolic and traced angles stay so. Turns about z in front of a measurement, which
    cannot change its outcome, are left out where the basis has no gate for them.

    Args:
        circuit: The circuit.
        basis: A name of `BASES`, or a basis.
        couplings: The pairs (first qubit, second qubit) on which the entangling gate is allowed,
            if not all are. Where only the other order is, the gate is turned round; a gate on a
            pair in no order is an error.

    Returns:
        A circuit with the same unitary, global phase included: `gphase` comes last, and only where
        it is needed. Its parameters may come in another order: give their values by name.

    Raises:
        CircuitError: If the basis is unknown, or a traced matrix on several qubits would have to be
            known.
        ParameterError: If a gate with open parameters has no decomposition of its own.

    Examples:
        >>> print(native(Circuit(2).h(0).cx(0, 1), "rz sx x cz"))
        global phase: -π/4
        q0: ─RZ(π/2)─√X─●─RZ(π/2)────────────
                        │
        q1: ─RZ(π/2)─√X─●──RZ(-π)─√X─RZ(π/2)─
    """
    check_noiseless(circuit.structure, "native")
    if isinstance(basis, str):
        if basis not in BASES:
            raise CircuitError(
                f"native: basis must be one of {', '.join(map(repr, BASES))}, but is {basis!r}."
            )
        basis = BASES[basis]
    made = circuit[:0]
    return made._extend(native_steps(list(circuit), circuit.num_qubits, basis, couplings))
