"""Pools of operators from which ADAPT grows a circuit."""

from typing import Any

from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library._rotations import append_evolution, letters_of, real_terms
from qjax.library.ansatz.excitations import Excitation, append_excitation, singles_and_doubles
from qjax.observables import PauliString, PauliSum

PoolOperator = Excitation | PauliString | PauliSum
"""What a pool holds: an excitation, a Pauli string, or a sum of strings that commute."""


def excitation_pool(num_qubits: int, num_electrons: int) -> tuple[Excitation, ...]:
    """Every single and double excitation that keeps the spin, as fermions.

    Args:
        num_qubits: Number of spin orbitals, even; qubit 2p is orbital p with spin up, qubit 2p + 1
            with spin down.
        num_electrons: Number of electrons, even; they fill the lowest spin orbitals.

    Returns:
        The doubles, then the singles.

    Raises:
        CircuitError: If a number is odd or there is nothing to excite.

    Examples:
        >>> [(made.source, made.target) for made in excitation_pool(4, 2)]
        [((0, 1), (2, 3)), ((0,), (2,)), ((1,), (3,))]

    References:
        H. R. Grimsley, S. E. Economou, E. Barnes, N. J. Mayhall, An adaptive variational algorithm
        for exact molecular simulations on a quantum computer, Nat. Commun. 10, 3007 (2019).
    """
    return tuple(singles_and_doubles(num_qubits, num_electrons))


def qubit_pool(num_qubits: int, num_electrons: int) -> tuple[PauliString, ...]:
    """The Pauli strings of these excitations, one by one, without the strings of Z.

    Shallower circuits than with `excitation_pool`, and more parameters.

    Args:
        num_qubits: Number of spin orbitals, as in `excitation_pool`.
        num_electrons: Number of electrons, as in `excitation_pool`.

    Returns:
        Each string once: 8 for a double excitation and 2 for a single one, less those that several
        share.

    Raises:
        CircuitError: If a number is odd or there is nothing to excite.

    Examples:
        >>> len(qubit_pool(4, 2)), qubit_pool(4, 2)[-1]
        (12, PauliString('X1 Y3'))

    References:
        H. L. Tang et al., Qubit-ADAPT-VQE: an adaptive algorithm for constructing
        hardware-efficient ansätze on a quantum processor, PRX Quantum 2, 020310 (2021).
    """
    found: dict[PauliString, None] = {}
    for made in singles_and_doubles(num_qubits, num_electrons):
        for string, _ in made.generator(num_qubits, fermionic=False):
            found[string] = None
    return tuple(found)


def append_operator(circuit: Circuit, operator: PoolOperator, angle: Any) -> None:
    """Append exp(angle (T - T^dagger)) of an excitation, or exp(-i angle P) of strings.

    Raises:
        CircuitError: If it is none of these, or strings of a sum do not commute.

    Examples:
        >>> circuit = Circuit(2)
        >>> append_operator(circuit, PauliString("X0 Y1"), 0.5)
        >>> circuit.count_ops()
        {'pauli_rotation': 1}
    """
    if isinstance(operator, Excitation):
        append_excitation(circuit, operator, angle, form="gates")
    elif isinstance(operator, PauliString):
        circuit.pauli_rotation(letters_of(operator), angle * 2.0, operator.support)
    elif isinstance(operator, PauliSum):
        terms = real_terms(operator, "pool")
        strings = [string for string, _ in terms]
        if not all(a.commutes(b) for k, a in enumerate(strings) for b in strings[:k]):
            raise CircuitError(f"pool: strings of an operator must commute, but not in {operator}.")
        append_evolution(circuit, terms, angle)
    else:
        raise CircuitError(
            "pool: an operator must be an Excitation, a PauliString or a PauliSum, "
            f"but is {operator!r}."
        )
