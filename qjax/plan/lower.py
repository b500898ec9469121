"""From instructions to ops, by the rows of the gate table."""

from functools import cache

import numpy as np

from qjax.circuit.structure import Item, Structure
from qjax.gates import Gate
from qjax.plan.op import Factor, Op, OpKind


def lower(structure: Structure) -> list[Op]:
    """One op per gate of the circuit; barriers, measurements and identities leave none."""
    return [
        _lower_item(index, item, item.operation)
        for index, item in enumerate(structure.items)
        if isinstance(item.operation, Gate) and not _is_identity(item.operation)
    ]


def _lower_item(index: int, item: Item, gate: Gate) -> Op:
    kind, table = _form(gate)
    k = len(item.qubits)
    place = (item.qubits, item.controls, item.control_values)
    if kind is OpKind.PERMUTATION:
        return Op(kind, *place, fixed=True, table=table)
    factors = (Factor(index, tuple(range(k))),)
    if kind is OpKind.ROTATION:
        assert gate.rotation is not None
        x_mask = sum(1 << q for q, p in zip(item.qubits, gate.rotation, strict=True) if p in "XY")
        z_mask = sum(1 << q for q, p in zip(item.qubits, gate.rotation, strict=True) if p in "ZY")
        return Op(kind, *place, factors, x_mask=x_mask, z_mask=z_mask)
    return Op(kind, *place, factors, fixed=not gate.params)


@cache
def _is_identity(gate: Gate) -> bool:
    return not gate.params and np.array_equal(gate.matrix(), np.eye(2**gate.num_qubits))


@cache
def _form(gate: Gate) -> tuple[OpKind, tuple[int, ...]]:
    """Kind of a gate, and its table if it permutes basis states; read from the zeros of its matrix.

    A zero that is there by the gate's formula is there at every angle, so one generic angle per
    parameter shows the pattern.
    """
    if gate.rotation is not None and gate.num_qubits > 1:
        return OpKind.ROTATION, ()
    if gate.name == "diagonal":
        return OpKind.DIAGONAL, ()
    if gate.name == "permutation":
        return OpKind.PERMUTATION, gate.arguments[0]
    if any(gate.param_shapes):
        return OpKind.DENSE, ()
    generic = np.sqrt(np.arange(2.0, 2.0 + len(gate.params)))
    matrix = np.asarray(gate.matrix(*generic))
    if not np.any(matrix - np.diag(np.diagonal(matrix))):
        return OpKind.DIAGONAL, ()
    rows = np.argmax(np.real(matrix), axis=0)
    if not gate.params and np.array_equal(matrix, np.eye(len(matrix))[:, rows]):
        return OpKind.PERMUTATION, tuple(int(i) for i in rows)
    return OpKind.DENSE, ()
