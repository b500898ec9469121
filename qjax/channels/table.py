"""The channels that have a name."""

from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from qjax.channels.row import Channel, Fault, constant, from_mixture, from_relaxation
from qjax.errors import CircuitError
from qjax.gates import GATES, pauli_rotation_gate

NIELSEN = "Nielsen and Chuang, Quantum Computation and Quantum Information, section 8.3"
_MATRICES = {
    letter: GATES[name].matrix() for letter, name in zip("IXYZ", ("id", "x", "y", "z"), strict=True)
}


def pauli_matrices(texts: list[str]) -> np.ndarray:
    """Matrices of Pauli texts, letter k on qubit k: (K, 2**k, 2**k)."""
    found = []
    for text in texts:
        matrix = np.ones((1, 1))
        for letter in text:
            matrix = np.kron(_MATRICES[letter], matrix)
        found.append(matrix)
    return np.array(found)


def _within(high: float, *names: str) -> Fault:
    def fault(*values: float) -> str | None:
        for name, value in zip(names, values, strict=True):
            if not 0 <= value <= high:
                return f"{name} must be in 0..{high:g}, but is {value:g}"
        return None

    return fault


def _fixed(texts: list[str]) -> Any:
    matrices = pauli_matrices(texts)
    return lambda p, xp=np: constant(matrices, p, xp)


def _flip(name: str, letter: str, label: str) -> Channel:
    return from_mixture(
        name, ("p",), f"(1 - p) rho + p {letter} rho {letter}", NIELSEN,
        lambda p: [1 - p, p], _fixed(["I", letter]), fault=_within(1, "p"), label=label,
    )  # fmt: skip


def _depolarizing(name: str, k: int) -> Channel:
    texts = ["".join(letters) for letters in product("IXYZ", repeat=k)]
    count = len(texts)
    highest = count / (count - 1)
    return from_mixture(
        name, ("p",), f"(1 - p) rho + p tr(rho) 1 / {2**k}", NIELSEN,
        lambda p: [1 - p * (count - 1) / count, *[p / count] * (count - 1)],
        _fixed(texts), fault=_within(highest, "p"), num_qubits=k, label="DEP",
    )  # fmt: skip


def _over_rotation(pauli: str) -> Channel:
    gate = pauli_rotation_gate(pauli)

    def unitaries(angle: Any, xp: ModuleType = np) -> Any:
        return gate.matrix(xp.asarray(angle), xp=xp)[..., None, :, :]

    return from_mixture(
        f"over_rotation_{pauli.lower()}", ("angle",), f"exp(-i angle {pauli} / 2), coherent",
        "Pauli rotation", lambda angle: [1 + 0 * angle], unitaries, fault=lambda angle: None,
        num_qubits=len(pauli), label=f"R{pauli}",
    )  # fmt: skip


def _thermal(t1: Any, t2: Any, time: Any, excited: Any, xp: ModuleType) -> tuple[Any, Any, Any]:
    lost = 1 - xp.exp(-time / t1)
    return excited * lost, (1 - excited) * lost, xp.exp(-time / t2)


def _thermal_fault(t1: float, t2: float, time: float, excited: float) -> str | None:
    for name, value in (("t1", t1), ("t2", t2)):
        if not value > 0:
            return f"{name} must be positive, but is {value:g}"
    if t2 > 2 * t1:
        return f"t2 must be at most 2 t1, but they are {t2:g} and {t1:g}"
    if time < 0:
        return f"time must not be negative, but is {time:g}"
    return None if 0 <= excited <= 1 else f"excited must be in 0..1, but is {excited:g}"


_ROWS = (
    _flip("bit_flip", "X", "BF"),
    _flip("phase_flip", "Z", "PF"),
    _flip("bit_phase_flip", "Y", "BPF"),
    _depolarizing("depolarizing", 1),
    _depolarizing("depolarizing2", 2),
    from_relaxation(
        "amplitude_damping", ("gamma",), "|1> decays to |0> with probability gamma", NIELSEN,
        lambda gamma, xp: (0 * gamma, gamma, xp.sqrt(1 - gamma)),
        fault=_within(1, "gamma"), label="AD",
    ),
    from_relaxation(
        "generalized_amplitude_damping", ("gamma", "excited"),
        "relaxes to the population `excited` of |1>, with probability gamma", NIELSEN,
        lambda gamma, excited, xp: (
            gamma * excited, gamma * (1 - excited), xp.sqrt(1 - gamma)
        ),
        fault=_within(1, "gamma", "excited"), label="GAD",
    ),
    from_relaxation(
        "phase_damping", ("gamma",), "rho_01 shrinks by sqrt(1 - gamma)", NIELSEN,
        lambda gamma, xp: (0 * gamma, 0 * gamma, xp.sqrt(1 - gamma)),
        fault=_within(1, "gamma"), label="PD",
    ),
    from_relaxation(
        "thermal_relaxation", ("t1", "t2", "time", "excited"),
        "populations relax with exp(-time / t1), coherences with exp(-time / t2)",
        "T. S. Blank et al., arXiv:2005.10360; Qiskit Aer, thermal_relaxation_error",
        _thermal, fault=_thermal_fault, label="TR",
    ),
    from_relaxation(
        "reset_error", ("p",), "(1 - p) rho + p |0><0|", "Qiskit Aer, reset_error",
        lambda p, xp: (0 * p, p, 1 - p), fault=_within(1, "p"), label="RST",
    ),
    from_relaxation(
        "readout_error", ("one_for_zero", "zero_for_one"),
        "measured, and misread: |0> becomes |1> and |1> becomes |0> with these probabilities",
        "Qiskit Aer, ReadoutError",
        lambda up, down, xp: (up, down, 0 * up),
        fault=_within(1, "one_for_zero", "zero_for_one"), label="RE",
    ),
    *map(_over_rotation, ("X", "Y", "Z", "XX", "YY", "ZZ", "ZX")),
)  # fmt: skip

CHANNELS = {row.name: row for row in _ROWS}
"""Every channel with a name."""


def find_channel(name: str) -> Channel:
    """The row of a channel.

    Raises:
        CircuitError: If there is none of this name.

    Examples:
        >>> find_channel("bit_flip").definition
        '(1 - p) rho + p X rho X'
    """
    if name not in CHANNELS:
        raise CircuitError(
            f"There is no channel {name!r}. Channels: {', '.join(CHANNELS)}; for others use "
            "circuit.kraus or circuit.pauli_channel."
        )
    return CHANNELS[name]
