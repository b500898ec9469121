"""Every row of the gate table tells one and the same truth in all its columns."""

import importlib.resources
import re

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import qiskit.qasm2
import qiskit.qasm3
from qiskit.circuit import library
from qiskit.quantum_info import Operator
from scipy.linalg import expm, fractional_matrix_power
from strategies import random_unitary

from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.gates import (
    FAMILIES,
    GATES,
    diagonal_gate,
    find_gate,
    inverse_of,
    named_controlled,
    pauli_rotation_gate,
    permutation_gate,
    unitary_gate,
)

EPS = np.finfo(float).eps
MEMBERS = [
    *(pauli_rotation_gate(p) for p in ("X", "I", "YZ", "XIY", "ZZXY", "II")),
    *(unitary_gate(k) for k in range(4)),
    *(diagonal_gate(k) for k in range(1, 4)),
    *(permutation_gate(t) for t in ((1, 0), (2, 0, 3, 1), (0, 1, 2, 4, 3, 7, 5, 6))),
]
ROWS = [*GATES.values(), *MEMBERS]
every_row = pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: "-".join([row.name, *map(str, row.arguments)])
)
SPECIAL = (0.0, np.pi / 2, np.pi, -np.pi, 2 * np.pi)


def params_of(row, rng, special=None):
    """Random parameters, or every angle equal to one special value."""

    def value(shape):
        if len(shape) == 2:
            return random_unitary(shape[0], rng)
        if len(shape) == 1:
            return np.exp(1j * rng.normal(size=shape))
        return rng.normal() * 3 if special is None else special

    return tuple(value(shape) for shape in row.param_shapes)


def samples(row, rng):
    angles = bool(row.params) and not any(row.param_shapes)
    return [params_of(row, rng) for _ in range(3)] + (
        [params_of(row, rng, special) for special in SPECIAL] if angles else []
    )


def definition(row, params):
    """The oracle's matrix on all qubits of the row, its controls first."""
    base, c, n = row.base or row, row.num_controls, row.num_qubits
    matrix = oracle.gate_matrix(base.name, params, row.arguments)
    return oracle.embed(matrix, range(c, n), range(c), (1,) * c, n)


def product(steps, n):
    """Product of steps in time order, each broken down until the standard library has it."""
    total = np.eye(2**n, dtype=complex)
    for name, angles, qubits in steps:
        row = find_gate(name)
        if row.decomposition is not None:
            own = product(row.decomposition(*angles), row.num_qubits)
        else:
            assert row.qasm3 or name == "gphase", f"{name} is no gate of stdgates.inc"
            own = definition(row, angles)
        total = oracle.embed(own, qubits, (), (), n) @ total
    return total


def assert_close(a, b, operations=1):
    __tracebackhide__ = True
    assert np.shape(a) == np.shape(b)
    assert np.max(np.abs(np.asarray(a) - b), initial=0) <= 16 * EPS * operations


@every_row
def test_the_matrix_is_the_definition(row, rng):
    base = row.base or row
    for params in samples(row, rng):
        assert_close(base.matrix(*params), oracle.gate_matrix(base.name, params, row.arguments))


@every_row
def test_the_matrix_is_unitary(row, rng):
    for params in samples(row, rng):
        matrix = row.matrix(*params)
        assert_close(matrix @ matrix.conj().T, np.eye(len(matrix)))


@every_row
def test_the_inverse_undoes_the_gate(row, rng):
    for params in samples(row, rng):
        inverse, values, order = inverse_of(row, params)
        undo = oracle.embed(definition(inverse, values), order, (), (), row.num_qubits)
        assert_close(undo @ definition(row, params), np.eye(2**row.num_qubits), 4)


@every_row
def test_undoing_twice_gives_the_gate_back(row, rng):
    (params, *_) = samples(row, rng)
    inverse, values, order = inverse_of(row, params)
    again, back, order_again = inverse_of(inverse, values)
    assert again is row
    assert [order[k] for k in order_again] == list(range(row.num_qubits))
    assert_close(definition(again, back), definition(row, params), 4)


