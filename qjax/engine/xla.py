r"""The `xla` engine: runs a tape with JAX's own operations, wherever JAX runs.

It is the reference of the other engines and the definition of all higher derivatives. A segment of
the tape is one loop over its steps, so the size of the compiled program does not grow with the
number of gates.

The adjoint (Jones and Gacon, arXiv:2009.02823) runs the steps in reverse. At a step with matrix U,
psi and the cotangent lambda of its output are turned into those of its input,

    psi <- U^-1 psi,    lambda <- U^T lambda,

and the cotangent of an entry U[r, c] is the sum over all pairs (i, j) of amplitudes that the entry
connects, of lambda[i] psi[j]. No state but these two is kept, so memory does not grow with depth.

Shapes: states are (B, 2**n) and numbers (B, r), where B is the batch or 1.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.engine.tape import Form, Segment, Tape, write_tape
from qjax.plan import Plan

_EXACT = lax.Precision.HIGHEST  # keeps a GPU from rounding products to TF32


# --- labels ---------------------------------------------------------------------------------------


def _parity(j: jax.Array, mask: Any) -> jax.Array:
    """Parity of j & mask as a bool; j has bit n set, so that a mask can hold a constant."""
    return (lax.population_count(j & mask) & 1) == 1


def _labels(size: int) -> tuple[jax.Array, jax.Array]:
    """All j in 0..size-1, and the same with bit n set."""
    j = lax.iota(jnp.uint32, size)
    return j, j | jnp.uint32(size)


def _at(state: jax.Array, index: jax.Array) -> jax.Array:
    """State[:, index], for an index that holds every position once."""
    return state.at[:, index.astype(jnp.int32)].get(mode="promise_in_bounds", unique_indices=True)


def _affine(masks: jax.Array, n: int) -> jax.Array:
    """The map j -> masks[n] ^ (xor of masks[p] over the set bits p of j), for all j.

    It is the outer xor of two tables over the low and the high half of the bits.
    """

    def table(part: jax.Array) -> jax.Array:
        j = lax.iota(jnp.uint32, 2 ** part.shape[0])
        values = jnp.zeros_like(j)
        for p in range(part.shape[0]):
            values = values ^ jnp.where((j >> p) & 1 == 1, part[p], jnp.uint32(0))
        return values

    low, high = table(masks[: n // 2]), table(masks[n // 2 : n])
    return (high[:, None] ^ low[None, :]).reshape(-1) ^ masks[n]


def _controlled(j: jax.Array, masks: jax.Array, count: int) -> jax.Array | None:
    """Where the last `count` masks all have parity 1; None if there are none."""
    if count == 0:
        return None
    tests = [_parity(j, masks[masks.shape[0] - count + c]) for c in range(count)]
    return reduce(jnp.logical_and, tests)


def _where(acts: jax.Array | None, new: jax.Array, old: jax.Array) -> jax.Array:
    return new if acts is None else jnp.where(acts, new, old)


# --- numbers --------------------------------------------------------------------------------------


def _complex(numbers: jax.Array, *shape: int) -> jax.Array:
    """Pairs (re, im) to complex numbers: (B, 2 * entries) to (B, *shape)."""
    entries = lax.complex(numbers[:, 0::2], numbers[:, 1::2]).reshape(-1, *shape)
    # Without the barrier XLA would form the entries anew for every amplitude that reads them.
    return lax.optimization_barrier(entries)


def _pairs(cotangent: jax.Array) -> jax.Array:
    """The cotangent of `_complex`: (B, ...) to (B, 2 * entries)."""
    flat = cotangent.reshape(cotangent.shape[0], -1)
    return jnp.stack([flat.real, -flat.imag], axis=-1).reshape(flat.shape[0], -1)


def _select(values: list[jax.Array], bits: list[jax.Array]) -> jax.Array:
    """values[b] with b the number whose bits are given; later bits are higher."""
    if not bits:
        return values[0]
    half = len(values) // 2
    return jnp.where(bits[-1], _select(values[half:], bits[:-1]), _select(values[:half], bits[:-1]))


@jax.custom_jvp
def _inverse(matrix: jax.Array) -> jax.Array:
    """The inverse of unitary matrices, shape (B, d, d).

    Its value is the conjugate transpose and its derivative is that of the inverse, so that what is
    derived from it is right in every direction, also in those that leave the unitary matrices.
    """
    return jnp.conj(jnp.swapaxes(matrix, -1, -2))


@_inverse.defjvp
def _inverse_jvp(primals: Any, tangents: Any) -> Any:
    (matrix,), (change,) = primals, tangents
    inverse = _inverse(matrix)
    product = jnp.einsum("...ij,...jk,...kl->...il", inverse, change, inverse, precision=_EXACT)
    return inverse, -product


# --- steps ----------------------------------------------------------------------------------------
# A form has a forward and a backward function:
#   forward(form, state, masks, numbers) -> state
#   backward(form, psi, cotangent, masks, numbers, keep) -> psi, cotangent, cotangent of numbers
# where `keep` says that the cotangent of the numbers is wanted for each sample of the batch; else
# it is summed over the batch. It has the shape of the numbers of the form.


def _sum(values: jax.Array, keep: bool) -> jax.Array:
    """Sum over amplitudes, and over the batch unless kept: (B, N) to (B, 1) or (1, 1)."""
    total = jnp.sum(values, axis=-1, keepdims=True)
    return total if keep else jnp.sum(total, axis=0, keepdims=True)


def _dense_sum(
    matrix: jax.Array, partners: list[jax.Array], bits: list[jax.Array], transposed: bool
) -> jax.Array:
    """Sum over m of matrix[s, s ^ m] partner_m, with s the bits; matrix is (B, d, d)."""
    d = 2 ** len(bits)
    total = None
    for m, partner in enumerate(partners):
        rows = [matrix[:, s ^ m, s] if transposed else matrix[:, s, s ^ m] for s in range(d)]
        term = _select([row[:, None] for row in rows], bits) * partner
        total = term if total is None else total + term
    assert total is not None
    return total


def _dense_setup(
    form: Form, size: int, masks: jax.Array
) -> tuple[list[jax.Array], list[jax.Array], jax.Array | None]:
    """Indices of the 2**k partners of each amplitude, the bits of the targets, and the control."""
    j, labels = _labels(size)
    k = form.size
    partners = [j]
    for b in range(k):
        partners += [p ^ masks[b] for p in partners]
    bits = [_parity(labels, masks[k + b]) for b in range(k)]
    return partners, bits, _controlled(labels, masks, form.controls)


def _partners(state: jax.Array, indices: list[jax.Array]) -> list[jax.Array]:
    return [state, *(_at(state, index) for index in indices[1:])]


def _dense(form: Form, state: jax.Array, masks: jax.Array, numbers: jax.Array) -> jax.Array:
    indices, bits, acts = _dense_setup(form, state.shape[1], masks)
    matrix = _complex(numbers, 2**form.size, 2**form.size)
    return _where(acts, _dense_sum(matrix, _partners(state, indices), bits, False), state)


def _dense_back(
    form: Form, psi: jax.Array, cot: jax.Array, masks: jax.Array, numbers: jax.Array, keep: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    d = 2**form.size
    indices, bits, acts = _dense_setup(form, psi.shape[1], masks)
    matrix = _complex(numbers, d, d)
    before = _where(acts, _dense_sum(_inverse(matrix), _partners(psi, indices), bits, False), psi)
    new_cot = _where(acts, _dense_sum(matrix, _partners(cot, indices), bits, True), cot)
    if form.fixed:
        return before, new_cot, None
    # entry (s, s ^ m) collects cot * partner_m where the bits are s; by sums with signs, for
    # [bits = s] = 2**-k sum_w (-1)^(w.s) (-1)^(w.bits)
    entries: dict[tuple[int, int], jax.Array] = {}
    for m, partner in enumerate(_partners(before, indices)):
        product = cot * partner
        product = _where(acts, product, jnp.zeros_like(product))
        sums = []
        for w in range(d):
            odd = [bit for b, bit in enumerate(bits) if w >> b & 1]
            sign = reduce(jnp.logical_xor, odd) if odd else None
            signed = product if sign is None else jnp.where(sign, -product, product)
            sums.append(_sum(signed, keep))
        for s in range(d):
            terms = [-v if (w & s).bit_count() & 1 else v for w, v in enumerate(sums)]
            entries[s, s ^ m] = reduce(jnp.add, terms) / d
    flat = jnp.concatenate([entries[r, c] for r in range(d) for c in range(d)], axis=1)
    return before, new_cot, _pairs(flat)


def _rotation_setup(
    form: Form, size: int, masks: jax.Array, dtype: Any
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """Partner's index; w of shape (N,) in psi'[j] = c psi[j] + s w[j] psi[j ^ x]; the control."""
    j, labels = _labels(size)
    # P acts as (-i)^y (-1)^(z.j) on psi[j ^ x] for y letters Y, and w is -i times that.
    turn = jnp.asarray([-1j, -1, 1j, 1], dtype)[masks[2].astype(jnp.int32)]
    factor = jnp.where(_parity(labels, masks[1]), -turn, turn)
    return j ^ masks[0], factor, _controlled(labels, masks, form.controls)


def _rotation(form: Form, state: jax.Array, masks: jax.Array, numbers: jax.Array) -> jax.Array:
    index, factor, acts = _rotation_setup(form, state.shape[1], masks, state.dtype)
    c, s = (lax.complex(v, jnp.zeros_like(v)) for v in (numbers[:, :1], numbers[:, 1:2]))
    return _where(acts, c * state + s * factor * _at(state, index), state)


def _rotation_back(
    form: Form, psi: jax.Array, cot: jax.Array, masks: jax.Array, numbers: jax.Array, keep: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    index, factor, acts = _rotation_setup(form, psi.shape[1], masks, psi.dtype)
    c, s = numbers[:, :1], numbers[:, 1:2]
    norm = c * c + s * s  # 1, but not to the derivative
    ic, is_ = (lax.complex(v, jnp.zeros_like(v)) for v in (c / norm, s / norm))
    c, s = (lax.complex(v, jnp.zeros_like(v)) for v in (c, s))
    before = _where(acts, ic * psi - is_ * factor * _at(psi, index), psi)
    # P^T differs from P by the sign of its Y's; factor at j ^ x holds just that sign.
    turned = _at(factor[None] * cot, index)
    new_cot = _where(acts, c * cot + s * turned, cot)
    by_c, by_s = (cot * before).real, (cot * factor * _at(before, index)).real
    sums = [_sum(_where(acts, v, jnp.zeros_like(v)), keep) for v in (by_c, by_s)]
    return before, new_cot, jnp.concatenate(sums, axis=1)


def _diagonal_setup(form: Form, size: int, masks: jax.Array) -> list[tuple[jax.Array, Any]]:
    """For each factor its parity and where it acts."""
    _, labels = _labels(size)
    width = 1 + form.controls
    parts = [masks[f * width : (f + 1) * width] for f in range(form.size)]
    return [(_parity(labels, p[0]), _controlled(labels, p, form.controls)) for p in parts]


def _diagonal_product(
    entries: jax.Array, setup: list[tuple[jax.Array, jax.Array | None]]
) -> jax.Array:
    """The product of the factors at every j; entries is (B, factors, 2)."""
    total = None
    for f, (bit, acts) in enumerate(setup):
        value = jnp.where(bit, entries[:, f, 1:], entries[:, f, :1])
        value = _where(acts, value, jnp.ones_like(value))
        total = value if total is None else total * value
    assert total is not None
    return total


def _diagonal(form: Form, state: jax.Array, masks: jax.Array, numbers: jax.Array) -> jax.Array:
    entries = _complex(numbers, form.size, 2)
    return state * _diagonal_product(entries, _diagonal_setup(form, state.shape[1], masks))


def _diagonal_back(
    form: Form, psi: jax.Array, cot: jax.Array, masks: jax.Array, numbers: jax.Array, keep: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    setup = _diagonal_setup(form, psi.shape[1], masks)
    entries = _complex(numbers, form.size, 2)
    before = psi * _diagonal_product(1 / entries, setup)
    new_cot = cot * _diagonal_product(entries, setup)
    if form.fixed:
        return before, new_cot, None
    # The cotangent of one entry d is the sum of cot * psi / d over the j where it is read.
    product = cot * psi
    zero = jnp.zeros_like(product)
    columns = []
    for bit, acts in setup:
        here = _where(acts, product, zero)
        total, signed = _sum(here, keep), _sum(jnp.where(bit, -here, here), keep)
        columns += [(total + signed) / 2, (total - signed) / 2]
    flat = jnp.concatenate(columns, axis=1).reshape(-1, form.size, 2) / entries
    return before, new_cot, _pairs(flat)


def _table_index(form: Form, labels: jax.Array, masks: jax.Array) -> jax.Array:
    """The number formed by the bits of the targets, for every j."""
    index = jnp.zeros(labels.shape, jnp.int32)
    for b in range(form.size):
        index = index | (_parity(labels, masks[b]).astype(jnp.int32) << b)
    return index


def _table(form: Form, state: jax.Array, masks: jax.Array, numbers: jax.Array) -> jax.Array:
    _, labels = _labels(state.shape[1])
    entries = _complex(numbers, 2**form.size)
    factor = entries[:, _table_index(form, labels, masks)]
    return _where(_controlled(labels, masks, form.controls), state * factor, state)


def _table_back(
    form: Form, psi: jax.Array, cot: jax.Array, masks: jax.Array, numbers: jax.Array, keep: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    k, size = form.size, psi.shape[1]
    n = size.bit_length() - 1
    _, labels = _labels(size)
    acts = _controlled(labels, masks, form.controls)
    index = _table_index(form, labels, masks)
    entries = _complex(numbers, 2**k)
    before = _where(acts, psi * (1 / entries)[:, index], psi)
    new_cot = _where(acts, cot * entries[:, index], cot)
    if form.fixed:
        return before, new_cot, None
    product = cot * before
    product = _where(acts, product, jnp.zeros_like(product))
    ordered = _at(product, _affine(masks[k : k + n + 1], n)).reshape(-1, size >> k, 1 << k)
    total = jnp.sum(ordered, axis=1)
    return before, new_cot, _pairs(total if keep else jnp.sum(total, axis=0, keepdims=True))


def _block_layout(form: Form, size: int, masks: jax.Array) -> tuple[jax.Array, jax.Array, Any]:
    """Indices into the layout with the targets lowest, and back; the control in that layout."""
    n = size.bit_length() - 1
    _, labels = _labels(size)
    there, back = _affine(masks[: n + 1], n), _affine(masks[n + 1 : 2 * n + 2], n)
    return there, back, _controlled(labels, masks, form.controls)


def _rows(matrix: jax.Array, blocks: jax.Array) -> jax.Array:
    """Matrix (B, d, d) times every row of blocks (B, m, d)."""
    return jnp.einsum("brc,bmc->bmr", matrix, blocks, precision=_EXACT)


def _broadcast(matrix: jax.Array, batch: int) -> jax.Array:
    return jnp.broadcast_to(matrix, (batch, *matrix.shape[1:]))


def _block(form: Form, state: jax.Array, masks: jax.Array, numbers: jax.Array) -> jax.Array:
    d = 2**form.size
    there, _, acts = _block_layout(form, state.shape[1], masks)
    moved = _at(state, there)
    matrix = _broadcast(_complex(numbers, d, d), state.shape[0])
    new = _rows(matrix, moved.reshape(state.shape[0], -1, d)).reshape(state.shape)
    return _where(acts, new, moved)


def _block_back(
    form: Form, psi: jax.Array, cot: jax.Array, masks: jax.Array, numbers: jax.Array, keep: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    d, batch = 2**form.size, psi.shape[0]
    _, back, acts = _block_layout(form, psi.shape[1], masks)
    matrix = _broadcast(_complex(numbers, d, d), batch)
    blocks = partial(jnp.reshape, shape=(batch, -1, d))
    before = _where(acts, _rows(_inverse(matrix), blocks(psi)).reshape(psi.shape), psi)
    turned = _rows(jnp.swapaxes(matrix, 1, 2), blocks(cot)).reshape(cot.shape)
    new_cot = _where(acts, turned, cot)
    wanted = None
    if not form.fixed:
        source = _where(acts, cot, jnp.zeros_like(cot))
        sums = "bmr,bmc->brc" if keep else "bmr,bmc->rc"
        entries = jnp.einsum(sums, blocks(source), blocks(before), precision=_EXACT)
        wanted = _pairs(entries if keep else entries[None])
    return _at(before, back), _at(new_cot, back), wanted


def _permuted(form: Form, state: jax.Array, masks: jax.Array, undo: bool) -> jax.Array:
    j, labels = _labels(state.shape[1])
    k = form.size
    start = k + (2**k if undo else 0)
    flips = masks[start : start + 2**k][_table_index(form, labels, masks)]
    acts = _controlled(labels, masks, form.controls)
    return _at(state, j ^ _where(acts, flips, jnp.zeros_like(flips)))


def _permutation(form: Form, state: jax.Array, masks: jax.Array, numbers: jax.Array) -> jax.Array:
    return _permuted(form, state, masks, undo=False)


def _permutation_back(
    form: Form, psi: jax.Array, cot: jax.Array, masks: jax.Array, numbers: jax.Array, keep: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    return _permuted(form, psi, masks, undo=True), _permuted(form, cot, masks, undo=True), None


_FORMS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "dense": (_dense, _dense_back),
    "block": (_block, _block_back),
    "rotation": (_rotation, _rotation_back),
    "diagonal": (_diagonal, _diagonal_back),
    "table": (_table, _table_back),
    "permutation": (_permutation, _permutation_back),
}


def _counts(form: Form, n: int) -> tuple[int, int]:
    """How many masks and how many numbers a step of the form has."""
    k, c = form.size, form.controls
    return {
        "dense": (2 * k + c, 2 * 4**k),
        "block": (2 * n + 2 + c, 2 * 4**k),
        "rotation": (3 + c, 2),
        "diagonal": (k * (1 + c), 4 * k),
        "table": (k + n + 1 + c, 2 * 2**k),
        "permutation": (k + 2 * 2**k + c, 0),
    }[form.name]


# --- loops ----------------------------------------------------------------------------------------


def _loop(
    segment: Segment, body: Callable[..., Any], carry: Any, numbers: Any, reverse: bool
) -> Any:
    """Run `body(form, carry, masks, numbers) -> (carry, out)` over the steps of a segment."""
    branches = [partial(body, form) for form in segment.forms]
    read = jnp.asarray(segment.numbers)

    def step(carry: Any, operands: Any) -> Any:
        which, masks, places = operands
        used = numbers[:, places]
        if len(branches) == 1:
            return branches[0](carry, masks, used)
        return lax.switch(which, branches, carry, masks, used)

    operands = (jnp.asarray(segment.form), jnp.asarray(segment.masks), read)
    if len(segment.form) == 1:
        carry, out = step(carry, tuple(o[0] for o in operands))
        return carry, out[None]
    return lax.scan(step, carry, operands, reverse=reverse)


def _all_numbers(tape: Tape, numbers: jax.Array) -> jax.Array:
    """The buffer, the constants, and minus the buffer."""
    constants = jnp.asarray(tape.constants, numbers.dtype)
    constants = jnp.broadcast_to(constants, (numbers.shape[0], constants.shape[0]))
    parts = [numbers, constants] + ([-numbers] if tape.negated.shape[0] else [])
    return jnp.concatenate(parts, axis=1)


def apply(plan: Plan, state: jax.Array, numbers: jax.Array) -> jax.Array:
    """The state after the circuit.

    Args:
        plan: The plan.
        state: Complex, shape (B, 2**n) or (1, 2**n).
        numbers: Real, shape (B, plan.num_numbers) or (1, plan.num_numbers).

    Returns:
        Complex, shape (B, 2**n).
    """
    tape = write_tape(plan)
    n = tape.num_qubits
    batch = max(state.shape[0], numbers.shape[0])
    state = jnp.broadcast_to(state, (batch, state.shape[1]))
    everything = _all_numbers(tape, numbers)

    def body(form: Form, state: jax.Array, masks: jax.Array, used: jax.Array) -> Any:
        num_masks, num_numbers = _counts(form, n)
        forward, _ = _FORMS[form.name]
        new = forward(form, state, masks[:num_masks], used[:, :num_numbers])
        return new, jnp.zeros((0,), used.dtype)

    for segment in tape.segments:
        state, _ = _loop(segment, body, state, everything, reverse=False)
    return state if tape.read is None else _at(state, _affine(jnp.asarray(tape.read), n))


def adjoint(
    plan: Plan, state: jax.Array, cotangent: jax.Array, numbers: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The cotangents of the initial state and of the numbers, and the initial state.

    Args:
        plan: The plan.
        state: The state after the circuit, shape (B, 2**n) or (1, 2**n).
        cotangent: Of that state, shape (B, 2**n) or (1, 2**n).
        numbers: Real, shape (B, plan.num_numbers) or (1, plan.num_numbers); with (1, ...) the
            cotangent of the numbers is summed over the batch.

    Returns:
        Cotangents of the initial state, (B, 2**n), and of the numbers, of their own shape; and that
        state, (B, 2**n).
    """
    tape = write_tape(plan)
    n = tape.num_qubits
    batch = max(state.shape[0], cotangent.shape[0], numbers.shape[0])
    keep = numbers.shape[0] > 1
    pair = tuple(jnp.broadcast_to(x, (batch, x.shape[1])) for x in (state, cotangent))
    if tape.write is not None:
        index = _affine(jnp.asarray(tape.write), n)
        pair = tuple(_at(x, index) for x in pair)
    everything = _all_numbers(tape, numbers)

    outs = []
    for segment in reversed(tape.segments):
        width = segment.numbers.shape[1]

        def body(
            form: Form, pair: Any, masks: jax.Array, used: jax.Array, width: int = width
        ) -> Any:
            num_masks, num_numbers = _counts(form, n)
            _, backward = _FORMS[form.name]
            psi, cot, wanted = backward(form, *pair, masks[:num_masks], used[:, :num_numbers], keep)
            out = jnp.zeros((numbers.shape[0], width), numbers.dtype)
            return (psi, cot), out if wanted is None else out.at[:, :num_numbers].set(wanted)

        pair, out = _loop(segment, body, pair, everything, reverse=True)
        outs.append(jnp.moveaxis(out, 1, 0).reshape(numbers.shape[0], -1))
    zero = jnp.zeros((numbers.shape[0], 1), numbers.dtype)
    read = jnp.concatenate([*reversed(outs), zero], axis=1)
    total = jnp.zeros_like(numbers)
    for sign, positions in ((1, tape.positions), (-1, tape.negated)):
        for row in np.asarray(positions):
            total = total + sign * read[:, row]
    return pair[1], total, pair[0]
