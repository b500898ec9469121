"""The canonical (Cartan, KAK) form of a two-qubit matrix.

matrix = exp(i phase) (last) exp(i (x XX + y YY + z ZZ)) (first), where first and last are products
of one-qubit matrices.

In the magic basis M of maximally entangled states, products of one-qubit matrices of determinant 1
are the real orthogonal matrices, and XX, YY, ZZ are diagonal. So for u = M^dagger matrix M,
u = K D P^T with K, P real orthogonal and D diagonal, and u^T u = P D^2 P^T is symmetric: P holds
the common real eigenvectors of its real and imaginary parts.

References:
    B. Kraus, J. I. Cirac, Optimal creation of entanglement using a two-qubit gate, Phys. Rev. A 63,
    062309 (2001), appendix A.
"""

from dataclasses import dataclass

import numpy as np

_MAGIC = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / np.sqrt(2)

# Eigenvalues of XX, YY and ZZ on the columns of the magic basis.
_XX, _YY, _ZZ = np.array([[1, 1, -1, -1], [-1, 1, -1, 1], [1, -1, -1, 1]])

_MIXINGS = np.linspace(0.1, np.pi, 16, endpoint=False)


@dataclass(frozen=True)
class CanonicalParts:
    """A two-qubit matrix in canonical form.

    Attributes:
        first: Matrices on qubit 0 and qubit 1 that act first.
        interaction: (x, y, z) of exp(i (x XX + y YY + z ZZ)).
        last: Matrices on qubit 0 and qubit 1 that act last.
        phase: Global phase in radians.
    """

    first: tuple[np.ndarray, np.ndarray]
    interaction: tuple[float, float, float]
    last: tuple[np.ndarray, np.ndarray]
    phase: float


def canonical_parts(matrix: np.ndarray) -> CanonicalParts:
    """The canonical form of a unitary matrix of shape (4, 4).

    Examples:
        >>> swap = np.eye(4)[[0, 2, 1, 3]]
        >>> np.abs(canonical_parts(swap).interaction) / np.pi
        array([0.25, 0.25, 0.25])
    """
    u = _MAGIC.conj().T @ matrix @ _MAGIC
    p = _real_eigenvectors(u.T @ u)
    if np.linalg.det(p) < 0:
        p[:, 0] *= -1
    phases = np.angle(np.einsum("ji,jk,ki->i", p, u.T @ u, p)) / 2
    k = (u @ p * np.exp(-1j * phases)).real
    if np.linalg.det(k) < 0:
        k[:, 0] *= -1
        phases[0] += np.pi
    return CanonicalParts(
        _factors(_MAGIC @ p.T @ _MAGIC.conj().T),
        (float(phases @ _XX) / 4, float(phases @ _YY) / 4, float(phases @ _ZZ) / 4),
        _factors(_MAGIC @ k @ _MAGIC.conj().T),
        float(np.sum(phases)) / 4,
    )


def _real_eigenvectors(symmetric: np.ndarray) -> np.ndarray:
    """Real orthonormal eigenvectors of a symmetric unitary matrix.

    Its real and imaginary parts commute. A mixture of both has their common eigenvectors unless
    different eigenvalues coincide in it by accident; so the best of several mixtures is taken.
    """
    candidates = [
        np.linalg.eigh(np.cos(a) * np.real(symmetric) + np.sin(a) * np.imag(symmetric))[1]
        for a in _MIXINGS
    ]

    def error(p: np.ndarray) -> float:
        rotated = p.T @ symmetric @ p
        return float(np.max(np.abs(rotated - np.diag(np.diag(rotated)))))

    return min(candidates, key=error)


def _factors(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrices on qubit 0 and on qubit 1 whose Kronecker product is given."""
    table = product.reshape(2, 2, 2, 2)  # row bit 1, row bit 0, column bit 1, column bit 0
    blocks = table.transpose(0, 2, 1, 3).reshape(4, 2, 2)
    low = max(blocks, key=lambda block: float(np.linalg.norm(block)))
    low = low / np.sqrt(complex(np.linalg.det(low)))
    return low, np.einsum("aibj,ij->ab", table, low.conj()) / 2
