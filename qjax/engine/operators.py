"""Observables applied to states."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.circuit.parameter import is_traced
from qjax.engine.pauli import apply_pauli_sum
from qjax.engine.sampling import transposed
from qjax.errors import ObservableError
from qjax.observables import Diagonal, Hermitian, PauliSum, Projector
from qjax.plan.terms import compile_terms

Operator = Projector | Diagonal | Hermitian

_EXACT = lax.Precision.HIGHEST


def apply_observable(state: jax.Array, observable: PauliSum | Operator, engine: str) -> jax.Array:
    """O psi: (B, 2**n) -> (B, 2**n)."""
    n = state.shape[1].bit_length() - 1
    if isinstance(observable, PauliSum):
        terms = compile_terms(
            n, tuple(observable.x_masks.tolist()), tuple(observable.z_masks.tolist())
        )
        weights = real_coefficients(observable, state.real.dtype)[None]
        return apply_pauli_sum(state, lax.complex(weights, jnp.zeros_like(weights)), terms, engine)
    if isinstance(observable, Projector) and observable.index is not None:
        return _projected(state, observable.qubits, observable.index)
    qubits = observable.qubits
    rest = tuple(q for q in range(n) if q not in qubits)
    order = (*qubits, *rest)  # bit p of the new index is qubit order[p]
    moved = transposed(state, order).reshape(-1, 2 ** len(rest), 2 ** len(qubits))
    if isinstance(observable, Diagonal):
        values = jnp.asarray(observable.values).astype(state.real.dtype)
        new = moved * lax.complex(values, jnp.zeros_like(values))
    elif isinstance(observable, Hermitian):
        matrix = jnp.asarray(observable.matrix).astype(state.dtype)
        new = jnp.einsum("rc,bmc->bmr", matrix, moved, precision=_EXACT)
    else:
        vector = jnp.asarray(observable.vector).astype(state.dtype)
        overlap = jnp.einsum("c,bmc->bm", jnp.conj(vector), moved, precision=_EXACT)
        new = overlap[..., None] * vector
    back = tuple(order.index(q) for q in range(n))
    return transposed(new.reshape(state.shape), back)


def _projected(state: jax.Array, qubits: tuple[int, ...], index: int) -> jax.Array:
    """The amplitudes whose bits on `qubits` are those of `index`, the others set to 0."""
    j = lax.iota(jnp.uint32, state.shape[1])
    mask = sum(1 << q for q in qubits)
    bits = sum((index >> k & 1) << q for k, q in enumerate(qubits))
    return jnp.where((j & jnp.uint32(mask)) == jnp.uint32(bits), state, jnp.zeros_like(state))


def real_coefficients(observable: PauliSum, dtype: Any) -> jax.Array:
    """The coefficients, which must be real for the sum to be Hermitian; shape (terms,).

    Raises:
        ObservableError: If one is not.
    """
    coefficients = observable.coefficients
    if not is_traced(coefficients):
        coefficients = np.asarray(coefficients)
        imaginary = np.abs(np.imag(coefficients))
        if np.any(imaginary):
            worst = coefficients[np.argmax(imaginary)]
            raise ObservableError(
                f"observable must be Hermitian: its coefficients must be real, but one is {worst}."
            )
        coefficients = np.real(coefficients)
    elif jnp.issubdtype(coefficients.dtype, jnp.complexfloating):
        raise ObservableError(
            "observable must be Hermitian: its traced coefficients must be real numbers, but are "
            f"{coefficients.dtype}. Take their real part if you know that they are."
        )
    return jnp.asarray(coefficients).astype(dtype)


def inner(a: jax.Array, b: jax.Array) -> jax.Array:
    """Re <a|b>: (B, 2**n), (B, 2**n) -> (B,)."""
    return jnp.sum(a.real * b.real + a.imag * b.imag, axis=-1)
