"""Ansaetze: functions that give a parameterised circuit."""

from itertools import combinations

from qjax._checks import as_integer, as_positive
from qjax.circuit import Circuit, ParameterExpression, ParameterVector
from qjax.errors import CircuitError
from qjax.observables import PauliSum


def uccsd(num_qubits: int, num_electrons: int, *, name: str = "theta") -> Circuit:
    r"""Unitary coupled cluster with singles and doubles, one Trotter step.

    It prepares the Hartree-Fock state and applies exp(theta_k (T_k - T_k^dagger)) for every
    excitation T_k that keeps the number of electrons of each spin, doubles first. In the
    Jordan-Wigner mapping an excitation is a sum of commuting Pauli strings, so each factor is
    exactly a product of Pauli rotations.

    Args:
        num_qubits: Number of spin orbitals, even; qubit 2p is orbital p with spin up, qubit 2p + 1
            with spin down.
        num_electrons: Number of electrons, even; they fill the lowest spin orbitals.
        name: Name of the parameter vector.

    Returns:
        A circuit with one parameter per excitation.

    Raises:
        CircuitError: If a number is odd or there is nothing to excite.

    Examples:
        >>> circuit = uccsd(4, 2)
        >>> circuit.num_parameters, circuit.count_ops()
        (3, {'pauli_rotation': 12, 'x': 2})

    References:
        J. Romero et al., Strategies for quantum computing molecular energies using the unitary
        coupled cluster ansatz, Quantum Sci. Technol. 4, 014008 (2018).
    """
    n = as_positive(num_qubits, "uccsd: num_qubits")
    electrons = as_integer(num_electrons, "uccsd: num_electrons")
    if n % 2 or electrons % 2 or not 0 < electrons < n:
        raise CircuitError(
            "uccsd: num_qubits and num_electrons must be even, with 0 < num_electrons < "
            f"num_qubits, but are {n} and {electrons}."
        )
    occupied, virtual = range(electrons), range(electrons, n)
    doubles = [
        (source, target)
        for source in combinations(occupied, 2)
        for target in combinations(virtual, 2)
        if sum(q % 2 for q in source) == sum(q % 2 for q in target)
    ]
    singles = [((i,), (a,)) for i in occupied for a in virtual if i % 2 == a % 2]
    theta = ParameterVector(name, len(doubles) + len(singles))
    circuit = Circuit(n).x(occupied)
    for angle, (source, target) in zip(theta, doubles + singles, strict=True):
        _excite(circuit, angle, source, target)
    return circuit


def _excite(
    circuit: Circuit, theta: ParameterExpression, source: tuple[int, ...], target: tuple[int, ...]
) -> None:
    """Append exp(theta (T - T^dagger)), T = prod a^dagger_target prod a_source."""
    n = circuit.num_qubits
    excitation = PauliSum({"I": 1.0}, num_qubits=n)
    for q in reversed(target):
        excitation = excitation @ _annihilator(q, n).adjoint()
    for q in source:
        excitation = excitation @ _annihilator(q, n)
    generator = (excitation - excitation.adjoint()).simplify(atol=1e-12)
    for string, coefficient in generator:  # every coefficient is imaginary
        letters = "".join("IXZY"[(string.x >> q & 1) + 2 * (string.z >> q & 1)] for q in range(n))
        support = string.support
        angle = theta * (-2 * complex(coefficient).imag)
        circuit.pauli_rotation("".join(letters[q] for q in support), angle, support)


def _annihilator(qubit: int, num_qubits: int) -> PauliSum:
    """The operator a_q = Z_0 ... Z_(q-1) (X_q + i Y_q) / 2 of the Jordan-Wigner mapping."""
    string = " ".join(f"Z{q}" for q in range(qubit))
    return PauliSum({f"{string} X{qubit}": 0.5, f"{string} Y{qubit}": 0.5j}, num_qubits=num_qubits)
