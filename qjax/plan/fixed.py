"""Numbers of ops that have no parameter: known to the compiler, in double precision."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from qjax.circuit.structure import Structure
from qjax.gates import Gate
from qjax.plan.op import Factor, Op, OpKind

_Placed = tuple[Gate, tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""A factor's gate, targets, controls and control values."""


def embedding(k: int, factor: Factor) -> np.ndarray:
    """Where each entry of a factor's matrix on the op's k targets comes from.

    Returns:
        int32 of shape (2**k, 2**k): i < d*d is entry i of the factor's own d x d matrix,
        d*d is the number 0 and d*d + 1 is the number 1.
    """
    return _embedding(k, factor.targets, factor.controls, factor.control_values)


@lru_cache(maxsize=512)
def _embedding(
    k: int, targets: tuple[int, ...], controls: tuple[int, ...], control_values: tuple[int, ...]
) -> np.ndarray:
    size, d = 2**k, 2 ** len(targets)
    index = np.arange(size)
    own = sum((index >> t & 1) << i for i, t in enumerate(targets)) + 0 * index
    mask = sum(1 << t for t in targets)
    rest = index & ~mask
    acts = np.ones(size, bool)
    for c, v in zip(controls, control_values, strict=True):
        acts &= (index >> c & 1) == v
    same_rest = rest[:, None] == rest[None, :]
    table = np.where(same_rest & acts[:, None], own[:, None] * d + own[None, :], d * d)
    idle = ~acts[:, None] & (index[:, None] == index[None, :])
    result = np.where(idle, d * d + 1, table).astype(np.int32)
    result.setflags(write=False)
    return result


def fixed_matrix(structure: Structure, op: Op) -> np.ndarray:
    """Matrix of a fixed op on its targets, read-only complex128 of shape (2**k, 2**k)."""
    return _product(len(op.targets), _placed(structure, op))


def _placed(structure: Structure, op: Op) -> tuple[_Placed, ...]:
    placed = []
    for f in op.factors:
        gate = structure.items[f.item].operation
        assert isinstance(gate, Gate)
        placed.append((gate, f.targets, f.controls, f.control_values))
    return tuple(placed)


@lru_cache(maxsize=4096)
def _product(k: int, placed: tuple[_Placed, ...]) -> np.ndarray:
    product = np.eye(2**k, dtype=np.complex128)
    for gate, *where in placed:
        entries = np.append(np.asarray(gate.matrix()).reshape(-1), [0, 1])
        product = entries[_embedding(k, *where)] @ product
    product.setflags(write=False)
    return product


def simplest(structure: Structure, op: Op) -> Op | None:
    """An op in the cheapest form it can have; None if it does nothing.

    A fixed op's matrix is known, so its zeros can be seen.
    """
    if op.kind is OpKind.PERMUTATION:
        return None if op.table == tuple(range(len(op.table))) else op
    if not op.fixed:
        return op
    kind, real, table = _form(len(op.targets), _placed(structure, op))
    if kind is None:
        return None
    return replace(op, kind=kind, real=real, table=table)


@lru_cache(maxsize=4096)
def _form(k: int, placed: tuple[_Placed, ...]) -> tuple[OpKind | None, bool, tuple[int, ...]]:
    """(kind, whether it is DENSE and real, table), up to the rounding of the product."""
    matrix = _product(k, placed)
    tolerance = 4 * np.finfo(float).eps * len(placed)

    def near(other: np.ndarray) -> bool:
        return bool(np.max(np.abs(matrix - other)) <= tolerance)

    one = np.eye(len(matrix))
    if near(one):
        return None, False, ()
    if near(matrix * one):
        return OpKind.DIAGONAL, False, ()
    rows = np.argmax(np.abs(matrix), axis=0)
    if near(one[:, rows]):
        return OpKind.PERMUTATION, False, tuple(rows.tolist())
    return OpKind.DENSE, near(np.real(matrix)), ()
