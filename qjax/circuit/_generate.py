"""Write `_builders.py` from the gate table: python -m qjax.circuit._generate."""

from pathlib import Path

from qjax.gates import GATES, Gate

_HEAD = '''\
"""Builder methods, one per row of the gate table. Written by `qjax.circuit._generate`."""

from typing import Any, Self

from qjax.circuit._place import Angles, Qubits
from qjax.gates import GATES, Gate


class Builders:
    """The methods that append a gate; `Circuit` adds the rest."""

    def _gate(
        self,
        gate: Gate,
        params: tuple[Any, ...],
        places: tuple[Any, ...],
        controls: Any,
        control_values: Any,
    ) -> Self:
        raise AttributeError("Builders is a part of Circuit.")
'''

_METHOD = '''
    def {name}(
        self, {arguments}*, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """{title}

        Source: {source}.
        """
        gate = GATES["{gate}"]
        return self._gate(gate, ({params}), ({places}), controls, control_values)
'''


def _places(gate: Gate) -> list[str]:
    """Argument names of the qubits, as the builder methods call them."""
    controls = gate.num_controls
    targets = gate.num_qubits - controls
    names = ["control"] if controls == 1 else [f"control{i}" for i in range(controls)]
    if targets == 1:
        return [*names, "target" if controls else "qubit"]
    return names + [f"qubit{i}" for i in range(targets)]


def _tuple(names: list[str]) -> str:
    return f"{names[0]}," if len(names) == 1 else ", ".join(names)


def _title(name: str, gate: Gate) -> str:
    same = "" if name == gate.name else f"; another name of `{gate.name}`"
    return f"Append `{name}`: {gate.definition}{same}."


def render() -> str:
    """The text of `_builders.py`."""
    text = _HEAD
    for gate in GATES.values():
        places = _places(gate)
        arguments = [f"{p}: Angles" for p in gate.params] + [f"{p}: Qubits" for p in places]
        for name in (gate.name, *gate.aliases):
            text += _METHOD.format(
                name=name,
                gate=gate.name,
                title=_title(name, gate),
                source=gate.source,
                arguments="".join(f"{a}, " for a in arguments),
                params=_tuple(list(gate.params)) if gate.params else "",
                places=_tuple(places) if places else "",
            )
    return text


if __name__ == "__main__":
    Path(__file__).with_name("_builders.py").write_text(render(), encoding="utf-8")
