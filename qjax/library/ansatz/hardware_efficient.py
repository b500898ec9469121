"""Layers of rotations and entangling gates on all qubits."""

from collections.abc import Sequence

from qjax._checks import as_integer, as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.errors import CircuitError
from qjax.library.ansatz.entanglers import Angles, checked_gate, entangle, entangler_pairs


def hardware_efficient(
    num_qubits: int,
    layers: int,
    *,
    rotations: str | Sequence[str] = ("ry", "rz"),
    entangler: str = "cx",
    pattern: str | Sequence[tuple[int, int]] = "linear",
    final_rotations: bool = True,
    name: str = "theta",
) -> Circuit:
    """Rotations of every qubit, then an entangling layer; and so on.

    Args:
        num_qubits: Number of qubits n.
        layers: How many entangling layers L.
        rotations: One-qubit gates, by name, of which each goes on all qubits in turn.
        entangler: A two-qubit gate by name: "cx", "cz", "iswap"; or one with angles of its own:
            "crx", "cry", "crz", "cp", "rxx", "rzz".
        pattern: Which pairs it joins, as in `entangler_pairs`.
        final_rotations: Whether there is another layer of rotations at the end.
        name: Name of the parameter vector.

    Returns:
        A circuit with r n (L + 1) + e p L parameters: r angles of the rotations on a qubit
        (without final rotations r n L), p pairs, and e angles of the entangler; in time order.

    Raises:
        CircuitError: If a gate or pattern is unknown or does not fit, or there is no angle.

    Examples:
        >>> circuit = hardware_efficient(3, 2, rotations="ry", entangler="cz", pattern="circular")
        >>> circuit.num_parameters, circuit.count_ops()
        (9, {'ry': 9, 'cz': 6})

    References:
        A. Kandala et al., Hardware-efficient variational quantum eigensolver for small molecules
        and quantum magnets, Nature 549, 242 (2017).
    """
    what = "hardware_efficient"
    n = as_positive(num_qubits, f"{what}: num_qubits")
    count = as_integer(layers, f"{what}: layers")
    if count < 0:
        raise CircuitError(f"{what}: layers must be at least 0, but is {count}.")
    names = (rotations,) if isinstance(rotations, str) else tuple(rotations)
    turns = [checked_gate(gate, 1, f"{what}: a rotation") for gate in names]
    joint = checked_gate(entangler, 2, f"{what}: entangler")
    pairs = [entangler_pairs(n, pattern, layer=k) for k in range(count)]

    per_layer = n * sum(len(gate.params) for gate in turns)
    total = per_layer * (count + bool(final_rotations))
    total += len(joint.params) * sum(len(p) for p in pairs)
    angles = Angles(name, total, what)
    circuit = Circuit(n)

    def rotate() -> None:
        for gate in turns:
            for q in range(n):
                circuit.append(gate, q, angles.take(len(gate.params)))

    for k in range(count):
        rotate()
        entangle(circuit, joint, pairs[k], angles)
    if final_rotations:
        rotate()
    return circuit


def strongly_entangling(
    num_qubits: int,
    layers: int,
    *,
    ranges: Sequence[int] | None = None,
    entangler: str = "cx",
    name: str = "theta",
) -> Circuit:
    """Layers of a full rotation of every qubit and gates between qubits at a distance.

    Layer l turns qubit q by RZ(theta[l, q, 2]) RY(theta[l, q, 1]) RZ(theta[l, q, 0]), then joins
    q to q + r_l modulo n, for q = 0, ..., n - 1.

    Args:
        num_qubits: Number of qubits n.
        layers: How many layers L.
        ranges: The distance r_l of each layer, in 1..n-1; by default 1 + (l mod (n - 1)).
        entangler: A two-qubit gate without angles, by name.
        name: Name of the parameter vector.

    Returns:
        A circuit with 3 n L parameters, of shape (L, n, 3).

    Raises:
        CircuitError: If a number, range or gate does not fit.

    Examples:
        >>> circuit = strongly_entangling(3, 2)
        >>> circuit.parameters, circuit.count_ops()
        ({'theta': (2, 3, 3)}, {'rz': 12, 'ry': 6, 'cx': 6})

    References:
        M. Schuld, A. Bocharov, K. Svore, N. Wiebe, Circuit-centric quantum classifiers, Phys. Rev.
        A 101, 032308 (2020).
    """
    what = "strongly_entangling"
    n = as_positive(num_qubits, f"{what}: num_qubits")
    count = as_positive(layers, f"{what}: layers")
    joint = checked_gate(entangler, 2, f"{what}: entangler")
    if joint.params:
        raise CircuitError(f"{what}: entangler must have no angles, but {entangler} has some.")
    if ranges is None:
        distances = [1 + k % (n - 1) for k in range(count)] if n > 1 else [0] * count
    else:
        distances = [as_integer(r, f"{what}: a range") for r in ranges]
        if len(distances) != count or not all(0 < r < n for r in distances):
            raise CircuitError(
                f"{what}: ranges must be {count} numbers in 1..{n - 1}, but are {distances}."
            )
    theta = ParameterVector(name, (count, n, 3))
    circuit = Circuit(n)
    for k, distance in enumerate(distances):
        for axis, gate in enumerate(("rz", "ry", "rz")):
            for q in range(n):
                circuit.append(gate, q, theta[k, q, axis])
        if n > 1:
            for q in range(n):
                circuit.append(joint, (q, (q + distance) % n))
    return circuit
