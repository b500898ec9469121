"""What users call: from a circuit to amplitudes, probabilities, expectation values and samples."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qjax._checks import as_positive, check_key, check_qubits, is_sequence
from qjax.circuit.binding import flat_values
from qjax.circuit.circuit import Circuit
from qjax.circuit.parameter import is_traced
from qjax.counts import Counts
from qjax.dynamic import (
    branch_states,
    deferred,
    final_measurements,
    is_dynamic,
    sample_bits,
    without_coherences,
    without_final_measurements,
)
from qjax.engine.expectation import checked_observable, expectations, moments
from qjax.engine.from_zero import from_zero
from qjax.engine.mesh import checked_mesh, mesh_of, num_global, state_spec
from qjax.engine.numbers import numbers
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import draw
from qjax.engine.sampling import probabilities as probabilities_of
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.engine.sharded import Layout, sharded_states
from qjax.engine.sharded_sampling import chosen_amplitudes, drawn_bits, marginals
from qjax.errors import CircuitError, EngineError, ObservableError, SamplingError, StateError
from qjax.noise.density import density_rows, diagonal_of, marginal, traces
from qjax.noise.model import NoiseModel, is_noisy
from qjax.noise.model import noisy as with_noise
from qjax.noise.trajectories import trajectory_expectation
from qjax.plan import compile_plan
from qjax.shots import Method, shot_values
from qjax.state import basis_index, basis_state, checked_state

MOST_DENSITY_BITS = 20  # a density matrix of 10 qubits is soon made
MAX_UNITARY_QUBITS = 14  # the matrix of a unitary then has 2 GiB


class _Run(NamedTuple):
    """States of a call: flat, with shape (B, 2**n), and the leading axes that B stands for.

    The layout says where the amplitudes are, if they are divided over devices.
    """

    states: jax.Array
    lead: tuple[int, ...]
    layout: Layout | None = None

    def measured(self, values: jax.Array) -> jax.Array:
        """(B, ...) to (*lead, ...), whole on every device, so that every process can read it."""
        return self.shaped(values if self.layout is None else _everywhere(values, self.layout.mesh))

    def shaped(self, values: jax.Array) -> jax.Array:
        """(B, ...) to (*lead, ...)."""
        return values.reshape(*self.lead, *values.shape[1:])


def _run(
    circuit: Circuit,
    params: Any,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    mesh: Mesh | None,
    what: str,
    *,
    restore: bool = True,
) -> _Run:
    """Run a circuit for every element of the leading axes of params and of the initial state.

    With a mesh, `restore` says whether the amplitudes must be in natural order.
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
    n = circuit.num_qubits
    mesh = mesh_of(initial_state) if mesh is None else mesh
    if mesh is not None:
        mesh = checked_mesh(mesh, what, n)
    resolve(engine, n if mesh is None else n - num_global(mesh))
    amplitudes = complex_dtype(dtype, initial_state)
    structure, leaves = circuit.structure, circuit.leaves
    plan = compile_plan(structure)
    values = flat_values(structure, params)
    buffer = jnp.asarray(numbers(plan, leaves, values, real_dtype(amplitudes)))
    if mesh is not None:
        # Whole on every device, and so is its gradient, which every process can then read.
        buffer = _everywhere(buffer, mesh)
        start = _placed(initial_state, n, mesh, f"{what}: initial_state", amplitudes)
        lead = _lead(buffer.shape, np.shape(start), what)
        state_spec(mesh, int(np.prod(lead)), what)
        start = start if isinstance(start, int) else _flat_rows(start, lead)
        rows = _flat_rows(buffer, lead)
        states, layout = sharded_states(
            plan, start, rows, mesh, amplitudes, engine or "auto", restore=restore
        )
        return _Run(states, lead, layout)
    if initial_state is None:
        lead = buffer.shape[:-1]
        return _Run(from_zero(_flat_rows(buffer, lead), plan, amplitudes, engine or "auto"), lead)
    if isinstance(initial_state, str):
        start = basis_state(initial_state, n, dtype=amplitudes)
    else:
        start = checked_state(initial_state, n, f"{what}: initial_state", amplitudes)
    lead = _lead(buffer.shape, start.shape, what)
    rows = [_flat_rows(x, lead) for x in (start, buffer)]
    return _Run(apply_p.bind(*rows, plan=plan, engine=engine or "auto"), lead)


