"""What branches and trajectories share: a circuit with its values, and its gates applied."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from qjax.circuit import Circuit
from qjax.engine.basis import basis_row
from qjax.engine.numbers import numbers
from qjax.engine.primitive import apply_p
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.errors import CircuitError
from qjax.plan import compile_plan
from qjax.state import basis_state, checked_state


class Run:
    """A circuit with its values, and the state it starts from.

    Attributes:
        circuit: The circuit, without open parameters.
        n: Its number of qubits.
        start: The state it starts from, as a row of shape (1, 2**n).
        dtype: Of the amplitudes.
        real: Of their parts.
        engine: Name of the engine, or "auto".
        what: Who asks, for messages.
    """

    def __init__(
        self,
        circuit: Circuit,
        params: Any,
        initial_state: Any,
        dtype: Any,
        engine: str | None,
        what: str,
    ) -> None:
        if not isinstance(circuit, Circuit):
            raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
        resolve(engine, circuit.num_qubits)
        self.n, self.what = circuit.num_qubits, what
        self.engine = engine or "auto"
        self.dtype = complex_dtype(dtype, initial_state)
        self.real = real_dtype(self.dtype)
        self.circuit = circuit.bind(params) if circuit.parameters or params is not None else circuit
        if initial_state is None:
            self.start = basis_row(self.n, 0, self.dtype, self.engine)
        elif isinstance(initial_state, str):
            self.start = basis_state(initial_state, self.n, dtype=self.dtype)[None]
        else:
            start = checked_state(initial_state, self.n, f"{what}: initial_state", self.dtype)
            if start.ndim != 1:
                raise CircuitError(f"{what}: initial_state must be one state; use jax.vmap.")
            self.start = start[None]

    def apply(self, gates: Circuit, states: jax.Array, choices: Any = None) -> jax.Array:
        """Gates on every row; `choices` of shape (B, p) are of open parameters."""
        plan = compile_plan(gates.structure)
        buffer = jnp.asarray(numbers(plan, gates.leaves, choices, self.real))
        flat = buffer.reshape(math.prod(buffer.shape[:-1]), buffer.shape[-1])
        return apply_p.bind(states, flat, plan=plan, engine=self.engine)


def bit_parts(states: jax.Array, qubit: int) -> jax.Array:
    """Rows as (B, high, 2, low): axis 2 is the value of a qubit."""
    return states.reshape(len(states), -1, 2, 2**qubit)


def squared(states: jax.Array) -> jax.Array:
    """Squared moduli of amplitudes."""
    return states.real**2 + states.imag**2
