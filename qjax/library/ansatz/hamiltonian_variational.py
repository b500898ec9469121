"""The Hamiltonian variational ansatz: evolutions under parts of a Hamiltonian."""

from collections.abc import Sequence

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.errors import CircuitError
from qjax.library._rotations import append_evolution, real_terms
from qjax.library.product_formulas import evolution_groups
from qjax.observables import PauliString, PauliSum


def commuting_groups(hamiltonian: PauliSum) -> list[PauliSum]:
    """The terms of a sum in groups that commute, each term in the first group that takes it.

    Args:
        hamiltonian: A sum of Pauli strings with known coefficients. Its identity is left out.

    Returns:
        Sums whose strings commute with each other, in order of first appearance.

    Examples:
        >>> [str(group) for group in commuting_groups(PauliSum("Z0 Z1 + X0 + Z1 Z2 + X1"))]
        ['Z0 Z1 + Z1 Z2', 'X0 + X1']
    """
    real_terms(hamiltonian, "commuting_groups")
    x, z, numbers = hamiltonian.x_masks, hamiltonian.z_masks, hamiltonian.coefficients
    return [
        PauliSum.from_masks(x[g], z[g], numbers[g], hamiltonian.num_qubits)
        for g in evolution_groups(hamiltonian)
    ]


def hamiltonian_variational(
    hamiltonian: PauliSum | Sequence[PauliSum],
    layers: int,
    *,
    initial: Circuit | None = None,
    name: str = "theta",
) -> Circuit:
    """Layers of exp(-i theta[l, g] H_g) for parts H_g of a Hamiltonian that commute within.

    Args:
        hamiltonian: The parts, in the order in which they act; or their sum, which is parted by
            `commuting_groups`. Coefficients must be known.
        layers: How many layers L.
        initial: What prepares the first state, best a ground state of a part; by default |0...0>.
        name: Name of the parameter vector.

    Returns:
        A circuit with L G parameters for G parts, of shape (L, G). All 0 is the initial state;
        equal small steps in turn are a Trotter formula.

    Raises:
        CircuitError: If strings of a part do not commute, or there is none.

    Examples:
        >>> ising = PauliSum("-Z0 Z1 - Z1 Z2 - X0 - X1 - X2")
        >>> circuit = hamiltonian_variational(ising, 2, initial=Circuit(3).h(range(3)))
        >>> circuit.parameters, circuit.count_ops()
        ({'theta': (2, 2)}, {'rx': 6, 'rzz': 4, 'h': 3})

    References:
        D. Wecker, M. B. Hastings, M. Troyer, Progress towards practical quantum variational
        algorithms, Phys. Rev. A 92, 042303 (2015).
    """
    what = "hamiltonian_variational"
    count = as_positive(layers, f"{what}: layers")
    if isinstance(hamiltonian, PauliSum):
        parts = commuting_groups(hamiltonian)
    else:
        parts = list(hamiltonian)
        for part in parts:
            _must_commute(real_terms(part, what))
    if not parts:
        raise CircuitError(f"{what}: hamiltonian must have a term beside the identity.")
    terms = [real_terms(part, what) for part in parts]
    n = max(part.num_qubits for part in parts)
    circuit = Circuit(max(n, initial.num_qubits if initial else 0))
    if initial is not None:
        circuit.compose(initial)
    theta = ParameterVector(name, (count, len(parts)))
    for angles in theta:
        for angle, part in zip(angles, terms, strict=True):
            append_evolution(circuit, part, angle)
    return circuit


def _must_commute(terms: list[tuple[PauliString, float]]) -> None:
    for k, (string, _) in enumerate(terms):
        if not all(string.commutes(other) for other, _ in terms[:k]):
            raise CircuitError(
                f"hamiltonian_variational: the strings of a part must commute, but {string} does "
                "not commute with one before it."
            )
