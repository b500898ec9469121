r"""Evolution in time by Krylov spaces.

m Lanczos steps from psi give an orthonormal basis V of m vectors, the tridiagonal matrix
T = V^+ H V with b_1, ..., b_(m-1) beside its diagonal, and b_m, the norm of what lies outside.
Then exp(-i H t) psi is V exp(-i T t) e_1 up to an error of norm

    err(t) <= b_m int_0^t |e_m^+ exp(-i T s) e_1| ds <= b_1 ... b_m t^m / m!,

for the matrix element is b_1 ... b_(m-1) times a divided difference of exp(-i x s) over the m real
eigenvalues of T, which is at most s^(m-1) / (m-1)!. The bound is solved for the longest step whose
error is its share of the tolerance, and the steps follow each other.

References:
    T. J. Park, J. C. Light, Unitary quantum time evolution by iterative Lanczos reduction, J. Chem.
    Phys. 85, 5870 (1986).
    T. Jawecki, W. Auzinger, O. Koch, Computable upper error bounds for Krylov approximations to
    matrix exponentials and associated phi-functions, BIT Numer. Math. 60, 157 (2020).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import gammaln

from qjax._checks import as_integer
from qjax.circuit.parameter import is_traced
from qjax.engine.expectation import checked_observable
from qjax.engine.operators import apply_observable
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.errors import ObservableError, StateError
from qjax.observables import PauliSum
from qjax.state import basis_state, checked_state

_EXACT = lax.Precision.HIGHEST
Apply = Callable[[jax.Array], jax.Array]


def evolve(
    hamiltonian: Any,
    time: Any,
    state: Any,
    *,
    tolerance: float | None = None,
    dimension: int = 24,
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    r"""The state exp(-i H t) psi, by Lanczos steps.

    Args:
        hamiltonian: An observable, as in `expectation`; coefficients may be traced.
        time: t, in units in which hbar is 1, of either sign; or an array of shape (times,), and the
            state at each is given.
        state: A bitstring, highest qubit first; or a normalised array of shape (..., 2**n).
        tolerance: Norm of the error at the last time that comes from leaving the Krylov space;
            rounding is added. By default ten units of rounding.
        dimension: Vectors of a Krylov space, at least 2: more take longer steps and more memory.
        dtype: complex64 or complex128; by default that of the state, else complex64.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Complex array of shape (..., 2**n), or (times, ..., 2**n).

    Raises:
        ObservableError: If the Hamiltonian is not Hermitian, or needs more qubits.
        StateError: If the state, a time, the tolerance or the dimension does not fit.

    Note:
        It takes the memory of `dimension` + 2 states, and applies the Hamiltonian some
        |t| (E_max - E_min) times for a tolerance near rounding. The loop over steps has no
        derivative: asking for one raises. Circuits of `qjax.library.trotter` have one.

    Examples:
        >>> evolve("X0", jnp.pi / 2, "0").round(4)  # -i |1>
        Array([0.+0.j, 0.-1.j], dtype=complex64)
    """
    if isinstance(state, str):
        amplitudes = complex_dtype(dtype)
        psi = basis_state(state, len(state), dtype=amplitudes)
    else:
        amplitudes = complex_dtype(dtype, state)
        shape = np.shape(state)
        n = (shape[-1] if shape else 0).bit_length() - 1
        psi = checked_state(state, max(n, 0), "evolve: state", amplitudes)
    n = psi.shape[-1].bit_length() - 1
    resolve(engine, n)
    observable = hermitian(hamiltonian, n, "evolve")
    size = as_integer(dimension, "evolve: dimension", StateError)
    real = real_dtype(amplitudes)
    allowed = 10 * float(np.finfo(real).eps) if tolerance is None else float(tolerance)
    if size < 2 or not allowed > 0:
        raise StateError(
            "evolve: dimension must be at least 2 and tolerance positive, but are "
            f"{dimension} and {tolerance}."
        )
    times = _times(time, real)
    found = _evolved(
        psi.reshape(-1, 2**n), observable, times.reshape(-1), allowed, min(size, 2**n),
        engine or "auto",
    )  # fmt: skip
    return found.reshape(*times.shape, *psi.shape)


def without(basis: jax.Array, rows: jax.Array, count: Any) -> tuple[jax.Array, jax.Array]:
    """Rows without their parts along the first `count` orthonormal vectors of a basis.

    One vector after the other, so that each is read once.

    Args:
        basis: Shape (m, 2**n).
        rows: Shape (k, 2**n).
        count: How many vectors count; it may be traced.

    Returns:
        (overlaps, rest): <v_i|row> of shape (m, k), 0 from `count` on; and the rows that are left.
    """

    def step(i: Any, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        overlaps, rest = carry
        vector = basis[i]
        along = jnp.sum(vector.conj() * rest, axis=-1)
        return overlaps.at[i].set(along), rest - along[:, None] * vector

    zeros = jnp.zeros((len(basis), len(rows)), basis.dtype)
    return lax.fori_loop(0, count, step, (zeros, rows))


def hermitian(hamiltonian: Any, num_qubits: int, what: str) -> Any:
    """A Hamiltonian, after checks.

    Raises:
        ObservableError: If it is no observable, not Hermitian, or needs more qubits.
    """
    observable = checked_observable(hamiltonian, num_qubits)
    if isinstance(observable, PauliSum) and not observable.is_hermitian():
        raise ObservableError(
            f"{what}: the Hamiltonian must be Hermitian: its coefficients must be real."
        )
    return observable


def _times(time: Any, dtype: Any) -> jax.Array:
    given = time if isinstance(time, jax.Array) else np.asarray(time)
    if given.ndim > 1 or np.dtype(given.dtype).kind not in "iuf":
        raise StateError(
            f"evolve: time must be a real number, or an array of shape (times,), but is {time!r}."
        )
    if not is_traced(given) and not np.isfinite(np.asarray(given)).all():
        raise StateError(f"evolve: time must be finite, but is {time!r}.")
    return jnp.asarray(given).astype(dtype)


@partial(jax.custom_jvp, nondiff_argnums=(3, 4, 5))
@partial(jax.jit, static_argnums=(3, 4, 5))
def _evolved(
    states: jax.Array, observable: Any, times: jax.Array, tolerance: float, size: int, engine: str
) -> jax.Array:
    """States (B, 2**n) at every time: (times, B, 2**n)."""
    intervals = jnp.diff(times, prepend=jnp.zeros_like(times[:1]))
    total = jnp.sum(jnp.abs(intervals))
    rate = jnp.log(tolerance / jnp.where(total > 0, total, jnp.ones_like(total)))

    def apply(psi: jax.Array) -> jax.Array:
        return apply_observable(psi[None], observable, engine)[0]

    def follow(psi: jax.Array) -> jax.Array:
        def interval(start: jax.Array, length: jax.Array) -> tuple[jax.Array, jax.Array]:
            end = _advanced(apply, start, length, rate, size)
            return end, end

        return lax.scan(interval, psi, intervals)[1]

    return jax.vmap(follow, out_axes=1)(states)


@_evolved.defjvp
def _no_derivative(*_: Any) -> Any:
    raise StateError(
        "evolve has no derivative: the number of its steps depends on the numbers. Use a circuit, "
        "as qjax.library.trotter makes it, and differentiate that."
    )


def _advanced(
    apply: Apply, psi: jax.Array, time: jax.Array, rate: jax.Array, size: int
) -> jax.Array:
    """exp(-i H t) psi; `rate` is the logarithm of the error allowed per unit of time."""
    direction = jnp.sign(time)

    def step(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        start, left = carry
        basis, diagonal, beside, norm = _lanczos(apply, start, size)
        # b_1 ... b_m t^m / m! = rate t; a space that H does not leave (some b = 0) has no limit.
        bound = (rate + gammaln(jnp.full_like(rate, size + 1)) - jnp.sum(jnp.log(beside))) / (
            size - 1
        )
        length = jnp.minimum(jnp.exp(bound), left)
        off = jnp.diag(beside[:-1], 1)
        energies, turn = jnp.linalg.eigh(jnp.diag(diagonal) + off + off.T)
        angles = -direction * length * energies
        turn = turn.astype(psi.dtype)
        phases = lax.complex(jnp.cos(angles), jnp.sin(angles))
        small = jnp.matmul(turn, phases * turn[0], precision=_EXACT) * norm.astype(psi.dtype)
        end = jnp.einsum("m,mj->j", small, basis, precision=_EXACT)
        return end, jnp.where(length < left, left - length, jnp.zeros_like(left))

    return lax.while_loop(lambda carry: carry[1] > 0, step, (psi, jnp.abs(time)))[0]


def _lanczos(
    apply: Apply, start: jax.Array, size: int
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """An orthonormal basis of the Krylov space.

    Returns:
        (basis, diagonal, beside, norm): the rows v_1, ..., v_m of shape (m, 2**n); <v_j|H|v_j>;
        b_j = |<v_(j+1)|H|v_j>|, of which the last leads out; and the norm of the start. Where the
        space is complete, b_j and all later vectors are 0.
    """
    real = start.real.dtype
    norm = jnp.linalg.norm(start)
    basis = jnp.zeros((size + 1, len(start)), start.dtype)
    basis = basis.at[0].set(start / norm.astype(start.dtype))

    def step(j: Any, carry: tuple[jax.Array, jax.Array, jax.Array]) -> Any:
        basis, diagonal, beside = carry
        image = apply(basis[j])
        overlaps, rest = without(basis, image[None], j + 1)
        length = jnp.linalg.norm(rest)
        alive = length > 8 * jnp.finfo(real).eps * jnp.linalg.norm(image)
        length = jnp.where(alive, length, jnp.zeros_like(length))
        following = rest[0] / jnp.where(alive, length, jnp.ones_like(length)).astype(start.dtype)
        following = jnp.where(alive, following, jnp.zeros_like(following))
        return (
            basis.at[j + 1].set(following),
            diagonal.at[j].set(overlaps[j, 0].real),
            beside.at[j].set(length),
        )

    zeros = jnp.zeros(size, real)
    basis, diagonal, beside = lax.fori_loop(0, size, step, (basis, zeros, zeros))
    return basis[:size], diagonal, beside, norm
