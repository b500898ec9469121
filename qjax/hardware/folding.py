"""Zero-noise extrapolation: circuits with more noise, and the value at none.

References:
    T. Giurgica-Tiron, Y. Hindy, R. LaRose, A. Mari, W. Zeng, Digital zero noise extrapolation for
    quantum error mitigation, IEEE QCE 2020, 306; arXiv:2005.10921.
"""

from collections.abc import Sequence

import numpy as np

from qjax._checks import as_integer
from qjax.circuit import Circuit
from qjax.circuit.compose import inverted
from qjax.circuit.synthesis import decompose
from qjax.errors import SamplingError

METHODS = ("richardson", "linear")


def folded(circuit: Circuit, scale: int) -> Circuit:
    """The circuit with every gate on two qubits done `scale` times: G G^dagger G ...

    Barriers keep the copies apart, so that no compiler takes them out. Gates on more qubits are
    decomposed first.

    Args:
        circuit: Gates, without measurements.
        scale: Odd and positive; 1 gives the circuit itself.

    Raises:
        SamplingError: If the scale is not odd and positive.

    Examples:
        >>> print(folded(Circuit(2).h(0).cx(0, 1), 3))
        q0: ─H─●─░─●─░─●─
               │ ░ │ ░ │
        q1: ───X─░─X─░─X─
    """
    times = as_integer(scale, "zne: scale", SamplingError)
    if times < 1 or times % 2 == 0:
        raise SamplingError(f"zne: scales must be odd and positive, but one is {scale}.")
    if times == 1:
        return circuit
    result = Circuit(circuit.num_qubits, circuit.num_clbits)
    waiting = list(reversed(list(circuit)))
    while waiting:
        i = waiting.pop()
        if i.is_gate and len(i.all_qubits) > 2:
            waiting += reversed(decompose(i))
            continue
        result.append(i)
        if not i.is_gate or len(i.all_qubits) < 2:
            continue
        for _ in range(times // 2):
            for copy in (inverted([i])[0], i):
                result.barrier(i.all_qubits)
                result.append(copy)
    return result


def extrapolation(scales: Sequence[int], method: str) -> list[float]:
    """Coefficients of the values at each scale in the value at scale 0.

    Args:
        scales: At least two different ones.
        method: "richardson": the polynomial through all points; "linear": the straight line that
            fits best.

    Raises:
        SamplingError: If the method is not known, or scales are repeated or too few.

    Examples:
        >>> extrapolation((1, 3), "richardson")
        [1.5, -0.5]
        >>> np.array(extrapolation((1, 3, 5), "linear"))
        array([ 1.0833,  0.3333, -0.4167])
    """
    if method not in METHODS:
        raise SamplingError(f"zne: method must be one of {METHODS}, but is {method!r}.")
    if len(set(scales)) != len(scales) or len(scales) < 2:
        raise SamplingError(f"zne: scales must be two or more different ones, but are {scales}.")
    powers = len(scales) if method == "richardson" else 2
    table = np.vander(np.asarray(scales, float), powers, increasing=True)
    return np.linalg.pinv(table)[0].tolist()