@every_row
def test_the_decomposition_is_the_gate_with_its_global_phase(row, rng):
    if row.decomposition is None:
        assert row.base or row.name in ("gphase", *FAMILIES) or (row.qasm2 and row.qasm3)
        return
    for params in samples(row, rng):
        assert_close(
            product(row.decomposition(*params), row.num_qubits), definition(row, params), 4
        )


@every_row
def test_the_generator_gives_the_matrix(row, rng):
    if row.generator is None:
        return
    hermitian = sum(c * oracle.pauli(letters) for c, letters in row.generator)
    for (theta,) in samples(row, rng):
        assert_close(expm(1j * theta * hermitian), row.matrix(theta))


@every_row
def test_gates_with_one_angle_have_a_generator_unless_it_is_no_exponential(row, rng):
    """U(0) = 1 and U(a) U(b) = U(a + b) hold for exponentials, and for these only."""
    if len(row.params) != 1 or any(row.param_shapes) or row.base:
        return
    a, b = rng.normal(size=2)
    identity = np.allclose(row.matrix(0.0), np.eye(len(row.matrix(0.0))))
    group = identity and np.allclose(row.matrix(a) @ row.matrix(b), row.matrix(a + b))
    assert group == (row.generator is not None)


@every_row
def test_numpy_and_jax_give_the_same_matrices_over_leading_axes(row, rng, dtype):
    real = np.finfo(dtype).dtype
    base = row.base or row

    def batch(i, shape):
        if not shape:
            return rng.normal(size=(2, 1) if i % 2 else (3,)).astype(real)
        flat = [params_of(base, rng)[i] for _ in range(6)]
        return np.stack(flat).reshape(2, 3, *shape).astype(dtype)

    params = [batch(i, shape) for i, shape in enumerate(row.param_shapes)]
    ours = base.matrix(*params)
    with jax.numpy_dtype_promotion("standard"):
        theirs = base.matrix(*map(jnp.asarray, params), xp=jnp)
    size = 2 ** (row.num_qubits - row.num_controls)
    lead = np.broadcast_shapes(
        *(p.shape[: p.ndim - len(s)] for p, s in zip(params, row.param_shapes, strict=True))
    )
    assert ours.shape == theirs.shape == (*lead, size, size)
    if params:
        assert ours.dtype == theirs.dtype == dtype
    tolerance = 64 * np.finfo(dtype).eps  # angles of some units are rounded before their cosine
    assert np.max(np.abs(ours - np.asarray(theirs))) <= tolerance
    for index in np.ndindex(lead):
        one = [
            np.broadcast_to(p, (*lead, *s))[index].astype(complex if s else float)
            for p, s in zip(params, row.param_shapes, strict=True)
        ]
        expected = oracle.gate_matrix(base.name, one, row.arguments)
        assert np.max(np.abs(ours[index] - expected)) <= tolerance


@every_row
def test_the_matrix_can_be_traced_and_differentiated(row):
    if not row.params or any(row.param_shapes):
        return
    angles = (0.3,) * len(row.params)

    def entry(*angles):
        return jnp.real(row.matrix(*angles, xp=jnp)).sum()

    with jax.numpy_dtype_promotion("standard"):
        slopes = jax.jit(jax.grad(entry, argnums=tuple(range(len(angles)))))(*angles)
    assert np.all(np.isfinite(slopes))


def test_every_name_stands_once_and_is_an_identifier():
    names = [name for row in GATES.values() for name in (row.name, *row.aliases)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z]\w*", name) for name in names)
    assert all(GATES[name].name == name for name in GATES)
    assert all(find_gate(name).name in GATES for name in names)
    assert all(row.definition and row.source and row.label for row in GATES.values())
    assert not set(names) & set(FAMILIES)


