"""ADAPT-VQE: a circuit that grows by the operator with the steepest slope."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive
from qjax._progress import Bar
from qjax.circuit import Circuit, ParameterVector
from qjax.engine.expectation import checked_observable
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import TrainingError
from qjax.library.ansatz.pools import PoolOperator, append_operator
from qjax.simulate import expectation, statevector


@dataclass(frozen=True, eq=False)
class AdaptResult:
    """A circuit that ADAPT-VQE has grown.

    Attributes:
        circuit: The reference, then the operators that were chosen; its parameters are "theta".
        params: Their values, real array of shape (operators,).
        energy: Energy there.
        operators: Indices into the pool, in the order of the circuit.
        energies: Energy with 0, 1, 2, ... operators, shape (operators + 1,).
        slopes: Norm of the slopes of all pool operators at each of these, same shape; without the
            last if the run ended otherwise than by "slope".
        stopped: Why it ended: "slope" (the norm is below the tolerance), "operators" (there are as
            many as allowed) or "stalled" (an operator lowered the energy by rounding only).
    """

    circuit: Circuit
    params: jax.Array
    energy: float
    operators: tuple[int, ...]
    energies: np.ndarray
    slopes: np.ndarray
    stopped: str


def adapt_vqe(
    hamiltonian: Any,
    pool: Sequence[PoolOperator],
    reference: Circuit,
    *,
    max_operators: int = 50,
    slope_tolerance: float = 1e-3,
    steps: int = 1000,
    tolerance: float = 1e-5,
    dtype: Any = None,
    engine: str | None = None,
    progress: bool | None = None,
) -> AdaptResult:
    """Grow a circuit towards a ground state, operator by operator.

    In each round the slopes d E / d theta at theta = 0 of every operator of the pool, appended to
    the circuit so far, come from one adjoint gradient; the steepest is appended, and all angles are
    optimised again by BFGS from where they are.

    Args:
        hamiltonian: An observable, as in `expectation`.
        pool: Operators: `excitation_pool`, `qubit_pool`, or excitations, Pauli strings and sums of
            commuting strings of your own.
        reference: What prepares the first state, without parameters, as a Hartree-Fock state
            `Circuit(n).x(range(electrons))`.
        max_operators: Most operators to append.
        slope_tolerance: The run ends when the 2-norm of the slopes is below it.
        steps: Most steps of an optimisation.
        tolerance: An optimisation ends when the largest entry of the gradient is below it.
        dtype: complex64 or complex128, which small tolerances need.
        engine: Name of an engine, or None for the best one here.
        progress: Whether to show a progress bar: True needs tqdm, None shows it if tqdm is
            installed.

    Returns:
        An `AdaptResult`.

    Raises:
        TrainingError: If the pool is empty, the reference has parameters, or a tolerance is not
            positive.
        CircuitError: If an operator of the pool does not fit.

    Note:
        Every round compiles a new circuit; the slopes are compiled once.

    Examples:
        >>> import qjax as qj
        >>> from qjax.library import excitation_pool, load_molecule
        >>> hydrogen = load_molecule("h2")
        >>> found = adapt_vqe(
        ...     hydrogen.hamiltonian, excitation_pool(4, 2), qj.Circuit(4).x([0, 1]), progress=False
        ... )
        >>> found.operators, bool(abs(found.energy - hydrogen.exact_energy) < 1e-5)
        ((0,), True)

    References:
        H. R. Grimsley, S. E. Economou, E. Barnes, N. J. Mayhall, An adaptive variational algorithm
        for exact molecular simulations on a quantum computer, Nat. Commun. 10, 3007 (2019).
    """
    operators = list(pool)
    most = as_positive(max_operators, "adapt_vqe: max_operators", TrainingError)
    count = as_positive(steps, "adapt_vqe: steps", TrainingError)
    if not operators:
        raise TrainingError("adapt_vqe: pool must hold at least one operator.")
    if not isinstance(reference, Circuit) or reference.num_parameters:
        raise TrainingError(
            f"adapt_vqe: reference must be a Circuit without parameters, but is {reference!r}."
        )
    if not (slope_tolerance > 0 and tolerance > 0):
        raise TrainingError(
            "adapt_vqe: slope_tolerance and tolerance must be positive, but are "
            f"{slope_tolerance} and {tolerance}."
        )
    n = reference.num_qubits
    checked = checked_observable(hamiltonian, n)
    amplitudes = complex_dtype(dtype)
    rounding = 8 * float(np.finfo(amplitudes).eps)
    options = {"dtype": amplitudes, "engine": engine}
    slopes_at = jax.jit(jax.grad(_screen(checked, operators, n, options)))
    zeros = jnp.zeros(len(operators), real_dtype(amplitudes))

    chosen: list[int] = []
    params = np.zeros(0)
    circuit = reference.copy()
    energies = [float(expectation(circuit, checked, **options))]
    norms: list[float] = []
    stopped = "operators"
    with Bar(progress, most, what="adapt_vqe", unit="operator") as bar:
        while len(chosen) < most:
            values = jnp.asarray(params, zeros.dtype) if chosen else None
            state = statevector(circuit, values, **options)
            slopes = np.asarray(slopes_at(zeros, state), float)
            norms.append(float(np.linalg.norm(slopes)))
            if norms[-1] < slope_tolerance:
                stopped = "slope"
                break
            chosen.append(int(np.argmax(np.abs(slopes))))
            circuit = _grown(reference, [operators[k] for k in chosen])
            start = np.append(params, 0.0)
            energy, params = _minimised(circuit, checked, start, count, tolerance, options)
            energies.append(energy)
            bar.move(1, f"energy={energy:.8f} slopes={norms[-1]:.1e}")
            if energy >= energies[-2] - rounding * max(abs(energy), 1.0):
                stopped = "stalled"
                break
    return AdaptResult(
        circuit=circuit,
        params=jnp.asarray(params, zeros.dtype),
        energy=energies[-1],
        operators=tuple(chosen),
        energies=np.array(energies),
        slopes=np.array(norms),
        stopped=stopped,
    )


def _screen(
    hamiltonian: Any, operators: list[PoolOperator], num_qubits: int, options: dict[str, Any]
) -> Callable[..., jax.Array]:
    """The energy of a state after every operator: its gradient at 0 holds the slope of each."""
    circuit = _grown(Circuit(num_qubits), operators)
    return lambda angles, state: expectation(
        circuit, hamiltonian, angles, initial_state=state, **options
    )


def _grown(reference: Circuit, operators: list[PoolOperator]) -> Circuit:
    circuit = reference.copy()
    theta = ParameterVector("theta", len(operators))
    for angle, operator in zip(theta, operators, strict=True):
        append_operator(circuit, operator, angle)
    return circuit


def _minimised(
    circuit: Circuit,
    hamiltonian: Any,
    start: np.ndarray,
    steps: int,
    tolerance: float,
    options: dict[str, Any],
) -> tuple[float, np.ndarray]:
    """Least energy and its angles, by BFGS: circuits differ, so one compiled call is the step."""
    from scipy.optimize import minimize

    dtype = real_dtype(options["dtype"])
    energy = jax.jit(
        jax.value_and_grad(lambda params: expectation(circuit, hamiltonian, params, **options))
    )

    def value_and_slope(params: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = energy(jnp.asarray(params, dtype))
        return float(value), np.asarray(slope, float)

    found = minimize(
        value_and_slope, start, jac=True, method="BFGS",
        options={"gtol": tolerance, "maxiter": steps},
    )  # fmt: skip
    return float(found.fun), np.asarray(found.x, float)
