"""Unitary coupled cluster."""

from itertools import combinations

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.library.ansatz.excitations import (
    Excitation,
    append_excitation,
    checked_electrons,
    checked_form,
    singles_and_doubles,
)


def uccsd(
    num_qubits: int, num_electrons: int, *, form: str = "rotations", name: str = "theta"
) -> Circuit:
    r"""Unitary coupled cluster with singles and doubles, one Trotter step.

    It prepares the Hartree-Fock state and applies exp(theta_k (T_k - T_k^dagger)) for every
    excitation T_k that keeps the number of electrons of each spin, doubles first. In the
    Jordan-Wigner mapping an excitation is a sum of commuting Pauli strings, so each factor is
    exactly a product of Pauli rotations.

    Args:
        num_qubits: Number of spin orbitals, even; qubit 2p is orbital p with spin up, qubit 2p + 1
            with spin down.
        num_electrons: Number of electrons, even; they fill the lowest spin orbitals.
        form: How an excitation is written, as in `excitation`: "rotations", or "gates", which is
            the same and runs several times faster.
        name: Name of the parameter vector.

    Returns:
        A circuit with one parameter per excitation.

    Raises:
        CircuitError: If a number is odd, there is nothing to excite, or the form is unknown.

    Examples:
        >>> circuit = uccsd(4, 2)
        >>> circuit.num_parameters, circuit.count_ops()
        (3, {'pauli_rotation': 12, 'x': 2})
        >>> uccsd(4, 2, form="gates").count_ops()
        {'cx': 6, 'cz': 4, 'x': 2, 'givens': 2, 'mcry': 1}

    References:
        J. Romero et al., Strategies for quantum computing molecular energies using the unitary
        coupled cluster ansatz, Quantum Sci. Technol. 4, 014008 (2018).
    """
    n, electrons = checked_electrons(num_qubits, num_electrons, "uccsd")
    return _cluster(n, electrons, singles_and_doubles(n, electrons), form, name)


def k_upccgsd(
    num_qubits: int,
    num_electrons: int,
    *,
    repeats: int = 1,
    form: str = "rotations",
    name: str = "theta",
) -> Circuit:
    """Unitary pair coupled cluster with generalised singles and doubles, k times.

    Pairs of electrons go between any two spatial orbitals together, single electrons of each spin
    go between any two; each of the k repeats has angles of its own.

    Args:
        num_qubits: Number of spin orbitals 2 M, in the order of `uccsd`.
        num_electrons: Number of electrons, even.
        repeats: k.
        form: How an excitation is written, as in `excitation`.
        name: Name of the parameter vector.

    Returns:
        A circuit with 3 k M (M - 1) / 2 parameters: in each repeat the pairs, then the singles
        with spin up and down of every two orbitals.

    Raises:
        CircuitError: If a number is odd, there is nothing to excite, or the form is unknown.

    Examples:
        >>> k_upccgsd(8, 4, repeats=2).num_parameters
        36

    References:
        J. Lee, W. J. Huggins, M. Head-Gordon, K. B. Whaley, Generalized unitary coupled cluster
        wave functions for quantum computation, J. Chem. Theory Comput. 15, 311 (2019).
    """
    n, electrons = checked_electrons(num_qubits, num_electrons, "k_upccgsd")
    count = as_positive(repeats, "k_upccgsd: repeats")
    orbitals = list(combinations(range(n // 2), 2))
    pairs = [Excitation((2 * p, 2 * p + 1), (2 * q, 2 * q + 1)) for p, q in orbitals]
    singles = [Excitation((2 * p + s,), (2 * q + s,)) for p, q in orbitals for s in (0, 1)]
    return _cluster(n, electrons, (pairs + singles) * count, form, name)


def _cluster(
    num_qubits: int, num_electrons: int, excitations: list[Excitation], form: str, name: str
) -> Circuit:
    form = checked_form(form)
    theta = ParameterVector(name, len(excitations))
    circuit = Circuit(num_qubits).x(range(num_electrons))
    for angle, made in zip(theta, excitations, strict=True):
        append_excitation(circuit, made, angle, form=form)
    return circuit
