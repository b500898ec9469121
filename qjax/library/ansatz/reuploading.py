"""Data re-uploading: the features again in every layer."""

from collections.abc import Sequence
from typing import Any

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterExpression
from qjax.errors import CircuitError
from qjax.library._features import as_features
from qjax.library.ansatz.entanglers import Angles, checked_gate, entangle, entangler_pairs

_TURN = ("rz", "ry", "rz")


def data_reuploading(
    features: Any,
    num_qubits: int,
    layers: int,
    *,
    scales: bool = True,
    entangler: str = "cz",
    pattern: str | Sequence[tuple[int, int]] = "circular",
    name: str = "theta",
) -> Circuit:
    """Rotations by theta + w x of every qubit in every layer, with entangling gates between.

    Features go three at a time, missing ones as 0, into RZ RY RZ; so d features take ceil(d / 3)
    rotations of a qubit in a layer. Every qubit sees all features.

    Args:
        features: d features: numbers, a traced array of shape (d,), or a parameter vector.
        num_qubits: Number of qubits n.
        layers: How many layers L. Entangling gates stand between layers.
        scales: Whether features have trainable factors w. Features that are symbols cannot have
            them, for angles are affine in symbols.
        entangler: A two-qubit gate, as in `hardware_efficient`.
        pattern: Which pairs it joins, as in `entangler_pairs`.
        name: Name of the parameter vector.

    Returns:
        A circuit with L n (3 ceil(d / 3) + d) parameters: for each layer and qubit first the
        angles, then the scales; without scales L n 3 ceil(d / 3). Then those of an entangler that
        has angles.

    Raises:
        CircuitError: If a number or gate does not fit, or symbols were to be scaled.

    Examples:
        >>> import jax, jax.numpy as jnp, qjax as qj
        >>> def model(x, params):
        ...     return qj.expectation(data_reuploading(x, 1, 4), "Z0", params)
        >>> points = jnp.linspace(-1, 1, 10).reshape(5, 2)
        >>> jax.vmap(model, (0, None))(points, jnp.ones(20)).shape
        (5,)

    References:
        A. Pérez-Salinas, A. Cervera-Lierta, E. Gil-Fuster, J. I. Latorre, Data re-uploading for a
        universal quantum classifier, Quantum 4, 226 (2020).
    """
    what = "data_reuploading"
    values = as_features(features, what)
    n = as_positive(num_qubits, f"{what}: num_qubits")
    count = as_positive(layers, f"{what}: layers")
    symbols = any(isinstance(v, ParameterExpression) for v in values)
    if scales and symbols:
        raise CircuitError(
            f"{what}: scales must be False for features that are symbols, for an angle must be "
            "affine in symbols. Give the features as numbers or traced arrays."
        )
    joint = checked_gate(entangler, 2, f"{what}: entangler")
    pairs = [entangler_pairs(n, pattern, layer=k) for k in range(count - 1)]
    width = 3 * -(-len(values) // 3)
    each = width + (len(values) if scales else 0)
    total = count * n * each + len(joint.params) * sum(len(p) for p in pairs)
    angles = Angles(name, total, what)
    circuit = Circuit(n)
    for k in range(count):
        for q in range(n):
            turned = angles.take(width)
            factors = angles.take(len(values)) if scales else [1.0] * len(values)
            for j, (value, factor) in enumerate(zip(values, factors, strict=True)):
                turned[j] = turned[j] + factor * value
            for j, angle in enumerate(turned):
                circuit.append(_TURN[j % 3], q, angle)
        if k < count - 1:
            entangle(circuit, joint, pairs[k], angles)
    return circuit
