"""States: making them, comparing them, and looking at a part of them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from qjax._checks import as_positive, check_index, check_qubits
from qjax.circuit.parameter import is_traced
from qjax.engine.sampling import transposed
from qjax.engine.select import complex_dtype
from qjax.errors import StateError

_EXACT = lax.Precision.HIGHEST
_LETTERS = {
    "0": (1, 0), "1": (0, 1),
    "+": (0.5**0.5, 0.5**0.5), "-": (0.5**0.5, -(0.5**0.5)),
    "r": (0.5**0.5, 1j * 0.5**0.5), "l": (0.5**0.5, -1j * 0.5**0.5),
}  # fmt: skip


def num_qubits_of(state: Any, what: str) -> int:
    """Number of qubits of a statevector of shape (..., 2**n).

    Raises:
        StateError: If the last axis is no power of two.
    """
    size = state.shape[-1] if state.ndim else 0
    if size < 1 or size & (size - 1):
        raise StateError(f"{what}: state must have shape (..., 2**n), but has {state.shape}.")
    return size.bit_length() - 1


def basis_state(bits: str | int, num_qubits: int | None = None, *, dtype: Any = None) -> jax.Array:
    """A state of the computational basis.

    Args:
        bits: A bitstring, highest qubit first, or the index of the amplitude that is 1.
        num_qubits: Number of qubits; needed with an index.
        dtype: complex64 or complex128.

    Returns:
        Array of shape (2**n,).

    Raises:
        StateError: If it is no bitstring, or the index is out of range.

    Examples:
        >>> basis_state("10")
        Array([0.+0.j, 0.+0.j, 1.+0.j, 0.+0.j], dtype=complex64)
    """
    if isinstance(bits, str):
        n = len(bits) if num_qubits is None else num_qubits
        index = basis_index(bits, n)
    else:
        if num_qubits is None:
            raise StateError("basis_state: num_qubits must be given with an index.")
        n = as_positive(num_qubits, "basis_state: num_qubits", StateError)
        place = f"a {n}-qubit state"
        index = check_index(bits, 2**n, "basis_state: index", place, StateError)
    return jnp.zeros(2**n, complex_dtype(dtype)).at[index].set(1)


def basis_index(bits: str, num_qubits: int) -> int:
    """The index of the amplitude that is 1 in a state given by a bitstring.

    Raises:
        StateError: If it is no bitstring, or not of `num_qubits` digits.

    Examples:
        >>> basis_index("10", 2)
        2
    """
    if not bits or set(bits) - {"0", "1"}:
        raise StateError(f"basis_state: bits must be a text of 0 and 1, but is {bits!r}.")
    if num_qubits != len(bits):
        raise StateError(f"basis_state: bits must have {num_qubits} digits, but has {len(bits)}.")
    return int(bits, 2)


def product_state(states: str | Sequence[ArrayLike], *, dtype: Any = None) -> jax.Array:
    """The tensor product of one-qubit states.

    Args:
        states: A text with a letter per qubit, highest qubit first: 0, 1, + and - (X), r and l (Y);
            or a sequence whose entry q is the state of qubit q, an array of shape (2,).
        dtype: complex64 or complex128.

    Returns:
        Array of shape (2**n,).

    Raises:
        StateError: If a letter is unknown, or a one-qubit state has not norm 1.

    Examples:
        >>> product_state("0+")
        Array([0.7071+0.j, 0.7071+0.j, 0.    +0.j, 0.    +0.j], dtype=complex64)
    """
    if isinstance(states, str):
        unknown = set(states) - set(_LETTERS)
        if unknown or not states:
            raise StateError(
                f"product_state: letters must be among 0, 1, +, -, r, l, but are {states!r}."
            )
        factors: list[Any] = [np.array(_LETTERS[letter]) for letter in reversed(states)]
    else:
        factors = list(states)
    amplitudes = complex_dtype(dtype)
    state = jnp.ones(1, amplitudes)
    for q, factor in enumerate(factors):
        one = checked_state(factor, 1, f"product_state: state of qubit {q}", amplitudes)
        if one.ndim != 1:
            raise StateError(
                f"product_state: state of qubit {q} must have shape (2,), but has {one.shape}."
            )
        state = (one[:, None] * state[None, :]).reshape(-1)
    return state


def random_state(num_qubits: int, key: jax.Array, *, dtype: Any = None) -> jax.Array:
    """A state drawn from the uniform (Haar) measure.

    Args:
        num_qubits: Number of qubits.
        key: A `jax.random` key.
        dtype: complex64 or complex128.

    Returns:
        Array of shape (2**n,), unit norm.

    Examples:
        >>> state = random_state(3, jax.random.key(0))
        >>> round(float(jnp.linalg.norm(state)), 5)
        1.0
    """
    n = as_positive(num_qubits, "random_state: num_qubits", StateError)
    vector = jax.random.normal(key, (2**n,), complex_dtype(dtype))
    return vector / jnp.linalg.norm(vector).astype(vector.dtype)


def checked_state(state: Any, num_qubits: int, what: str, dtype: np.dtype) -> jax.Array:
    """A normalised statevector of shape (..., 2**n), after checks.

    A norm is accepted if it is 1 up to the rounding of a sum over 2**n amplitudes and of a circuit
    of some thousand gates in single precision: 1e-4 in norm squared, or what is known of a traced
    state, which is nothing.

    Raises:
        StateError: If the shape does not fit, a number is not finite, or the norm is not 1.
    """
    array = state if isinstance(state, jax.Array) else np.asarray(state)
    if array.ndim == 0 or array.shape[-1] != 2**num_qubits:
        raise StateError(
            f"{what} must have shape (..., {2**num_qubits}), but has shape {array.shape}."
        )
    if np.dtype(array.dtype).kind not in "iufc":
        raise StateError(f"{what} must be an array of numbers, but has dtype {array.dtype}.")
    if not is_traced(array):
        with jax.ensure_compile_time_eval():  # a known state may stand in a traced function
            squares = np.asarray(jnp.sum(jnp.abs(jnp.asarray(array)) ** 2, axis=-1))
        error = float(np.max(np.abs(squares - 1)))
        if not error <= 1e-4:
            raise StateError(
                f"{what} must have norm 1, but its norm squared is off by {error:.3g}."
            )
    return jnp.asarray(array).astype(dtype)


def overlap(a: ArrayLike, b: ArrayLike) -> jax.Array:
    r"""Inner product <a|b>.

    Args:
        a: Statevector of shape (..., 2**n).
        b: Statevector of shape (..., 2**n). Leading axes broadcast with those of `a`.

    Returns:
        Complex array of shape (...).

    Raises:
        StateError: If the last axes differ or are no power of two.

    Examples:
        >>> overlap(basis_state("0"), product_state("+"))
        Array(0.7071+0.j, dtype=complex64)
    """
    a, b = jnp.asarray(a), jnp.asarray(b)
    if num_qubits_of(a, "overlap") != num_qubits_of(b, "overlap"):
        raise StateError(f"overlap: states must have one size, but have {a.shape} and {b.shape}.")
    dtype = a.dtype if a.dtype == b.dtype else jnp.promote_types(a.dtype, b.dtype)
    return jnp.sum(jnp.conj(a.astype(dtype)) * b.astype(dtype), axis=-1)


def fidelity(a: ArrayLike, b: ArrayLike) -> jax.Array:
    r"""Fidelity |<a|b>|^2 of two statevectors.

    Args:
        a: Statevector of shape (..., 2**n), unit norm.
        b: Statevector of shape (..., 2**n), unit norm. Leading axes broadcast with those of `a`.

    Returns:
        Real array of shape (...), between 0 and 1.

    Raises:
        StateError: If the last axes differ or are no power of two.

    Warning:
        `qutip.fidelity` returns the square root of this.

    Examples:
        >>> fidelity(basis_state("0"), product_state("+"))
        Array(0.5, dtype=float32)

    References:
        R. Jozsa, Fidelity for mixed quantum states, J. Mod. Opt. 41, 2315 (1994).
    """
    inner = overlap(a, b)
    return inner.real**2 + inner.imag**2


def reduced_density_matrix(state: ArrayLike, qubits: Any) -> jax.Array:
    """Density matrix of some qubits of a pure state, the others traced out.

    Args:
        state: Statevector of shape (..., 2**n).
        qubits: k distinct qubits; qubits[0] is bit 0 of the matrix index.

    Returns:
        Complex array of shape (..., 2**k, 2**k).

    Raises:
        StateError: If a qubit is out of range or repeated.

    Examples:
        >>> state = jnp.array([0.6, 0, 0, 0.8], jnp.complex64)
        >>> reduced_density_matrix(state, 0)
        Array([[0.36+0.j, 0.  +0.j],
               [0.  +0.j, 0.64+0.j]], dtype=complex64)
    """
    state = jnp.asarray(state)
    n = num_qubits_of(state, "reduced_density_matrix")
    kept = check_qubits(qubits, n, "reduced_density_matrix", StateError)
    rest = tuple(q for q in range(n) if q not in kept)
    flat = transposed(state.reshape(-1, 2**n), (*kept, *rest))
    blocks = flat.reshape(*state.shape[:-1], 2 ** len(rest), 2 ** len(kept))
    return jnp.einsum("...ma,...mb->...ab", blocks, jnp.conj(blocks), precision=_EXACT)


def purity(density_matrix: ArrayLike) -> jax.Array:
    """Purity tr(rho^2): 1 for a pure state, 2**-k for the maximally mixed state of k qubits.

    Args:
        density_matrix: Complex array of shape (..., 2**k, 2**k).

    Returns:
        Real array of shape (...).

    Raises:
        StateError: If it is not square.

    Examples:
        >>> purity(jnp.eye(2) / 2)
        Array(0.5, dtype=float32)
    """
    rho = _square(density_matrix, "purity")
    return jnp.sum(jnp.abs(rho) ** 2, axis=(-2, -1))


def entropy(density_matrix: ArrayLike, *, base: float = 2.0) -> jax.Array:
    """Von Neumann entropy -tr(rho log rho).

    Of the reduced density matrix of a pure state it is the entanglement entropy.

    Args:
        density_matrix: Complex array of shape (..., 2**k, 2**k), Hermitian, trace 1.
        base: Base of the logarithm: 2 gives bits, e gives nats.

    Returns:
        Real array of shape (...).

    Raises:
        StateError: If it is not square.

    Note:
        An eigenvalue that is 0, or negative by rounding, adds 0 to the value and to the gradient.

    Examples:
        >>> entropy(jnp.eye(2) / 2)
        Array(1., dtype=float32)
    """
    rho = _square(density_matrix, "entropy")
    eigenvalues = jnp.linalg.eigvalsh(rho)
    tiny = jnp.finfo(eigenvalues.dtype).eps * rho.shape[-1]
    positive = eigenvalues > tiny
    safe = jnp.where(positive, eigenvalues, 1)
    return -jnp.sum(safe * jnp.log(safe), axis=-1) / np.log(base)


def _square(matrix: ArrayLike, what: str) -> jax.Array:
    rho = jnp.asarray(matrix)
    if rho.ndim < 2 or rho.shape[-1] != rho.shape[-2]:
        raise StateError(
            f"{what}: density_matrix must have shape (..., d, d), but has {rho.shape}."
        )
    return rho
