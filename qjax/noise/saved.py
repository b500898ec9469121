"""Noise models as JSON."""

from typing import Any

import numpy as np

from qjax.channels import CHANNELS, FAMILIES, Channel, find_channel
from qjax.circuit.parameter import is_traced
from qjax.errors import FileError
from qjax.noise.rule import Rule

FORMAT, VERSION = "qjax noise", 1

Readout = dict[int | None, tuple[Any, Any]]


def encoded(rules: list[Rule], readout: Readout) -> dict[str, Any]:
    """A model as what JSON can hold.

    Raises:
        FileError: If a strength is traced or symbolic, or a channel is no row of the table.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "rules": [
            {
                "channel": _named(rule.channel).name,
                "arguments": rule.channel.arguments,
                "values": [_number(v, rule.channel.name) for v in rule.values],
                "gates": rule.gates,
                "qubits": rule.qubits,
                "on": rule.on,
            }
            for rule in rules
        ],
        "readout": [[q, *(_number(v, "readout") for v in pair)] for q, pair in readout.items()],
    }


def decoded(facts: Any) -> tuple[list[Rule], Readout]:
    """The rules and the readout errors of what `encoded` made; its values are not checked.

    Raises:
        ValueError: If it is of another format or version.
    """
    if facts["format"] != FORMAT or facts["version"] != VERSION:
        raise ValueError("another format")
    rules = []
    for rule in facts["rules"]:
        name, arguments = rule["channel"], rule.get("arguments", ())
        row = FAMILIES[name](*arguments) if arguments else find_channel(name)
        places = (rule[key] if rule[key] is None else tuple(rule[key]) for key in _PLACES)
        rules.append(Rule(row, tuple(map(_value, rule["values"])), *places))
    return rules, {q: (up, down) for q, up, down in facts["readout"]}


_PLACES = ("gates", "qubits", "on")


def _named(channel: Channel) -> Channel:
    if channel.name not in FAMILIES and CHANNELS.get(channel.name) is not channel:
        raise FileError(
            f"save: the channels of a noise model must be rows of the table, but {channel.name} "
            "is one of your own."
        )
    return channel


def _number(value: Any, what: str) -> Any:
    """A number, or an array as its shape and its real and imaginary parts."""
    if is_traced(value) or np.asarray(value).dtype.kind not in "iufc":
        raise FileError(f"save: the values of {what} must be known numbers, but one is {value}.")
    array = np.asarray(value)
    if not array.ndim:
        return float(array)
    parts = [part.astype(float).ravel().tolist() for part in (np.real(array), np.imag(array))]
    return {"shape": array.shape, "real": parts[0], "imag": parts[1]}


def _value(data: Any) -> Any:
    if not isinstance(data, dict):
        return float(data)
    return (np.array(data["real"]) + 1j * np.array(data["imag"])).reshape(data["shape"])
