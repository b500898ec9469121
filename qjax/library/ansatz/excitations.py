"""Excitations of electrons as circuits: products of Pauli rotations, or one rotation of two states.

An excitation T takes particles from the orbitals `source` to the orbitals `target`. The circuit is
exp(theta (T - T^dagger)), which turns the state with all of `source` and none of `target` occupied
by the angle theta towards its image, and leaves the rest alone.

By gates: CX gates bring the two states together until they differ in one qubit, which then turns
under control of the others. The fermionic sign, the parity of the orbitals in between, changes the
sign of the angle: CZ gates from these on one of the qubits that change do that.
"""

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

from qjax._checks import as_integer, as_positive, check_index
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library._rotations import letters_of
from qjax.library.fermions import FermionSum, jordan_wigner
from qjax.observables import PauliString, PauliSum

FORMS = ("rotations", "gates")


class Excitation(NamedTuple):
    """Orbitals that particles come from and go to.

    Attributes:
        source: Qubits of the orbitals that are emptied.
        target: As many qubits of orbitals that are filled.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]

    def generator(self, num_qubits: int, *, fermionic: bool = True) -> PauliSum:
        """The operator -i (T - T^dagger), Hermitian, as a sum of Pauli strings.

        T = prod a^dagger_target prod a_source in the Jordan-Wigner mapping, qubit q for orbital q.

        Args:
            num_qubits: Number of qubits.
            fermionic: Whether the operators anticommute; without, they are those of the qubits,
                with no strings of Z.

        Examples:
            >>> Excitation((0,), (2,)).generator(3)
            PauliSum('0.5 * Y0 Z1 X2 - 0.5 * X0 Z1 Y2', num_qubits=3)
        """
        terms = {
            str(PauliString(letters, qubits=qubits)): coefficient
            for letters, qubits, coefficient in _terms(self, fermionic)
        }
        return PauliSum(terms, num_qubits=num_qubits)


def _terms(made: Excitation, fermionic: bool) -> list[tuple[str, tuple[int, ...], float]]:
    """Letters, qubits and coefficient of each string of the generator.

    They depend on the order of the orbitals alone, but for Z on those in between. T acts on one
    state of its orbitals only, so without fermionic signs it is T times the sign on that state.
    """
    own = sorted(made.source + made.target)
    support = tuple(sorted(own + _between(made))) if fermionic else tuple(own)
    sign = 1.0 if fermionic else _sign(made)
    place = {q: k for k, q in enumerate(own)}
    source, target = (tuple(place[q] for q in side) for side in made)
    return [
        ("".join(letters[place[q]] if q in place else "Z" for q in support), support, sign * weight)
        for letters, weight in _pattern(source, target)
    ]


@cache
def _pattern(source: tuple[int, ...], target: tuple[int, ...]) -> tuple[tuple[str, float], ...]:
    """The strings of -i (T - T^dagger) of fermions when no orbital lies in between."""
    ladders = (*((q, 1) for q in reversed(target)), *((q, 0) for q in source))
    product = jordan_wigner(FermionSum({ladders: 1.0}, num_modes=2 * len(source)))
    generator = (-1j * (product - product.adjoint())).simplify(atol=1e-12)
    return tuple((letters_of(string), complex(c).real) for string, c in generator)


def _between(made: Excitation) -> list[int]:
    """Orbitals that are not excited themselves and have an odd number of excited ones above."""
    own = made.source + made.target
    return [q for q in range(max(own)) if q not in own and sum(o > q for o in own) % 2]


def excitation(
    num_qubits: int,
    angle: Any,
    source: int | Sequence[int],
    target: int | Sequence[int],
    *,
    form: str = "gates",
    fermionic: bool = True,
) -> Circuit:
    """The circuit exp(angle (T - T^dagger)) of a single, double or higher excitation T.

    |source occupied> becomes cos(angle) |source occupied> + sin(angle) T |source occupied>.

    Args:
        num_qubits: Number of qubits.
        angle: In radians: a number, traced scalar or expression of parameters.
        source: Qubits of the orbitals that are emptied.
        target: As many qubits of orbitals that are filled.
        form: "gates": a Givens rotation for a single excitation, a controlled RY between CX for
            higher ones; "rotations": 2**(2k - 1) Pauli rotations for k particles. Both are exact
            and the same.
        fermionic: Whether orbitals in between give a sign, as electrons do in the Jordan-Wigner
            mapping; otherwise it is a qubit excitation.

    Returns:
        A circuit on `num_qubits` qubits.

    Raises:
        CircuitError: If qubits do not fit or the form is unknown.

    Examples:
        >>> import qjax as qj
        >>> print(excitation(3, 0.5, 0, 2))
        q0: ───1:Givens(0.5)───
                     │
        q1: ─●───────┼───────●─
             │       │       │
        q2: ─●────0:Givens───●─

    References:
        Y. S. Yordanov, D. R. M. Arvidsson-Shukur, C. H. W. Barnes, Efficient quantum circuits for
        quantum computational chemistry, Phys. Rev. A 102, 062612 (2020).
        J. M. Arrazola et al., Universal quantum circuits for quantum chemistry, Quantum 6, 742
        (2022).
    """
    n = as_positive(num_qubits, "excitation: num_qubits")
    made = _checked(n, source, target)
    circuit = Circuit(n)
    append_excitation(circuit, made, angle, form=checked_form(form), fermionic=fermionic)
    return circuit


def checked_form(form: str) -> str:
    """A form, after the check that there is one of this name."""
    if form not in FORMS:
        raise CircuitError(f"form must be one of {', '.join(FORMS)}, but is {form!r}.")
    return form


def append_excitation(
    circuit: Circuit, made: Excitation, angle: Any, *, form: str, fermionic: bool = True
) -> None:
    """Append exp(angle (T - T^dagger)) in one of the two forms."""
    if form == "gates":
        _by_gates(circuit, made, angle, fermionic)
    else:  # exp(i angle G), for a generator G whose strings commute
        for letters, qubits, coefficient in _terms(made, fermionic):
            circuit.pauli_rotation(letters, angle * (-2 * coefficient), qubits)


def _by_gates(circuit: Circuit, made: Excitation, angle: Any, fermionic: bool) -> None:
    source, target = made
    strings = _between(made) if fermionic else []
    if fermionic:
        angle = angle * _sign(made)
    for q in strings:
        circuit.cz(q, target[0])
    if len(source) == 1:
        circuit.givens(angle, target[0], source[0])
    else:
        _turn_two_states(circuit, source, target, angle)
    for q in strings:
        circuit.cz(q, target[0])


def _sign(made: Excitation) -> float:
    """The sign of T on the state in which only `source` is occupied."""
    occupied, sign = set(made.source), 1.0
    for q in (*reversed(made.source), *made.target):
        sign *= (-1) ** sum(other < q for other in occupied)
        occupied ^= {q}
    return sign


def _turn_two_states(
    circuit: Circuit, source: tuple[int, ...], target: tuple[int, ...], angle: Any
) -> None:
    """Turn |source 1, target 0> by `angle` towards |source 0, target 1>.

    The CX take the first to |1; 0...0; 1; 0...0> and the second to |0; 0...0; 1; 0...0>, which
    differ in source[0] alone. RY(-2 angle) takes |1> to cos |1> + sin |0>.
    """
    turned, witness = source[0], target[0]
    pairs = [
        *((turned, q) for q in source[1:]),
        *((witness, q) for q in target[1:]),
        (turned, witness),
    ]
    for control, other in pairs:
        circuit.cx(control, other)
    controls = (*source[1:], *target)
    values = [int(q == witness) for q in controls]
    circuit.mcry(angle * -2.0, controls, turned, control_values=values)
    for control, other in reversed(pairs):
        circuit.cx(control, other)


def _checked(num_qubits: int, source: Any, target: Any) -> Excitation:
    place = f"this {num_qubits}-qubit circuit"
    sides = []
    for qubits in (source, target):
        given = tuple(qubits) if isinstance(qubits, Sequence) else (qubits,)
        sides.append(tuple(check_index(q, num_qubits, "excitation: qubit", place) for q in given))
    made = Excitation(*sides)
    if len(made.source) != len(made.target) or not made.source:
        raise CircuitError(
            "excitation: source and target must have as many qubits, but are "
            f"{made.source} and {made.target}."
        )
    if len(set(made.source + made.target)) != 2 * len(made.source):
        raise CircuitError(
            f"excitation: qubits must differ, but are {made.source} and {made.target}."
        )
    return made


def checked_electrons(num_qubits: int, num_electrons: int, what: str) -> tuple[int, int]:
    """Numbers of spin orbitals and electrons, after checks.

    Raises:
        CircuitError: If a number is odd or there is nothing to excite.
    """
    n = as_positive(num_qubits, f"{what}: num_qubits")
    electrons = as_integer(num_electrons, f"{what}: num_electrons")
    if n % 2 or electrons % 2 or not 0 < electrons < n:
        raise CircuitError(
            f"{what}: num_qubits and num_electrons must be even, with 0 < num_electrons < "
            f"num_qubits, but are {n} and {electrons}."
        )
    return n, electrons


def singles_and_doubles(num_qubits: int, num_electrons: int) -> list[Excitation]:
    """Every single and double excitation from the Hartree-Fock state that keeps the spin.

    Args:
        num_qubits: Number of spin orbitals, even; qubit 2p is orbital p with spin up, qubit 2p + 1
            with spin down.
        num_electrons: Number of electrons, even; they fill the lowest spin orbitals.

    Returns:
        The doubles, then the singles.

    Raises:
        CircuitError: If a number is odd or there is nothing to excite.

    Examples:
        >>> singles_and_doubles(4, 2)[0]
        Excitation(source=(0, 1), target=(2, 3))
    """
    n, electrons = checked_electrons(num_qubits, num_electrons, "singles_and_doubles")
    occupied, virtual = range(electrons), range(electrons, n)
    doubles = [
        Excitation(source, target)
        for source in combinations(occupied, 2)
        for target in combinations(virtual, 2)
        if sum(q % 2 for q in source) == sum(q % 2 for q in target)
    ]
    singles = [Excitation((i,), (a,)) for i in occupied for a in virtual if i % 2 == a % 2]
    return doubles + singles
