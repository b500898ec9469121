r"""The gate table: one row per gate, and everything that is known of it.

A row is a fact sheet. Builder methods, inverses, controlled forms, plans, OpenQASM and drawings all
read it; nothing else in qjax knows a gate by name.

Qubit order: bit `k` of a matrix index is the `k`-th qubit of the gate, so the first qubit is the
least significant bit, as in Qiskit. Angles are radians.

A controlled gate is its `base` with `num_controls` control qubits in front: the row `cx` is the row
`x` with one control. Its matrix, inverse and decomposition follow from the base.

References:
    OpenQASM 3 standard library, `stdgates.inc`: https://openqasm.com/language/standard_library.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import pi
from types import ModuleType
from typing import Any

import numpy as np

from qjax.errors import CircuitError

Step = tuple[str, tuple[Any, ...], tuple[int, ...]]
"""One gate of a decomposition: name, angles, and positions among the row's qubits."""


@dataclass(frozen=True, eq=False)
class Gate:
    """A row of the gate table: a named family of unitary matrices.

    Attributes:
        name: The gate's name, a valid identifier of OpenQASM.
        num_qubits: How many qubits it acts on, controls included.
        params: Names of its parameters, in order.
        definition: The formula, as text.
        source: Where the definition is from.
        matrix: `matrix(*angles, xp=...)` gives an array of shape (..., 2**k, 2**k) for the k qubits
            that are no controls; `xp` is `numpy` or `jax.numpy`, and angles may have leading axes.
            A gate without angles ignores `xp` and gives a complex128 NumPy array.
        inverse: Gives, from the angles, the step that undoes the gate.
        decomposition: Gives, from the angles, steps in time order whose product is the gate, with
            its global phase. None for a gate that the OpenQASM standard libraries have, or
            that is controlled.
        generator: U(theta) = exp(i theta sum_k c_k P_k) as pairs (c_k, P_k), for gates with one
            angle; letter j of the Pauli text P_k acts on qubit j of the gate.
        param_shapes: Shape of each parameter's value; () is an angle, others are complex arrays.
        qasm2: Name in OpenQASM 2's `qelib1.inc`, or None.
        qasm3: Name in OpenQASM 3's `stdgates.inc`, or None.
        label: What a drawing shows.
        aliases: Other names under which the builder and `find_gate` know it.
        base: The gate under the controls, or None.
        num_controls: How many of the first qubits are controls.
        arguments: What a gate made by a family (`pauli_rotation`, `permutation`) was made from.
    """

    name: str
    num_qubits: int
    params: tuple[str, ...]
    definition: str
    source: str
    matrix: Callable[..., Any]
    inverse: Callable[..., Step]
    decomposition: Callable[..., tuple[Step, ...]] | None = None
    generator: tuple[tuple[float, str], ...] | None = None
    param_shapes: tuple[tuple[int, ...], ...] = ()
    qasm2: str | None = None
    qasm3: str | None = None
    label: str = ""
    aliases: tuple[str, ...] = ()
    base: "Gate | None" = None
    num_controls: int = 0
    arguments: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if not self.param_shapes:
            object.__setattr__(self, "param_shapes", ((),) * len(self.params))
        if not self.label:
            object.__setattr__(self, "label", self.name.upper())

    def __repr__(self) -> str:
        return f"<gate {self.name}({', '.join(self.params)}) on {self.num_qubits} qubits>"

    @property
    def rotation(self) -> str | None:
        """The Pauli text P if the gate is exp(-i theta P / 2), else None."""
        if self.generator is None or len(self.generator) != 1:
            return None
        ((coefficient, pauli),) = self.generator
        return pauli if coefficient == -0.5 else None


# --- matrices -------------------------------------------------------------------------------------


def _stack(rows: list[list[Any]], xp: ModuleType) -> Any:
    """Entries, each a number or an array of shape (...), to a matrix of shape (..., r, r)."""
    entries = xp.broadcast_arrays(*(xp.asarray(entry) for row in rows for entry in row))
    flat = xp.stack(entries, axis=-1)
    return flat.reshape(*flat.shape[:-1], len(rows), len(rows))


def _phase(angle: Any, xp: ModuleType) -> Any:
    """exp(i angle)."""
    return xp.cos(angle) + 1j * xp.sin(angle)


def _fixed(rows: Sequence[Sequence[complex]]) -> Callable[..., np.ndarray]:
    matrix = np.array(rows, dtype=np.complex128)
    matrix.setflags(write=False)
    return lambda xp=np: matrix


