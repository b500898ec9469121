"""From the values that a user gives to the flat array that a structure reads."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.channels import Channel
from qjax.circuit.instruction import (
    Directive,
    Instruction,
    checked_angle,
    checked_values,
    placed,
)
from qjax.circuit.parameter import ParameterExpression, is_real, is_traced
from qjax.circuit.structure import Structure
from qjax.errors import ParameterError


def named_values(params: Any) -> Mapping[str, Any] | None:
    """Values by name from a mapping, a named tuple or a dataclass; None for anything else."""
    if isinstance(params, Mapping):
        return params
    if hasattr(params, "_asdict"):
        return params._asdict()
    if dataclasses.is_dataclass(params) and not isinstance(params, type):
        return {f.name: getattr(params, f.name) for f in dataclasses.fields(params)}
    return None


def flat_values(structure: Structure, params: Any) -> Any:
    """All parameter values in one array of shape (..., num_parameters), or None if there are none.

    Args:
        structure: Says which parameters there are, and their shapes.
        params: None, an array of shape (..., num_parameters), or values by name, each of shape
            (..., *shape of the parameter); leading axes are batches and broadcast.

    Raises:
        ParameterError: If values are missing, unknown, not finite, or of the wrong shape.
    """
    if not structure.vectors:
        if any(np.size(leaf) for leaf in jax.tree_util.tree_leaves(params)):
            raise ParameterError("params were given, but the circuit has no open parameters.")
        return None
    names = ", ".join(f"{name}{list(shape) if shape else ''}" for name, shape in structure.vectors)
    if params is None:
        raise ParameterError(f"The circuit has open parameters ({names}): give params.")
    named = named_values(params)
    if named is None:
        values = _real_array("params", params)
        if values.ndim == 0 and structure.num_parameters == 1:
            values = values.reshape(1)
        if values.ndim == 0 or values.shape[-1] != structure.num_parameters:
            raise ParameterError(
                f"params must have shape (..., {structure.num_parameters}) for {names}, "
                f"but has shape {tuple(values.shape)}."
            )
        return values
    _check_names(structure, named, partial=False)
    parts = []
    for name, shape in structure.vectors:
        value = _shaped(name, shape, named[name])
        lead = value.shape[: value.ndim - len(shape)]
        parts.append(value.reshape(*lead, structure.offsets[name][1]))
    try:
        lead = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    except ValueError:
        pairs = zip(structure.vectors, parts, strict=True)
        shapes = ", ".join(f"{part.shape[:-1]} of {name}" for (name, _), part in pairs)
        raise ParameterError(f"params: leading axes must broadcast, but are {shapes}.") from None
    xp = jnp if any(is_traced(p) or isinstance(p, jax.Array) for p in parts) else np
    # Values given as Python numbers are float64: they may meet float32, also when JAX is strict.
    with jax.numpy_dtype_promotion("standard"):
        dtype = xp.result_type(*parts)
    return xp.concatenate(
        [xp.broadcast_to(part, (*lead, part.shape[-1])).astype(dtype) for part in parts], axis=-1
    )


def bind_instructions(
    structure: Structure, instructions: list[Instruction], params: Any
) -> list[Instruction]:
    """The instructions with values put in; see `Circuit.bind`."""
    named = named_values(params)
    if named is None:
        values = flat_values(structure, params)
        if values is None:
            return list(instructions)
        if values.ndim != 1:
            raise ParameterError(
                f"bind: params must have shape ({structure.num_parameters},), but has shape "
                f"{tuple(values.shape)}. Use jax.vmap to bind a batch."
            )
        named = {
            name: values[start : start + size].reshape(shape)
            for (name, shape), (start, size) in zip(
                structure.vectors, structure.offsets.values(), strict=True
            )
        }
    _check_names(structure, named, partial=True)
    shapes = dict(structure.vectors)
    ready = {name: _shaped(name, shapes[name], value) for name, value in named.items()}
    for name, value in ready.items():
        if value.shape != shapes[name]:
            raise ParameterError(
                f"bind: {name} must have shape {shapes[name]}, but has shape {value.shape}."
            )

    def bound(i: Instruction) -> Instruction:
        if not i.is_symbolic:
            return i
        assert not isinstance(i.operation, Directive)
        values = (p.bind(ready) if isinstance(p, ParameterExpression) else p for p in i.params)
        where = placed(i.name, i.all_qubits)
        if isinstance(i.operation, Channel):
            return dataclasses.replace(i, params=checked_values(where, i.operation, tuple(values)))
        checked = tuple(
            checked_angle(where, name, value)
            for name, value in zip(i.operation.params, values, strict=True)
        )
        return dataclasses.replace(i, params=checked)

    return [bound(i) for i in instructions]


def _check_names(structure: Structure, named: Mapping[str, Any], *, partial: bool) -> None:
    known = [name for name, _ in structure.vectors]
    unknown = [name for name in named if name not in known]
    missing = [name for name in known if name not in named]
    if unknown:
        raise ParameterError(
            f"params: there is no parameter {', '.join(map(str, unknown))}; "
            f"the circuit has {', '.join(known)}."
        )
    if missing and not partial:
        raise ParameterError(f"params: no value for {', '.join(missing)}.")


def _real_array(name: str, value: Any) -> Any:
    """A real array; Python numbers and nested lists of them become float64 NumPy arrays."""
    if not isinstance(value, (jax.Array, np.ndarray, np.generic)):
        leaves = jax.tree_util.tree_leaves(value)
        stack = jnp.asarray if any(isinstance(v, jax.Array) for v in leaves) else np.asarray
        try:
            value = stack(value)
        except (TypeError, ValueError):
            raise ParameterError(f"{name} must be an array of numbers, but is {value!r}.") from None
    if not is_real(value.dtype):
        raise ParameterError(f"{name} must be real numbers, but has dtype {value.dtype}.")
    if np.dtype(value.dtype).kind in "iu":
        value = value.astype(float)
    if not is_traced(value) and not bool(np.all(np.isfinite(np.asarray(value, np.float64)))):
        raise ParameterError(f"{name} must be finite, but holds NaN or infinity.")
    return value


def _shaped(name: str, shape: tuple[int, ...], value: Any) -> Any:
    array = _real_array(name, value)
    if array.ndim < len(shape) or array.shape[array.ndim - len(shape) :] != shape:
        wanted = f"(..., {', '.join(str(s) for s in shape)})" if shape else "()"
        raise ParameterError(
            f"params: {name} must have shape {wanted}, but has shape {tuple(array.shape)}."
        )
    return array
