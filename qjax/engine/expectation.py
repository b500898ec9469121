"""Expectation values of observables."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.engine import energy, sharded_expectation, sharded_pauli
from qjax.engine.operators import Operator, apply_observable, inner, real_coefficients
from qjax.engine.pauli import pauli_expectations
from qjax.engine.sharded import Layout
from qjax.errors import ObservableError
from qjax.observables import Diagonal, Hermitian, PauliString, PauliSum, Projector
from qjax.plan.terms import compile_terms


def expectations(
    state: jax.Array, observables: Sequence[Any], engine: str, layout: Layout | None = None
) -> jax.Array:
    """Expectation value of every observable: (B, 2**n) -> real (B, k).

    All Pauli sums are done in one pass over their distinct strings. A layout says that states are
    divided over devices, and how.
    """
    checked = [checked_observable(o, state.shape[1].bit_length() - 1) for o in observables]
    sums = [o for o in checked if isinstance(o, PauliSum)]
    values = iter(_pauli_sums(state, sums, engine, layout)) if sums else iter(())
    columns = [
        next(values) if isinstance(o, PauliSum) else _mean(state, o, engine, layout)
        for o in checked
    ]
    return jnp.stack(columns, axis=-1)


def _mean(state: jax.Array, observable: Operator, engine: str, layout: Layout | None) -> jax.Array:
    if layout is not None:
        return sharded_expectation.moments(state, observable, engine, layout)[0]
    return inner(state, apply_observable(state, observable, engine))


def moments(
    state: jax.Array, observable: PauliSum | Operator, engine: str, layout: Layout | None = None
) -> tuple[jax.Array, jax.Array]:
    """Mean <O> and variance |(O - <O>) psi|^2 of a checked observable: real (B,), (B,)."""
    if layout is not None:
        return sharded_expectation.moments(state, observable, engine, layout)
    applied = apply_observable(state, observable, engine)
    mean = inner(state, applied)
    rest = applied - lax.complex(mean, jnp.zeros_like(mean))[:, None] * state
    return mean, inner(rest, rest)


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


def _pauli_sums(
    state: jax.Array, sums: list[PauliSum], engine: str, layout: Layout | None
) -> list[jax.Array]:
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
    if layout is None and len(sums) == 1 and len(terms) == len(index[0]):
        weights = real_coefficients(sums[0], state.real.dtype)
        return [energy.mean(state, weights[None], terms, engine)[:, 0]]
    if layout is None:
        values = pauli_expectations(state, terms, engine)
    else:
        values = sharded_pauli.pauli_expectations(state, terms, engine, layout)
    weights = [real_coefficients(s, values.dtype) for s in sums]
    return [jnp.sum(values[:, i] * w, axis=-1) for i, w in zip(index, weights, strict=True)]
