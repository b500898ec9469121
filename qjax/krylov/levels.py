r"""The lowest levels of a Hamiltonian, by block Lanczos iterations with thick restarts.

A basis grows by blocks of k vectors: H times the last block, without what lies in the basis. When
it is full, the lowest Ritz vectors of the space take its place, followed by the block that lay
outside, and it grows again. A block of k vectors finds k copies of a degenerate level.

References:
    K. Wu, H. Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, SIAM J.
    Matrix Anal. Appl. 22, 602 (2000).
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import as_positive
from qjax.circuit.parameter import is_traced
from qjax.engine.expectation import expectations
from qjax.engine.operators import apply_observable
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.errors import ObservableError
from qjax.krylov.evolution import hermitian, without
from qjax.observables import PauliString, PauliSum

DENSE_SIZE = 256  # up to here all levels are found at once
MOST_CYCLES = 300

_EXACT = lax.Precision.HIGHEST


class Levels(NamedTuple):
    """The lowest levels of a Hamiltonian.

    Attributes:
        energies: Real array of shape (k,), rising.
        states: Complex array of shape (k, 2**n): row i has energy i. Global phases are arbitrary,
            and so is the basis of a degenerate level.
        residuals: Norm of (H - E_i) psi_i, of shape (k,). Some level lies within it of E_i; the
            error of E_i is about its square over the distance to the next level.
    """

    energies: jax.Array
    states: jax.Array
    residuals: jax.Array


def lowest(
    hamiltonian: Any,
    k: int = 1,
    *,
    tolerance: float | None = None,
    blocks: int | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> Levels:
    """The k lowest levels of a Hamiltonian, with no matrix in memory.

    Args:
        hamiltonian: An observable, as in `expectation`; coefficients may be traced.
        k: How many levels. A level counts as often as it is degenerate.
        tolerance: Where iterations stop: the largest residual over the largest energy in modulus
            that was met. By default eps**(2/3), some 2e-5 in single precision and 4e-11 in double.
        blocks: How many blocks of k vectors the basis holds, at least 4; by default 8, or more for
            k below 3: 24 for the ground state alone.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        The levels. Energies can be differentiated in reverse, by the coefficients: the derivative
        is that of Hellmann and Feynman, exact for levels that are not degenerate. States cannot.

    Raises:
        ObservableError: If the Hamiltonian is not Hermitian, k or an option is out of range, or the
            iterations do not converge (inside `jax.jit` this is seen in `residuals` alone).

    Note:
        Memory of (blocks + 2) k states. `PauliSum.ground_state` needs one number for every entry of
        the sparse matrix instead. The start vectors are fixed and random.

    Examples:
        >>> found = lowest("-Z0 Z1 - X0 - X1", k=2)
        >>> found.energies  # - sqrt 5 and - 1
        Array([-2.2361, -1.    ], dtype=float32)
    """
    if isinstance(hamiltonian, (str, PauliString)):
        hamiltonian = PauliSum(hamiltonian)
    n = getattr(hamiltonian, "num_qubits", 0)
    observable = hermitian(hamiltonian, n, "lowest")
    count = as_positive(k, "lowest: k", ObservableError)
    if count > 2**n:
        raise ObservableError(f"lowest: k must be in 1..{2**n}, but is {count}.")
    resolve(engine, n)
    amplitudes = complex_dtype(dtype)
    room = max(8, -(-24 // count))
    if blocks is not None:
        room = as_positive(blocks, "lowest: blocks", ObservableError)
    small = float(np.finfo(real_dtype(amplitudes)).eps ** (2 / 3))
    allowed = small if tolerance is None else float(tolerance)
    if room < 4 or not allowed > 0:
        raise ObservableError(
            "lowest: blocks must be at least 4 and tolerance positive, but are "
            f"{blocks} and {tolerance}."
        )
    frozen = jax.tree_util.tree_map(lax.stop_gradient, observable)
    options = (n, count, room, amplitudes, engine or "auto")
    if 2**n <= max(DENSE_SIZE, (room + 1) * count):
        states, residuals, limit = _all_at_once(frozen, *options)
    else:
        states, residuals, limit = _iterated(frozen, allowed, *options)
        off = residuals.max() / limit
        if not is_traced(off) and not float(off) <= allowed:
            raise ObservableError(
                f"lowest: iterations must reach a residual of {allowed:.1g} of the energy, but "
                f"stopped at {float(off):.1g} after {MOST_CYCLES} cycles. Ask for less, or give "
                "more blocks."
            )
    energies = expectations(states, [observable], engine or "auto")[:, 0]
    return Levels(energies, states, residuals)


@partial(jax.jit, static_argnums=(1, 2, 3, 4, 5))
def _all_at_once(
    observable: Any, n: int, k: int, room: int, dtype: np.dtype, engine: str
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The lowest states by the dense matrix, their residuals, and the largest energy."""
    rows = apply_observable(jnp.eye(2**n, dtype=dtype), observable, engine)  # row j is H |j>
    energies, vectors = jnp.linalg.eigh(rows.T)
    states = vectors.T[:k]
    images = apply_observable(states, observable, engine)
    rest = images - energies[:k, None].astype(dtype) * states
    return states, jnp.linalg.norm(rest, axis=1), jnp.abs(energies).max()


