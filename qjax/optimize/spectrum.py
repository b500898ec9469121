"""The frequencies with which each parameter enters expectation values."""

import numpy as np

from qjax.circuit import Circuit
from qjax.circuit.parameter import ParameterExpression, is_traced
from qjax.circuit.shift import frequencies, one_angle_gates
from qjax.errors import CircuitError, ParameterError
from qjax.gates import Gate

MOST_FREQUENCIES = 256
_DIGITS = 9  # frequencies that agree to so many decimals are one


def parameter_frequencies(circuit: Circuit) -> tuple[tuple[float, ...], ...]:
    r"""The positive frequencies of each parameter, of which some may be absent in the end.

    As a function of one parameter, an expectation value is a trigonometric polynomial, a_0 + sum
    over its frequencies w of a_w cos(w x) + b_w sin(w x). A gate gives the differences of its
    generator's eigenvalues, times the parameter's factor; several gates give their sums and
    differences.

    Args:
        circuit: A circuit with open parameters.

    Returns:
        For each number of flat `params`, its frequencies, rising; empty if it has no effect.

    Raises:
        CircuitError: If it is no circuit.
        ParameterError: If a gate has no known frequencies, or a parameter has too many.

    Examples:
        >>> import qjax as qj
        >>> a, b = qj.Parameter("a"), qj.Parameter("b")
        >>> parameter_frequencies(qj.Circuit(2).rx(a, 0).rx(2 * b, 0).cx(0, 1).ry(b, 1))
        ((1.0,), (1.0, 2.0, 3.0))

    References:
        M. Schuld, R. Sweke, J. J. Meyer, Effect of data encoding on the expressive power of
        variational quantum machine learning models, Phys. Rev. A 103, 032430 (2021).
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"parameter_frequencies: circuit must be a Circuit, but is {circuit!r}.")
    structure = circuit.structure
    # With 0, and not negative.
    found: list[np.ndarray] = [np.zeros(1) for _ in range(structure.num_parameters)]
    for i in (step for given in circuit for step in one_angle_gates(given)):
        if not i.is_symbolic or not i.all_qubits:  # a global phase changes no expectation value
            continue
        if not isinstance(i.operation, Gate):
            raise ParameterError(f"{i} has no frequencies: its parameter is no angle of a gate.")
        gaps = frequencies(i.operation, len(i.controls))
        (expression,) = i.params
        assert gaps is not None and isinstance(expression, ParameterExpression)
        for symbol, factor in expression.terms:
            if is_traced(factor):
                raise ParameterError(f"Frequencies need known factors of parameters; not {i}.")
            place = structure.position(symbol)
            steps = np.array([0.0, *gaps]) * abs(float(factor))
            sums = np.abs(np.add.outer(found[place], np.concatenate([steps, -steps])))
            found[place] = np.unique(np.round(sums, _DIGITS))
            if len(found[place]) > MOST_FREQUENCIES:
                raise ParameterError(
                    f"{symbol} must enter with at most {MOST_FREQUENCIES} frequencies, but enters "
                    "with more. If you know that there are fewer, pass frequencies."
                )
    return tuple(tuple(f[f > 0].tolist()) for f in found)
