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
        hamiltonian: A sum of Pauli strings with known coefficients. Its identity and strings with
            coefficient 0 are left out.

    Returns:
        Sums whose strings commute with each other, in order of first appearance, on as many qubits
        as the sum.

    Raises:
        CircuitError: If it is no PauliSum, or coefficients are traced or not real.

    Examples:
        >>> [str(group) for group in commuting_groups(PauliSum("Z0 Z1 + X0 + Z1 Z2 + X1"))]
        ['Z0 Z1 + Z1 Z2', 'X0 + X1']
    """
    real_terms(hamiltonian, "commuting_groups")
    kept = hamiltonian.simplify()
    x, z, numbers = kept.x_masks, kept.z_masks, kept.coefficients
    return [
        PauliSum.from_masks(x[g], z[g], numbers[g], kept.num_qubits) for g in evolution_groups(kept)
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
            `commuting_groups`. Coefficients must be known; strings with coefficient 0, and parts
            that have no other but the identity, are left out.
        layers: How many layers L.
        initial: What prepares the first state, best a ground state of a part; by default |0...0>.
        name: Name of the parameter vector.

    Returns:
        A circuit with L G parameters for the G parts that are left, of shape (L, G). All 0 is the
        initial state; equal small steps in turn are a Trotter formula.

    Raises:
        CircuitError: If strings of a part do not commute, there is none with a number other than
            0, or coefficients are traced or not real.

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
    whole = isinstance(hamiltonian, PauliSum)
    parts = commuting_groups(hamiltonian) if whole else list(hamiltonian)
    terms = [[term for term in real_terms(part, what) if term[1]] for part in parts]
    terms = [part for part in terms if part]
    if not terms:
        raise CircuitError(f"{what}: hamiltonian must have a term beside the identity and zeros.")
    if not whole:
        for part in terms:
            _must_commute(part)
    n = max(part.num_qubits for part in parts)
    circuit = Circuit(max(n, initial.num_qubits if initial else 0))
    if initial is not None:
        circuit.compose(initial)
    theta = ParameterVector(name, (count, len(terms)))
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