@partial(jax.jit, static_argnums=(1, 2, 3, 4, 5, 6))
def _iterated(
    observable: Any, tolerance: float, n: int, k: int, room: int, dtype: np.dtype, engine: str
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The lowest states by iterations, their residuals, and the largest energy met."""
    size, kept = room * k, max(1, room // 3) * k
    real = np.finfo(dtype).dtype

    def cycle(carry: Any) -> Any:
        basis, projected, first, _, _, count = carry
        basis, projected, outside = lax.fori_loop(
            first, room, grow, (basis, projected, jnp.zeros((k, k), dtype))
        )
        energies, turn = jnp.linalg.eigh(projected[:size, :size])
        residuals = jnp.linalg.norm(_times(outside, turn[size - k :, :k]), axis=0)
        ritz = _times(turn[:, :kept].T, basis[:size])
        basis = jnp.zeros_like(basis).at[:kept].set(ritz).at[kept : kept + k].set(basis[size:])
        levels = energies[:kept].astype(dtype)
        projected = jnp.zeros_like(projected).at[:kept, :kept].set(jnp.diag(levels))
        return basis, projected, kept // k, residuals, jnp.abs(energies).max(), count + 1

    def grow(j: Any, carry: Any) -> Any:
        basis, projected, _ = carry
        image = apply_observable(lax.dynamic_slice_in_dim(basis, j * k, k), observable, engine)
        column, rest = without(basis, image, (j + 1) * k)  # <v_i|H|v_c>
        projected = lax.dynamic_update_slice_in_dim(projected, column, j * k, axis=1)
        projected = lax.dynamic_update_slice_in_dim(projected, column.conj().T, j * k, axis=0)
        block, inner = jnp.linalg.qr(rest.T)
        # Where the rest was small or dependent, its directions are rounding: once more.
        block, outer = jnp.linalg.qr(without(basis, block.T, (j + 1) * k)[1].T)
        basis = lax.dynamic_update_slice_in_dim(basis, block.T, (j + 1) * k, axis=0)
        return basis, projected, _times(outer, inner)

    def unfinished(carry: Any) -> jax.Array:
        _, _, _, residuals, limit, count = carry
        return (residuals.max() > tolerance * limit) & (count < MOST_CYCLES)

    start = jax.random.normal(jax.random.key(0), (2, k, 2**n), real)
    block, _ = jnp.linalg.qr(lax.complex(start[0], start[1]).T)
    rows = size + k
    basis = jnp.zeros((rows, 2**n), dtype).at[:k].set(block.T)
    begin = (
        basis,
        jnp.zeros((rows, rows), dtype),
        0,
        jnp.full(k, jnp.inf, real),
        jnp.ones((), real),
        0,
    )
    basis, _, _, residuals, limit, _ = lax.while_loop(unfinished, cycle, begin)
    # Products of many rounded vectors leave norms a few units off.
    norms = jnp.linalg.norm(basis[:k], axis=1, keepdims=True).astype(dtype)
    return basis[:k] / norms, residuals, limit


def _times(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=_EXACT)
