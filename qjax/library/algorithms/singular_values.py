"""Quantum singular value transformation: a polynomial of a block-encoded matrix."""

from math import pi
from typing import Any

import numpy as np

from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.algorithms.block_encoding import BlockEncoding


def singular_value_transformation(encoding: BlockEncoding, phases: Any) -> BlockEncoding:
    """A block encoding of p(A / scale), for the p whose phases `signal_phases` gives.

    U and U^dagger take turns, with rotations exp(i phi (2 P - 1)) in between, P the projector onto
    ancillas in |0>. One more ancilla in |+> takes phi and -phi in superposition, and so keeps the
    real part of the polynomial.

    For Hermitian A, p(A) is the function of the eigenvalues; else of the singular values, as U p(S)
    V^dagger for odd and V p(S) V^dagger for even p.

    Args:
        encoding: Of A.
        phases: d + 1 angles, as from `signal_phases`.

    Returns:
        A block encoding with scale 1 and one more ancilla, of d uses of U and its inverse.

    Raises:
        CircuitError: If phases are no vector of finite numbers.

    Examples:
        >>> import qjax as qj
        >>> from qjax.library import block_encoding, signal_phases
        >>> matrix = np.array([[0.3, 0.2], [0.2, -0.5]])
        >>> encoded = block_encoding(matrix, scale=1.0)
        >>> squared = singular_value_transformation(encoded, signal_phases([0, 0, 0.4]))
        >>> qj.unitary(squared.circuit)[:2, :2].real  # 0.4 T_2(A) = 0.4 (2 A^2 - 1)
        Array([[-0.296, -0.032],
               [-0.032, -0.168]], dtype=float32)

    References:
        A. Gilyén, Y. Su, G. H. Low, N. Wiebe, Quantum singular value transformation and beyond,
        STOC 2019, 193: corollary 18.
    """
    angles = np.asarray(phases, float)
    if angles.ndim != 1 or not angles.size or not np.isfinite(angles).all():
        raise CircuitError(
            "singular_value_transformation: phases must be a vector of finite numbers, but have "
            f"shape {angles.shape}."
        )
    # On a singular value x, U is the reflection R = ((x, s), (s, -x)) with s^2 = 1 - x^2, and
    # W = i exp(-i pi/4 Z) R exp(-i pi/4 Z). The conjugate of W has -i and +pi/4, so both signs
    # of the angles are right with the ancilla's RZ(-pi d), which is i^d and (-i)^d.
    degree = len(angles) - 1
    turned = angles - pi / 2
    turned[0] += pi / 4
    turned[-1] += pi / 4
    if degree == 0:
        turned = angles
    n = encoding.circuit.num_qubits
    signal = n
    forward, backward = encoding.circuit, encoding.circuit.inverse()
    zeros = [0] * len(encoding.ancillas)
    circuit = Circuit(n + 1).h(signal).rz(-pi * degree, signal)
    for j in range(degree, -1, -1):
        # exp(i phi (2 P - 1) Z): where P holds, X turns RZ(2 phi) into RZ(-2 phi).
        circuit.mcx(encoding.ancillas, signal, control_values=zeros)
        circuit.rz(2 * float(turned[j]), signal)
        circuit.mcx(encoding.ancillas, signal, control_values=zeros)
        if j:
            circuit.compose(backward if (degree - j) % 2 else forward)
    circuit.h(signal)
    return BlockEncoding(circuit, 1.0, encoding.system, (*encoding.ancillas, signal))
