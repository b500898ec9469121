"""What happens by chance in a state: one of several operators, drawn by its weight in the state.

A measurement has the operators |0><0| and |1><1|, a reset |0><0| and |0><1|, a channel its Kraus
operators. The weight of K is tr(K rho K^dagger) in the reduced density matrix of the qubits.
"""

from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.circuit import Circuit, Instruction
from qjax.circuit.instruction import MEASURE, RESET
from qjax.engine.expectation import expectations
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import probabilities
from qjax.gates import operator_gate
from qjax.observables import PauliSum
from qjax.plan import Plan, compile_plan

_EXACT = lax.Precision.HIGHEST

PROJECTIONS = {
    MEASURE: np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], complex),
    RESET: np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], complex),
}
"""The operators of a measurement and of a reset, by outcome."""


def populations(states: jax.Array, qubits: tuple[int, ...], engine: str) -> jax.Array:
    """The diagonals of the reduced density matrices, real (B, 2**k)."""
    return probabilities(states, qubits, engine)


def coherences(states: jax.Array, qubits: tuple[int, ...], engine: str) -> jax.Array:
    """What the reduced density matrices have beside their diagonals, (B, 2**k, 2**k).

    It is the sum of <P> P / 2**k over the Pauli strings with an X or a Y.
    """
    n = states.shape[1].bit_length() - 1
    texts, matrices = _strings(len(qubits))
    found = expectations(
        states, [PauliSum({t: 1.0}, qubits=qubits, num_qubits=n) for t in texts], engine
    )
    return jnp.einsum(
        "bp,pij->bij", found.astype(states.dtype), matrices.astype(states.dtype), precision=_EXACT
    )


@cache
def _strings(k: int) -> tuple[tuple[str, ...], np.ndarray]:
    """The Pauli strings on k qubits that are not diagonal, and their matrices over 2**k."""
    texts = tuple(t for t in map("".join, product("IXYZ", repeat=k)) if set(t) & {"X", "Y"})
    matrices = [PauliSum({t: 1.0}, qubits=range(k), num_qubits=k).to_matrix() for t in texts]
    return texts, np.array(matrices, complex) / 2**k


def weights_of(operators: jax.Array, local: jax.Array) -> jax.Array:
    """tr(K rho K^dagger) of operators (K, d, d) and reduced density matrices (B, d, d): (B, K)."""
    found = jnp.einsum(
        "kai,bij,kaj->bk", operators, local, operators.conj(), precision=_EXACT
    ).real  # fmt: skip
    return jnp.maximum(found, jnp.zeros_like(found))


def drawn(weights: jax.Array, uniform: jax.Array) -> jax.Array:
    """An index for each row of weights, in proportion; none whose weight is 0: int32 (B,).

    Args:
        weights: (B, K).
        uniform: Random numbers between 0 and 1, (B,).
    """
    ends = jnp.cumsum(lax.stop_gradient(weights), axis=1)
    threshold = uniform[:, None] * ends[:, -1:]
    found = jnp.sum(threshold >= ends[:, :-1], axis=1, dtype=jnp.int32)
    last = weights.shape[1] - 1 - jnp.argmax(weights[:, ::-1] > 0, axis=1).astype(jnp.int32)
    return jnp.minimum(found, last)


def applied(
    states: jax.Array, matrices: jax.Array, qubits: tuple[int, ...], engine: str
) -> jax.Array:
    """A matrix of each row, (B, 2**k, 2**k), on the qubits of its state."""
    n = states.shape[1].bit_length() - 1
    pairs = jnp.stack([matrices.real, matrices.imag], axis=-1).reshape(len(states), -1)
    return apply_p.bind(states, pairs, plan=_plan(n, qubits), engine=engine)


@cache
def _plan(n: int, qubits: tuple[int, ...]) -> Plan:
    identity = np.eye(2 ** len(qubits), dtype=complex)
    only = Instruction(operator_gate(len(qubits)), qubits, (identity,))
    return compile_plan(Circuit(n)._extend([only]).structure)


def chosen_matrices(operators: jax.Array, index: jax.Array, weight: jax.Array) -> jax.Array:
    """The operators of some indices, over the roots of their weights: (B, d, d)."""
    scale = lax.rsqrt(weight)
    return operators[index] * lax.complex(scale, jnp.zeros_like(scale))[:, None, None]


def misread(outcome: jax.Array, chances: jax.Array, uniform: jax.Array) -> jax.Array:
    """What is read of outcomes, bool (B,), where 0 and 1 are misread with two probabilities."""
    return outcome ^ (uniform < jnp.where(outcome, chances[1], chances[0]).astype(uniform.dtype))
