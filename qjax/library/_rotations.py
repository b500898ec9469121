"""Evolution under Pauli strings, by the shortest gate there is for each."""

from typing import Any

from qjax.circuit import Circuit
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError
from qjax.observables import PauliString, PauliSum

_NAMES = {
    "X": "rx", "Y": "ry", "Z": "rz", "XX": "rxx", "YY": "ryy", "ZZ": "rzz", "ZX": "rzx",
}  # fmt: skip


def real_terms(hamiltonian: PauliSum, what: str) -> list[tuple[PauliString, float]]:
    """The strings of a Hermitian sum with their coefficients, without the identity.

    Raises:
        CircuitError: If it is no PauliSum, or coefficients are traced or not real.

    Examples:
        >>> real_terms(PauliSum("2 * X0 + 3"), "evolution")
        [(PauliString('X0'), 2.0)]
    """
    if not isinstance(hamiltonian, PauliSum):
        raise CircuitError(f"{what}: hamiltonian must be a PauliSum, but is {hamiltonian!r}.")
    if is_traced(hamiltonian.coefficients):
        raise CircuitError(f"{what}: coefficients must be known, but are traced.")
    if not hamiltonian.is_hermitian():
        raise CircuitError(f"{what}: coefficients must be real, but one is not.")
    return [(string, complex(c).real) for string, c in hamiltonian if string.weight]


def letters_of(string: PauliString) -> str:
    """The letters of a string on its support, in the order of `string.support`.

    Examples:
        >>> letters_of(PauliString("Y3 X1"))
        'XY'
    """
    return "".join("IXZY"[(string.x >> q & 1) + 2 * (string.z >> q & 1)] for q in string.support)


def append_evolution(circuit: Circuit, terms: list[tuple[PauliString, float]], time: Any) -> None:
    """Append the product of exp(-i time c P) over the terms (P, c), in order."""
    for string, coefficient in terms:
        letters = letters_of(string)
        angle = time * (2 * coefficient)
        if letters in _NAMES:
            circuit.append(_NAMES[letters], string.support, angle)
        else:
            circuit.pauli_rotation(letters, angle, string.support)
