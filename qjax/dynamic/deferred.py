"""Deferred measurement: conditions on outcomes become controls.

A measurement commutes with what does not change its qubit, and a gate under a condition on its
outcome is the gate controlled by the qubit. So where no gate touches a measured qubit again, the
measurement can wait until the end. Nothing is added, and all its outcomes are in one state.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from qjax.circuit import Circuit, Instruction
from qjax.circuit._place import canonical
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.gates import Gate
from qjax.observables import Diagonal, PauliSum

_MOST_VALUES = 4  # of a condition, for each of which there is a controlled gate


def deferred(circuit: Circuit) -> Circuit:
    """The circuit with measurements at the end where that can be.

    Args:
        circuit: The circuit.

    Returns:
        A circuit on the same qubits, whose classical bits and state are distributed as before.

    Examples:
        >>> circuit = Circuit(2).h(0).measure(0, 0).if_else(0, 1, Circuit(2).x(1)).measure(1, 1)
        >>> [str(i) for i in deferred(circuit)]
        ['h 0', 'cx 0, 1', 'measure 0 -> 0', 'measure 1 -> 1']

    References:
        M. A. Nielsen, I. L. Chuang, Quantum Computation and Quantum Information, section 4.4.
    """
    instructions = [i for i in circuit if i.operation is not BARRIER]
    places = _movable(instructions)
    if not places:
        return circuit
    kept: list[Instruction] = []
    for i in instructions:
        if i.operation is MEASURE and i.clbits[0] in places:
            continue
        read = [c for c in i.conditions if places.keys() & set(c.clbits)]
        rest = tuple(c for c in i.conditions if c not in read)
        found = [replace(i, conditions=rest)]
        for condition in read:
            found = [c for one in found for c in _controlled(one, condition, places)]
        kept += found
    kept += [Instruction(MEASURE, (q,), clbits=(c,)) for c, q in places.items()]
    return circuit[:0]._extend(kept)


def _movable(instructions: list[Instruction]) -> dict[int, int]:
    """Bits whose measurement can be moved to the end, with its qubit, in the order of time."""
    writes = Counter(c for i in instructions for c in i.clbits)
    touched: set[int] = set()
    found: dict[int, int] = {}
    early: set[int] = set()  # bits that are read before they are measured, when they are 0
    for i in reversed(instructions):
        if i.operation is MEASURE and len(i.qubits) == 1 and not i.conditions:
            (q,), (c,) = i.qubits, i.clbits
            if q not in touched and writes[c] == 1:
                found[c] = q
        early.update(found.keys() & set(i.read_clbits))
        touched.update(i.all_qubits)
    found = {c: q for c, q in found.items() if c not in early}
    while True:  # a condition's bits are moved all together, or none
        stuck = {
            c
            for i in instructions
            for condition in i.conditions
            if not _is_control(i, condition, found)
            for c in condition.clbits
        }
        if not stuck & found.keys():
            return dict(reversed(found.items()))
        found = {c: q for c, q in found.items() if c not in stuck}


def _is_control(i: Instruction, condition: Condition, places: dict[int, int]) -> bool:
    """Whether a condition can become a control."""
    return (
        isinstance(i.operation, Gate)
        and i.operation.unitary
        and all(c in places for c in condition.clbits)
        and len(_values(condition)) <= _MOST_VALUES
    )


def _values(condition: Condition) -> list[int]:
    if not condition.negated:
        return list(condition.values)
    if len(condition.clbits) > _MOST_VALUES:  # too many to be written out
        return [0] * (_MOST_VALUES + 1)
    return sorted(set(range(2 ** len(condition.clbits))) - set(condition.values))


def _controlled(i: Instruction, condition: Condition, places: dict[int, int]) -> list[Instruction]:
    """The gate controlled by qubits, once for each value: these exclude each other."""
    controls = tuple(places[c] for c in condition.clbits)
    assert isinstance(i.operation, Gate)
    found = []
    for value in _values(condition):
        bits = tuple(value >> k & 1 for k in range(len(controls)))
        new = canonical(
            i.operation, i.qubits, i.params, controls + i.controls, bits + i.control_values
        )
        found.append(replace(new, conditions=i.conditions))
    return found


def without_coherences(observable: Any, qubits: Iterable[int]) -> Any:
    """The observable whose mean before measurements of qubits is that of another after them.

    A Pauli string with X or Y on a measured qubit has the mean 0 after it.

    Returns:
        The observable, or None if it is neither a PauliSum nor a Diagonal and so cannot tell.
    """
    if isinstance(observable, Diagonal):
        return observable
    if not isinstance(observable, PauliSum):
        return None
    mask = sum(1 << q for q in qubits)
    kept = np.flatnonzero((observable.x_masks & mask) == 0).astype(np.int32)
    if len(kept) == len(observable):
        return observable
    x, z = observable.x_masks[kept], observable.z_masks[kept]
    return PauliSum.from_masks(x, z, observable.coefficients[kept], observable.num_qubits)
