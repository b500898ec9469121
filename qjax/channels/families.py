"""Channels made from an argument: of any Pauli strings, and of any Kraus operators."""

import copyreg
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
from jax.core import Tracer

from qjax.channels.row import Channel, constant, pair, root
from qjax.channels.table import CHANNELS, pauli_matrices
from qjax.errors import CircuitError


@cache
def pauli_channel(num_qubits: int) -> Channel:
    """The channel whose parameter is the probabilities of all Pauli strings of k letters.

    The strings are in the order of `itertools.product("IXYZ", repeat=k)`; letter j is on qubit j.

    Examples:
        >>> pauli_channel(1).param_shapes
        ((4,),)
    """
    texts = ["".join(letters) for letters in product("IXYZ", repeat=num_qubits)]
    matrices = pauli_matrices(texts)
    doubled = pair(matrices, np)

    def mixture(probabilities: Any, xp: ModuleType = np) -> tuple[Any, Any]:
        return probabilities.real, constant(matrices, probabilities, xp)

    def superoperator(probabilities: Any, xp: ModuleType = np) -> Any:
        return (probabilities[..., None, None] * constant(doubled, probabilities, xp)).sum(-3)

    def kraus(probabilities: Any, xp: ModuleType = np) -> Any:
        roots = root(probabilities.real, xp)[..., None, None]
        return roots * constant(matrices, probabilities, xp)

    def fault(probabilities: Any) -> str | None:
        if np.max(np.abs(probabilities.imag)) or np.min(probabilities.real) < 0:
            return "probabilities must be real and not negative"
        total = float(np.sum(probabilities.real))
        if abs(total - 1) > 1e-6:
            return f"probabilities must add up to 1, but add up to {total:.6g}"
        return None

    return Channel(
        "pauli_channel", num_qubits, ("probabilities",), "sum_k p_k P_k rho P_k", "Pauli channel",
        superoperator, kraus, mixture, fault, ((4**num_qubits,),), "PAULI", (num_qubits,),
    )  # fmt: skip


def pauli_probabilities(chances: Mapping[str, float]) -> np.ndarray:
    """The array of probabilities that `pauli_channel` takes, from those of some texts.

    Raises:
        CircuitError: If texts are no Pauli strings of one length, or add up to more than 1.

    Examples:
        >>> pauli_probabilities({"X": 0.1, "Z": 0.2})
        array([0.7, 0.1, 0. , 0.2])
    """
    lengths = {len(text) for text in chances}
    if len(lengths) != 1 or any(not text or set(text) - set("IXYZ") for text in chances):
        raise CircuitError(
            "pauli_channel: keys must be texts of I, X, Y, Z of one length, but are "
            f"{', '.join(map(repr, chances)) or 'none'}."
        )
    (k,) = lengths
    texts = ["".join(letters) for letters in product("IXYZ", repeat=k)]
    found = np.array([chances.get(text, 0.0) for text in texts], float)
    rest = 1 - found.sum()
    if "I" * k not in chances:
        if rest < -1e-9:
            raise CircuitError(
                "pauli_channel: probabilities must add up to at most 1, but add up to "
                f"{1 - rest:g}."
            )
        found[0] = max(rest, 0.0)
    return found


@cache
def kraus_channel(count: int, num_qubits: int) -> Channel:
    """The channel whose parameter is its own Kraus operators, of shape (count, 2**k, 2**k).

    Examples:
        >>> kraus_channel(3, 1).param_shapes
        ((3, 2, 2),)
    """
    size = 2**num_qubits

    def superoperator(operators: Any, xp: ModuleType = np) -> Any:
        return pair(operators, xp).sum(-3)

    def fault(operators: Any) -> str | None:
        total = np.einsum("kij,kil->jl", operators.conj(), operators)
        off = float(np.max(np.abs(total - np.eye(size))))
        if not off <= 1e-6:
            return (
                "the sum of K^dagger K must be the identity, but its largest entry is off by "
                f"{off:.3g}"
            )
        return None

    return Channel(
        "kraus", num_qubits, ("operators",), "sum_k K_k rho K_k^dagger", "any Kraus operators",
        superoperator, lambda operators, xp=np: xp.asarray(operators), None, fault,
        ((count, size, size),), "K", (count, num_qubits),
    )  # fmt: skip


FAMILIES: dict[str, Callable[..., Channel]] = {
    "pauli_channel": pauli_channel,
    "kraus": kraus_channel,
}
"""The families, by the names of their channels."""


def kraus_of_superoperator(superoperator: Any) -> np.ndarray:
    """Kraus operators of a superoperator, of shape (K, d, d), the weightiest first.

    Args:
        superoperator: Array of shape (d*d, d*d), in the index i + d j of rho[i, j].

    Raises:
        CircuitError: If the shape is wrong, it is traced, or it is not completely positive; the
            message says how far it is off.

    Note:
        They are the eigenvectors of the Choi matrix sum_ij |i><j| (x) E(|i><j|), times the square
        roots of its eigenvalues.

    Examples:
        >>> kraus_of_superoperator(np.eye(4)).round(3).real
        array([[[1., 0.],
                [0., 1.]]])
    """
    if isinstance(superoperator, Tracer):
        raise CircuitError(
            "A superoperator must be known, for its Kraus operators are found beforehand, but is "
            f"traced, of shape {superoperator.shape}. Give traced Kraus operators to circuit.kraus."
        )
    matrix = np.asarray(superoperator, complex)
    size = int(np.sqrt(matrix.shape[0])) if matrix.ndim == 2 else 0
    if matrix.shape != (size**2, size**2) or size < 2 or size & (size - 1):
        raise CircuitError(
            f"A superoperator of k qubits must have shape (4**k, 4**k), but has {matrix.shape}."
        )
    # Rows are (j', i') and columns (j, i): the entry rho'[i', j'] from rho[i, j].
    tensor = matrix.reshape(size, size, size, size)
    choi = tensor.transpose(1, 3, 0, 2).reshape(size**2, size**2)  # (i', i), (j', j)
    if (off := float(np.max(np.abs(choi - choi.conj().T)))) > 1e-6:
        raise CircuitError(
            f"A superoperator must take Hermitian matrices to such, but is off by {off:.3g}."
        )
    values, vectors = np.linalg.eigh((choi + choi.conj().T) / 2)
    if values[0] < -1e-6:
        raise CircuitError(
            "A superoperator must be completely positive, but its Choi matrix has the eigenvalue "
            f"{values[0]:.3g}."
        )
    kept = values > 1e-14 * values[-1]
    operators = (vectors[:, kept] * np.sqrt(values[kept])).T.reshape(-1, size, size)[::-1]
    first = operators[:, :, :].reshape(len(operators), -1)
    phases = first[np.arange(len(first)), np.argmax(np.abs(first) > 1e-9, axis=1)]
    return operators * (np.abs(phases) / phases)[:, None, None]


def _find(name: str, arguments: tuple[Any, ...]) -> Channel:
    return FAMILIES[name](*arguments) if arguments else CHANNELS[name]


# Rows hold functions, which cannot be pickled: they are found again by name.
copyreg.pickle(Channel, lambda channel: (_find, (channel.name, channel.arguments)))
