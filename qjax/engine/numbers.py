"""From angles and matrices to the buffer of numbers that a plan reads. Ordinary JAX.

The work is done per group of equal ops and per kind of gate, so the traced program does not grow
with the number of gates.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.circuit.instruction import unitarity_tolerance
from qjax.circuit.structure import Angle, Array, Leaves, Structure
from qjax.gates import Gate
from qjax.plan import OpKind, Plan
from qjax.plan.fixed import embedding


@dataclass(frozen=True)
class _Angles:
    """Every angle of a circuit as a gather: offset + sum over t of factor[t] * params[symbol[t]].

    Attributes:
        row: For each (item, parameter), the angle's row in the tables below.
        offset: Index of its offset among the scalars, shape (angles,).
        factor: Indices of its factors among the scalars, shape (angles, terms).
        symbol: Indices of its symbols in `params`, shape (angles, terms).
        scalars: Which traced leaves are scalars; they follow the constants, and a zero that pads
            short expressions comes last.
    """

    row: dict[tuple[int, int], int]
    offset: np.ndarray
    factor: np.ndarray
    symbol: np.ndarray
    scalars: tuple[int, ...]


@lru_cache(maxsize=512)
def _angles(structure: Structure) -> _Angles:
    found = [
        ((i, p), param)
        for i, item in enumerate(structure.items)
        for p, param in enumerate(item.params)
        if isinstance(param, Angle)
    ]
    refs = [r for _, a in found for r in (a.offset, *(f for _, f in a.terms))]
    num_constants = max([-1, *refs]) + 1  # traced leaves have refs below 0
    scalars = sorted({-1 - r for r in refs if r < 0})
    place = {leaf: num_constants + k for k, leaf in enumerate(scalars)}
    zero = num_constants + len(scalars)

    def index(ref: int) -> int:
        return ref if ref >= 0 else place[-1 - ref]

    terms = max((len(a.terms) for _, a in found), default=0)
    factor = np.full((len(found), terms), zero, np.int32)
    symbol = np.zeros((len(found), terms), np.int32)
    for k, (_, angle) in enumerate(found):
        for t, (s, ref) in enumerate(angle.terms):
            factor[k, t], symbol[k, t] = index(ref), structure.position(s)
    return _Angles(
        {key: k for k, (key, _) in enumerate(found)},
        np.array([index(a.offset) for _, a in found], np.int32),
        factor,
        symbol,
        tuple(scalars),
    )


class _Values:
    """The parameters of one run: angles and arrays, looked up for many gates at once."""

    def __init__(
        self, structure: Structure, leaves: Leaves, params: Any, dtype: Any, xp: ModuleType
    ) -> None:
        self.structure, self.xp, self.dtype = structure, xp, dtype
        _, self.arrays, self.traced = leaves
        self.table = _angles(structure)
        self.angles = self._all_angles(leaves, params)

    def _all_angles(self, leaves: Leaves, params: Any) -> Any:
        """Shape (..., angles)."""
        xp, table = self.xp, self.table
        constants, _, traced = leaves
        parts = [
            xp.asarray(constants).astype(self.dtype),
            *(xp.asarray(traced[k]).astype(self.dtype).reshape(1) for k in table.scalars),
            xp.zeros(1, self.dtype),
        ]
        scalars = xp.concatenate(parts)
        angles = scalars[table.offset]
        if table.symbol.shape[1]:
            values = xp.asarray(params).astype(self.dtype)[..., table.symbol]
            angles = angles + (scalars[table.factor] * values).sum(-1)
        return angles

    def angle(self, items: list[int], parameter: int) -> Any:
        """Shape (..., len(items))."""
        rows = np.array([self.table.row[i, parameter] for i in items], np.int32)
        return self.angles[..., rows]

    def array(self, items: list[int], parameter: int) -> Any:
        """Shape (len(items), *shape), complex."""
        xp, structure = self.xp, self.structure
        refs = []
        for i in items:
            param = structure.items[i].params[parameter]
            assert isinstance(param, Array)
            refs.append(param.ref)
        shape = structure.items[items[0]].params[parameter].shape  # type: ignore[union-attr]
        packed = self.arrays[structure.array_shapes.index(shape)]
        dtype = self.complex_dtype
        known = xp.asarray(packed).astype(dtype)
        used = [-1 - r for r in refs if r < 0]
        if not used:
            return known[np.array(refs, np.int32)]
        name = structure.items[items[0]].operation.name
        fresh = xp.stack([_poisoned(xp.asarray(self.traced[k]).astype(dtype), name) for k in used])
        order, count = [], 0
        for r in refs:
            order.append(r if r >= 0 else known.shape[0] + count)
            count += r < 0
        return xp.concatenate([known, fresh])[np.array(order, np.int32)]

    def matrices(self, gate: Gate, items: list[int]) -> Any:
        """Matrices of one gate at many places, shape (..., len(items), d, d)."""
        params = [
            self.array(items, p) if shape else self.angle(items, p)
            for p, shape in enumerate(gate.param_shapes)
        ]
        if not params:
            return self.xp.broadcast_to(
                self.xp.asarray(gate.matrix(), dtype=self.complex_dtype),
                (len(items), *gate.matrix().shape),
            )
        # Rows mix real arrays with Python's complex numbers, which strict promotion forbids.
        with jax.numpy_dtype_promotion("standard"):
            matrix = gate.matrix(*params, xp=self.xp)
        return self.xp.asarray(matrix).astype(self.complex_dtype)

    @property
    def complex_dtype(self) -> Any:
        return np.result_type(self.dtype, np.complex64)


def _poisoned(value: Any, name: str) -> Any:
    """The traced array of a gate, or NaN if it is not what it must be: wrong is never silent.

    The matrix of a `unitary` and the entries of a `diagonal` must be unitary, the operators of
    `kraus` complete.
    """
    size = value.shape[-1]
    if name == "diagonal":
        error = jnp.max(jnp.abs(jnp.abs(value) - 1))
    elif name in ("unitary", "kraus"):
        # sum_k K_k^dagger K_k of one or several matrices.
        rows = value.reshape(-1, size)
        product = (rows.conj()[:, :, None] * rows[:, None, :]).sum(0)
        error = jnp.max(jnp.abs(product - jnp.eye(size, dtype=value.dtype)))
    else:
        return value
    tolerance = unitarity_tolerance(value.dtype, size)
    return jnp.where(error <= tolerance, value, jnp.asarray(jnp.nan, value.dtype))


def numbers(plan: Plan, leaves: Leaves, params: Any, dtype: Any) -> Any:
    """The buffer of numbers of a run.

    Args:
        plan: The plan.
        leaves: The circuit's numbers.
        params: Values of the open parameters, shape (..., p), or None.
        dtype: float32 or float64.

    Returns:
        Real array of shape (..., plan.num_numbers), read by each op at its offset: the matrix of a
        DENSE op as (row, column, re and im), the entries of a DIAGONAL op as (entry, re and im),
        and cos and sin of half the angle of a ROTATION. If every value is a NumPy array, it is
        computed in double precision.
    """
    flat = jax.tree_util.tree_leaves((leaves, params))
    if all(isinstance(leaf, np.ndarray) for leaf in flat):
        return _numbers(plan, leaves, params, np.float64, np).astype(dtype)
    return _traced_numbers(plan, jax.tree_util.tree_map(_canonical, leaves), params, dtype)


def _canonical(leaf: Any) -> Any:
    """A NumPy array in the precision that JAX gives it.

    JAX 0.10 keeps what it made of a NumPy array, and takes it again for the same array after
    64-bit numbers were switched on or off, when it no longer fits. A copy is a new array.
    """
    if not isinstance(leaf, np.ndarray):
        return leaf
    return leaf.astype(jax.dtypes.canonicalize_dtype(leaf.dtype))


@partial(jax.jit, static_argnums=(0, 3))
def _traced_numbers(plan: Plan, leaves: Leaves, params: Any, dtype: Any) -> Any:
    return _numbers(plan, leaves, params, dtype, jnp)


def _numbers(plan: Plan, leaves: Leaves, params: Any, dtype: Any, xp: Any) -> Any:
    values = _Values(plan.structure, leaves, params, dtype, xp)
    stacks: dict[tuple[OpKind, int], list[tuple[int, ...]]] = {}
    for group in plan.groups:
        op = plan.ops[group[0]]
        stacks.setdefault((op.kind, len(op.targets)), []).append(group)
    parts = {}
    for (kind, _), groups in stacks.items():
        make = _rotation_numbers if kind is OpKind.ROTATION else _matrix_numbers
        parts.update(zip(groups, make(plan, groups, values), strict=True))
    lead = () if params is None else params.shape[:-1]
    ordered = [parts[group] for group in plan.groups]
    flat = [xp.broadcast_to(part, (*lead, *part.shape[-2:])) for part in ordered]
    flat = [part.reshape(*lead, part.shape[-2] * part.shape[-1]) for part in flat]
    return xp.concatenate(flat, axis=-1) if flat else xp.zeros((*lead, 0), dtype)


def _rotation_numbers(plan: Plan, groups: list[tuple[int, ...]], values: _Values) -> list[Any]:
    """Shape (..., ops, 2) for each group: cos and sin of half the sum of the factors' angles."""
    xp = values.xp
    parts = []
    for group in groups:
        items = [factor.item for index in group for factor in plan.ops[index].factors]
        angles = values.angle(items, 0)
        if len(items) > len(group):
            zero = xp.zeros((*angles.shape[:-1], 1), angles.dtype)
            angles = xp.concatenate([angles, zero], axis=-1)[..., _chains(plan, group)].sum(-1)
        half = angles / 2
        parts.append(xp.stack([xp.cos(half), xp.sin(half)], axis=-1))
    return parts


