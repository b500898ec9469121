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
    kind, real, table = _form(gate)
    factors = (Factor(index, _positions(len(item.qubits))),)
    x_mask = z_mask = 0
    if kind is OpKind.ROTATION:
        assert gate.rotation is not None
        for q, letter in zip(item.qubits, gate.rotation, strict=True):
            x_mask |= (letter in "XY") << q
            z_mask |= (letter in "ZY") << q
    return Op(
        kind,
        item.qubits,
        item.controls,
        item.control_values,
        factors,
        fixed=not gate.params,
        real=real,
        table=table,
        x_mask=x_mask,
        z_mask=z_mask,
    )


def diagonal_factors(structure: Structure, op: Op) -> bool:
    """Whether every gate in an op is diagonal, as numbers of a DIAGONAL op are made from."""
    gates = (structure.items[f.item].operation for f in op.factors)
    return all(isinstance(gate, Gate) and _is_diagonal(gate) for gate in gates)


@cache
def _positions(count: int) -> tuple[int, ...]:
    return tuple(range(count))


@cache
def _is_identity(gate: Gate) -> bool:
    if gate.name == "permutation":
        return gate.arguments[0] == tuple(range(2**gate.num_qubits))
    return not gate.params and np.array_equal(gate.matrix(), np.eye(2**gate.num_qubits))


@cache
def _is_diagonal(gate: Gate) -> bool:
    if gate.rotation is not None:
        return not set(gate.rotation) & {"X", "Y"}
    return _form(gate)[0] is OpKind.DIAGONAL


@cache
def _form(gate: Gate) -> tuple[OpKind, bool, tuple[int, ...]]:
    """Kind of a gate, whether its matrix is fixed, DENSE and real, and the table of a permutation.

    It is read from the zeros of its matrix. A zero that is there by the gate's formula is there at
    every angle, so one generic angle per parameter shows the pattern; but not that of a "choice",
    whose last parameter is a whole number that picks one of several matrices.
    """
    if gate.rotation is not None:
        return OpKind.ROTATION, False, ()
    if gate.name == "diagonal":
        return OpKind.DIAGONAL, False, ()
    if gate.name == "permutation":
        return OpKind.PERMUTATION, False, gate.arguments[0]
    if any(gate.param_shapes) or gate.name == "choice":
        return OpKind.DENSE, False, ()
    generic = 1 / np.sqrt(np.arange(2.0, 2.0 + len(gate.params)))
    matrix = np.asarray(gate.matrix(*generic))
    if not np.any(matrix - np.diag(np.diagonal(matrix))):
        return OpKind.DIAGONAL, False, ()
    rows = np.argmax(np.real(matrix), axis=0)
    if not gate.params and np.array_equal(matrix, np.eye(len(matrix))[:, rows]):
        return OpKind.PERMUTATION, False, tuple(rows.tolist())
    return OpKind.DENSE, not gate.params and not np.any(np.imag(matrix)), ()
