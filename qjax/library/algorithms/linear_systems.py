"""The algorithm of Harrow, Hassidim and Lloyd for linear systems."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.circuit.synthesis.multiplexed import multiplexed_rotation
from qjax.errors import CircuitError
from qjax.library.algorithms.phase_estimation import phase_estimation


class LinearSystem(NamedTuple):
    """A circuit that solves A x = b.

    Attributes:
        circuit: The circuit, without measurements.
        registers: Qubits of "system", "phase" and "ancilla".
        scale: x is scale times the amplitudes of the system, where the ancilla is 1 and the phases
            are 0.
    """

    circuit: Circuit
    registers: dict[str, tuple[int, ...]]
    scale: float

    def solution(self, state: Any) -> jax.Array:
        """x, from the statevector of the circuit.

        Args:
            state: Array of shape (..., 2**n).

        Returns:
            Complex array of shape (..., 2**m) for m qubits of the system.
        """
        (ancilla,) = self.registers["ancilla"]
        size = 2 ** len(self.registers["system"])
        amplitudes = jnp.asarray(state)[..., 1 << ancilla : (1 << ancilla) + size]
        return amplitudes * jnp.asarray(self.scale, amplitudes.dtype)


def solve_linear_system(
    matrix: Any,
    vector: Any,
    precision: int,
    *,
    unit: float | None = None,
    smallest: float | None = None,
) -> LinearSystem:
    """The circuit of Harrow, Hassidim and Lloyd: x = A^-1 b in the amplitudes.

    Phase estimation of exp(i A t), negative eigenvalues as two's complement; an ancilla turned to
    sin = C / lambda; phase estimation undone. It is exact if every eigenvalue is a multiple of a
    unit that p bits can count; else x is off by about unit / lambda.

    Args:
        matrix: Hermitian, of shape (2**m, 2**m).
        vector: b, of shape (2**m,); any norm but 0.
        precision: Number p of bits of the eigenvalues, sign included.
        unit: What one step of the phases stands for; t is 2 pi / (2**p unit). By default the
            largest eigenvalue in modulus is 2**(p - 1) - 1 units.
        smallest: C: eigenvalues below it in modulus are turned as far as those at it; by default
            the smallest there is.

    Returns:
        A `LinearSystem` on m + p + 1 qubits; the ancilla is 1 with probability |x|^2 / scale^2.

    Raises:
        CircuitError: If the matrix is not Hermitian or is singular, or shapes do not fit.

    Note:
        exp(i A t) is a dense gate here, and NumPy finds the eigenvalues to choose the unit. This
        shows the algorithm; it is no fast solver.

    Examples:
        >>> import qjax as qj
        >>> matrix = [[1.5, 0.5], [0.5, 1.5]]  # its eigenvalues are 1 and 2
        >>> system = solve_linear_system(matrix, [1.0, 0.0], 3, unit=1.0)
        >>> system.solution(qj.statevector(system.circuit)).real
        Array([ 0.75, -0.25], dtype=float32)

    References:
        A. W. Harrow, A. Hassidim, S. Lloyd, Quantum algorithm for linear systems of equations,
        Phys. Rev. Lett. 103, 150502 (2009).
    """
    what = "solve_linear_system"
    array, b = np.asarray(matrix, complex), np.asarray(vector, complex)
    p = as_positive(precision, f"{what}: precision")
    size = array.shape[0] if array.ndim == 2 else 0
    if array.shape != (size, size) or size < 2 or size & (size - 1) or b.shape != (size,):
        raise CircuitError(
            f"{what}: matrix and vector must have shapes (2**m, 2**m) and (2**m,), but have "
            f"{array.shape} and {b.shape}."
        )
    if not (np.isfinite(array).all() and np.isfinite(b).all() and np.any(b)):
        raise CircuitError(f"{what}: numbers must be finite, and the vector must not be 0.")
    largest_entry = float(np.max(np.abs(array)))
    if np.max(np.abs(array - array.conj().T)) > 1e-12 * largest_entry:
        raise CircuitError(
            f"{what}: the matrix must be Hermitian; for another A solve "
            "((0, A), (A^dagger, 0)) (0, x) = (b, 0)."
        )
    values, vectors = np.linalg.eigh(array)
    norm = float(np.max(np.abs(values)))
    least = float(np.min(np.abs(values)))
    if least <= 1e-12 * norm:
        raise CircuitError(f"{what}: the matrix must not be singular.")
    if p < 2:
        raise CircuitError(f"{what}: precision must be at least 2 bits, but is {p}.")
    steps = 2 ** (p - 1) - 1  # the largest multiple, for the largest eigenvalue
    step = norm / steps if unit is None else float(unit)
    if not step * steps >= norm * (1 - 1e-12):
        raise CircuitError(
            f"{what}: unit must be at least {norm / steps:.6g}, so that {p} bits hold the largest "
            f"eigenvalue {norm:.6g}, but is {step:.6g}."
        )
    cut = least if smallest is None else float(smallest)
    if not 0 < cut <= norm:
        raise CircuitError(f"{what}: smallest must be in (0, {norm:.6g}], but is {cut}.")

    # exp(2 pi i lambda / (step 2**p)): the phase register then reads lambda / step, modulo 2**p.
    turns = np.exp(2j * np.pi * values / (step * 2**p))
    evolution = (vectors * turns) @ vectors.conj().T
    length = float(np.linalg.norm(b))
    m = size.bit_length() - 1
    state = Circuit(m).prepare_state(b / length)
    estimate = phase_estimation(evolution, p)
    ancilla = m + p
    phase = estimate.registers["phase"]
    index = np.arange(2**p)
    eigenvalues = step * np.where(index < 2 ** (p - 1), index, index - 2**p)
    safe = np.where(eigenvalues == 0, cut, eigenvalues)
    angles = np.where(eigenvalues == 0, 0.0, 2 * np.arcsin(np.clip(cut / safe, -1.0, 1.0)))
    circuit = Circuit(m + p + 1).compose(state).compose(estimate.circuit)
    for rotation in multiplexed_rotation("ry", angles, phase, ancilla):
        circuit.append(rotation)
    circuit.compose(estimate.circuit.inverse())
    registers = {**estimate.registers, "ancilla": (ancilla,)}
    return LinearSystem(circuit, registers, length / cut)