def _matrix_numbers(plan: Plan, groups: list[tuple[int, ...]], values: _Values) -> list[Any]:
    """Shape (..., ops, 2 * entries) for each group: the products of factors, as pairs (re, im).

    The groups are of one kind and size, so the matrices of their factors are made together.
    """
    xp = values.xp
    first = plan.ops[groups[0][0]]
    k = len(first.targets)
    diagonal = first.kind is OpKind.DIAGONAL
    factors = [f for group in groups for index in group for f in plan.ops[index].factors]
    kinds: dict[Any, list[int]] = {}
    for position, f in enumerate(factors):
        gate = plan.structure.items[f.item].operation
        kinds.setdefault((gate, f.targets, f.controls, f.control_values), []).append(position)

    parts, order = [], []
    for (gate, *_), positions in kinds.items():
        items = [factors[p].item for p in positions]
        table = embedding(k, factors[positions[0]]) if not diagonal else None
        parts.append(_embedded(gate, items, table, factors[positions[0]].targets, k, values))
        order += positions
    identity = xp.ones(2**k, values.complex_dtype)
    parts.append((identity if diagonal else xp.diag(identity))[None])
    lead = np.broadcast_shapes(*(p.shape[: p.ndim - parts[-1].ndim] for p in parts))
    stacked = xp.concatenate(
        [xp.broadcast_to(p, (*lead, *p.shape[p.ndim - parts[-1].ndim :])) for p in parts],
        axis=len(lead),
    )
    back = np.append(np.argsort(order), len(order)).astype(np.int32)
    numbers, start = [], 0
    for group in groups:
        count = sum(len(plan.ops[index].factors) for index in group)
        own = np.append(back[start : start + count], back[-1])
        start += count
        chains = own[_chains(plan, group)]
        links = xp.moveaxis(stacked[(slice(None),) * len(lead) + (chains,)], len(lead) + 1, 0)
        product = _product(links, diagonal, xp)
        flat = product.reshape(*product.shape[: len(lead) + 1], -1)
        pairs = xp.stack([flat.real, flat.imag], axis=-1)
        numbers.append(pairs.reshape(*flat.shape[:-1], -1))
    return numbers