def test_every_name_is_a_builder_method(rng):
    for row in GATES.values():
        params, qubits = params_of(row, rng), range(row.num_qubits)
        for name in (row.name, *row.aliases):
            built = getattr(Circuit(5), name)(*params, *qubits)
            assert built == Circuit(5).append(name, qubits, params)
            assert built[0].named is row


def test_named_controlled_gates_are_found_from_their_base():
    for row in GATES.values():
        if row.base is not None:
            assert named_controlled(row.base, row.num_controls) is row
            assert row.matrix is row.base.matrix and row.params == row.base.params
    assert named_controlled(GATES["h"], 0) is GATES["h"]
    assert named_controlled(GATES["ecr"], 1) is None
    assert named_controlled(pauli_rotation_gate("X"), 1) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: find_gate("cnott"), "There is no gate named 'cnott'. Did you mean cnot"),
        (lambda: find_gate("%%"), "See qjax.GATES"),
        (lambda: find_gate(3), "A gate's name must be a text, but is 3"),
        (lambda: pauli_rotation_gate(3), "letters I, X, Y, Z, but is 3"),
        (lambda: pauli_rotation_gate("XA"), "letters I, X, Y, Z, but is 'XA'"),
        (lambda: pauli_rotation_gate(""), "letters I, X, Y, Z, but is ''"),
        (lambda: permutation_gate((0, 1, 1, 3)), r"each of 0\.\.2\*\*k-1 once"),
        (lambda: permutation_gate((0, 1, 2)), r"for k >= 1 qubits"),
        (lambda: permutation_gate((0,)), r"for k >= 1 qubits"),
    ],
)
def test_what_is_no_gate_is_refused(make, message):
    with pytest.raises(CircuitError, match=message):
        make()


# --- the standard library of OpenQASM 3, read from its text ---------------------------------------

STDGATES = (importlib.resources.files("qiskit") / "qasm/libs/stdgates.inc").read_text("utf-8")
GATE = re.compile(r"gate (\w+)(?:\(([^)]*)\))? ([\w, ]+?) *\{(.*?)\}", re.DOTALL)
CALL = re.compile(r"(\w+)(?:\((.*)\))?(?: ([\w, ]+))?$")
DEFINITIONS = {name: rest for name, *rest in GATE.findall(re.sub("//.*", "", STDGATES))}


