"""Excited states: variational quantum deflation, and the subspace search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax._checks import as_positive
from qjax._progress import Bar
from qjax.circuit import Circuit
from qjax.engine.expectation import checked_observable
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import TrainingError
from qjax.observables import Diagonal, PauliSum, Projector
from qjax.simulate import expectation, statevector
from qjax.state import basis_state
from qjax.train import FitResult, fit


@dataclass(frozen=True, eq=False)
class ExcitedStates:
    """The lowest states that were found.

    Attributes:
        energies: Real array of shape (states,), in the order of the search.
        states: Complex array of shape (states, 2**n).
        params: Real array of shape (states, parameters): in a subspace search the same row for
            all.
        fits: The training runs: one per state, or one in all.
    """

    energies: jax.Array
    states: jax.Array
    params: jax.Array
    fits: tuple[FitResult, ...]


def vqd(
    hamiltonian: Any,
    circuit: Circuit,
    num_states: int,
    *,
    key: jax.Array,
    restarts: int = 8,
    penalty: float | None = None,
    optimizer: optax.GradientTransformation | None = None,
    steps: int = 500,
    tolerance: float | None = 1e-5,
    dtype: Any = None,
    engine: str | None = None,
    progress: bool | None = None,
) -> ExcitedStates:
    """Variational quantum deflation: the lowest states one after the other.

    State k minimises E(theta) + penalty * sum over j < k of |<psi_j|psi(theta)>|^2. All starts run
    at once, and the best is kept; all states share one compiled program.

    Args:
        hamiltonian: An observable, as in `expectation`.
        circuit: The ansatz, with open parameters and no measurements.
        num_states: How many states.
        key: A `jax.random` key for the first angles, uniform in -pi..pi.
        restarts: From how many starts each state is searched.
        penalty: More than the gap between the highest and lowest state wanted; by default a bound
            on the width of the spectrum.
        optimizer: An optax optimizer; L-BFGS by default.
        steps: Most steps for a state.
        tolerance: A search ends when the 2-norm of the gradient is at most this; None makes all
            steps.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.
        progress: Whether to show a progress bar: True needs tqdm, None shows it if tqdm is
            installed.

    Returns:
        `ExcitedStates`. An ansatz that cannot reach a state gives what it can, so check.

    Raises:
        TrainingError: If a number does not fit, or the circuit has no parameters.

    Examples:
        >>> import qjax as qj
        >>> from qjax.library import hardware_efficient
        >>> found = vqd(
        ...     "Z0 + 0.5 X0", hardware_efficient(1, 0), 2, key=jax.random.key(0), restarts=2,
        ...     optimizer=optax.adam(0.1), steps=200, progress=False,
        ... )
        >>> found.energies.round(3)  # -+ sqrt(1.25)
        Array([-1.118,  1.118], dtype=float32)

    References:
        O. Higgott, D. Wang, S. Brierley, Variational quantum computation of excited states,
        Quantum 3, 156 (2019).
    """
    what = "vqd"
    count, starts = _checked(circuit, num_states, restarts, what)
    n = circuit.num_qubits
    checked = checked_observable(hamiltonian, n)
    weight = spectral_width(checked) if penalty is None else float(penalty)
    if not weight > 0:
        raise TrainingError(f"{what}: penalty must be positive, but is {weight}.")
    amplitudes = complex_dtype(dtype)
    real = real_dtype(amplitudes)
    options = {"dtype": amplitudes, "engine": engine}

    def loss(params: jax.Array, found: tuple[jax.Array, jax.Array]) -> jax.Array:
        states, penalties = found
        observables = [checked, *(Projector(states[j]) for j in range(len(states)))]
        values = expectation(circuit, observables, params, **options)
        return values[0] + penalties @ values[1:]

    # Rows that are not found yet are |0...0> with penalty 0, so that shapes stay the same.
    states = np.zeros((max(count - 1, 1), 2**n), amplitudes)
    states[:, 0] = 1
    penalties = np.zeros(len(states), real)
    rows, fits = [], []
    with Bar(progress, count * steps, what=what) as bar:
        for k, own in enumerate(jax.random.split(key, count)):
            start = _start(own, starts, circuit, real)
            run = _fit(
                loss, start, optimizer, steps, tolerance, starts, bar, k, (states, penalties)
            )
            rows.append(run.best_params)
            fits.append(run)
            if k < count - 1:
                states, penalties = states.copy(), penalties.copy()
                states[k] = statevector(circuit, run.best_params, **options)
                penalties[k] = weight
    params = jnp.stack(rows)
    return ExcitedStates(
        energies=expectation(circuit, checked, params, **options),
        states=statevector(circuit, params, **options),
        params=params,
        fits=tuple(fits),
    )


def ssvqe(
    hamiltonian: Any,
    circuit: Circuit,
    num_states: int,
    *,
    key: jax.Array,
    restarts: int = 8,
    weights: Sequence[float] | None = None,
    inputs: Sequence[str] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    steps: int = 500,
    tolerance: float | None = 1e-5,
    dtype: Any = None,
    engine: str | None = None,
    progress: bool | None = None,
) -> ExcitedStates:
    """Subspace-search VQE: one circuit takes orthogonal inputs to the lowest states together.

    It minimises sum_j w_j <j| U^dagger H U |j> with falling weights w_j, so that input j becomes
    state j. States are orthogonal by construction.

    Args:
        hamiltonian: An observable, as in `expectation`.
        circuit: The ansatz, with open parameters and no measurements.
        num_states: How many states k.
        key: As in `vqd`.
        restarts: As in `vqd`.
        weights: k positive numbers, falling; by default k, k - 1, ..., 1.
        inputs: k different bitstrings, highest qubit first; by default those of 0 to k - 1.
        optimizer: As in `vqd`.
        steps: Most steps.
        tolerance: As in `vqd`.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.
        progress: As in `vqd`.

    Returns:
        `ExcitedStates`.

    Raises:
        TrainingError: If a number does not fit, weights do not fall, or inputs are not different.

    Examples:
        >>> import qjax as qj
        >>> from qjax.library import hardware_efficient
        >>> found = ssvqe(
        ...     "Z0 + 0.5 X0", hardware_efficient(1, 0), 2, key=jax.random.key(0), restarts=2,
        ...     optimizer=optax.adam(0.1), steps=200, progress=False,
        ... )
        >>> found.energies.round(3)
        Array([-1.118,  1.118], dtype=float32)

    References:
        K. M. Nakanishi, K. Mitarai, K. Fujii, Subspace-search variational quantum eigensolver for
        excited states, Phys. Rev. Research 1, 033062 (2019).
    """
    what = "ssvqe"
    count, starts = _checked(circuit, num_states, restarts, what)
    n = circuit.num_qubits
    falling = np.arange(count, 0, -1.0) if weights is None else np.asarray(weights, float)
    if falling.shape != (count,) or not np.all(falling > 0) or np.any(np.diff(falling) >= 0):
        raise TrainingError(
            f"{what}: weights must be {count} positive numbers that fall, but are {weights}."
        )
    bits = [f"{k:0{n}b}" for k in range(count)] if inputs is None else list(inputs)
    if len(bits) != count or len(set(bits)) != count:
        raise TrainingError(f"{what}: inputs must be {count} different bitstrings, not {bits}.")
    checked = checked_observable(hamiltonian, n)
    amplitudes = complex_dtype(dtype)
    real = real_dtype(amplitudes)
    basis = jnp.stack([basis_state(text, n, dtype=amplitudes) for text in bits])
    options = {"dtype": amplitudes, "engine": engine, "initial_state": basis}

    def loss(params: jax.Array) -> jax.Array:
        return expectation(circuit, checked, params, **options) @ jnp.asarray(falling, real)

    with Bar(progress, steps, what=what) as bar:
        start = _start(key, starts, circuit, real)
        run = _fit(loss, start, optimizer, steps, tolerance, starts, bar, 0, None)
    return ExcitedStates(
        energies=expectation(circuit, checked, run.best_params, **options),
        states=statevector(circuit, run.best_params, **options),
        params=jnp.broadcast_to(run.best_params, (count, circuit.num_parameters)),
        fits=(run,),
    )


def spectral_width(observable: Any) -> float:
    """A bound on the highest minus the lowest eigenvalue of an observable with known numbers.

    Of a sum of Pauli strings twice the sum of the moduli of coefficients but the identity's.

    Raises:
        TrainingError: If it is 0, so that there is nothing to search.

    Examples:
        >>> spectral_width(PauliSum("X0 - 2 * Z1 + 5"))
        6.0
    """
    if isinstance(observable, PauliSum):
        width = 2 * sum(float(abs(complex(c))) for string, c in observable if string.weight)
    elif isinstance(observable, Diagonal):
        width = float(np.ptp(np.asarray(observable.values)))
    else:
        width = float(np.ptp(np.linalg.eigvalsh(np.asarray(observable.to_matrix()))))
    if not width > 0:
        raise TrainingError("the Hamiltonian must not be a multiple of the identity.")
    return width


def _checked(circuit: Circuit, num_states: int, restarts: int, what: str) -> tuple[int, int]:
    if not isinstance(circuit, Circuit) or not circuit.num_parameters or circuit.num_clbits:
        raise TrainingError(
            f"{what}: circuit must be a Circuit with open parameters and no measurements, "
            f"but is {circuit!r}."
        )
    count = as_positive(num_states, f"{what}: num_states", TrainingError)
    if count > 2**circuit.num_qubits:
        raise TrainingError(
            f"{what}: num_states must be at most 2**n = {2**circuit.num_qubits}, but is {count}."
        )
    return count, as_positive(restarts, f"{what}: restarts", TrainingError)


def _start(key: jax.Array, restarts: int, circuit: Circuit, dtype: Any) -> jax.Array:
    shape = (restarts, circuit.num_parameters)
    return jax.random.uniform(key, shape, dtype, -np.pi, np.pi)


def _fit(
    loss: Any,
    start: jax.Array,
    optimizer: optax.GradientTransformation | None,
    steps: int,
    tolerance: float | None,
    restarts: int,
    bar: Bar,
    index: int,
    data: Any,
) -> FitResult:
    """The best of all restarts; the bar goes to the end of the part with this index."""
    done = [0]

    def move(step: int, losses: Any, params: Any) -> None:
        bar.move(step - done[0], f"loss={float(np.min(losses)):.6g}")
        done[0] = step

    run = fit(
        loss,
        start,
        _LBFGS if optimizer is None else optimizer,
        steps,
        data=data,
        restarts=restarts,
        tolerance=tolerance,
        callbacks=move,
        progress=False,
    )
    bar.move(steps - done[0])
    return run.best


_LBFGS = optax.lbfgs()
