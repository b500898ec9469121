"""Evolution in time by a circuit's parameters: McLachlan's variational principle."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.engine.expectation import checked_observable
from qjax.engine.operators import apply_observable
from qjax.errors import ParameterError
from qjax.gradients.metric import raveled, tangents
from qjax.simulate import statevector

_EXACT = lax.Precision.HIGHEST


class Evolution(NamedTuple):
    """Parameters along an evolution.

    Attributes:
        times: Real array of shape (steps + 1,).
        params: The params at each time: of the form given, with a leading axis of steps + 1.
        energies: Expectation value of the Hamiltonian at each time.
        errors: McLachlan's distance |d psi/dt + (i or 1) (H - E) psi| at each time: what the
            circuit cannot follow.
    """

    times: jax.Array
    params: Any
    energies: jax.Array
    errors: jax.Array


def variational_evolution(
    circuit: Circuit,
    hamiltonian: Any,
    params: Any,
    *,
    time: float,
    steps: int,
    imaginary: bool = False,
    damping: float = 1e-6,
    dtype: Any = None,
    engine: str | None = None,
) -> Evolution:
    r"""Follow exp(-i H t) psi, or in imaginary time the normalised exp(-H t) psi, by parameters.

    The parameters obey g d theta/dt = V with the Fubini-Study metric g, and
    V_j = Re <d_j psi| c (H - E) psi>, where c is -i, or -1 in imaginary time. Runge-Kutta of fourth
    order; d theta/dt is the least-squares solution with `damping` added to g.

    Args:
        circuit: The circuit, without measurements and noise.
        hamiltonian: An observable, as in `expectation`.
        params: Where to start: one set of values, a flat array or a mapping.
        time: The final time, in units in which hbar is 1.
        steps: How many steps of equal length.
        imaginary: Whether time is imaginary: then the energy falls to that of a ground state.
        damping: What is added to the metric's diagonal.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        An `Evolution`. It is jitted, and can be differentiated.

    Raises:
        ParameterError: If params are not one set of values, or damping is negative.

    Examples:
        >>> import qjax as qj
        >>> theta = qj.ParameterVector("theta", 2)
        >>> spin = qj.Circuit(1).ry(theta[0], 0).rz(theta[1], 0)  # precesses about z
        >>> start = jnp.array([1.0, 0.0])
        >>> found = variational_evolution(spin, "Z0", start, time=0.5, steps=10)
        >>> found.params[-1].round(3)
        Array([1., 1.], dtype=float32)

    References:
        X. Yuan, S. Endo, Q. Zhao, Y. Li, S. C. Benjamin, Theory of variational quantum simulation,
        Quantum 3, 191 (2019).
    """
    if not damping >= 0:
        raise ParameterError(
            f"variational_evolution: damping must be at least 0, but is {damping}."
        )
    flat, unravel = raveled(circuit, params)
    checked = checked_observable(hamiltonian, circuit.num_qubits)
    count = as_positive(steps, "variational_evolution: steps")
    length = time / count
    state = lambda x: statevector(circuit, unravel(x), dtype=dtype, engine=engine)
    factor = -1.0 if imaginary else -1.0j

    def slope(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        psi = state(x)
        applied = apply_observable(psi[None], checked, engine or "auto")[0]
        energy = jnp.vdot(psi, applied, precision=_EXACT).real
        wanted = (applied - energy.astype(psi.dtype) * psi) * jnp.asarray(factor, psi.dtype)
        rest = tangents(state, x, psi)
        metric = jnp.einsum("ji,ki->jk", rest.conj(), rest, precision=_EXACT).real
        force = jnp.einsum("ji,i->j", rest.conj(), wanted, precision=_EXACT).real
        shift = damping * jnp.eye(len(x), dtype=metric.dtype)
        change = jnp.linalg.solve(metric + shift, force)
        left = jnp.einsum("j,ji->i", change.astype(psi.dtype), rest, precision=_EXACT) - wanted
        error = jnp.sqrt(jnp.sum(left.real**2 + left.imag**2))
        return change.astype(x.dtype), energy, error

    def advance(x: jax.Array, _: None) -> tuple[jax.Array, Any]:
        first, energy, error = slope(x)
        second = slope(x + 0.5 * length * first)[0]
        third = slope(x + 0.5 * length * second)[0]
        fourth = slope(x + length * third)[0]
        new = x + length / 6 * (first + 2 * second + 2 * third + fourth)
        return new, (x, energy, error)

    @jax.jit
    def run(start: jax.Array) -> tuple[jax.Array, ...]:
        last, (points, energies, errors) = lax.scan(advance, start, None, length=count)
        _, energy, error = slope(last)
        return (
            jnp.concatenate([points, last[None]]),
            jnp.append(energies, energy),
            jnp.append(errors, error),
        )

    points, energies, errors = run(flat)
    times = length * jnp.arange(count + 1, dtype=flat.dtype)
    return Evolution(times, jax.vmap(unravel)(points), energies, errors)