def _diagonal(*entries: Callable[[Any, ModuleType], Any]) -> Callable[..., Any]:
    """A diagonal matrix whose entries are functions of one angle."""

    def matrix(theta: Any, xp: ModuleType = np) -> Any:
        zero = 0j * theta
        values = [entry(theta, xp) + zero for entry in entries]
        return _stack(
            [[v if i == j else zero for j, v in enumerate(values)] for i in range(len(values))], xp
        )

    return matrix


def _rx(theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    return _stack([[c, s], [s, c]], xp)


def _ry(theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, xp.sin(theta / 2) + 0j
    return _stack([[c, -s], [s, c]], xp)


def _u(theta: Any, phi: Any, lam: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, xp.sin(theta / 2) + 0j
    return _stack([[c, -_phase(lam, xp) * s], [_phase(phi, xp) * s, _phase(phi + lam, xp) * c]], xp)


def _su2(theta: Any, phi: Any, lam: Any, xp: ModuleType = np) -> Any:
    """RZ(phi) RY(theta) RZ(lam)."""
    half_sum, half_difference = (phi + lam) / 2, (phi - lam) / 2
    c, s = xp.cos(theta / 2), xp.sin(theta / 2)
    return _stack(
        [
            [_phase(-half_sum, xp) * c, -_phase(-half_difference, xp) * s],
            [_phase(half_difference, xp) * s, _phase(half_sum, xp) * c],
        ],
        xp,
    )


def _prx(theta: Any, phi: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    return _stack([[c, s * _phase(-phi, xp)], [s * _phase(phi, xp), c]], xp)


def _pair_rotation(theta: Any, sign: float, xp: ModuleType) -> Any:
    """Cos(theta/2) I - i sin(theta/2) (XX if sign is 1, YY if sign is -1)."""
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    z = 0 * s
    return _stack([[c, z, z, sign * s], [z, c, s, z], [z, s, c, z], [sign * s, z, z, c]], xp)


def _rzx(theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    z = 0 * s
    return _stack([[c, z, s, z], [z, c, z, -s], [s, z, c, z], [z, -s, z, c]], xp)


def _middle(a: Any, b: Any, c: Any, d: Any, last: Any, xp: ModuleType) -> Any:
    """Identity but for the block (a, b; c, d) on |01>, |10> and `last` on |11>."""
    z = 0j * a
    one = z + 1
    return _stack([[one, z, z, z], [z, a, b, z], [z, c, d, z], [z, z, z, last]], xp)


def _xx_plus_yy(theta: Any, beta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    return _middle(c, s * _phase(-beta, xp), s * _phase(beta, xp), c, 0 * c + 1, xp)


def _xx_minus_yy(theta: Any, beta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    z = 0 * s
    one = z + 1
    upper, lower = s * _phase(-beta, xp), s * _phase(beta, xp)
    return _stack([[c, z, z, upper], [z, one, z, z], [z, z, one, z], [lower, z, z, c]], xp)


def _fsim(theta: Any, phi: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta) + 0j, -1j * xp.sin(theta)
    return _middle(c, s, s, c, _phase(-phi, xp), xp)


def _givens(theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta) + 0j, xp.sin(theta) + 0j
    return _middle(c, s, -s, c, 0 * c + 1, xp)


def _ms(phi0: Any, phi1: Any, theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, -1j * xp.sin(theta / 2)
    z = 0 * s
    total, difference = _phase(phi0 + phi1, xp), _phase(phi0 - phi1, xp)
    return _stack(
        [
            [c, z, z, s * xp.conj(total)],
            [z, c, s * difference, z],
            [z, s * xp.conj(difference), c, z],
            [s * total, z, z, c],
        ],
        xp,
    )


_R = 0.5**0.5
_X = [[0, 1], [1, 0]]
_ISWAP = [[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]]
_SQRT_ISWAP = [[1, 0, 0, 0], [0, _R, 1j * _R, 0], [0, 1j * _R, _R, 0], [0, 0, 0, 1]]
_ECR = [
    [0, _R, 0, 1j * _R],
    [_R, 0, -1j * _R, 0],
    [0, 1j * _R, 0, _R],
    [-1j * _R, 0, _R, 0],
]


def _conjugate_transpose(rows: Sequence[Sequence[complex]]) -> list[list[complex]]:
    return [[complex(rows[j][i]).conjugate() for j in range(len(rows))] for i in range(len(rows))]


# --- rows -----------------------------------------------------------------------------------------

_STD = "OpenQASM 3, stdgates.inc"


def _undone_by(name: str, num_qubits: int = 1) -> Callable[..., Step]:
    """The inverse of a gate without angles."""
    return lambda: (name, (), tuple(range(num_qubits)))


def _negated(name: str, num_qubits: int = 1) -> Callable[..., Step]:
    """The inverse of a gate whose one angle changes sign."""
    return lambda theta: (name, (-theta,), tuple(range(num_qubits)))


def _first_negated(name: str, num_qubits: int) -> Callable[..., Step]:
    return lambda theta, other: (name, (-theta, other), tuple(range(num_qubits)))


_ROWS = (
    Gate(
        "gphase", 0, ("gamma",), "exp(i gamma)", "OpenQASM 3, gphase",
        matrix=lambda gamma, xp=np: _stack([[_phase(gamma, xp)]], xp),
        inverse=_negated("gphase", 0), generator=((1.0, ""),), label="phase",
    ),
    Gate(
        "id", 1, (), "identity", _STD, matrix=_fixed([[1, 0], [0, 1]]),
        inverse=_undone_by("id"), qasm2="id", qasm3="id", label="I", aliases=("i",),
    ),
    Gate(
        "x", 1, (), "Pauli X", _STD, matrix=_fixed(_X),
        inverse=_undone_by("x"), qasm2="x", qasm3="x",
    ),
    Gate(
        "y", 1, (), "Pauli Y", _STD, matrix=_fixed([[0, -1j], [1j, 0]]),
        inverse=_undone_by("y"), qasm2="y", qasm3="y",
    ),
    Gate(
        "z", 1, (), "Pauli Z", _STD, matrix=_fixed([[1, 0], [0, -1]]),
        inverse=_undone_by("z"), qasm2="z", qasm3="z",
    ),
    Gate(
        "h", 1, (), "Hadamard, (X + Z) / sqrt 2", _STD, matrix=_fixed([[_R, _R], [_R, -_R]]),
        inverse=_undone_by("h"), qasm2="h", qasm3="h",
    ),
    Gate(
        "s", 1, (), "diag(1, i)", _STD, matrix=_fixed([[1, 0], [0, 1j]]),
        inverse=_undone_by("sdg"), qasm2="s", qasm3="s",
    ),
    Gate(
        "sdg", 1, (), "diag(1, -i)", _STD, matrix=_fixed([[1, 0], [0, -1j]]),
        inverse=_undone_by("s"), qasm2="sdg", qasm3="sdg", label="S†",
    ),
    Gate(
        "t", 1, (), "diag(1, exp(i pi/4))", _STD, matrix=_fixed([[1, 0], [0, _R + 1j * _R]]),
        inverse=_undone_by("tdg"), qasm2="t", qasm3="t",
    ),
    Gate(
        "tdg", 1, (), "diag(1, exp(-i pi/4))", _STD, matrix=_fixed([[1, 0], [0, _R - 1j * _R]]),
        inverse=_undone_by("t"), qasm2="tdg", qasm3="tdg", label="T†",
    ),
    Gate(
        "sx", 1, (), "square root of X, H S H", _STD,
        matrix=_fixed([[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]]),
        inverse=_undone_by("sxdg"), decomposition=lambda: (
            ("h", (), (0,)), ("s", (), (0,)), ("h", (), (0,))),
        qasm3="sx", label="√X", aliases=("v",),
    ),
    Gate(
        "sxdg", 1, (), "inverse of sx, H Sdg H", "Qiskit, SXdgGate",
        matrix=_fixed([[0.5 - 0.5j, 0.5 + 0.5j], [0.5 + 0.5j, 0.5 - 0.5j]]),
        inverse=_undone_by("sx"), decomposition=lambda: (
            ("h", (), (0,)), ("sdg", (), (0,)), ("h", (), (0,))),
        label="√X†", aliases=("vdg",),
    ),
    Gate(
        "rx", 1, ("theta",), "exp(-i theta X / 2)", _STD, matrix=_rx,
        inverse=_negated("rx"), generator=((-0.5, "X"),), qasm2="rx", qasm3="rx",
    ),
    Gate(
        "ry", 1, ("theta",), "exp(-i theta Y / 2)", _STD, matrix=_ry,
        inverse=_negated("ry"), generator=((-0.5, "Y"),), qasm2="ry", qasm3="ry",
    ),
    Gate(
        "rz", 1, ("theta",), "exp(-i theta Z / 2)", _STD,
        matrix=_diagonal(lambda t, xp: _phase(-t / 2, xp), lambda t, xp: _phase(t / 2, xp)),
        inverse=_negated("rz"), generator=((-0.5, "Z"),), qasm2="rz", qasm3="rz",
    ),
    Gate(
        "p", 1, ("theta",), "diag(1, exp(i theta))", _STD,
        matrix=_diagonal(lambda t, xp: 0 * t + 1, _phase),
        inverse=_negated("p"), generator=((0.5, "I"), (-0.5, "Z")),
        qasm2="u1", qasm3="p", aliases=("phase", "u1"),
    ),
    Gate(
        "u", 1, ("theta", "phi", "lam"), "P(phi) RY(theta) P(lam)", "Qiskit, UGate",
        matrix=_u, inverse=lambda theta, phi, lam: ("u", (-theta, -lam, -phi), (0,)),
        decomposition=lambda theta, phi, lam: (
            ("p", (lam,), (0,)), ("ry", (theta,), (0,)), ("p", (phi,), (0,))),
        qasm2="u3",
    ),
    Gate(
        "u2", 1, ("phi", "lam"), "RZ(phi) RY(pi/2) RZ(lam)", _STD,
        matrix=lambda phi, lam, xp=np: _su2(0 * phi + pi / 2, phi, lam, xp),
        inverse=lambda phi, lam: ("u2", (pi - lam, -pi - phi), (0,)),
        decomposition=lambda phi, lam: (
            ("rz", (lam,), (0,)), ("ry", (pi / 2,), (0,)), ("rz", (phi,), (0,))),
    ),
    Gate(
        "u3", 1, ("theta", "phi", "lam"), "RZ(phi) RY(theta) RZ(lam)", _STD,
        matrix=_su2, inverse=lambda theta, phi, lam: ("u3", (-theta, -lam, -phi), (0,)),
        decomposition=lambda theta, phi, lam: (
            ("rz", (lam,), (0,)), ("ry", (theta,), (0,)), ("rz", (phi,), (0,))),
    ),
    Gate(
        "phased_u", 1, ("theta", "phi", "lam", "gamma"), "exp(i gamma) P(phi) RY(theta) P(lam)",
        "the gate that stdgates.inc's cu controls",
        matrix=lambda theta, phi, lam, gamma, xp=np: (
            _phase(gamma, xp)[..., None, None] * _u(theta, phi, lam, xp)),
        inverse=lambda theta, phi, lam, gamma: ("phased_u", (-theta, -lam, -phi, -gamma), (0,)),
        decomposition=lambda theta, phi, lam, gamma: (
            ("gphase", (gamma,), ()), ("p", (lam,), (0,)), ("ry", (theta,), (0,)),
            ("p", (phi,), (0,))),
        label="U",
    ),
    Gate(
        "prx", 1, ("theta", "phi"), "exp(-i theta (cos phi X + sin phi Y) / 2)",
        "Amazon Braket, PRx; Qiskit, RGate",
        matrix=_prx, inverse=_first_negated("prx", 1),
        decomposition=lambda theta, phi: (
            ("rz", (-phi,), (0,)), ("rx", (theta,), (0,)), ("rz", (phi,), (0,))),
        label="PRX", aliases=("r",),
    ),
    Gate(
        "gpi", 1, ("phi",), "cos phi X + sin phi Y, phi in radians",
        "IonQ native gates, GPi (there in turns); Amazon Braket, GPi",
        matrix=lambda phi, xp=np: _stack(
            [[0j * phi, _phase(-phi, xp)], [_phase(phi, xp), 0j * phi]], xp),
        inverse=lambda phi: ("gpi", (phi,), (0,)),
        decomposition=lambda phi: (("rz", (-2 * phi,), (0,)), ("x", (), (0,))), label="GPi",
    ),
    Gate(
        "gpi2", 1, ("phi",), "exp(-i pi (cos phi X + sin phi Y) / 4), phi in radians",
        "IonQ native gates, GPi2 (there in turns); Amazon Braket, GPi2",
        matrix=lambda phi, xp=np: _prx(0 * phi + pi / 2, phi, xp),
        inverse=lambda phi: ("gpi2", (phi + pi,), (0,)),
        decomposition=lambda phi: (
            ("rz", (-phi,), (0,)), ("rx", (pi / 2,), (0,)), ("rz", (phi,), (0,))), label="GPi2",
    ),
    Gate(
        "swap", 2, (), "exchanges the two qubits", _STD,
        matrix=_fixed([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
        inverse=_undone_by("swap", 2), decomposition=lambda: (
            ("cx", (), (0, 1)), ("cx", (), (1, 0)), ("cx", (), (0, 1))),
        qasm3="swap",
    ),
    Gate(
        "iswap", 2, (), "exp(i pi (XX + YY) / 4)", "Qiskit, iSwapGate", matrix=_fixed(_ISWAP),
        inverse=_undone_by("iswapdg", 2), decomposition=lambda: (
            ("s", (), (0,)), ("s", (), (1,)), ("h", (), (0,)), ("cx", (), (0, 1)),
            ("cx", (), (1, 0)), ("h", (), (1,))),
        label="iSWAP",
    ),
    Gate(
        "iswapdg", 2, (), "exp(-i pi (XX + YY) / 4)", "inverse of iswap",
        matrix=_fixed(_conjugate_transpose(_ISWAP)), inverse=_undone_by("iswap", 2),
        decomposition=lambda: (
            ("h", (), (1,)), ("cx", (), (1, 0)), ("cx", (), (0, 1)), ("h", (), (0,)),
            ("sdg", (), (0,)), ("sdg", (), (1,))),
        label="iSWAP†",
    ),
    Gate(
        "sqrt_iswap", 2, (), "exp(i pi (XX + YY) / 8)", "Cirq, SQRT_ISWAP",
        matrix=_fixed(_SQRT_ISWAP), inverse=_undone_by("sqrt_iswapdg", 2),
        decomposition=lambda: (("rxx", (-pi / 4,), (0, 1)), ("ryy", (-pi / 4,), (0, 1))),
        label="√iSWAP", aliases=("siswap",),
    ),
    Gate(
        "sqrt_iswapdg", 2, (), "exp(-i pi (XX + YY) / 8)", "Cirq, SQRT_ISWAP_INV",
        matrix=_fixed(_conjugate_transpose(_SQRT_ISWAP)), inverse=_undone_by("sqrt_iswap", 2),
        decomposition=lambda: (("rxx", (pi / 4,), (0, 1)), ("ryy", (pi / 4,), (0, 1))),
        label="√iSWAP†", aliases=("siswapdg",),
    ),
    Gate(
        "ecr", 2, (), "echoed cross-resonance, RZX(-pi/4) X0 RZX(pi/4)",
        "Qiskit, ECRGate", matrix=_fixed(_ECR), inverse=_undone_by("ecr", 2),
        decomposition=lambda: (
            ("rzx", (pi / 4,), (0, 1)), ("x", (), (0,)), ("rzx", (-pi / 4,), (0, 1))),
    ),
    Gate(
        "dcx", 2, (), "CX(0, 1) then CX(1, 0)", "Qiskit, DCXGate",
        matrix=_fixed([[1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]]),
        inverse=lambda: ("dcx", (), (1, 0)),
        decomposition=lambda: (("cx", (), (0, 1)), ("cx", (), (1, 0))),
    ),
    Gate(
        "rxx", 2, ("theta",), "exp(-i theta XX / 2)", "Qiskit, RXXGate",
        matrix=lambda theta, xp=np: _pair_rotation(theta, 1, xp),
        inverse=_negated("rxx", 2), generator=((-0.5, "XX"),),
        decomposition=lambda theta: (
            ("h", (), (0,)), ("h", (), (1,)), ("cx", (), (0, 1)), ("rz", (theta,), (1,)),
            ("cx", (), (0, 1)), ("h", (), (0,)), ("h", (), (1,))),
    ),
    Gate(
        "ryy", 2, ("theta",), "exp(-i theta YY / 2)", "Qiskit, RYYGate",
        matrix=lambda theta, xp=np: _pair_rotation(theta, -1, xp),
        inverse=_negated("ryy", 2), generator=((-0.5, "YY"),),
        decomposition=lambda theta: (
            ("rx", (pi / 2,), (0,)), ("rx", (pi / 2,), (1,)), ("cx", (), (0, 1)),
            ("rz", (theta,), (1,)), ("cx", (), (0, 1)), ("rx", (-pi / 2,), (0,)),
            ("rx", (-pi / 2,), (1,))),
    ),
    Gate(
        "rzz", 2, ("theta",), "exp(-i theta ZZ / 2)", "Qiskit, RZZGate",
        matrix=_diagonal(
            lambda t, xp: _phase(-t / 2, xp), lambda t, xp: _phase(t / 2, xp),
            lambda t, xp: _phase(t / 2, xp), lambda t, xp: _phase(-t / 2, xp)),
        inverse=_negated("rzz", 2), generator=((-0.5, "ZZ"),),
        decomposition=lambda theta: (
            ("cx", (), (0, 1)), ("rz", (theta,), (1,)), ("cx", (), (0, 1))),
    ),
    Gate(
        "rzx", 2, ("theta",), "exp(-i theta Z0 X1 / 2)", "Qiskit, RZXGate", matrix=_rzx,
        inverse=_negated("rzx", 2), generator=((-0.5, "ZX"),),
        decomposition=lambda theta: (
            ("h", (), (1,)), ("cx", (), (0, 1)), ("rz", (theta,), (1,)), ("cx", (), (0, 1)),
            ("h", (), (1,))),
    ),
    Gate(
        "xx_plus_yy", 2, ("theta", "beta"), "RZ0(-beta) exp(-i theta (XX + YY) / 4) RZ0(beta)",
        "Qiskit, XXPlusYYGate", matrix=_xx_plus_yy, inverse=_first_negated("xx_plus_yy", 2),
        decomposition=lambda theta, beta: (
            ("rz", (beta,), (0,)), ("rxx", (theta / 2,), (0, 1)), ("ryy", (theta / 2,), (0, 1)),
            ("rz", (-beta,), (0,))),
        label="XX+YY",
    ),
    Gate(
        "xx_minus_yy", 2, ("theta", "beta"), "RZ1(beta) exp(-i theta (XX - YY) / 4) RZ1(-beta)",
        "Qiskit, XXMinusYYGate", matrix=_xx_minus_yy, inverse=_first_negated("xx_minus_yy", 2),
        decomposition=lambda theta, beta: (
            ("rz", (-beta,), (1,)), ("rxx", (theta / 2,), (0, 1)), ("ryy", (-theta / 2,), (0, 1)),
            ("rz", (beta,), (1,))),
        label="XX-YY",
    ),
    Gate(
        "fsim", 2, ("theta", "phi"), "exp(-i theta (XX + YY) / 2) CP(-phi)",
        "Cirq, FSimGate", matrix=_fsim,
        inverse=lambda theta, phi: ("fsim", (-theta, -phi), (0, 1)),
        decomposition=lambda theta, phi: (
            ("rxx", (theta,), (0, 1)), ("ryy", (theta,), (0, 1)), ("cp", (-phi,), (0, 1))),
        label="fSim",
    ),
    Gate(
        "givens", 2, ("theta",), "exp(i theta (X0 Y1 - Y0 X1) / 2)", "Cirq, givens",
        matrix=_givens, inverse=_negated("givens", 2), generator=((0.5, "XY"), (-0.5, "YX")),
        decomposition=lambda theta: (("xx_plus_yy", (2 * theta, -pi / 2), (0, 1)),),
        label="Givens",
    ),
    Gate(
        "ms", 2, ("phi0", "phi1", "theta"),
        "exp(-i theta GPi(phi0) GPi(phi1) / 2), angles in radians",
        "IonQ native gates, MS (there in turns); Amazon Braket, MS", matrix=_ms,
        inverse=lambda phi0, phi1, theta: ("ms", (phi0, phi1, -theta), (0, 1)),
        decomposition=lambda phi0, phi1, theta: (
            ("rz", (-phi0,), (0,)), ("rz", (-phi1,), (1,)), ("rxx", (theta,), (0, 1)),
            ("rz", (phi0,), (0,)), ("rz", (phi1,), (1,))),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class _Controlled:
    """What a named controlled gate adds to its base."""

    name: str
    base: str
    num_controls: int = 1
    source: str = _STD
    qasm2: str | None = None
    qasm3: str | None = None
    aliases: tuple[str, ...] = ()


_CONTROLLED_ROWS = (
    _Controlled("cx", "x", qasm2="cx", qasm3="cx", aliases=("CX", "cnot")),
    _Controlled("cy", "y", qasm2="cy", qasm3="cy"),
    _Controlled("cz", "z", qasm2="cz", qasm3="cz"),
    _Controlled("ch", "h", qasm2="ch", qasm3="ch"),
    _Controlled("cs", "s", source="Qiskit, CSGate"),
    _Controlled("csdg", "sdg", source="Qiskit, CSdgGate"),
    _Controlled("csx", "sx", source="Qiskit, CSXGate"),
    _Controlled("csxdg", "sxdg", source="inverse of csx"),
    _Controlled("cp", "p", qasm2="cu1", qasm3="cp", aliases=("cphase", "cu1")),
    _Controlled("crx", "rx", qasm3="crx"),
    _Controlled("cry", "ry", qasm3="cry"),
    _Controlled("crz", "rz", qasm2="crz", qasm3="crz"),
    _Controlled("cu", "phased_u", qasm3="cu"),
    _Controlled("cu3", "u", source="Qiskit, CU3Gate", qasm2="cu3"),
    _Controlled("cswap", "swap", qasm3="cswap"),
    _Controlled("ccx", "x", 2, qasm2="ccx", qasm3="ccx"),
    _Controlled("ccz", "z", 2, source="Qiskit, CCZGate"),
    _Controlled("c3x", "x", 3, source="Qiskit, C3XGate"),
    _Controlled("c4x", "x", 4, source="Qiskit, C4XGate"),
)


def _controlled_row(row: _Controlled, base: Gate) -> Gate:
    def inverse(*params: Any) -> Step:
        name, angles, _ = base.inverse(*params)
        qubits = tuple(range(base.num_qubits + row.num_controls))
        return _NAME_OF_CONTROLLED[name, row.num_controls], angles, qubits

    plural = "" if row.num_controls == 1 else "s"
    return Gate(
        row.name, base.num_qubits + row.num_controls, base.params,
        f"{base.name} with {row.num_controls} control{plural}: {base.definition}", row.source,
        matrix=base.matrix, inverse=inverse, qasm2=row.qasm2, qasm3=row.qasm3, label=base.label,
        aliases=row.aliases, base=base, num_controls=row.num_controls,
    )  # fmt: skip


_BASES = {row.name: row for row in _ROWS}
_NAME_OF_CONTROLLED = {(row.base, row.num_controls): row.name for row in _CONTROLLED_ROWS}

GATES: dict[str, Gate] = _BASES | {
    row.name: _controlled_row(row, _BASES[row.base]) for row in _CONTROLLED_ROWS
}
"""Every named gate, by name."""

_ALIASES = {alias: gate for gate in GATES.values() for alias in gate.aliases}


def find_gate(name: str) -> Gate:
    """The row of a gate, by its name or an alias.

    Raises:
        CircuitError: If there is no such gate; the message names the nearest ones.

    Examples:
        >>> find_gate("cnot").name
        'cx'
    """
    gate = GATES.get(name) or _ALIASES.get(name)
    if gate is None:
        from difflib import get_close_matches

        close = get_close_matches(name, [*GATES, *_ALIASES], n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else " See qjax.GATES."
        raise CircuitError(f"There is no gate named {name!r}.{hint}")
    return gate


def named_controlled(base: Gate, num_controls: int) -> Gate | None:
    """The row whose base is `base` with that many controls, or None if it has no name.

    Examples:
        >>> named_controlled(GATES["x"], 2).name
        'ccx'
    """
    if num_controls == 0:
        return base
    name = _NAME_OF_CONTROLLED.get((base.name, num_controls))
    gate = GATES.get(name) if name else None
    return gate if gate is not None and gate.base is base else None


# --- families: gates made from an argument --------------------------------------------------------


@cache
def pauli_rotation_gate(pauli: str) -> Gate:
    """The gate exp(-i theta P / 2) for a Pauli text; letter k acts on the gate's qubit k.

    Examples:
        >>> pauli_rotation_gate("XYZ").definition
        'exp(-i theta XYZ / 2)'
    """
    if not pauli or set(pauli) - set("IXYZ"):
        raise CircuitError(
            f"pauli_rotation: pauli must be a text of the letters I, X, Y, Z, but is {pauli!r}."
        )
    k = len(pauli)

    def matrix(theta: Any, xp: ModuleType = np) -> Any:
        operator = np.ones((1, 1))
        for letter in pauli:
            operator = np.kron(_BASES[letter.lower() if letter != "I" else "id"].matrix(), operator)
        theta = xp.asarray(theta)[..., None, None]
        c, s = xp.cos(theta / 2), xp.sin(theta / 2)
        identity, operator = xp.eye(2**k, dtype=c.dtype), xp.asarray(operator, dtype=(1j * c).dtype)
        return c * identity - 1j * s * operator

    return Gate(
        "pauli_rotation", k, ("theta",), f"exp(-i theta {pauli} / 2)", "Pauli rotation",
        matrix=matrix, generator=((-0.5, pauli),), arguments=(pauli,), label=f"R{pauli}",
        inverse=lambda theta: ("pauli_rotation", (-theta,), tuple(range(k))),
        decomposition=lambda theta: _pauli_rotation_steps(pauli, theta),
    )  # fmt: skip


def _pauli_rotation_steps(pauli: str, theta: Any) -> tuple[Step, ...]:
    """Rotate every letter to Z, collect the parity by a ladder of CX, turn, and undo."""
    support = tuple(q for q, letter in enumerate(pauli) if letter != "I")
    if not support:
        return (("gphase", (-theta / 2,), ()),)
    enter: dict[str, tuple[Step, ...]] = {"X": (("h", (), (0,)),), "Y": (("rx", (pi / 2,), (0,)),)}
    leave: dict[str, tuple[Step, ...]] = {"X": (("h", (), (0,)),), "Y": (("rx", (-pi / 2,), (0,)),)}

    def basis(change: dict[str, tuple[Step, ...]]) -> tuple[Step, ...]:
        return tuple(
            (name, angles, (q,)) for q in support for name, angles, _ in change.get(pauli[q], ())
        )

    ladder: tuple[Step, ...] = tuple(("cx", (), (a, b)) for a, b in pairwise(support))
    turn: Step = ("rz", (theta,), (support[-1],))
    return (*basis(enter), *ladder, turn, *reversed(ladder), *basis(leave))


@cache
def unitary_gate(num_qubits: int) -> Gate:
    """The gate whose parameter is its own matrix, of shape (2**k, 2**k).

    Examples:
        >>> unitary_gate(2).param_shapes
        ((4, 4),)
    """
    qubits, size = tuple(range(num_qubits)), 2**num_qubits
    return Gate(
        "unitary", num_qubits, ("matrix",), "the given matrix", "any unitary matrix",
        matrix=lambda matrix, xp=np: xp.asarray(matrix),
        inverse=lambda matrix: ("unitary", (matrix.conj().swapaxes(-1, -2),), qubits),
        param_shapes=((size, size),), arguments=(num_qubits,), label="U",
    )  # fmt: skip


@cache
def diagonal_gate(num_qubits: int) -> Gate:
    """The gate whose parameter is its diagonal: 2**k complex numbers of modulus one.

    Examples:
        >>> diagonal_gate(2).param_shapes
        ((4,),)
    """
    qubits, size = tuple(range(num_qubits)), 2**num_qubits
    return Gate(
        "diagonal", num_qubits, ("entries",), "diag(entries)", "Qiskit, DiagonalGate",
        matrix=lambda entries, xp=np: xp.asarray(entries)[..., None] * xp.eye(size),
        inverse=lambda entries: ("diagonal", (entries.conj(),), qubits),
        param_shapes=((size,),), arguments=(num_qubits,), label="D",
    )  # fmt: skip


@cache
def permutation_gate(table: tuple[int, ...]) -> Gate:
    """The gate that takes the basis state |j> to |table[j]>.

    Examples:
        >>> permutation_gate((0, 2, 1, 3)).num_qubits
        2
    """
    size = len(table)
    k = size.bit_length() - 1
    if size < 2 or size != 2**k or sorted(table) != list(range(size)):
        raise CircuitError(
            "permutation: table must hold each of 0..2**k-1 once, for k >= 1 qubits, "
            f"but is {list(table)}."
        )
    matrix = np.zeros((size, size), np.complex128)
    matrix[list(table), range(size)] = 1
    matrix.setflags(write=False)
    return Gate(
        "permutation", k, (), "|j> -> |table[j]>", "permutation of basis states",
        matrix=lambda xp=np: matrix, arguments=(table,), label="Π",
        inverse=lambda: ("permutation", (), tuple(range(k))),
    )  # fmt: skip


def inverse_of(
    gate: Gate, params: tuple[Any, ...]
) -> tuple[Gate, tuple[Any, ...], tuple[int, ...]]:
    """The gate, its parameters and its qubits' order that undo `gate` at `params`.

    Examples:
        >>> inverse_of(GATES["rx"], (0.5,))[1]
        (-0.5,)
    """
    name, angles, qubits = gate.inverse(*params)
    if name == "permutation":
        (table,) = gate.arguments
        return permutation_gate(tuple(int(i) for i in np.argsort(table))), angles, qubits
    return (gate if name == gate.name else find_gate(name)), angles, qubits


FAMILIES: dict[str, Callable[..., Gate]] = {
    "pauli_rotation": pauli_rotation_gate,
    "unitary": unitary_gate,
    "diagonal": diagonal_gate,
    "permutation": permutation_gate,
}
"""Makers of gates that need an argument beside their parameters, by name."""
