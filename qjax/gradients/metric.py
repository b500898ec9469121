"""Metrics of parameters: how fast a circuit's state, or its probabilities, change with them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from qjax.circuit import Circuit
from qjax.circuit.binding import flat_values
from qjax.errors import CircuitError, ParameterError
from qjax.simulate import probabilities, statevector

_EXACT = lax.Precision.HIGHEST
_MOST_STORED = 2**27  # amplitudes of all derivatives of a state that are held at once

APPROXIMATIONS = ("full", "block-diagonal", "diagonal")


def metric_tensor(
    circuit: Circuit,
    params: Any,
    *,
    approximation: str = "full",
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    r"""The Fubini-Study metric of a circuit's state: the quantum Fisher information is 4 g.

    g_jk = Re(<d_j psi|d_k psi> - <d_j psi|psi><psi|d_k psi>)

    Args:
        circuit: The circuit, without measurements and noise.
        params: Values of its open parameters, one set: a flat array, or a mapping.
        approximation: "full"; "block-diagonal", where parameters of different layers have 0: a new
            layer starts when a gate with open angles meets a qubit that one has touched since the
            last layer's start; or "diagonal".
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Real array of shape (p, p) for the p numbers in `params`, in the order of
        `jax.flatten_util.ravel_pytree`.

    Raises:
        ParameterError: If params are not one set of values, or the approximation is unknown.

    Note:
        p derivatives of the state are held, or if these are too many, computed one by one, each
        with a vector-Jacobian product: see `metric_product`.

    Examples:
        >>> import qjax as qj
        >>> theta = qj.ParameterVector("theta", 2)
        >>> circuit = qj.Circuit(1).ry(theta[0], 0).rz(theta[1], 0)
        >>> metric_tensor(circuit, np.array([0.5, 0.1])).round(4) + 0.0  # 1/4, sin(0.5)^2 / 4
        Array([[0.25  , 0.    ],
               [0.    , 0.0575]], dtype=float32)

    References:
        J. Stokes, J. Izaac, N. Killoran, G. Carleo, Quantum natural gradient, Quantum 4, 269
        (2020).
    """
    if approximation not in APPROXIMATIONS:
        raise ParameterError(
            f"metric_tensor: approximation must be one of {', '.join(APPROXIMATIONS)}, but is "
            f"{approximation!r}."
        )
    state, flat = _state_of(circuit, params, dtype, engine)
    size, amplitudes = flat.shape[0], 2**circuit.num_qubits
    if approximation == "diagonal":
        return jnp.diag(
            lax.map(lambda row: _length(state, flat, row), jnp.eye(size, dtype=flat.dtype))
        )
    if size * amplitudes > _MOST_STORED:
        product = _product(state, flat)
        full = lax.map(product, jnp.eye(size, dtype=flat.dtype))
    else:
        rest = tangents(state, flat, state(flat))
        full = jnp.einsum("ji,ki->jk", rest.conj(), rest, precision=_EXACT).real
    if approximation == "full":
        return full
    same = jnp.asarray(_same_layer(circuit, params))
    return jnp.where(same, full, jnp.zeros_like(full))


def metric_product(
    circuit: Circuit,
    params: Any,
    vector: jax.Array,
    *,
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    """The Fubini-Study metric times a vector, by one derivative forward and one back.

    Args:
        circuit: As in `metric_tensor`.
        params: As in `metric_tensor`.
        vector: Real array of shape (p,).
        dtype: As in `metric_tensor`.
        engine: As in `metric_tensor`.

    Returns:
        Real array of shape (p,). The memory is that of a few states, whatever p.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(1).ry(qj.Parameter("t"), 0)
        >>> metric_product(circuit, jnp.array([0.5]), jnp.array([2.0]))
        Array([0.5], dtype=float32)
    """
    state, flat = _state_of(circuit, params, dtype, engine)
    return _product(state, flat)(jnp.asarray(vector, flat.dtype))


def classical_fisher(
    circuit: Circuit, params: Any, *, dtype: Any = None, engine: str | None = None
) -> jax.Array:
    """The classical Fisher information of the probabilities of all bitstrings.

    I_jk = sum_x (d_j p_x) (d_k p_x) / p_x, over the bitstrings that have a probability.

    Args:
        circuit: As in `metric_tensor`.
        params: As in `metric_tensor`.
        dtype: As in `metric_tensor`.
        engine: As in `metric_tensor`.

    Returns:
        Real array of shape (p, p); at most four times the metric tensor, as matrices.

    Examples:
        >>> import qjax as qj
        >>> classical_fisher(qj.Circuit(1).ry(qj.Parameter("t"), 0), jnp.array([0.5]))
        Array([[1.]], dtype=float32)

    References:
        J. J. Meyer, Fisher information in noisy intermediate-scale quantum applications, Quantum 5,
        539 (2021).
    """
    flat, unravel = raveled(circuit, params)
    chances = lambda x: probabilities(circuit, unravel(x), dtype=dtype, engine=engine)
    found, slopes = chances(flat), jax.jacfwd(chances)(flat)
    positive = found > jnp.finfo(found.dtype).eps ** 2
    weights = jnp.where(positive, 1 / jnp.where(positive, found, jnp.ones_like(found)), 0 * found)
    return jnp.einsum("xj,x,xk->jk", slopes, weights, slopes, precision=_EXACT)


def raveled(circuit: Circuit, params: Any) -> tuple[jax.Array, Callable[[jax.Array], Any]]:
    """One set of params as a flat array, and the way back.

    Raises:
        ParameterError: If they are not the circuit's, or not real numbers.
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"circuit must be a Circuit, but is {circuit!r}.")
    flat, unravel = ravel_pytree(params)
    if flat.shape != (circuit.num_parameters,):
        raise ParameterError(
            f"params must be one set of {circuit.num_parameters} values, but hold {flat.shape[0]}."
        )
    if not jnp.issubdtype(flat.dtype, jnp.floating):
        raise ParameterError(f"params must be real floating-point numbers, but are {flat.dtype}.")
    return flat, unravel


