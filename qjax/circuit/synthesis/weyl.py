"""Two-qubit matrices with the fewest CZ gates, by their place in the Weyl chamber.

matrix = exp(i phase) (last) exp(i (x XX + y YY + z ZZ)) (first), and the local factors can be
chosen so that pi/4 >= x >= y >= |z|, with z >= 0 where x = pi/4. These three numbers tell how many
CZ a matrix needs: none if all are 0, one for (pi/4, 0, 0), two if z = 0, three for all others.

References:
    J. Zhang, J. Vala, S. Sastry, K. B. Whaley, Geometric theory of nonlocal two-qubit operations,
    Phys. Rev. A 67, 042313 (2003).
    V. Shende, I. Markov, S. Bullock, Minimal universal two-qubit controlled-NOT-based circuits,
    Phys. Rev. A 69, 062321 (2004).
"""

from dataclasses import dataclass
from math import pi

import numpy as np

from qjax.circuit.synthesis.two_qubits import CanonicalParts, canonical_parts

TOLERANCE = 1e-11
"""How near to a special point coordinates are taken to lie on it; the error is of this size."""

Local = tuple[np.ndarray, np.ndarray]
"""Matrices of shape (2, 2) on qubit 0 and qubit 1."""

_I = np.eye(2, dtype=complex)
_X = np.array([[0, 1], [1, 0]], dtype=complex)
_Y = np.array([[0, -1j], [1j, 0]])
_Z = np.diag([1, -1]).astype(complex)
_H = (_X + _Z) / np.sqrt(2)
_SDG = np.diag([1, -1j])
_PAULIS = (_X, _Y, _Z)


@dataclass(frozen=True)
class Interaction:
    """Local matrices with the same two-qubit gate between each two of them.

    Attributes:
        locals: One more than there are gates, in time order.
        phase: Global phase in radians.
    """

    locals: tuple[Local, ...]
    phase: float

    @property
    def count(self) -> int:
        """How many two-qubit gates there are."""
        return len(self.locals) - 1


def normal_form(matrix: np.ndarray) -> CanonicalParts:
    """The canonical form of a unitary matrix of shape (4, 4), with (x, y, z) in the Weyl chamber.

    Examples:
        >>> swap = np.eye(4)[[0, 2, 1, 3]]
        >>> np.array(normal_form(swap).interaction) / np.pi
        array([0.25, 0.25, 0.25])
    """
    parts = canonical_parts(matrix)
    point = np.array(parts.interaction)
    first, last, phase = list(parts.first), list(parts.last), parts.phase
    # exp(i pi/2 PP) = i PP is local.
    turns = np.round(point / (pi / 2) - TOLERANCE)
    point = point - turns * (pi / 2)
    for pauli, count in zip(_PAULIS, turns.astype(int), strict=True):
        if count % 2:
            first = [pauli @ m for m in first]
        phase += count * pi / 2
        # (i PP)^count = i^count P^count P^count, and P^2 = 1
    # A quarter turn about axis k on both qubits exchanges the other two coordinates.
    for j in (0, 1, 0):
        if abs(point[j]) < abs(point[j + 1]) - TOLERANCE:
            axis = _PAULIS[3 - 2 * j - 1]
            turn = (_I - 1j * axis) / np.sqrt(2)
            first = [turn @ m for m in first]
            last = [m @ turn.conj().T for m in last]
            point[[j, j + 1]] = point[[j + 1, j]]
    # A half turn about axis k on one qubit changes the signs of the other two coordinates.
    x, y, z = (bool(c < -TOLERANCE) for c in point)
    on_edge = point[0] > pi / 4 - TOLERANCE if not x else point[0] < -pi / 4 + TOLERANCE
    flips = {(True, True): 2, (True, False): 1, (False, True): 0}.get((x, y))
    if flips is not None:
        first, last, point = _flipped(flips, first, last, point)
    z = bool(point[2] < -TOLERANCE)
    if on_edge and z:  # x = pi/4 is x = -pi/4 but for a local factor
        first = [_X @ m for m in first]
        phase += pi / 2
        point[0] -= pi / 2
        first, last, point = _flipped(1, first, last, point)
    return CanonicalParts(
        (first[0], first[1]),
        (float(point[0]), float(point[1]), float(point[2])),
        (last[0], last[1]),
        float(phase),
    )


