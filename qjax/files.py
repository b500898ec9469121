"""Circuits, observables and parameters on disk: versioned JSON, with large arrays beside it.

A file holds one JSON object with `format`, `version`, `data` and the SHA-256 digest of `data`. An
array of more than 256 numbers goes into one NumPy archive `NAME.npz` beside `NAME`, and the JSON
holds its digest. Numbers are written so that the same bits are read back.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from qjax._atomic import whole_file
from qjax.channels import CHANNELS, Channel
from qjax.channels import FAMILIES as CHANNEL_FAMILIES
from qjax.circuit.circuit import Circuit
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET, Directive, Instruction
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.errors import FileError, QjaxError
from qjax.gates import FAMILIES, GATES, Gate
from qjax.observables import Diagonal, Hermitian, PauliString, PauliSum, Projector

FORMAT = "qjax"
VERSION = 1
_INLINE = 256  # numbers up to which an array stands in the JSON text

_MADE: dict[str, Callable[..., Gate | Channel]] = {**FAMILIES, **CHANNEL_FAMILIES}
_NAMED: dict[str, Gate | Channel] = {**GATES, **CHANNELS}
_DIRECTIVES = {d.name: d for d in (BARRIER, MEASURE, RESET)}


def save(value: Any, path: str | os.PathLike) -> None:
    """Write a circuit, an observable or parameters to a file.

    Args:
        value: A Circuit, PauliSum, Projector, Diagonal or Hermitian; or parameters: arrays and
            numbers, in lists, tuples and dicts with text keys, nested as you like.
        path: The file, by custom with the ending .json. Large arrays go to `path` + ".npz".

    Raises:
        FileError: If something in it cannot be saved: a traced number, or a gate of your own.

    Examples:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "bell.json"
        >>> bell = Circuit(2).h(0).cx(0, 1)
        >>> save(bell, file)
        >>> load(file) == bell
        True
        >>> folder.cleanup()
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    data = _encode(value, arrays)
    beside = _beside(path)
    if arrays:
        with whole_file(beside) as file:
            np.savez(file, allow_pickle=False, **arrays)
    else:
        beside.unlink(missing_ok=True)
    document = {"format": FORMAT, "version": VERSION, "sha256": _digest(_text(data)), "data": data}
    with whole_file(path) as file:
        file.write(_text(document))


def load(path: str | os.PathLike) -> Any:
    """Read what `save` wrote; it is equal to what was saved.

    Args:
        path: The file.

    Returns:
        The circuit, observable or parameters. Arrays are NumPy arrays.

    Raises:
        FileError: If the file is missing, damaged, of another kind, or of an unknown version.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save({"theta": np.array([0.1, 0.2])}, f"{folder}/angles.json")
        ...     params = load(f"{folder}/angles.json")
        >>> params
        {'theta': array([0.1, 0.2])}
    """
    path = Path(path)
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError):
        raise FileError(f"load: there is no file {str(path)!r}.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileError(f"load: {str(path)!r} is damaged, or no file of qjax: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileError(f"load: {str(path)!r} must be a file that qjax.save wrote.")
    if document.get("version") != VERSION:
        raise FileError(
            f"load: {str(path)!r} must be of version {VERSION}, but is of version "
            f"{document.get('version')!r}. Read it with the release of qjax that wrote it."
        )
    data = document.get("data")
    if document.get("sha256") != _digest(_text(data)):
        raise FileError(f"load: {str(path)!r} is damaged: its digest does not fit its data.")
    arrays: dict[str, np.ndarray] | None = None

    def archive(name: str) -> np.ndarray:
        nonlocal arrays
        if arrays is None:
            arrays = _read_archive(_beside(path))
        if name not in arrays:
            raise FileError(f"load: {str(_beside(path))!r} is damaged: it lacks {name!r}.")
        return arrays[name]

    try:
        return _decode(data, archive)
    except QjaxError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise FileError(f"load: {str(path)!r} is damaged: {error}") from error


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".npz")


def _read_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise FileError(f"load: the arrays' file {str(path)!r} is missing.") from None
    except Exception as error:  # a damaged archive makes its readers raise almost anything
        raise FileError(f"load: {str(path)!r} is damaged: {error}") from error