def raveled_places(circuit: Circuit, params: Any) -> np.ndarray:
    """Where each number of the circuit's flat array stands among the raveled params: int (p,)."""
    with jax.ensure_compile_time_eval():
        flat, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.zeros(jnp.shape(leaf)), params))
        places = flat_values(circuit.structure, unravel(jnp.arange(len(flat), dtype=flat.dtype)))
        return np.asarray(places).astype(int)


def _state_of(
    circuit: Circuit, params: Any, dtype: Any, engine: str | None
) -> tuple[Callable[[jax.Array], jax.Array], jax.Array]:
    flat, unravel = raveled(circuit, params)
    return lambda x: statevector(circuit, unravel(x), dtype=dtype, engine=engine), flat


def tangents(state: Callable, flat: jax.Array, psi: jax.Array) -> jax.Array:
    """The derivatives of a state, without their parts along the state: (p, 2**n)."""
    columns = jax.vmap(lambda row: jax.jvp(state, (flat,), (row,))[1])
    slopes = columns(jnp.eye(flat.shape[0], dtype=flat.dtype))
    along = jnp.einsum("i,ji->j", psi.conj(), slopes, precision=_EXACT)
    return slopes - along[:, None] * psi


def _length(state: Callable, flat: jax.Array, row: jax.Array) -> jax.Array:
    """The metric's diagonal element of a direction."""
    psi, slope = jax.jvp(state, (flat,), (row,))
    along = jnp.vdot(psi, slope, precision=_EXACT)
    rest = slope - along * psi
    return jnp.sum(rest.real**2 + rest.imag**2)


def _product(state: Callable, flat: jax.Array) -> Callable[[jax.Array], jax.Array]:
    psi, pull = jax.vjp(state, flat)

    def product(vector: jax.Array) -> jax.Array:
        slope = jax.jvp(state, (flat,), (vector,))[1]
        rest = slope - jnp.vdot(psi, slope, precision=_EXACT) * psi
        # JAX's cotangents are not conjugated: Re(sum of c d psi) is what is pulled back.
        return pull(jnp.conj(rest))[0]

    return product


def _same_layer(circuit: Circuit, params: Any) -> np.ndarray:
    """Whether two parameters are in one layer, (p, p); in the order of the raveled params."""
    layer, busy = 0, set()
    layers: dict[int, set[int]] = {}
    for i in circuit:
        if not i.is_symbolic:
            continue
        if busy & set(i.all_qubits):
            layer, busy = layer + 1, set()
        busy |= set(i.all_qubits)
        for param in i.params:
            for symbol, _ in getattr(param, "terms", ()):
                layers.setdefault(circuit.structure.position(symbol), set()).add(layer)
    # A parameter in several layers joins them.
    joined = list(range(layer + 1))

    def root(k: int) -> int:
        return k if joined[k] == k else root(joined[k])

    for members in layers.values():
        first, *others = sorted(members)
        for other in others:
            joined[root(other)] = root(first)
    own = [root(min(layers[k])) if k in layers else -1 - k for k in range(circuit.num_parameters)]
    group = np.array(own)[np.argsort(raveled_places(circuit, params))]
    return group[:, None] == group[None, :]
