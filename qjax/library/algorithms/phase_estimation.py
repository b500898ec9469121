"""Estimating the phase of an eigenvalue."""

from collections.abc import Mapping
from math import pi
from typing import Any

import numpy as np

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.algorithms.fourier import qft
from qjax.library.algorithms.registers import Algorithm, as_circuit, most_frequent, powers_of_two


def phase_estimation(unitary: Any, precision: int, *, state: Circuit | None = None) -> Algorithm:
    """Quantum phase estimation: U |v> = exp(2 pi i phi) |v> writes 2**t phi into t qubits.

    Args:
        unitary: U: a circuit, or a matrix of shape (2**m, 2**m).
        precision: Number t of bits.
        state: What prepares the state v of U's qubits; |0...0> by default.

    Returns:
        A circuit on m + t qubits and its registers: "system" (m qubits of U) and "phase" (t qubits
        above; their value is 2**t phi). For a superposition of eigenvectors each comes with its
        weight; see `phase_distribution`.

    Raises:
        CircuitError: If something does not fit.

    Note:
        A circuit is repeated 2**t - 1 times; a matrix is squared, t gates in all.

    Examples:
        >>> import qjax as qj
        >>> found = phase_estimation(qj.Circuit(1).t(0), 3, state=qj.Circuit(1).x(0))
        >>> qj.probabilities(found.circuit, qubits=found.registers["phase"]).argmax()  # phi = 1/8
        Array(1, dtype=int32)

    References:
        R. Cleve, A. Ekert, C. Macchiavello, M. Mosca, Quantum algorithms revisited, Proc. R. Soc.
        A 454, 339 (1998).
    """
    t = as_positive(precision, "phase_estimation: precision")
    powers = powers_of_two(unitary, t, "phase_estimation: unitary")
    m = powers[0].num_qubits
    system, phase = tuple(range(m)), tuple(range(m, m + t))
    circuit = Circuit(m + t)
    if state is not None:
        circuit.compose(_fitting(state, m))
    circuit.h(phase)
    for qubit, power in zip(phase, powers, strict=True):
        circuit.compose(power.controlled(), qubits=(*system, qubit))
    circuit.compose(qft(t, inverse=True), qubits=phase)
    return Algorithm(circuit, {"system": system, "phase": phase})


def iterative_phase_estimation(
    unitary: Any, precision: int, *, state: Circuit | None = None
) -> Algorithm:
    """Phase estimation with one qubit, measured and reset for each bit, the lowest bit first.

    Later bits are turned by the phases that earlier outcomes demand.

    Args:
        unitary: As in `phase_estimation`.
        precision: Number t of bits.
        state: As in `phase_estimation`.

    Returns:
        A circuit on m + 1 qubits with t measured bits, whose value is 2**t phi; and its registers
        "system" and "ancilla".

    Raises:
        CircuitError: If something does not fit.

    Examples:
        >>> import jax, qjax as qj
        >>> found = iterative_phase_estimation(qj.Circuit(1).t(0), 3, state=qj.Circuit(1).x(0))
        >>> dict(qj.counts(found.circuit, 100, jax.random.key(0)))  # phi = 1/8
        {'001': 100}

    References:
        M. Dobšíček, G. Johansson, V. Shumeiko, G. Wendin, Arbitrary accuracy iterative quantum
        phase estimation algorithm using a single ancillary qubit, Phys. Rev. A 76, 030306 (2007).
    """
    t = as_positive(precision, "iterative_phase_estimation: precision")
    powers = powers_of_two(unitary, t, "iterative_phase_estimation: unitary")
    m = powers[0].num_qubits
    ancilla = m
    circuit = Circuit(m + 1, t)
    if state is not None:
        circuit.compose(_fitting(state, m))
    for bit, power in enumerate(reversed(powers)):
        if bit:
            circuit.reset(ancilla)
        circuit.h(ancilla).compose(power.controlled())
        for earlier in range(bit):
            turn = Circuit(m + 1).p(-pi / 2 ** (bit - earlier), ancilla)
            circuit.if_else(earlier, 1, turn)
        circuit.h(ancilla).measure(ancilla, bit)
    return Algorithm(circuit, {"system": tuple(range(m)), "ancilla": (ancilla,)})


def phase_distribution(phase: float, precision: int) -> np.ndarray:
    """The distribution of the t bits for an eigenvalue exp(2 pi i phase).

    P(k) = (sin(pi 2**t d) / (2**t sin(pi d)))**2 with d = phase - k / 2**t; 1 where d = 0.

    Args:
        phase: In turns.
        precision: Number t of bits.

    Returns:
        float64 array of shape (2**t,).

    Examples:
        >>> phase_distribution(0.25, 2)
        array([0., 1., 0., 0.])
    """
    size = 2 ** as_positive(precision, "phase_distribution: precision")
    difference = float(phase) - np.arange(size) / size
    difference -= np.round(difference)
    # sinc(x) = sin(pi x) / (pi x), and 1 at 0.
    return (np.sinc(size * difference) / np.sinc(difference)) ** 2


def phase_from_counts(counts: Mapping[str, int]) -> float:
    """The phase, in turns in [0, 1), of the most frequent outcome.

    Args:
        counts: Counts of the bits of the "phase" register, or of the iterative circuit.

    Returns:
        k / 2**t for the value k of t bits.

    Raises:
        CircuitError: If there are no counts.

    Examples:
        >>> phase_from_counts({"011": 7, "100": 3})
        0.375
    """
    return most_frequent(counts, "phase_from_counts") / 2 ** len(next(iter(counts)))


def _fitting(state: Circuit, num_qubits: int) -> Circuit:
    made = as_circuit(state, "state")
    if made.num_qubits > num_qubits:
        raise CircuitError(
            f"state must act on the {num_qubits} qubits of the unitary, but has {made.num_qubits}."
        )
    return made
