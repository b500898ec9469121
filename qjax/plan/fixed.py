"""Numbers of ops that have no parameter: known to the compiler, in double precision."""

import numpy as np

from qjax.circuit.structure import Structure
from qjax.gates import Gate
from qjax.plan.op import Factor, Op


def embedding(k: int, factor: Factor) -> np.ndarray:
    """Where each entry of a factor's matrix on the op's k targets comes from.

    Returns:
        Integers of shape (2**k, 2**k): i < d*d is entry i of the factor's own d x d matrix,
        d*d is the number 0 and d*d + 1 is the number 1.
    """
    size, d = 2**k, 2 ** len(factor.targets)
    index = np.arange(size)
    own = sum((index >> t & 1) << i for i, t in enumerate(factor.targets)) + 0 * index
    mask = sum(1 << t for t in factor.targets)
    rest = index & ~mask
    acts = np.ones(size, bool)
    for c, v in zip(factor.controls, factor.control_values, strict=True):
        acts &= (index >> c & 1) == v
    same_rest = rest[:, None] == rest[None, :]
    table = np.where(same_rest & acts[:, None], own[:, None] * d + own[None, :], d * d)
    idle = ~acts[:, None] & (index[:, None] == index[None, :])
    return np.where(idle, d * d + 1, table)


def fixed_matrix(structure: Structure, op: Op) -> np.ndarray:
    """Matrix of a fixed DENSE or DIAGONAL op on its targets, complex128 of shape (2**k, 2**k)."""
    k = len(op.targets)
    product = np.eye(2**k, dtype=np.complex128)
    for factor in op.factors:
        gate = structure.items[factor.item].operation
        assert isinstance(gate, Gate)
        entries = np.append(np.asarray(gate.matrix()).reshape(-1), [0, 1])
        product = entries[embedding(k, factor)] @ product
    return product
