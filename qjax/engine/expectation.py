"""Expectation values of observables, and observables applied to states."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.circuit.parameter import is_traced
from qjax.engine.pauli import apply_pauli_sum, pauli_expectations
from qjax.engine.sampling import transposed
from qjax.errors import ObservableError
from qjax.observables import Diagonal, Hermitian, PauliString, PauliSum, Projector
from qjax.plan.terms import compile_terms

Operator = Projector | Diagonal | Hermitian

_EXACT = lax.Precision.HIGHEST


def expectations(state: jax.Array, observables: Sequence[Any], engine: str) -> jax.Array:
    """Expectation value of every observable: (B, 2**n) -> real (B, k).

    All Pauli sums are done in one pass over their distinct strings.
    """
    checked = [checked_observable(o, state.shape[1].bit_length() - 1) for o in observables]
    sums = [o for o in checked if isinstance(o, PauliSum)]
    values = iter(_pauli_sums(state, sums, engine)) if sums else iter(())
    columns = [
        next(values)
        if isinstance(o, PauliSum)
        else _inner(state, apply_observable(state, o, engine))
        for o in checked
    ]
    return jnp.stack(columns, axis=-1)


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


def checked_observable(observable: Any, num_qubits: int) -> PauliSum | Operator:
    """The observable, after checks.

    Raises:
        ObservableError: If it is none, or needs more qubits than there are.
    """
    if isinstance(observable, (str, PauliString)):
        observable = PauliSum(observable)
    if not isinstance(observable, (PauliSum, Projector, Diagonal, Hermitian)):
        raise ObservableError(
            "observable must be a PauliSum, Projector, Diagonal or Hermitian, or a sequence of "
            f"them, but is {observable!r}."
        )
    if observable.num_qubits > num_qubits:
        raise ObservableError(
            f"observable must act on qubits of the circuit, which has {num_qubits}, "
            f"but needs {observable.num_qubits}."
        )
    return observable


def _pauli_sums(state: jax.Array, sums: list[PauliSum], engine: str) -> list[jax.Array]:
    """Expectation value of each sum, (B,) each."""
    place: dict[tuple[int, int], int] = {}
    index = [
        np.array(
            [
                place.setdefault(mask, len(place))
                for mask in zip(s.x_masks.tolist(), s.z_masks.tolist(), strict=True)
            ],
            np.int32,
        )
        for s in sums
    ]
    n = state.shape[1].bit_length() - 1
    terms = compile_terms(n, tuple(x for x, _ in place), tuple(z for _, z in place))
    values = pauli_expectations(state, terms, engine)
    weights = [real_coefficients(s, values.dtype) for s in sums]
    return [jnp.sum(values[:, i] * w, axis=-1) for i, w in zip(index, weights, strict=True)]


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


def _inner(a: jax.Array, b: jax.Array) -> jax.Array:
    """Re <a|b>: (B, 2**n), (B, 2**n) -> (B,)."""
    return jnp.sum(a.real * b.real + a.imag * b.imag, axis=-1)
