"""What happens by chance in a state: one of several operators, drawn by its weight in the state.

A measurement has the operators |0><0| and |1><1|, a reset |0><0| and |0><1|, a channel its Kraus
operators. The weight of K is tr(K rho K^dagger) in the reduced density matrix of the qubits.
"""

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.channels import Channel
from qjax.circuit import Circuit, Instruction
from qjax.circuit.instruction import MEASURE, RESET, Directive
from qjax.engine.expectation import expectations
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import probabilities
from qjax.gates import operator_gate
from qjax.observables import PauliSum
from qjax.plan import Plan, compile_plan

_EXACT = lax.Precision.HIGHEST

_PROJECTIONS = {
    MEASURE: np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], complex),
    RESET: np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], complex),
}


class Operators(NamedTuple):
    """The operators of what happens by chance, and how they are weighed.

    Attributes:
        pairs: Their entries as pairs of real numbers, (..., K, 2 4**k).
        effects: The weights' coefficients, (..., K, M), of the populations and then of <P> for the
            Pauli strings that `strings` gives.
    """

    pairs: jax.Array
    effects: jax.Array


def strings(what: Channel | Directive) -> tuple[str, ...]:
    """The Pauli strings on whose values the weights depend, beside the populations."""
    if not isinstance(what, Channel) or what.by_populations:
        return ()
    texts = map("".join, product("IXYZ", repeat=what.num_qubits))
    return tuple(text for text in texts if set(text) & {"X", "Y"})


def operators_of(what: Channel | Directive, values: list[Any], dtype: Any) -> Operators:
    """The operators of a channel with values (..., shape), or of a measurement or reset.

    With rho = diag(populations) + sum_P <P> P / 2**k, tr(K rho K^dagger) has the coefficients
    (K^dagger K)_ii and tr(K^dagger K P) / 2**k.
    """
    if isinstance(what, Channel):
        with jax.numpy_dtype_promotion("standard"):
            matrices = what.kraus(*map(jnp.asarray, values), xp=jnp).astype(dtype)
    else:
        matrices = jnp.asarray(_PROJECTIONS[what], dtype)
    products = jnp.einsum("...ai,...aj->...ij", matrices.conj(), matrices, precision=_EXACT)
    effects = jnp.diagonal(products, axis1=-2, axis2=-1).real
    if texts := strings(what):
        paulis = jnp.asarray(_matrices(texts), dtype)
        others = jnp.einsum("...ij,pji->...p", products, paulis, precision=_EXACT).real
        effects = jnp.concatenate([effects, others], axis=-1)
    pairs = jnp.stack([matrices.real, matrices.imag], axis=-1)
    return Operators(pairs.reshape(*matrices.shape[:-2], -1), effects)


@cache
def _matrices(texts: tuple[str, ...]) -> np.ndarray:
    """The matrices of Pauli strings, over 2**k."""
    k = len(texts[0])
    sums = [PauliSum({t: 1.0}, qubits=range(k), num_qubits=k) for t in texts]
    return np.array([s.to_matrix() for s in sums], complex) / 2**k


def weighed(
    states: jax.Array,
    what: Channel | Directive,
    operators: Operators,
    qubits: tuple[int, ...],
    engine: str,
) -> jax.Array:
    """tr(K rho K^dagger) of each operator in each state, (B, K)."""
    seen = probabilities(states, qubits, engine)
    if not isinstance(what, Channel):  # each population is a weight
        return seen
    if texts := strings(what):
        n = states.shape[1].bit_length() - 1
        sums = [PauliSum({t: 1.0}, qubits=qubits, num_qubits=n) for t in texts]
        seen = jnp.concatenate([seen, expectations(states, sums, engine)], axis=1)
    found = jnp.matmul(seen, operators.effects.T, precision=_EXACT)
    return jnp.maximum(found, jnp.zeros_like(found))


def jumped(
    states: jax.Array,
    operators: Operators,
    weights: jax.Array,
    uniform: jax.Array,
    qubits: tuple[int, ...],
    engine: str,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """States after operators that are drawn by their weights, never one of weight 0.

    Args:
        states: (B, 2**n).
        operators: K of them.
        weights: Theirs in each state, (B, K).
        uniform: Random numbers, at least 0 and less than 1, (B,).
        qubits: Where they act.
        engine: An engine's name.

    Returns:
        The states, which operator it was, int32 (B,), and the logarithm of its probability.
    """
    index = _drawn(lax.stop_gradient(weights), uniform)
    chosen = index[:, None] == jnp.arange(weights.shape[1], dtype=index.dtype)
    weight = jnp.sum(jnp.where(chosen, weights, jnp.zeros_like(weights)), axis=1)
    pairs = operators.pairs[index] * lax.rsqrt(weight)[:, None]
    n = states.shape[1].bit_length() - 1
    new = apply_p.bind(states, pairs, plan=_plan(n, qubits), engine=engine)
    return new, index, jnp.log(weight) - jnp.log(jnp.sum(weights, axis=1))


def _drawn(weights: jax.Array, uniform: jax.Array) -> jax.Array:
    ends = jnp.where(weights > 0, jnp.cumsum(weights, axis=1), jnp.zeros_like(weights))
    threshold = uniform * jnp.max(ends, axis=1)
    return jnp.argmax(ends > threshold[:, None], axis=1).astype(jnp.int32)


@cache
def _plan(n: int, qubits: tuple[int, ...]) -> Plan:
    identity = np.eye(2 ** len(qubits), dtype=complex)
    only = Instruction(operator_gate(len(qubits)), qubits, (identity,))
    return compile_plan(Circuit(n)._extend([only]).structure)


def misread(outcome: jax.Array, chances: jax.Array, uniform: jax.Array) -> jax.Array:
    """What is read of outcomes, bool (B,), where 0 and 1 are misread with two probabilities."""
    return outcome ^ (uniform < jnp.where(outcome, chances[1], chances[0]).astype(uniform.dtype))