def _flipped(
    axis: int, first: list[np.ndarray], last: list[np.ndarray], point: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """The same matrix with the signs of all coordinates but that of `axis` changed."""
    pauli = _PAULIS[axis]
    signs = -np.ones(3)
    signs[axis] = 1
    return [pauli @ first[0], first[1]], [last[0] @ pauli, last[1]], point * signs


def cz_count(point: tuple[float, float, float]) -> int:
    """How many CZ a matrix with this point of the Weyl chamber needs.

    Examples:
        >>> cz_count((0.0, 0.0, 0.0)), cz_count((np.pi / 4, 0.0, 0.0)), cz_count((0.3, 0.2, 0.1))
        (0, 1, 3)
    """
    x, y, z = (abs(c) for c in point)
    if z > TOLERANCE:
        return 3
    if y > TOLERANCE:
        return 2
    if x <= TOLERANCE:
        return 0
    return 1 if abs(x - pi / 4) <= TOLERANCE else 2


def with_cz(matrix: np.ndarray, count: int | None = None) -> Interaction:
    """A two-qubit matrix with the fewest CZ, or with two or three of them where that is enough.

    Examples:
        >>> with_cz(np.eye(4)[[0, 2, 1, 3]]).count  # a swap
        3
    """
    parts = normal_form(matrix)
    x, y, z = parts.interaction
    count = cz_count(parts.interaction) if count is None else count
    if count == 0:
        inner: list[Local] = [(_I, _I)]
        phase = 0.0
    elif count == 1:  # exp(i pi/4 ZZ) = exp(i pi/4) CZ (Sdg on both), and H makes it XX
        inner = [(_SDG @ _H, _SDG @ _H), (_H, _H)]
        phase = pi / 4
    elif count == 2:
        inner = _two(x, y)
        phase = 0.0
    else:
        inner = _three(x, y, z)
        phase = pi / 4
    return _surrounded(inner, parts, phase)


def with_iswap(matrix: np.ndarray) -> Interaction:
    """A two-qubit matrix with the fewest iSWAP.

    CZ = SWAP iSWAP (Sdg on both), and a SWAP moves through local matrices by exchanging them. Two
    SWAPs are none; for an odd number of gates the matrix times a SWAP is taken instead.

    Examples:
        >>> with_iswap(np.diag([1, 1, 1, -1])).count
        2
    """
    turned = matrix @ np.eye(4)[[0, 2, 1, 3]]
    plain, odd = with_cz(matrix), with_cz(turned)
    if odd.count == 1:
        made = odd
    elif plain.count == 3:
        made = with_cz(turned, 3)
    else:
        made = plain if plain.count % 2 == 0 else with_cz(matrix, 2)
    steps = []
    for k, (a, b) in enumerate(made.locals):
        if (made.count - k) % 2:  # as many SWAPs come later
            a, b = b, a
        steps.append((a, b) if k == made.count else (_SDG @ a, _SDG @ b))
    return Interaction(tuple(steps), made.phase)


def rotations(matrix: np.ndarray) -> tuple[list[tuple[Local, float, Local]], Local, float]:
    """A two-qubit matrix with the fewest rotations exp(-i theta ZZ / 2), one for each coordinate.

    Returns:
        Steps (before, theta, after) in time order, the local matrices after all of them, and the
        global phase.
    """
    parts = normal_form(matrix)
    steps: list[tuple[Local, float, Local]] = []
    to_z = (_H, (_I - 1j * _X) / np.sqrt(2), _I)  # X, Y, Z -> Z
    before: Local = parts.first
    for coordinate, turn in zip(parts.interaction, to_z, strict=True):
        if abs(coordinate) > TOLERANCE:
            back = turn.conj().T
            start: Local = (turn @ before[0], turn @ before[1])
            steps.append((start, -2 * coordinate, (back, back)))
            before = (_I, _I)
    last = parts.last
    if not steps:
        last = (last[0] @ before[0], last[1] @ before[1])
    return steps, last, parts.phase


def _two(x: float, y: float) -> list[Local]:
    """exp(i (x XX + y YY)): CX exp(i x X0) exp(i z Z1) CX is exp(i (x XX + z ZZ))."""
    quarter = (_I - 1j * _X) / np.sqrt(2)  # Y -> Z, and X stays
    ix = np.cos(x) * _I + 1j * np.sin(x) * _X
    iz = np.cos(y) * _I + 1j * np.sin(y) * _Z
    back = quarter.conj().T
    return [(quarter, _H @ quarter), (ix, _H @ iz @ _H), (back, back @ _H)]


def _three(x: float, y: float, z: float) -> list[Local]:
    """The circuit of F. Vatan and C. Williams, Phys. Rev. A 69, 032315 (2004), figure 6."""
    half = pi / 2

    def ry(t: float) -> np.ndarray:
        return np.cos(t / 2) * _I - 1j * np.sin(t / 2) * _Y

    def rz(t: float) -> np.ndarray:
        return np.diag([np.exp(-1j * t / 2), np.exp(1j * t / 2)])

    return [
        (_H, rz(-half)),
        (rz(half - 2 * z) @ _H, _H @ ry(2 * x - half)),
        (_H, ry(half - 2 * y) @ _H),
        (rz(half) @ _H, _I),
    ]


def _surrounded(inner: list[Local], parts: CanonicalParts, phase: float) -> Interaction:
    """The inner circuit between the outer local matrices of the form."""
    made = list(inner)
    made[0] = (made[0][0] @ parts.first[0], made[0][1] @ parts.first[1])
    made[-1] = (parts.last[0] @ made[-1][0], parts.last[1] @ made[-1][1])
    return Interaction(tuple(made), parts.phase + phase)