def _embedded(
    gate: Gate,
    items: list[int],
    table: np.ndarray | None,
    targets: tuple[int, ...],
    k: int,
    values: _Values,
) -> Any:
    """A gate at many places, as matrices or diagonals on the op's k targets."""
    xp = values.xp
    if table is None:
        if gate.name == "diagonal":
            entries = values.array(items, 0)
        else:
            entries = xp.diagonal(values.matrices(gate, items), axis1=-2, axis2=-1)
        index = np.arange(2**k, dtype=np.int32)
        return entries[..., sum((index >> t & 1) << i for i, t in enumerate(targets)) + 0 * index]
    entries = values.matrices(gate, items)
    flat = entries.reshape(*entries.shape[:-2], -1)
    ends = xp.broadcast_to(xp.asarray([0, 1], dtype=flat.dtype), (*flat.shape[:-1], 2))
    return xp.concatenate([flat, ends], axis=-1)[..., table]


def _chains(plan: Plan, group: tuple[int, ...]) -> np.ndarray:
    """For each op its factors' positions, padded with the position after the last factor.

    Shape (ops, length), length a power of two.
    """
    counts = [len(plan.ops[index].factors) for index in group]
    length = 1 << (max(counts) - 1).bit_length()
    chains = np.full((len(group), length), sum(counts))
    start = 0
    for row, count in enumerate(counts):
        chains[row, :count] = range(start, start + count)
        start += count
    return chains


def _product(links: Any, diagonal: bool, xp: Any) -> Any:
    """The ordered product over the first axis, later factors on the left, in log2(length) steps."""
    while links.shape[0] > 1:
        earlier, later = links[0::2], links[1::2]
        if diagonal:
            links = earlier * later
        elif links.shape[-1] <= 4:
            # A sum of products, for a dot of small complex matrices may lose bits on a GPU.
            links = (later[..., :, :, None] * earlier[..., None, :, :]).sum(-2)
        elif xp is np:
            links = later @ earlier
        else:
            links = jnp.matmul(later, earlier, precision=jax.lax.Precision.HIGHEST)
    return links[0]
