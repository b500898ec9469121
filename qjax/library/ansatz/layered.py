"""Layers of blocks on neighbouring qubits: brick walls and alternating layered circuits."""

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.ansatz.blocks import of_blocks
from qjax.library.ansatz.entanglers import Angles


def brick_wall(
    num_qubits: int,
    layers: int,
    *,
    block: str = "su4",
    periodic: bool = False,
    name: str = "theta",
) -> Circuit:
    """Two-qubit blocks on (0, 1), (2, 3), ... in even layers and on (1, 2), (3, 4), ... in odd.

    Args:
        num_qubits: Number of qubits, at least 2.
        layers: How many layers.
        block: What stands at each place: "ry_cx", "ry_cz" (2 angles), "su2_cx", "so4" (6) or
            "su4" (15: every two-qubit gate).
        periodic: Whether odd layers also have a block on (n - 1, 0); n must be even then.
        name: Name of the parameter vector.

    Returns:
        A circuit with one row of angles per block, in time order.

    Raises:
        CircuitError: If a number or block does not fit.

    Examples:
        >>> brick_wall(4, 2, block="ry_cz").parameters
        {'theta': (3, 2)}

    References:
        F. G. S. L. Brandão, A. W. Harrow, M. Horodecki, Local random quantum circuits are
        approximate polynomial-designs, Commun. Math. Phys. 346, 397 (2016).
    """
    n = as_positive(num_qubits, "brick_wall: num_qubits")
    count = as_positive(layers, "brick_wall: layers")
    if n < 2 or (periodic and n % 2):
        raise CircuitError(
            "brick_wall: num_qubits must be at least 2, and even if periodic, "
            f"but is {n} with periodic={periodic}."
        )
    ring = periodic and n > 2
    pairs = [(q, (q + 1) % n) for k in range(count) for q in range(k % 2, n if ring else n - 1, 2)]
    return of_blocks(n, pairs, block, name, "brick_wall")


def alternating_layered(
    num_qubits: int, layers: int, *, block_size: int = 4, name: str = "theta"
) -> Circuit:
    """Blocks of m qubits that overlap by half with those of the layer before.

    A block has RY on each of its qubits, then CZ between neighbours in it, first on even pairs and
    then on odd ones. Blocks of odd layers are moved by m / 2; those cut off by the ends are
    smaller. A last layer of RY follows.

    With m of the order of log n and few layers, gradients of local costs vanish no faster than a
    power of n.

    Args:
        num_qubits: Number of qubits n.
        layers: How many layers L.
        block_size: Qubits m of a block, even.
        name: Name of the parameter vector.

    Returns:
        A circuit with n (L + 1) parameters, layer by layer.

    Raises:
        CircuitError: If a number does not fit.

    Examples:
        >>> alternating_layered(8, 2).num_parameters
        24

    References:
        M. Cerezo, A. Sone, T. Volkoff, L. Cincio, P. J. Coles, Cost function dependent barren
        plateaus in shallow parametrized quantum circuits, Nat. Commun. 12, 1791 (2021).
    """
    n = as_positive(num_qubits, "alternating_layered: num_qubits")
    count = as_positive(layers, "alternating_layered: layers")
    size = as_positive(block_size, "alternating_layered: block_size")
    if size % 2:
        raise CircuitError(f"alternating_layered: block_size must be even, but is {size}.")
    angles = Angles(name, n * (count + 1), "alternating_layered")
    circuit = Circuit(n)
    for k in range(count):
        circuit.ry(angles.take(n), range(n))
        # A cut is between two qubits that belong to different blocks.
        inside = [(q, q + 1) for q in range(n - 1) if (q + 1 + k % 2 * (size // 2)) % size]
        for parity in (0, 1):
            for a, b in inside:
                if a % 2 == parity:
                    circuit.cz(a, b)
    return circuit.ry(angles.take(n), range(n))
