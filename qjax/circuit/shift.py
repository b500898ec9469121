"""Parameter-shift rules: derivatives of expectation values as sums of expectation values.

A gate exp(i theta G) makes an expectation value a trigonometric polynomial of theta whose
frequencies are the differences of G's eigenvalues. With R positive frequencies w, its derivative is

    f'(theta) = sum_k y_k (f(theta + s_k) - f(theta - s_k)),   sum_k 2 y_k sin(w s_k) = w for all w,

with R shifts s_k. For frequencies w0, 2 w0, ..., R w0 the best shifts are known in closed form.

References:
    D. Wierichs, J. Izaac, C. Wang, C. Y.-Y. Lin, General parameter-shift rules for quantum
    gradients, Quantum 6, 677 (2022), equations 21 and 44.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import pi

import numpy as np

from qjax.circuit.binding import flat_values
from qjax.circuit.circuit import Circuit
from qjax.circuit.instruction import Instruction
from qjax.circuit.parameter import ParameterExpression, is_traced
from qjax.circuit.synthesis import decompose
from qjax.errors import CircuitError, ParameterError
from qjax.gates import GATES, Gate

_LETTERS = {"I": np.eye(2), "X": GATES["x"].matrix(), "Y": GATES["y"].matrix(),
            "Z": GATES["z"].matrix()}  # fmt: skip
_ROUNDING = 1e-9  # eigenvalues nearer than this are one


@dataclass(frozen=True)
class Shift:
    """One term of a gradient: a circuit whose expectation value counts in some derivatives.

    Attributes:
        circuit: The circuit, with the values bound and one angle shifted.
        coefficients: From the index of a parameter in flat `params` to the coefficient.
    """

    circuit: Circuit
    coefficients: dict[int, float]


def frequencies(gate: Gate, num_controls: int) -> tuple[float, ...] | None:
    """Positive differences of the eigenvalues of a gate's generator, rising.

    None if the gate is not known to be exp(i theta G) for one angle theta.

    Examples:
        >>> frequencies(GATES["rx"], 0), frequencies(GATES["rx"], 1), frequencies(GATES["p"], 3)
        ((1.0,), (0.5, 1.0), (1.0,))
    """
    if gate.generator is None or len(gate.params) != 1 or any(gate.param_shapes):
        return None
    return _frequencies(gate.generator, num_controls > 0)


@cache
def _frequencies(generator: tuple[tuple[float, str], ...], controlled: bool) -> tuple[float, ...]:
    if len(generator) == 1:  # c P has the eigenvalues c and -c, or c alone if P is the identity
        coefficient, letters = generator[0]
        levels = [coefficient] if not letters.strip("I") else [coefficient, -coefficient]
    else:
        total = sum(c * _kron(letters) for c, letters in generator)
        levels = np.linalg.eigvalsh(total).tolist()
    if controlled:
        levels = [*levels, 0.0]
    gaps = sorted(abs(a - b) for k, a in enumerate(levels) for b in levels[:k])
    found: list[float] = []
    for gap in gaps:
        if gap > _ROUNDING and (not found or gap - found[-1] > _ROUNDING):
            found.append(float(gap))
    return tuple(found)


def _kron(letters: str) -> np.ndarray:
    matrix = np.eye(1, dtype=complex)
    for letter in letters:
        matrix = np.kron(_LETTERS[letter], matrix)
    return matrix


@cache
def shift_rule(gaps: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """Pairs (coefficient, shift), both signs, with f'(0) = sum of coefficient * f(shift).

    Examples:
        >>> np.array(shift_rule((1.0,)))
        array([[ 0.5   ,  1.5708],
               [-0.5   , -1.5708]])
    """
    if not gaps:
        return ()
    count, base = len(gaps), gaps[0]
    regular = all(abs(gap - (k + 1) * base) < _ROUNDING for k, gap in enumerate(gaps))
    if regular:
        angles = (2 * np.arange(1, count + 1) - 1) * pi / (2 * count)
        shifts = angles / base
        signs = (-1.0) ** np.arange(count)
        weights = signs * base / (2 * count * (1 - np.cos(angles)))
    else:
        shifts = (2 * np.arange(1, count + 1) - 1) * pi / (2 * count * base)
        best = None
        # Frequencies that are no multiples can meet a zero of the sine: the best scale is taken.
        for scale in np.linspace(0.4, 1.6, 61):
            table = 2 * np.sin(np.outer(gaps, shifts * scale))
            condition = np.linalg.cond(table)
            if best is None or condition < best[0]:
                best = condition, scale, table
        assert best is not None
        shifts, weights = shifts * best[1], np.linalg.solve(best[2], np.array(gaps))
    pairs = zip(weights.tolist(), shifts.tolist(), strict=True)
    return tuple((s * w, s * shift) for w, shift in pairs for s in (1.0, -1.0))


def shifted_circuits(circuit: Circuit, params: object) -> Iterator[Shift]:
    """The circuits of a gradient by the parameter-shift rule.

    Gates with several angles are decomposed first. An angle that several parameters enter, or a
    parameter in several gates, is no difficulty: each gate is shifted on its own.

    Args:
        circuit: A circuit with open parameters, without measurements.
        params: Their values: a flat array, or a mapping from names to values.

    Raises:
        ParameterError: If values are missing, or a gate with open angles is no rotation and has no
            decomposition.
        CircuitError: If a number is traced.

    Examples:
        >>> from qjax.circuit import Parameter
        >>> theta = Parameter("theta")
        >>> shifts = list(shifted_circuits(Circuit(1).rx(2 * theta, 0), {"theta": 0.1}))
        >>> [(s.coefficients, str(s.circuit[0])) for s in shifts]
        [({0: 1.0}, 'rx(1.7708) 0'), ({0: -1.0}, 'rx(-1.3708) 0')]
    """
    structure = circuit.structure
    steps = [s for i in circuit for s in one_angle_gates(i)]
    plain = Circuit(circuit.num_qubits, circuit.num_clbits)._extend(steps)
    named = _named(circuit, params)
    bound = list(plain.bind(named)) if plain.parameters else list(plain)
    for k, i in enumerate(steps):
        if not i.is_symbolic or not i.all_qubits:
            continue
        expression = i.params[0]
        assert isinstance(i.operation, Gate) and isinstance(expression, ParameterExpression)
        gaps = frequencies(i.operation, len(i.controls))
        assert gaps is not None
        for coefficient, shift in shift_rule(gaps):
            moved = replace(bound[k], params=(bound[k].params[0] + shift,))
            new = Circuit(circuit.num_qubits, circuit.num_clbits)
            new._extend([*bound[:k], moved, *bound[k + 1 :]])
            yield Shift(
                new,
                {
                    structure.position(symbol): coefficient * float(factor)
                    for symbol, factor in expression.terms
                },
            )


def _named(circuit: Circuit, params: object) -> object:
    """Values by name, for a decomposition may bring parameters in another order."""
    values = flat_values(circuit.structure, params)
    if is_traced(values):
        raise CircuitError("shifted_circuits: values must be known, but are traced.")
    if np.ndim(values) != 1:
        raise ParameterError(
            f"shifted_circuits: params must be one set of values, but have shape {values.shape}."
        )
    return {
        name: np.asarray(values[start : start + size], float).reshape(shape)
        for (name, shape), (start, size) in zip(
            circuit.structure.vectors, circuit.structure.offsets.values(), strict=True
        )
    }


def one_angle_gates(i: Instruction) -> list[Instruction]:
    """A gate as gates whose open angles come one by one, each with a shift rule."""
    if not i.is_symbolic or not isinstance(i.operation, Gate):
        return [i]
    if frequencies(i.operation, len(i.controls)) is not None:
        return [i]
    steps = decompose(i)
    if len(steps) == 1 and steps[0] == i:
        raise ParameterError(f"shifted_circuits: {i} has no shift rule and no decomposition.")
    return [s for step in steps for s in one_angle_gates(step)]
