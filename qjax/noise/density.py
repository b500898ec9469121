"""Density matrices: a noisy circuit on n qubits is a circuit on 2 n.

The density matrix is a vector whose index is i + 2**n j for the entry rho[i, j]. A gate U is U on
qubit q and its complex conjugate on q + n; a channel is its superoperator on both. So plans,
engines, batches and derivatives are those of state vectors.
"""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from qjax.channels import CHANNELS, Channel
from qjax.circuit.binding import flat_values
from qjax.circuit.circuit import Circuit
from qjax.circuit.instruction import BARRIER, MEASURE, RESET, Instruction
from qjax.engine.basis import basis_row
from qjax.engine.numbers import numbers
from qjax.engine.operators import apply_observable
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import transposed
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.errors import CircuitError, StateError
from qjax.gates import Gate, conjugate_gate
from qjax.noise.model import NoiseModel, noisy
from qjax.observables import PauliSum
from qjax.plan import compile_plan
from qjax.state import basis_state

MAX_QUBITS = 15  # the engines address the amplitudes of twice as many qubits
_ROUNDED = 1e-4  # what is forgiven in a density matrix that is given


def density_matrix(
    circuit: Circuit,
    params: Any = None,
    *,
    noise: NoiseModel | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    """The density matrix after a circuit with noise.

    Args:
        circuit: The circuit, of gates, channels, resets and measurements, whose outcomes are
            forgotten; without conditions on outcomes, and on at most 15 qubits.
        params: Values of its open parameters, as in `statevector`; leading axes are batches.
        noise: A `NoiseModel`, whose channels are added.
        initial_state: |0...0> if None; else a bitstring, a state of shape (2**n,), or a density
            matrix of shape (2**n, 2**n).
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Complex array of shape (..., 2**n, 2**n). Bit q of an index is qubit q.

    Raises:
        CircuitError: If it has conditions, or is too large.
        StateError: If the initial state does not fit.

    Note:
        A density matrix takes as much as a state of 2 n qubits. Channels cannot be undone, so
        reverse mode keeps some 4 to 6 sqrt(K) density matrices for K channels.

    Examples:
        >>> import qjax as qj
        >>> bell = qj.Circuit(2).h(0).cx(0, 1).channel("phase_flip", 0.1, 0)
        >>> qj.density_matrix(bell).real[0]
        Array([0.5, 0. , 0. , 0.4], dtype=float32)
    """
    rows, lead = density_rows(
        circuit, params, noise, initial_state, dtype, engine, "density_matrix"
    )
    size = 2**circuit.num_qubits
    return jnp.swapaxes(rows.reshape(*lead, size, size), -1, -2)


def density_rows(
    circuit: Circuit,
    params: Any,
    noise: NoiseModel | None,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    what: str,
) -> tuple[jax.Array, tuple[int, ...]]:
    """Density matrices as vectors, (B, 4**n), and the leading axes that B stands for."""
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
    n = circuit.num_qubits
    if n > MAX_QUBITS:
        raise CircuitError(
            f"{what}: a density matrix must have at most {MAX_QUBITS} qubits, but has {n}. Use "
            "trajectories."
        )
    resolve(engine, 2 * n)
    amplitudes = complex_dtype(dtype, initial_state)
    double = doubled(noisy(circuit, noise), what)
    plan = compile_plan(double.structure)
    values = flat_values(double.structure, params)
    buffer = jnp.asarray(numbers(plan, double.leaves, values, real_dtype(amplitudes)))
    start = _start(initial_state, n, amplitudes, engine or "auto", what)
    lead = buffer.shape[:-1]
    flat = buffer.reshape(math.prod(lead), buffer.shape[-1])
    return apply_p.bind(start, flat, plan=plan, engine=engine or "auto"), lead


def _start(state: Any, n: int, dtype: np.dtype, engine: str, what: str) -> jax.Array:
    """The density matrix of a start as a row, (1, 4**n)."""
    if state is None:
        return basis_row(2 * n, 0, dtype, engine)
    vector = basis_state(state, n, dtype=dtype) if isinstance(state, str) else jnp.asarray(state)
    if vector.shape == (2**n,):
        matrix = vector[:, None] * jnp.conj(vector)[None, :]
    elif vector.shape == (2**n, 2**n):
        matrix = vector
    else:
        raise StateError(
            f"{what}: initial_state must have shape ({2**n},) or ({2**n}, {2**n}), but has "
            f"{vector.shape}."
        )
    if not isinstance(matrix, Tracer):
        _check_density(np.asarray(matrix), f"{what}: initial_state")
    return matrix.T.reshape(1, -1).astype(dtype)


def _check_density(matrix: np.ndarray, what: str) -> None:
    """Check that a known matrix is a density matrix, up to the rounding of single precision.

    Raises:
        StateError: If its trace is not 1, it is not Hermitian, or it has a negative eigenvalue;
            the last is seen up to 10 qubits, and in the diagonal beyond.
    """
    trace = complex(np.trace(matrix))
    if not abs(trace - 1) < _ROUNDED:
        raise StateError(f"{what} must have trace 1, but has {trace:.6g}.")
    off = float(np.max(np.abs(matrix - matrix.conj().T)))
    if not off < _ROUNDED:
        raise StateError(f"{what} must be Hermitian, but is off by {off:.3g}.")
    small = len(matrix) <= 2**10
    values = np.linalg.eigvalsh(matrix) if small else np.real(np.diagonal(matrix))
    if not (lowest := float(np.min(values))) > -_ROUNDED:
        name = "eigenvalue" if small else "entry of the diagonal"
        raise StateError(
            f"{what} must have no negative eigenvalue, but has the {name} {lowest:.3g}."
        )


def doubled(circuit: Circuit, what: str) -> Circuit:
    """The circuit on 2 n qubits that acts on the density matrix as a vector."""
    n = circuit.num_qubits
    found: list[Instruction] = []
    for i in circuit:
        if i.conditions:
            raise CircuitError(
                f"{what}: a density matrix has no outcomes, but {i} depends on one. Use "
                "trajectories."
            )
        if i.operation is BARRIER:
            continue
        if i.operation is MEASURE:
            found += [_superoperator(CHANNELS["phase_flip"], (q,), (0.5,), n) for q in i.qubits]
        elif i.operation is RESET:
            found += [_superoperator(CHANNELS["reset_error"], (q,), (1.0,), n) for q in i.qubits]
        elif isinstance(i.operation, Channel):
            found.append(_superoperator(i.operation, i.qubits, i.params, n))
        elif i.all_qubits:  # a global phase falls out
            found += [i, _conjugated(i, n)]
    return Circuit(2 * n)._extend(found)


def _superoperator(
    channel: Channel, qubits: tuple[int, ...], params: tuple[Any, ...], n: int
) -> Instruction:
    both = (*qubits, *(q + n for q in qubits))
    return Instruction(_superoperator_gate(channel), both, params)


@cache
def _superoperator_gate(channel: Channel) -> Gate:
    def no_inverse(*values: Any) -> Any:
        raise CircuitError(f"{channel.name}: a channel has no inverse.")

    return Gate(
        channel.name, 2 * channel.num_qubits, channel.params, channel.definition, channel.source,
        matrix=channel.superoperator, inverse=no_inverse, param_shapes=channel.param_shapes,
        unitary=False,
    )  # fmt: skip


def _conjugated(i: Instruction, n: int) -> Instruction:
    """The complex conjugate of a gate, on the qubits of the columns."""
    gate, params = i.operation, i.params
    assert isinstance(gate, Gate)
    if gate.rotation is not None:
        # conj(exp(-i theta P / 2)) = exp(i theta conj(P) / 2), and conj(P) = (-1)**Ys P.
        if gate.rotation.count("Y") % 2 == 0:
            params = (-params[0],)
    elif any(gate.param_shapes):
        params = tuple(param.conj() for param in params)
    elif gate.params or np.any(np.imag(gate.matrix())):
        gate = conjugate_gate(gate)
    moved = tuple(q + n for q in i.qubits)
    controls = tuple(q + n for q in i.controls)
    return replace(i, operation=gate, params=params, qubits=moved, controls=controls)


def diagonal_of(rows: jax.Array) -> jax.Array:
    """The probabilities of basis states: (B, 4**n) -> real (B, 2**n)."""
    size = 2 ** ((rows.shape[1].bit_length() - 1) // 2)
    return rows[:, :: size + 1].real


def marginal(probabilities: jax.Array, qubits: tuple[int, ...] | None) -> jax.Array:
    """Probabilities of some qubits: (B, 2**n) -> (B, 2**k)."""
    if qubits is None:
        return probabilities
    n = probabilities.shape[1].bit_length() - 1
    rest = tuple(q for q in range(n) if q not in qubits)
    moved = transposed(probabilities, (*qubits, *rest))
    return moved.reshape(-1, 2 ** len(rest), 2 ** len(qubits)).sum(1)


def traces(rows: jax.Array, observables: list[Any], engine: str) -> jax.Array:
    """tr(O rho) of every observable: (B, 4**n) -> real (B, k)."""
    columns = [
        _pauli_trace(rows, o) if isinstance(o, PauliSum) else _trace(rows, o, engine)
        for o in observables
    ]
    return jnp.stack(columns, axis=-1)


def _trace(rows: jax.Array, observable: Any, engine: str) -> jax.Array:
    size = 2 ** ((rows.shape[1].bit_length() - 1) // 2)
    columns = apply_observable(rows.reshape(-1, size), observable, engine)
    return jnp.trace(columns.reshape(-1, size, size), axis1=1, axis2=2).real


def _pauli_trace(rows: jax.Array, observable: PauliSum) -> jax.Array:
    """Sum of c P over the entries rho[i, i ^ x] with the sign of i & z."""
    n = (rows.shape[1].bit_length() - 1) // 2
    x, z = (np.asarray(m, np.int64) for m in (observable.x_masks, observable.z_masks))
    weights = jnp.asarray(observable.coefficients).real.astype(rows.real.dtype)
    flips, which = np.unique(x, return_inverse=True)
    order = np.argsort(which, kind="stable")
    i = lax.iota(jnp.int32, 2**n)
    total = jnp.zeros(rows.shape[0], rows.real.dtype)
    for k, flip in enumerate(flips):
        entries = rows[:, i + ((i ^ np.int32(flip)) << np.int32(n))]
        terms = order[which[order] == k]
        masks = jnp.asarray(z[terms].astype(np.int32))
        odd = lax.population_count(i[None, :] & masks[:, None]) & 1
        turn = np.array([[1, 1j, -1, -1j][int(flip & m).bit_count() % 4] for m in z[terms]])
        signed = jnp.einsum(
            "ti,bi->bt", (1 - 2 * odd).astype(rows.dtype), entries,
            precision=lax.Precision.HIGHEST,
        )  # fmt: skip
        total = total + ((signed * turn.astype(rows.dtype)).real * weights[terms]).sum(-1)
    return total
