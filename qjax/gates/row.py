"""The row of the gate table: everything that is known of a gate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Step = tuple[str, tuple[Any, ...], tuple[int, ...]]
"""One gate of a decomposition: name, angles, and positions among the row's qubits."""


@dataclass(frozen=True, eq=False)
class Gate:
    """A row of the gate table: a named family of unitary matrices.

    Attributes:
        name: The gate's name, a valid identifier of OpenQASM.
        num_qubits: How many qubits it acts on, controls included.
        params: Names of its parameters, in order.
        definition: The formula, as text.
        source: Where the definition is from.
        matrix: `matrix(*angles, xp=...)` gives an array of shape (..., 2**k, 2**k) for the k qubits
            that are no controls; `xp` is `numpy` or `jax.numpy`, and angles may have leading axes.
            A gate without angles ignores `xp` and gives a complex128 NumPy array. Rows mix real
            arrays with Python's complex numbers, which JAX's strict promotion forbids.
        inverse: Gives, from the angles, the step that undoes the gate.
        decomposition: Gives, from the angles, steps in time order whose product is the gate, with
            its global phase. None for a gate that both OpenQASM standard libraries have, for a
            controlled gate, `gphase`, `unitary`, `diagonal` and `permutation`.
        generator: U(theta) = exp(i theta sum_k c_k P_k) as pairs (c_k, P_k), for gates with one
            angle; letter j of the Pauli text P_k acts on qubit j of the gate.
        param_shapes: Shape of each parameter's value; () is an angle, others are complex arrays.
        qasm2: Name in OpenQASM 2's `qelib1.inc`, or None.
        qasm3: Name in OpenQASM 3's `stdgates.inc`, or None.
        label: What a drawing shows.
        aliases: Other names under which the builder and `find_gate` know it.
        base: The gate under the controls, or None.
        num_controls: How many of the first qubits are controls.
        arguments: What a gate made by a family (`pauli_rotation`, `permutation`) was made from.
        unitary: False for the matrices that noise is made of: they have parameters, no inverse and
            no controls, and reverse mode keeps the states before them.
    """

    name: str
    num_qubits: int
    params: tuple[str, ...]
    definition: str
    source: str
    matrix: Callable[..., Any]
    inverse: Callable[..., Step]
    decomposition: Callable[..., tuple[Step, ...]] | None = None
    generator: tuple[tuple[float, str], ...] | None = None
    param_shapes: tuple[tuple[int, ...], ...] = ()
    qasm2: str | None = None
    qasm3: str | None = None
    label: str = ""
    aliases: tuple[str, ...] = ()
    base: "Gate | None" = None
    num_controls: int = 0
    arguments: tuple[Any, ...] = ()
    unitary: bool = True

    def __post_init__(self) -> None:
        if not self.param_shapes:
            object.__setattr__(self, "param_shapes", ((),) * len(self.params))
        if not self.label:
            object.__setattr__(self, "label", self.name.upper())

    def __deepcopy__(self, memo: dict[int, Any]) -> "Gate":
        return self  # rows never change and are compared by identity

    def __repr__(self) -> str:
        return f"<gate {self.name}({', '.join(self.params)}) on {self.num_qubits} qubits>"

    @property
    def rotation(self) -> str | None:
        """The Pauli text P if the gate is exp(-i theta P / 2), else None."""
        if self.generator is None or len(self.generator) != 1:
            return None
        ((coefficient, pauli),) = self.generator
        return pauli if coefficient == -0.5 else None
