"""Measurements in random bases, on the simulator."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive, check_key
from qjax.circuit import Circuit, ParameterVector
from qjax.circuit.clifford import drawn_bits, template
from qjax.errors import CircuitError, SamplingError
from qjax.noise.density import density_matrix
from qjax.noise.model import NoiseModel, is_noisy
from qjax.shadows.clifford import CliffordShadow
from qjax.shadows.pauli import Shadow
from qjax.simulate import sample, statevector

_CHUNK_AMPLITUDES = 2**24
_MOST_NOISY_QUBITS = 10  # a density matrix for each basis; see `sample`
# Angles of rx and ry that take the eigenvectors of X, Y and Z to |0> and |1>.
_TURNS = np.array([[0.0, -np.pi / 2], [np.pi / 2, 0.0], [0.0, 0.0]], np.float32)


def classical_shadow(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any = None,
    *,
    noise: NoiseModel | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> Shadow:
    """Measure every qubit of a circuit's state in X, Y or Z, chosen at random for each shot.

    Args:
        circuit: The circuit, without measurements.
        shots: How many, at least 3.
        key: A `jax.random` key.
        params: Values of its open parameters, one set.
        noise: A `NoiseModel`, whose channels are added to those that the circuit has, and whose
            readout errors change the bits; at most 10 qubits then. The change of basis has none.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        The bases and bits of all shots; its methods estimate from them.

    Raises:
        CircuitError: If it measures, or has noise and more than 10 qubits.
        SamplingError: If there are fewer than 3 shots, or the key is none.

    Examples:
        >>> import jax, qjax as qj
        >>> bell = qj.Circuit(2).h(0).cx(0, 1)
        >>> shadow = classical_shadow(bell, 5000, jax.random.key(0))
        >>> found = shadow.expectation("X0 X1")
        >>> bool(abs(found.value - 1) < 5 * found.standard_error)
        True
    """
    count = _checked(circuit, shots, key, "classical_shadow")
    n = circuit.num_qubits
    angles = ParameterVector("angles", (2, n))
    turned = Circuit(n)
    for q in range(n):
        turned.rx(angles[0, q], q).ry(angles[1, q], q)
    of_bases, of_bits = jax.random.split(key)
    bases = np.asarray(jax.random.randint(of_bases, (count, n), 0, 3))
    turns = np.moveaxis(_TURNS[bases], 1, 2).reshape(count, 2 * n)
    bits = _bits(circuit, turned, turns, of_bits, params, noise, dtype, engine, "classical_shadow")
    return Shadow(bases.astype(np.uint8), bits)


def clifford_shadow(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any = None,
    *,
    noise: NoiseModel | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> CliffordShadow:
    """Measure a circuit's state after a random Clifford circuit of its own for each shot.

    Args:
        circuit: The circuit, without measurements.
        shots: How many, at least 3.
        key: A `jax.random` key.
        params: Values of its open parameters, one set.
        noise: As in `classical_shadow`; the random circuits have none.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        The random circuits and bits of all shots; its methods estimate from them.

    Raises:
        CircuitError: If it measures, or has too many qubits.
        SamplingError: If there are fewer than 3 shots, or the key is none.

    Examples:
        >>> import jax, qjax as qj
        >>> bell = qj.Circuit(2).h(0).cx(0, 1)
        >>> shadow = clifford_shadow(bell, 2000, jax.random.key(0))
        >>> found = shadow.fidelity(qj.statevector(bell))
        >>> bool(abs(found.value - 1) < 5 * found.standard_error)
        True
    """
    count = _checked(circuit, shots, key, "clifford_shadow")
    n = circuit.num_qubits
    of_gates, of_bits = jax.random.split(key)
    acts = drawn_bits(n, count, of_gates)
    values = acts.astype(np.float32)
    bits = _bits(
        circuit, template(n), values, of_bits, params, noise, dtype, engine, "clifford_shadow"
    )
    return CliffordShadow(acts, bits)


def _checked(circuit: Any, shots: Any, key: Any, what: str) -> int:
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
    if circuit.num_clbits:
        raise CircuitError(f"{what}: the circuit must not measure: every qubit is, in its basis.")
    check_key(key, f"{what}: key")
    count = as_positive(shots, f"{what}: shots", SamplingError)
    if count < 3:
        raise SamplingError(f"{what}: shots must be at least 3, but are {count}.")
    return count


def _bits(
    circuit: Circuit,
    turned: Circuit,
    values: np.ndarray,
    key: jax.Array,
    params: Any,
    noise: NoiseModel | None,
    dtype: Any,
    engine: str | None,
    what: str,
) -> np.ndarray:
    """What is found after `turned` with each row of values, uint8 (shots, n)."""
    n, count = circuit.num_qubits, len(values)
    how: dict[str, Any] = {"dtype": dtype, "engine": engine}
    if is_noisy(circuit, noise):
        if n > _MOST_NOISY_QUBITS:
            raise CircuitError(
                f"{what}: with noise the circuit must have at most {_MOST_NOISY_QUBITS} qubits, "
                f"but has {n}."
            )
        how["initial_state"] = density_matrix(circuit, params, noise=noise, **how)
        how["noise"] = NoiseModel(readout={} if noise is None else noise.readout)
        size = _CHUNK_AMPLITUDES >> 2 * n
    else:
        how["initial_state"] = statevector(circuit, params, **how)
        size = _CHUNK_AMPLITUDES >> n
    size = int(np.clip(size, 1, count))
    found = [
        np.asarray(sample(turned, 1, own, jnp.asarray(values[k * size : (k + 1) * size]), **how))
        for k, own in enumerate(jax.random.split(key, -(-count // size)))
    ]
    return np.concatenate([part[:, 0] for part in found])