def _everywhere(values: jax.Array, mesh: Mesh) -> jax.Array:
    """The values, whole on every device of a mesh."""
    return lax.with_sharding_constraint(values, NamedSharding(mesh, PartitionSpec()))


def _lead(buffer: tuple[int, ...], start: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The leading axes of a call, from shapes of the numbers and of the initial state."""
    try:
        return np.broadcast_shapes(buffer[:-1], start[:-1])
    except ValueError:
        raise StateError(
            f"{what}: leading axes of params and initial_state must broadcast, but are "
            f"{buffer[:-1]} and {start[:-1]}."
        ) from None


def _placed(state: Any, n: int, mesh: Mesh, what: str, dtype: np.dtype) -> jax.Array | int:
    """An initial state on the devices of a mesh, or the index of a basis state."""
    if state is None:
        return 0
    if isinstance(state, str):
        return basis_index(state, n)
    fits = np.ndim(state) and np.shape(state)[-1] == 2**n
    if fits and not is_traced(state) and mesh_of(state) != mesh:
        lead = (None,) * (np.ndim(state) - 1)
        spec = PartitionSpec(*lead, state_spec(mesh, 1)[1])
        state = jax.device_put(state, NamedSharding(mesh, spec))
    return checked_state(state, n, what, dtype)


def _flat_rows(array: jax.Array, lead: tuple[int, ...]) -> jax.Array:
    """(..., m) to (B, m), or to (1, m) if it has no leading axis of its own."""
    if all(size == 1 for size in array.shape[:-1]):
        return array.reshape(1, array.shape[-1])
    return jnp.broadcast_to(array, (*lead, array.shape[-1])).reshape(-1, array.shape[-1])


def _without_measurements(circuit: Circuit, what: str) -> None:
    if isinstance(circuit, Circuit) and circuit.num_clbits:
        raise CircuitError(
            f"{what}: the circuit must not measure. Use circuit.remove_measurements(), or sample "
            "and counts, which read the measurements."
        )


def _without_mesh(mesh: Mesh | None, what: str, feature: str) -> None:
    if mesh is not None:
        raise EngineError(
            f"{what}: a mesh takes circuits of unitary gates, and final measurements in sample and "
            f"counts; but not {feature}. Leave mesh out."
        )


def statevector(
    circuit: Circuit,
    params: Any = None,
    *,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> jax.Array:
    """The state after a circuit.

    Args:
        circuit: The circuit, without measurements.
        params: Values of its open parameters: an array of shape (..., num_parameters), or a mapping
            from names to values. Leading axes are batches.
        initial_state: |0...0> if None; else a bitstring, or a normalised array of shape
            (..., 2**n). Leading axes are batches and broadcast with those of params.
        dtype: complex64 or complex128; by default that of the initial state, else complex64.
        engine: Name of an engine, or None for the best one here; see `info`.
        mesh: Devices over which every state is divided, as `device_mesh` gives them. Every device
            runs the engine on its own part; leading axes are divided over "batch". By default the
            mesh of the initial state, if it is divided so and not traced, else one device.

    Returns:
        Complex array of shape (..., 2**n). Bit q of an index is qubit q. Over devices of several
        processes, states stay divided, and so do probabilities of all qubits; what is measured of
        them, and gradients, is whole in every process.

    Raises:
        ParameterError: If values are missing or do not fit.
        StateError: If the initial state does not fit.
        PrecisionError: If complex128 is asked for and 64-bit numbers are switched off.
        EngineError: If the engine cannot run this here.

    Examples:
        >>> import qjax as qj
        >>> qj.statevector(qj.Circuit(2).h(0).cx(0, 1))
        Array([0.7071+0.j, 0.    +0.j, 0.    +0.j, 0.7071+0.j], dtype=complex64)
    """
    _without_measurements(circuit, "statevector")
    run = _run(circuit, params, initial_state, dtype, engine, mesh, "statevector")
    return run.shaped(run.states)


def unitary(
    circuit: Circuit, params: Any = None, *, dtype: Any = None, engine: str | None = None
) -> jax.Array:
    """The matrix of a circuit.

    Args:
        circuit: The circuit, without measurements, on at most 14 qubits.
        params: Values of its open parameters; leading axes are batches.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Complex array of shape (..., 2**n, 2**n); column j is the state that |j> becomes.

    Raises:
        EngineError: If there are too many qubits.
        ParameterError: If values are missing or do not fit.

    Examples:
        >>> import qjax as qj
        >>> qj.unitary(qj.Circuit(1).x(0)).real
        Array([[0., 1.],
               [1., 0.]], dtype=float32)
    """
    _without_measurements(circuit, "unitary")
    if circuit.num_qubits > MAX_UNITARY_QUBITS:
        raise CircuitError(
            f"unitary: the circuit must have at most {MAX_UNITARY_QUBITS} qubits, "
            f"but has {circuit.num_qubits}."
        )
    values = flat_values(circuit.structure, params)
    inputs = jnp.eye(2**circuit.num_qubits, dtype=complex_dtype(dtype))
    rows = statevector(
        circuit,
        None if values is None else values[..., None, :],
        initial_state=inputs,
        dtype=dtype,
        engine=engine,
    )
    return jnp.swapaxes(rows, -1, -2)


def amplitudes(
    circuit: Circuit,
    bitstrings: str | Sequence[str],
    params: Any = None,
    *,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> jax.Array:
    """Amplitudes of chosen basis states.

    Args:
        circuit: The circuit, without measurements.
        bitstrings: A bitstring, highest qubit first, or a sequence of k of them.
        params: As in `statevector`.
        initial_state: As in `statevector`.
        dtype: As in `statevector`.
        engine: As in `statevector`.
        mesh: As in `statevector`.

    Returns:
        Complex array of shape (...) for one bitstring, (..., k) for a sequence.

    Raises:
        StateError: If a bitstring has not one bit per qubit.

    Examples:
        >>> import qjax as qj
        >>> qj.amplitudes(qj.Circuit(2).h(0).cx(0, 1), ["00", "01"])
        Array([0.7071+0.j, 0.    +0.j], dtype=complex64)
    """
    _without_measurements(circuit, "amplitudes")
    single = isinstance(bitstrings, str)
    wanted = [bitstrings] if isinstance(bitstrings, str) else list(bitstrings)
    for bits in wanted:
        if not isinstance(bits, str) or len(bits) != circuit.num_qubits or set(bits) - {"0", "1"}:
            raise StateError(
                f"amplitudes: a bitstring must have {circuit.num_qubits} bits, but is {bits!r}."
            )
    run = _run(circuit, params, initial_state, dtype, engine, mesh, "amplitudes")
    indices = [int(bits or "0", 2) for bits in wanted]
    if run.layout is None:
        values = run.shaped(run.states[:, np.array(indices, np.int32)])
    else:
        values = run.measured(chosen_amplitudes(run.states, indices, run.layout))
    return values[..., 0] if single else values


def probabilities(
    circuit: Circuit,
    params: Any = None,
    *,
    qubits: Any = None,
    noise: NoiseModel | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> jax.Array:
    """Probabilities of the outcomes of measuring all qubits, or some.

    Args:
        circuit: The circuit, without measurements.
        params: As in `statevector`.
        qubits: Distinct qubits to measure; qubits[0] is bit 0 of the result's index. All if None.
        noise: A `NoiseModel`, whose channels are added to those that the circuit has.
            With readout errors, the probabilities are of what is read. Noise takes a density
            matrix.
        initial_state: As in `statevector`; with noise as in `density_matrix`.
        dtype: Of the amplitudes; the probabilities have its precision.
        engine: As in `statevector`.
        mesh: As in `statevector`.

    Returns:
        Real array of shape (..., 2**k).

    Raises:
        CircuitError: If a qubit is out of range or repeated.

    Examples:
        >>> import qjax as qj
        >>> qj.probabilities(qj.Circuit(2).h(0).cx(0, 1), qubits=[1])
        Array([0.5, 0.5], dtype=float32)
    """
    _without_measurements(circuit, "probabilities")
    chosen = None
    if qubits is not None:
        chosen = check_qubits(qubits, circuit.num_qubits, "probabilities", CircuitError)
    if is_noisy(circuit, noise):
        _without_mesh(mesh, "probabilities", "noise")
        rows, lead = density_rows(
            circuit, params, noise, initial_state, dtype, engine, "probabilities"
        )
        found = marginal(diagonal_of(rows), chosen)
        if noise is not None:
            read = tuple(range(circuit.num_qubits)) if chosen is None else chosen
            found = noise.misread(found, read)
        return found.reshape(*lead, -1)
    whole = chosen is None
    run = _run(circuit, params, initial_state, dtype, engine, mesh, "probabilities", restore=whole)
    if run.layout is None or chosen is None:
        return run.shaped(probabilities_of(run.states, chosen, engine or "auto"))
    return run.measured(marginals(run.states, chosen, engine or "auto", run.layout))


def expectation(
    circuit: Circuit,
    observable: Any,
    params: Any = None,
    *,
    given: Mapping[int, int] | None = None,
    noise: NoiseModel | None = None,
    trajectories: int | None = None,
    shots: int | None = None,
    diff: str | None = None,
    key: jax.Array | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> jax.Array:
    r"""Expectation value <psi|O|psi> of one observable, or of several in one pass.

    Args:
        circuit: The circuit, without final measurements. Measurements before other operations,
            resets and conditions are taken at all their outcomes; see `branches`.
        observable: A PauliSum (or its text), Projector, Diagonal or Hermitian, or a sequence of k
            of them. Coefficients may be traced, and differentiated.
        params: As in `statevector`.
        given: Post-selection: a value for some classical bits. The mean is over the runs that end
            with these, NaN if there are none; see `branches`, which gives their probability.
        noise: A `NoiseModel`, whose channels are added to those that the circuit has.
        trajectories: With noise, a mean over so many trajectories; see
            `noise.trajectory_expectation`, which gives the standard error as well. By default
            noise takes a density matrix, and is exact.
        shots: The mean of so many shots, as a machine gives it, shared out to the Pauli strings by
            weight; see `gradients.shot_expectation`, which gives the standard error as well and has
            more choices. None gives exact values.
        diff: How derivatives are found: "adjoint", the default and only without shots;
            "parameter-shift", the default with shots; "finite-difference" or "spsa".
        key: A `jax.random` key, for trajectories, shots and diff="spsa".
        initial_state: As in `statevector`; with noise as in `density_matrix`.
        dtype: Of the amplitudes; the values have its precision.
        engine: As in `statevector`.
        mesh: As in `statevector`.

    Returns:
        Real array of shape (...) for one observable, (..., k) for a sequence.

    Raises:
        ObservableError: If it is no observable, not Hermitian, or needs more qubits.
        SamplingError: If a key is missing, or there are fewer shots than Pauli strings.
        ParameterError: If the method of derivatives is unknown or cannot be with shots; and, when
            a derivative is taken, if it cannot give that order of it.

    Note:
        The gradient is the adjoint method's: it takes the memory of a few states, whatever the
        number of gates and parameters.

    Examples:
        >>> import jax, qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> energy = lambda t: qj.expectation(circuit, "Z0", t)
        >>> energy(0.5), jax.grad(energy)(0.5)  # cos t, -sin t
        (Array(0.8776, dtype=float32), Array(-0.4794, dtype=float32, weak_type=True))

    References:
        T. Jones and J. Gacon, Efficient calculation of gradients in classical simulations of
        variational quantum algorithms, arXiv:2009.02823.
    """
    if given is not None and (trajectories is not None or is_noisy(circuit, noise)):
        raise CircuitError("expectation: given bits must be of a circuit without noise.")
    if shots is not None or diff not in (None, "adjoint"):
        if trajectories is not None or given is not None:
            raise SamplingError("expectation: shots and diff exclude trajectories and given.")
        exact = partial(
            expectation, noise=noise, initial_state=initial_state, dtype=dtype, engine=engine,
            mesh=mesh,
        )  # fmt: skip
        method = Method(shots=shots, key=key, diff=diff)
        return shot_values(exact, circuit, observable, params, method, "expectation")
    if trajectories is not None:
        _without_mesh(mesh, "expectation", "trajectories")
        if key is None:
            raise SamplingError("expectation: trajectories need a key, as jax.random.key(0).")
        return trajectory_expectation(
            circuit, observable, params, trajectories=trajectories, key=key, noise=noise,
            initial_state=initial_state, dtype=dtype, engine=engine,
        ).value  # fmt: skip
    measured = isinstance(circuit, Circuit) and is_dynamic(circuit)
    noisy = isinstance(circuit, Circuit) and is_noisy(circuit, noise)
    if not measured and given is None:
        _without_measurements(circuit, "expectation")
    several = is_sequence(observable)
    wanted = list(observable) if several else [observable]
    if not wanted:
        raise ObservableError("expectation: a sequence of observables must not be empty.")
    checked = [checked_observable(o, circuit.num_qubits) for o in wanted]
    if measured and not noisy and given is None:
        circuit, checked = _with_fewer_outcomes(circuit, checked)
        measured = is_dynamic(circuit)
    if noisy:
        _without_mesh(mesh, "expectation", "noise")
        rows, lead = density_rows(
            circuit, params, noise, initial_state, dtype, engine, "expectation"
        )
        values = traces(rows, checked, engine or "auto").reshape(*lead, len(checked))
    elif measured or given is not None:
        _without_mesh(mesh, "expectation", "measurements before other operations, or given bits")
        states = branch_states(circuit, params, initial_state, dtype, engine, "expectation", given)
        values = jnp.sum(expectations(states, checked, engine or "auto"), axis=0)
        if given is not None:
            values = values / jnp.sum(states.real**2 + states.imag**2)
    else:
        run = _run(
            circuit, params, initial_state, dtype, engine, mesh, "expectation", restore=False
        )
        values = run.measured(expectations(run.states, checked, engine or "auto", run.layout))
    return values if several else values[..., 0]


def _with_fewer_outcomes(circuit: Circuit, observables: list[Any]) -> tuple[Circuit, list[Any]]:
    """A circuit and observables with the same means, and measurements at the end left out."""
    later = deferred(circuit)
    ended = {q for pairs in final_measurements(list(later)).values() for _, q in pairs}
    means = [without_coherences(o, ended) for o in observables]
    if not ended or any(mean is None for mean in means):
        return circuit, observables
    kept = without_final_measurements(later)
    return (kept if is_dynamic(kept) else kept.remove_measurements()), means


def variance(
    circuit: Circuit,
    observable: Any,
    params: Any = None,
    *,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> jax.Array:
    r"""Variance <O^2> - <O>^2 of an observable, computed as |(O - <O>) psi|^2.

    Args:
        circuit: The circuit, without measurements.
        observable: One observable, as in `expectation`.
        params: As in `statevector`.
        initial_state: As in `statevector`.
        dtype: As in `expectation`.
        engine: As in `statevector`.
        mesh: As in `statevector`.

    Returns:
        Real array of shape (...), not negative.

    Raises:
        ObservableError: If it is no observable, not Hermitian, or needs more qubits.

    Examples:
        >>> import qjax as qj
        >>> qj.variance(qj.Circuit(1).h(0), "Z0")
        Array(1., dtype=float32)
    """
    _without_measurements(circuit, "variance")
    checked = checked_observable(observable, circuit.num_qubits)
    run = _run(circuit, params, initial_state, dtype, engine, mesh, "variance", restore=False)
    return run.measured(moments(run.states, checked, engine or "auto", run.layout)[1])


def sample(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any = None,
    *,
    noise: NoiseModel | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> jax.Array:
    """Measure all qubits, many times.

    Args:
        circuit: The circuit. If it has measurements, they say which qubits are measured into which
            bits; if it has none, all qubits are measured. Measurements anywhere, resets and
            conditions are simulated: exactly over all outcomes if these are no more than shots,
            else with a state for each shot; params and initial state must have no leading axes
            then.
        shots: How many times.
        key: A `jax.random` key. Every element of the leading axes draws by a key of its own,
            made from this one.
        params: As in `statevector`.
        noise: A `NoiseModel`, whose channels are added to those that the circuit has.
            Shots are drawn from the density matrix if that is soon made, else every shot has a
            state of its own; then params and initial state must have no leading axes.
        initial_state: As in `statevector`.
        dtype: Of the amplitudes.
        engine: As in `statevector`.
        mesh: As in `statevector`.

    Returns:
        uint8 array of bits, shape (..., shots, k). Column q is qubit q; if the circuit measures,
        column c is classical bit c, and 0 where nothing is written to it.

    Raises:
        SamplingError: If shots is not positive, the key is none, or a derivative is asked for.

    Note:
        Time O(2**n + shots * n). Inside `jax.vmap`, a key that is not mapped gives every element
        the same draws, as everywhere in JAX: split it and map over the keys.

    Examples:
        >>> import jax, qjax as qj
        >>> bits = qj.sample(qj.Circuit(2).h(0).cx(0, 1), 1000, jax.random.key(0))
        >>> bits.shape, bool((bits[:, 0] == bits[:, 1]).all())
        ((1000, 2), True)
    """
    count = as_positive(shots, "sample: shots", SamplingError)
    check_key(key)
    if isinstance(circuit, Circuit) and is_noisy(circuit, noise):
        _without_mesh(mesh, "sample", "noise")
        return _noisy_bits(circuit, count, key, params, noise, initial_state, dtype, engine)
    if isinstance(circuit, Circuit) and is_dynamic(circuit):
        circuit = deferred(circuit)
        if is_dynamic(circuit):
            _without_mesh(mesh, "sample", "measurements before other operations")
            return sample_bits(circuit, count, key, params, initial_state, dtype, engine)
    run = _run(circuit, params, initial_state, dtype, engine, mesh, "sample")
    columns = tuple(_measured_columns(circuit))
    bits = _drawn_bits(
        run.states, key, count, columns, bool(run.lead), engine or "auto", run.layout
    )
    return run.measured(bits)


def _noisy_bits(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any,
    noise: NoiseModel | None,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
) -> jax.Array:
    """Bits of shots under noise, (..., shots, k), readout errors included."""
    own, misread = jax.random.split(key)
    n = circuit.num_qubits
    final = circuit.structure.final_measurements
    small = 2 * n <= MOST_DENSITY_BITS and 2**n <= max(shots, 2**10)
    if final is not None and small:
        columns = _measured_columns(circuit)
        rows, lead = density_rows(circuit, params, noise, initial_state, dtype, engine, "sample")
        chances = jnp.maximum(diagonal_of(rows), jnp.zeros((), rows.real.dtype))
        roots = jnp.sqrt(chances)
        states = lax.complex(roots, jnp.zeros_like(roots))
        bits = _drawn_bits(states, own, shots, tuple(columns), bool(lead), engine or "auto")
        bits = bits.reshape(*lead, *bits.shape[1:])
    else:
        measured = circuit if circuit.num_clbits else circuit.copy().measure_all()
        columns = _last_measured(measured)
        feeds = noise is not None and noise.readout and any(i.conditions for i in measured)
        bits = sample_bits(
            with_noise(measured, noise), shots, own, params, initial_state, dtype, engine,
            noise.misreading(n) if noise is not None and feeds else None,
        )  # fmt: skip
        if feeds:
            return bits
    return bits if noise is None else noise.misread_bits(bits, columns, misread)


def _last_measured(circuit: Circuit) -> list[int | None]:
    """The qubit whose measurement last writes each bit."""
    found: list[int | None] = [None] * circuit.num_clbits
    for i in circuit:
        for q, c in zip(i.qubits, i.clbits, strict=bool(i.clbits)):
            found[c] = q
    return found


@partial(jax.jit, static_argnums=(2, 3, 4, 5, 6))
def _drawn_bits(
    states: jax.Array,
    key: jax.Array,
    shots: int,
    columns: tuple[int | None, ...],
    split: bool,
    engine: str,
    layout: Layout | None = None,
) -> jax.Array:
    """Bits of shots, (B, 2**n) -> uint8 (B, shots, k), by a key for each row if `split`."""
    keys = jax.random.split(key, states.shape[0]) if split else key[None]
    places = np.array([0 if q is None else q for q in columns], np.int32)
    written = np.array([q is not None for q in columns], np.int32)
    if layout is None:
        indices = draw(states, keys, shots, engine)
        bits = indices[..., None] >> places
    else:
        bits = drawn_bits(states, keys, shots, layout)[..., places]
    return (bits & written).astype(jnp.uint8)


def counts(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any = None,
    *,
    noise: NoiseModel | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    mesh: Mesh | None = None,
) -> Any:
    """Measure all qubits many times, and count the bitstrings.

    Args:
        circuit: As in `sample`.
        shots: How many times.
        key: A `jax.random` key.
        params: As in `statevector`.
        noise: As in `sample`.
        initial_state: As in `statevector`.
        dtype: Of the amplitudes.
        engine: As in `statevector`.
        mesh: As in `statevector`.

    Returns:
        Counts, highest qubit first; for leading axes, nested lists of Counts.

    Raises:
        SamplingError: As in `sample`; also inside a traced function, where no mapping from
            bitstrings can be made: use `sample` there.

    Examples:
        >>> import jax, qjax as qj
        >>> counts = qj.counts(qj.Circuit(2).h(0).cx(0, 1), 1024, jax.random.key(0))
        >>> sorted(counts), counts.shots
        (['00', '11'], 1024)
    """
    bits = sample(
        circuit, shots, key, params, noise=noise, initial_state=initial_state, dtype=dtype,
        engine=engine, mesh=mesh,
    )  # fmt: skip
    if is_traced(bits):
        raise SamplingError(
            "counts must be called outside jit, vmap and grad, for its keys are known only when "
            "the shots are drawn. Call sample inside, and Counts.from_samples on its result."
        )

    def nested(array: np.ndarray) -> Any:
        return Counts.from_samples(array) if array.ndim == 2 else [nested(a) for a in array]

    return nested(np.asarray(bits))


def _measured_columns(circuit: Circuit) -> list[int | None]:
    """The qubit of each column of samples."""
    if not circuit.num_clbits:
        return list(range(circuit.num_qubits))
    measured = circuit.structure.final_measurements
    assert measured is not None
    return [measured.get(c) for c in range(circuit.num_clbits)]
