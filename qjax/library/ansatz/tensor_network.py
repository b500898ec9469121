"""Circuits in the shape of tensor networks: matrix product states, trees, MERA.

All run from many qubits to one, as a classifier reads them; `.inverse()` grows a state from the
root.
"""

from collections.abc import Iterator

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.ansatz.blocks import of_blocks

Pair = tuple[int, int]


def matrix_product(
    num_qubits: int, *, bond_qubits: int = 1, block: str = "su4", name: str = "theta"
) -> Circuit:
    """A staircase of blocks: a matrix product state of bond dimension 2**bond_qubits.

    A step joins bond_qubits + 1 neighbours, by two-qubit blocks from the highest to the lowest,
    and the next step begins one qubit further. On |0...0> it gives a matrix product state; read
    at the highest qubit it is a classifier of that shape.

    Args:
        num_qubits: Number of qubits, more than `bond_qubits`.
        bond_qubits: Qubits that two neighbouring steps share.
        block: A two-qubit block, as in `brick_wall`.
        name: Name of the parameter vector.

    Returns:
        A circuit with one row of angles per block: bond_qubits * (num_qubits - bond_qubits) rows.

    Raises:
        CircuitError: If a number or block does not fit.

    Examples:
        >>> matrix_product(4, block="so4").parameters
        {'theta': (3, 6)}

    References:
        W. Huggins, P. Patil, B. Mitchell, K. B. Whaley, E. M. Stoudenmire, Towards quantum machine
        learning with tensor networks, Quantum Sci. Technol. 4, 024001 (2019).
    """
    n = as_positive(num_qubits, "matrix_product: num_qubits")
    bond = as_positive(bond_qubits, "matrix_product: bond_qubits")
    if n <= bond:
        raise CircuitError(
            f"matrix_product: num_qubits must be more than bond_qubits, but are {n} and {bond}."
        )
    pairs = [(q, q + 1) for s in range(n - bond) for q in reversed(range(s, s + bond))]
    return of_blocks(n, pairs, block, name, "matrix_product")


def tree_tensor_network(num_qubits: int, *, block: str = "su4", name: str = "theta") -> Circuit:
    """A binary tree of blocks; after each layer the first qubit of a pair goes on.

    Args:
        num_qubits: Number of qubits n, at least 2; need not be a power of two.
        block: A two-qubit block, as in `brick_wall`.
        name: Name of the parameter vector.

    Returns:
        A circuit with n - 1 rows of angles. The root is qubit 0.

    Raises:
        CircuitError: If a number or block does not fit.

    Examples:
        >>> tree_tensor_network(8, block="ry_cx").parameters
        {'theta': (7, 2)}

    References:
        E. Grant et al., Hierarchical quantum classifiers, npj Quantum Inf. 4, 65 (2018).
    """
    n = _at_least_two(num_qubits, "tree_tensor_network")
    pairs = [pair for kept in _levels(n) for pair in _isometries(kept)]
    return of_blocks(n, pairs, block, name, "tree_tensor_network")


def mera(num_qubits: int, *, block: str = "su4", name: str = "theta") -> Circuit:
    """The multiscale entanglement renormalisation ansatz: a tree with disentanglers.

    Before the blocks of a layer of the tree, blocks join neighbours of different pairs.

    Args:
        num_qubits: Number of qubits n, at least 2.
        block: A two-qubit block, as in `brick_wall`.
        name: Name of the parameter vector.

    Returns:
        A circuit with one row of angles per block. The root is qubit 0.

    Raises:
        CircuitError: If a number or block does not fit.

    Examples:
        >>> mera(8, block="ry_cx").parameters  # 3 + 4, 1 + 2, 0 + 1
        {'theta': (11, 2)}

    References:
        G. Vidal, Class of quantum many-body states that can be efficiently simulated, Phys. Rev.
        Lett. 101, 110501 (2008).
        E. Grant et al., Hierarchical quantum classifiers, npj Quantum Inf. 4, 65 (2018).
    """
    n = _at_least_two(num_qubits, "mera")
    pairs: list[Pair] = []
    for kept in _levels(n):
        pairs += zip(kept[1::2], kept[2::2], strict=False)
        pairs += _isometries(kept)
    return of_blocks(n, pairs, block, name, "mera")


def _at_least_two(num_qubits: int, what: str) -> int:
    n = as_positive(num_qubits, f"{what}: num_qubits")
    if n < 2:
        raise CircuitError(f"{what}: num_qubits must be at least 2, but is {n}.")
    return n


def _levels(num_qubits: int) -> Iterator[list[int]]:
    """The qubits that are left before each layer of the tree."""
    kept = list(range(num_qubits))
    while len(kept) > 1:
        yield kept
        kept = kept[::2]


def _isometries(kept: list[int]) -> list[Pair]:
    return list(zip(kept[::2], kept[1::2], strict=False))