def names_in(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def built_in_u(theta, phi, lam):
    """OpenQASM 3, section "Built-in gates": U(theta, phi, lambda)."""
    e = lambda x: np.exp(1j * x)
    return 0.5 * np.array(
        [
            [1 + e(theta), -1j * e(lam) * (1 - e(theta))],
            [1j * e(phi) * (1 - e(theta)), e(phi + lam) * (1 + e(theta))],
        ]
    )


def read(name, angles):
    """Matrix of a gate of stdgates.inc, from its body: calls with the modifiers inv, pow, ctrl."""
    if name == "U":
        return built_in_u(*angles)
    if name == "gphase":
        return np.exp(1j * np.array(angles))[None]
    params, qubits, body = DEFINITIONS[name]
    scope = dict(zip(names_in(params), angles, strict=True)) | {"π": np.pi}
    place = {q: i for i, q in enumerate(names_in(qubits))}
    total = np.eye(2 ** len(place))
    for statement in body.split(";")[:-1]:
        *modifiers, call = (part.strip() for part in statement.split("@"))
        inner, arguments, on = CALL.match(call).groups()
        matrix = read(inner, [eval(a, scope) for a in names_in(arguments or "")])
        where = [place[q] for q in names_in(on or "")]
        for modifier in reversed(modifiers):
            if modifier == "inv":
                matrix = matrix.conj().T
            elif modifier == "ctrl":
                k = len(matrix).bit_length() - 1
                matrix = oracle.embed(matrix, range(1, k + 1), [0], [1], k + 1)
            else:
                matrix = fractional_matrix_power(
                    matrix, float(re.match(r"pow\((.*)\)", modifier)[1])
                )
        total = oracle.embed(matrix, where, (), (), len(place)) @ total
    return total


# The body of CX is that of version 2, whose U had no phase; under a control it counts.
@pytest.mark.parametrize("name", sorted(DEFINITIONS.keys() - {"CX"}))
def test_the_gates_of_stdgates_are_as_its_text_defines_them(name, rng):
    row = find_gate(name)
    for params in samples(row, rng):
        assert_close(read(name, params), definition(row, params), 8)


def test_the_column_qasm3_holds_names_of_stdgates():
    assert {row.qasm3 for row in GATES.values()} - {None} <= set(DEFINITIONS)
    assert len(DEFINITIONS) == 32


# --- Qiskit ---------------------------------------------------------------------------------------

QISKIT = {
    "gphase": library.GlobalPhaseGate, "id": library.IGate, "x": library.XGate,
    "y": library.YGate, "z": library.ZGate, "h": library.HGate, "s": library.SGate,
    "sdg": library.SdgGate, "t": library.TGate, "tdg": library.TdgGate, "sx": library.SXGate,
    "sxdg": library.SXdgGate, "rx": library.RXGate, "ry": library.RYGate, "rz": library.RZGate,
    "p": library.PhaseGate, "u": library.UGate, "prx": library.RGate, "swap": library.SwapGate,
    "iswap": library.iSwapGate, "ecr": library.ECRGate, "dcx": library.DCXGate,
    "rxx": library.RXXGate, "ryy": library.RYYGate, "rzz": library.RZZGate,
    "rzx": library.RZXGate, "xx_plus_yy": library.XXPlusYYGate,
    "xx_minus_yy": library.XXMinusYYGate, "cx": library.CXGate, "cy": library.CYGate,
    "cz": library.CZGate, "ch": library.CHGate, "cs": library.CSGate, "csdg": library.CSdgGate,
    "csx": library.CSXGate, "cp": library.CPhaseGate, "crx": library.CRXGate,
    "cry": library.CRYGate, "crz": library.CRZGate, "cu": library.CUGate, "cu3": library.CU3Gate,
    "cswap": library.CSwapGate, "ccx": library.CCXGate, "ccz": library.CCZGate,
    "c3x": library.C3XGate, "c4x": library.C4XGate,
}  # fmt: skip


@pytest.mark.parametrize("name", QISKIT)
def test_the_gate_is_qiskits(name, rng):
    row = GATES[name]
    for params in samples(row, rng):
        assert_close(Operator(QISKIT[name](*params)).data, definition(row, params), 8)


def test_u2_and_u3_differ_from_qiskits_by_the_phase_of_stdgates(rng):
    theta, phi, lam = rng.normal(size=3)
    phase = np.exp(-0.5j * (phi + lam))
    u3, u2 = library.U3Gate(theta, phi, lam), library.U2Gate(phi, lam)
    assert_close(phase * Operator(u3).data, definition(GATES["u3"], (theta, phi, lam)), 8)
    assert_close(phase * Operator(u2).data, definition(GATES["u2"], (phi, lam)), 8)


# A. Cross et al., Open Quantum Assembly Language, arXiv:1707.03429, figure 6 (qelib1.inc).
QELIB1 = set(
    "u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3".split()
)  # fmt: skip


@pytest.mark.parametrize("version", [2, 3])
def test_qiskit_reads_the_names_of_the_standard_libraries(version, rng):
    for row in GATES.values():
        name = row.qasm2 if version == 2 else row.qasm3
        if name is None:
            continue
        assert version == 3 or name in QELIB1
        for params in samples(row, rng):
            angles = f"({', '.join(map(repr, map(float, params)))})" if params else ""
            call = f"{name}{angles} {', '.join(f'q[{i}]' for i in range(row.num_qubits))};"
            if version == 2:
                text = f'OPENQASM 2.0; include "qelib1.inc"; qreg q[{row.num_qubits}]; {call}'
                circuit = qiskit.qasm2.loads(text)
            else:
                text = f'OPENQASM 3.0; include "stdgates.inc"; qubit[{row.num_qubits}] q; {call}'
                circuit = qiskit.qasm3.loads(text)
            assert_close(Operator(circuit).data, definition(row, params), 8)


# --- closed forms of vendors, first qubit the most significant bit --------------------------------


def exp(x):
    return np.exp(1j * x)


def cirq_fsim(theta, phi):
    """cirq.FSimGate: https://quantumai.google/reference/python/cirq/FSimGate."""
    a, b = np.cos(theta), -1j * np.sin(theta)
    return [[1, 0, 0, 0], [0, a, b, 0], [0, b, a, 0], [0, 0, 0, exp(-phi)]]


def cirq_givens(angle):
    """cirq.givens: https://quantumai.google/reference/python/cirq/givens."""
    c, s = np.cos(angle), np.sin(angle)
    return [[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]


def cirq_iswap_power(t):
    """cirq.ISwapPowGate: https://quantumai.google/reference/python/cirq/ISwapPowGate."""
    c, s = np.cos(np.pi * t / 2), 1j * np.sin(np.pi * t / 2)
    return [[1, 0, 0, 0], [0, c, s, 0], [0, s, c, 0], [0, 0, 0, 1]]


def ionq_gpi(phi):
    """IonQ, native gates: https://docs.ionq.com/guides/getting-started-with-native-gates."""
    return [[0, exp(-phi)], [exp(phi), 0]]


def ionq_gpi2(phi):
    """IonQ, native gates: https://docs.ionq.com/guides/getting-started-with-native-gates."""
    return np.array([[1, -1j * exp(-phi)], [-1j * exp(phi), 1]]) / np.sqrt(2)


def braket_ms(a, b, c):
    """braket.circuits.gates.MS: https://amazon-braket-sdk-python.readthedocs.io."""
    x, y = np.cos(c / 2), -1j * np.sin(c / 2)
    return [
        [x, 0, 0, y * exp(-(a + b))],
        [0, x, y * exp(-(a - b)), 0],
        [0, y * exp(a - b), x, 0],
        [y * exp(a + b), 0, 0, x],
    ]


def braket_prx(a, b):
    """braket.circuits.gates.PRx: https://amazon-braket-sdk-python.readthedocs.io."""
    x, y = np.cos(a / 2), -1j * np.sin(a / 2)
    return [[x, y * exp(-b)], [y * exp(b), x]]


VENDORS = {
    "fsim": cirq_fsim,
    "givens": cirq_givens,
    "sqrt_iswap": lambda: cirq_iswap_power(0.5),
    "sqrt_iswapdg": lambda: cirq_iswap_power(-0.5),
    "iswap": lambda: cirq_iswap_power(1),
    "iswapdg": lambda: cirq_iswap_power(-1),
    "gpi": ionq_gpi,
    "gpi2": ionq_gpi2,
    "ms": braket_ms,
    "prx": braket_prx,
}


@pytest.mark.parametrize("name", VENDORS)
def test_the_gate_is_the_vendors(name, rng):
    row = GATES[name]
    order = [0, 1] if row.num_qubits == 1 else [0, 2, 1, 3]  # reverses the qubits
    for params in samples(row, rng):
        theirs = np.array(VENDORS[name](*params))[np.ix_(order, order)]
        assert_close(theirs, definition(row, params), 4)


def test_every_row_is_checked_against_another_source():
    """The rest are inverses of rows that are, or follow from their base."""
    others = set(GATES) - set(QISKIT) - set(VENDORS) - {find_gate(n).name for n in DEFINITIONS}
    assert others == {"phased_u", "csxdg"}