def _text(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- encoding -------------------------------------------------------------------------------------

Arrays = dict[str, np.ndarray]
Archive = Callable[[str], np.ndarray]


def _encode(value: Any, arrays: Arrays) -> Any:
    if is_traced(value):
        raise FileError("save: a traced number has no value to save; call save outside jit.")
    for kind, (encode, _) in _KINDS.items():
        if isinstance(value, _TYPES[kind]):
            return {"kind": kind} | encode(value, arrays)
    raise FileError(
        "save: must be given a circuit, an observable or parameters (arrays, numbers, lists, "
        f"tuples, dicts), but found {type(value).__name__}."
    )


def _decode(data: Any, archive: Archive) -> Any:
    if data["kind"] not in _KINDS:
        raise FileError(f"load: the file holds an unknown kind {data['kind']!r}.")
    _, decode = _KINDS[data["kind"]]
    return decode(data, archive)


def _encode_array(value: Any, arrays: Arrays) -> dict[str, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise FileError(f"save: arrays must hold numbers, but one has dtype {array.dtype}.")
    facts = {"dtype": array.dtype.str, "shape": list(array.shape)}
    if array.size > _INLINE:
        name = f"array{len(arrays)}"
        arrays[name] = array
        return facts | {"name": name, "sha256": _digest(array.tobytes())}
    flat = array.reshape(-1)
    if array.dtype.kind == "c":
        flat = np.stack([np.real(flat), np.imag(flat)], axis=-1).reshape(-1)
    return facts | {"numbers": flat.tolist()}


def _decode_array(data: Any, archive: Archive) -> np.ndarray:
    dtype, shape = np.dtype(data["dtype"]), tuple(data["shape"])
    if "name" in data:
        array = archive(data["name"])
        if _digest(array.tobytes()) != data["sha256"]:
            raise FileError(f"load: the array {data['name']!r} is damaged.")
        return array
    part = np.finfo(dtype).dtype if dtype.kind == "c" else dtype
    return np.array(data["numbers"], part).view(dtype).reshape(shape)


def _encode_expression(value: ParameterExpression, arrays: Arrays) -> dict[str, Any]:
    terms = [[s.name, list(s.shape), s.index, float(factor)] for s, factor in value.terms]
    return {"terms": terms, "offset": float(value.offset)}


def _decode_expression(data: Any, archive: Archive) -> ParameterExpression:
    terms = tuple(
        (Symbol(name, tuple(shape), index), factor) for name, shape, index, factor in data["terms"]
    )
    return ParameterExpression(terms, data["offset"])


def _encode_circuit(circuit: Circuit, arrays: Arrays) -> dict[str, Any]:
    facts = {
        "num_qubits": circuit.num_qubits,
        "num_clbits": circuit.num_clbits,
        "instructions": [_encode_instruction(i, arrays) for i in circuit],
    }
    if circuit.clbit_registers:
        facts["clbit_registers"] = circuit.clbit_registers
    return facts


def _encode_instruction(i: Instruction, arrays: Arrays) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": i.operation.name, "qubits": list(i.qubits)}
    if not isinstance(i.operation, Directive):
        made = _MADE.get(i.operation.name)
        known = _NAMED.get(i.operation.name) if made is None else made(*i.operation.arguments)
        if known is not i.operation:
            kind, form = ("gate", "a unitary") if i.is_gate else ("channel", "Kraus operators")
            raise FileError(
                f"save: {kind}s must be of qjax's table, but {i.operation.name!r} is a {kind} of "
                f"your own. Append it as {form} to save the circuit."
            )
    if arguments := getattr(i.operation, "arguments", ()):
        facts["arguments"] = [list(a) if isinstance(a, tuple) else a for a in arguments]
    if i.params:
        facts["params"] = [_encode(p, arrays) for p in i.params]
    if i.controls:
        facts |= {"controls": list(i.controls), "control_values": list(i.control_values)}
    if i.clbits:
        facts["clbits"] = list(i.clbits)
    if i.conditions:
        facts["conditions"] = [
            {"clbits": list(c.clbits), "values": list(c.values), "negated": c.negated}
            for c in i.conditions
        ]
    return facts


def _decode_circuit(data: Any, archive: Archive) -> Circuit:
    circuit = Circuit(data["num_qubits"], data["num_clbits"])
    for facts in data["instructions"]:
        operation = _operation(facts["name"], facts.get("arguments", []))
        one = Circuit(circuit.num_qubits, circuit.num_clbits)
        if isinstance(operation, Directive):
            qubits, clbits = tuple(facts["qubits"]), tuple(facts.get("clbits", ()))
            one.append(Instruction(operation, qubits, clbits=clbits))
        elif isinstance(operation, Channel):
            values = tuple(_decode(p, archive) for p in facts["params"])
            one.channel(operation, values, facts["qubits"])
        else:
            params = tuple(_decode(p, archive) for p in facts.get("params", []))
            one.append(
                operation,
                facts["qubits"],
                params,
                controls=facts.get("controls", ()),
                control_values=facts.get("control_values"),
            )
        conditions = tuple(
            Condition(tuple(c["clbits"]), tuple(c["values"]), c["negated"])
            for c in facts.get("conditions", [])
        )
        for instruction in one:
            circuit.append(replace(instruction, conditions=conditions))
    if "clbit_registers" in data:
        circuit.name_clbits(data["clbit_registers"])
    return circuit


def _operation(name: str, arguments: list[Any]) -> Gate | Channel | Directive:
    if name in _DIRECTIVES:
        return _DIRECTIVES[name]
    if name in _MADE:
        return _MADE[name](*(tuple(a) if isinstance(a, list) else a for a in arguments))
    if name not in _NAMED:
        raise FileError(f"load: the file holds an unknown gate {name!r}.")
    return _NAMED[name]


def _encode_pauli_sum(value: PauliSum, arrays: Arrays) -> dict[str, Any]:
    return {
        "num_qubits": value.num_qubits,
        "strings": [str(s) for s in value.strings],
        "coefficients": _encode(np.asarray(value.coefficients), arrays),
    }


def _decode_pauli_sum(data: Any, archive: Archive) -> PauliSum:
    coefficients = _decode(data["coefficients"], archive).tolist()
    pairs = list(zip(map(PauliString, data["strings"]), coefficients, strict=True))
    return PauliSum(pairs, num_qubits=data["num_qubits"])


def _encode_projector(value: Projector, arrays: Arrays) -> dict[str, Any]:
    if value.index is not None:
        bits = format(value.index, f"0{len(value.qubits)}b")
        return {"qubits": list(value.qubits), "bits": bits}
    return {"qubits": list(value.qubits), "numbers": _encode(np.asarray(value.vector), arrays)}


def _decode_projector(data: Any, archive: Archive) -> Projector:
    state = data["bits"] if "bits" in data else _decode(data["numbers"], archive)
    return Projector(state, data["qubits"])


def _operator(attribute: str, make: Callable[..., Any]) -> tuple[Any, Any]:
    def encode(value: Any, arrays: Arrays) -> dict[str, Any]:
        numbers = np.asarray(getattr(value, attribute))
        return {"qubits": list(value.qubits), "numbers": _encode(numbers, arrays)}

    return encode, lambda data, archive: make(_decode(data["numbers"], archive), data["qubits"])


def _sequence(make: type) -> tuple[Any, Any]:
    def encode(value: Any, arrays: Arrays) -> dict[str, Any]:
        return {"items": [_encode(v, arrays) for v in value]}

    return encode, lambda data, archive: make(_decode(v, archive) for v in data["items"])


def _encode_mapping(value: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in value):
        raise FileError(f"save: keys must be text, but are {list(value)}.")
    return {"items": {key: _encode(v, arrays) for key, v in value.items()}}


def _decode_mapping(data: Any, archive: Archive) -> dict[str, Any]:
    return {key: _decode(v, archive) for key, v in data["items"].items()}


_PLAIN = (lambda value, arrays: {"value": value}, lambda data, archive: data["value"])

_TYPES: dict[str, Any] = {
    "circuit": Circuit, "pauli_sum": PauliSum, "projector": Projector, "diagonal": Diagonal,
    "hermitian": Hermitian, "expression": ParameterExpression,
    "array": (np.ndarray, np.generic, jax.Array), "number": (bool, int, float), "list": list,
    "tuple": tuple, "dict": dict,
}  # fmt: skip

_KINDS: dict[str, tuple[Any, Any]] = {
    "circuit": (_encode_circuit, _decode_circuit),
    "pauli_sum": (_encode_pauli_sum, _decode_pauli_sum),
    "projector": (_encode_projector, _decode_projector),
    "diagonal": _operator("values", Diagonal),
    "hermitian": _operator("matrix", Hermitian),
    "expression": (_encode_expression, _decode_expression),
    "array": (_encode_array, _decode_array),
    "number": _PLAIN,
    "list": _sequence(list),
    "tuple": _sequence(tuple),
    "dict": (_encode_mapping, _decode_mapping),
}
