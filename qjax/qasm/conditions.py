"""Conditions on classical bits as text."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from qjax.circuit import Circuit
from qjax.circuit.control_flow import Condition
from qjax.errors import QasmError

_MOST_BITS = 8  # of a condition that OpenQASM 2 must say value by value


def registers(circuit: Circuit, name: str | None, whole: bool) -> list[tuple[str, range]]:
    """The registers of the classical bits: the circuit's own, or one for all bits.

    Args:
        circuit: The circuit.
        name: Name of a register that holds all bits; several are numbered. If None, the circuit's
            own registers are taken if it has such, and else one called c.
        whole: Whether a condition can only be about a whole register.

    Raises:
        QasmError: If conditions overlap, or one is about bits that do not follow each other.

    Examples:
        >>> circuit = Circuit(2, 3).if_else(1, 1, Circuit(2).x(0))
        >>> registers(circuit, "c", whole=True)
        [('c0', range(0, 1)), ('c1', range(1, 2)), ('c2', range(2, 3))]
    """
    n, own = circuit.num_clbits, circuit.clbit_registers
    groups = {tuple(sorted(c.clbits)) for i in circuit for c in i.conditions} if whole else set()
    if name is None and own:
        ends = list(accumulate(own.values()))
        parts = [range(end - size, end) for end, size in zip(ends, own.values(), strict=True)]
        if all(any(group == tuple(part) for part in parts) for group in groups):
            return list(zip(own, parts, strict=True))
    name = name or "c"
    cuts = {0, n}
    for group in groups:
        if group != tuple(range(group[0], group[-1] + 1)) or any(
            set(group) & set(other) for other in groups if other != group
        ):
            raise QasmError(
                "dumps: in OpenQASM 2 a condition must be about a whole register, but one here is "
                f"about the bits {', '.join(map(str, group))}, which cannot be one. "
                "Write version 3."
            )
        cuts |= {group[0], group[-1] + 1}
    bounds = sorted(cuts)
    parts = [range(a, b) for a, b in pairwise(bounds)]
    if len(parts) <= 1:
        return [(name, part) for part in parts]
    return [(f"{name}{k}", part) for k, part in enumerate(parts)]


def expression(condition: Condition, clbits: Sequence[str], parts: list[tuple[str, range]]) -> str:
    """A condition in OpenQASM 3.

    Examples:
        >>> bits = ["c[0]", "c[1]", "c[2]"]
        >>> parts = [("c", range(3))]
        >>> expression(Condition((1,), (0,)), bits, parts)
        '!c[1]'
        >>> expression(Condition((0, 1, 2), (5,)), bits, parts)
        'c == 5'
        >>> expression(Condition((2, 0), (1,), negated=True), bits, parts)
        '!(c[2] && !c[0])'
    """
    sign, join = ("!=", " && ") if condition.negated else ("==", " || ")
    for name, part in parts:
        if condition.clbits == tuple(part) and len(part) > 1:
            return join.join(f"{name} {sign} {value}" for value in condition.values)
    if len(condition.clbits) == 1 and len(condition.values) == 1:
        bit = clbits[condition.clbits[0]]
        return bit if (condition.values[0] == 1) != condition.negated else f"!{bit}"
    terms = [
        " && ".join(
            clbits[c] if value >> k & 1 else f"!{clbits[c]}" for k, c in enumerate(condition.clbits)
        )
        for value in condition.values
    ]
    text = " || ".join(f"({t})" if len(terms) > 1 else t for t in terms)
    return f"!({text})" if condition.negated else text


def prefixes(
    conditions: tuple[Condition, ...], parts: list[tuple[str, range]], writes: bool
) -> list[str]:
    """What stands in front of a statement of OpenQASM 2, once for each value.

    Args:
        conditions: The conditions of the statement.
        parts: The registers, as `registers` gives them.
        writes: Whether the statement writes a classical bit.

    Raises:
        QasmError: If the language cannot say it.

    Examples:
        >>> prefixes((Condition((0, 1), (3,), negated=True),), [("c", range(2))], False)
        ['if(c==0) ', 'if(c==1) ', 'if(c==2) ']
    """
    if not conditions:
        return [""]
    if len(conditions) != 1:
        raise QasmError(
            "dumps: in OpenQASM 2 a condition must stand alone, but one here stands inside "
            "another. Write version 3."
        )
    (condition,) = conditions
    name, part = next((n, p) for n, p in parts if set(p) == set(condition.clbits))
    values = condition.values
    if condition.negated:
        if len(part) > _MOST_BITS:
            raise QasmError(
                "dumps: in OpenQASM 2 a condition must be about one value, but one here is about "
                f"all but {len(values)} of {len(part)} bits. Write version 3."
            )
        values = tuple(v for v in range(2 ** len(part)) if v not in values)
    if writes and len(values) > 1:
        raise QasmError(
            "dumps: in OpenQASM 2 a measurement under a condition must be about one value, "
            f"but one here is about {len(values)}. Write version 3."
        )
    # Bit k of a value is clbits[k], which need not be the register's bit k.
    place = [c - part.start for c in condition.clbits]
    turned = sorted(sum((v >> k & 1) << p for k, p in enumerate(place)) for v in values)
    return [f"if({name}=={value}) " for value in turned]
