"""Layout and routing by a transpiler that exists; parameters stay symbolic."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qjax._extras import require
from qjax.circuit import Circuit, Parameter
from qjax.circuit.instruction import MEASURE
from qjax.circuit.native import native
from qjax.errors import CircuitError
from qjax.interop import from_qiskit, to_qiskit
from qjax.qasm import Target
from qjax.qasm.targets import find_target

TRANSPILERS = ("qiskit", "pytket")


@dataclass(frozen=True)
class Routed:
    """A circuit on the qubits of a machine.

    Attributes:
        circuit: On as many qubits as it needs, in the target's native gates. Its measurements write
            to the same classical bits as before, so counts come in the user's order.
        physical_qubits: The machine's qubit for each qubit of `circuit`; None if there was no
            routing.
        measured: The machine's qubit that each classical bit is read from, for bits that are
            written once; None if some bit is not.
    """

    circuit: Circuit
    physical_qubits: tuple[int, ...] | None
    measured: tuple[int, ...] | None


class Router:
    """Puts circuits on a machine.

    Args:
        coupling_map: Pairs of qubits that a two-qubit gate can act on; both orders are tried if one
            is given. None: every pair.
        backend: A backend of Qiskit, which has a coupling map and error rates.
        transpiler: "qiskit", or "pytket", which needs a coupling map.
        seed: Seed of the transpiler.

    Raises:
        CircuitError: If an argument is not as described.
    """

    def __init__(
        self,
        coupling_map: Any = None,
        backend: Any = None,
        *,
        transpiler: str = "qiskit",
        seed: int = 0,
    ) -> None:
        if transpiler not in TRANSPILERS:
            raise CircuitError(
                f"route: transpiler must be one of {TRANSPILERS}, but is {transpiler!r}."
            )
        if coupling_map is not None and backend is not None:
            raise CircuitError("route: either coupling_map or backend must be given, but both are.")
        pairs = backend.coupling_map.get_edges() if backend is not None else coupling_map
        self.pairs = None if pairs is None else _checked_pairs(pairs)
        if transpiler == "pytket" and self.pairs is None:
            raise CircuitError("route: pytket needs a coupling map.")
        self.backend, self.transpiler, self.seed = backend, transpiler, seed
        self._found: dict[Any, tuple[Circuit, tuple[int, ...]]] = {}

    def route(self, circuit: Circuit, target: str | Target, *, alike: bool = False) -> Routed:
        """A circuit with every two-qubit gate on a pair of the machine, in native gates.

        Args:
            circuit: Its parameters may be open.
            target: Whose native gates; one without a basis of its own gets them from "ibm".
            alike: Whether circuits that differ in their angles only get the same layout, which is
                found once.

        Raises:
            CircuitError: If it needs more qubits than the machine has.
            MissingExtraError: If the transpiler is not installed.
        """
        chosen = find_target(target)
        if self.pairs is None:
            return Routed(circuit, None, _measured(circuit, range(circuit.num_qubits)))
        basis = chosen.basis or find_target("ibm").basis
        assert basis is not None
        size = 1 + max(q for pair in self.pairs for q in pair)
        if circuit.num_qubits > size:
            raise CircuitError(
                f"route: the circuit must have at most {size} qubits, those of the machine, but "
                f"has {circuit.num_qubits}."
            )
        values: dict[str, float] = {}
        if alike:
            circuit, values = _template(circuit)
        key = (circuit.structure, chosen.name) if alike else None
        if circuit.structure.array_shapes:
            key = None
        if key is None or key not in self._found:
            plain = native(circuit, basis)  # gates on at most two qubits
            transpile = _by_qiskit if self.transpiler == "qiskit" else _by_pytket
            self._found[key] = transpile(self, plain)
        on_machine, places = self._found[key]
        kept = {name: values[name] for name in on_machine.parameters if name in values}
        on_machine = on_machine.bind(kept) if kept else on_machine
        where = {p: k for k, p in enumerate(places)}
        allowed = {(where[a], where[b]) for a, b in self.pairs if a in where and b in where}
        made = native(on_machine, basis, couplings=allowed)
        return Routed(made, places, _measured(made, places))


def route(
    circuit: Circuit,
    target: str | Target = "ibm",
    *,
    coupling_map: Any = None,
    backend: Any = None,
    transpiler: str = "qiskit",
    seed: int = 0,
) -> Routed:
    """A circuit on the qubits of a machine; see `Router`.

    Args:
        circuit: The circuit; its parameters may be open.
        target: Whose native gates.
        coupling_map: Pairs of the machine's qubits.
        backend: Or a backend of Qiskit.
        transpiler: "qiskit" or "pytket".
        seed: Seed of the transpiler.

    Returns:
        The circuit in native gates, and where its qubits lie; without a map, the circuit as it is.

    Raises:
        CircuitError: If it needs more qubits than the machine has, or an argument does not fit.
        QasmError: If there is no such target.
        MissingExtraError: If the transpiler is not installed.

    Examples:
        >>> line = [(0, 1), (1, 2)]
        >>> routed = route(Circuit(3).h(0).cx(0, 2).measure_all(), coupling_map=line)
        >>> sorted(routed.physical_qubits), routed.circuit.num_clbits
        ([0, 1, 2], 3)
    """
    return Router(coupling_map, backend, transpiler=transpiler, seed=seed).route(circuit, target)


def _checked_pairs(pairs: Any) -> set[tuple[int, int]]:
    """The pairs, both ways round for those given one way as lists often are."""
    try:
        found = {(int(a), int(b)) for a, b in pairs}
    except (TypeError, ValueError):
        raise CircuitError(
            "route: coupling_map must be pairs of qubits, such as [(0, 1), (1, 2)], but is "
            f"{pairs!r}."
        ) from None
    if not found or any(a == b or min(a, b) < 0 for a, b in found):
        raise CircuitError("route: coupling_map must be pairs of different qubits, and not empty.")
    return found


def _template(circuit: Circuit) -> tuple[Circuit, dict[str, float]]:
    """A circuit with a parameter for every known angle, and their values.

    A circuit with matrices stays as it is, for its structure does not tell them apart.
    """
    if circuit.structure.array_shapes:
        return circuit, {}
    values: dict[str, float] = {}
    made = circuit[:0]
    for i in circuit:
        params = []
        for value in i.params:
            if isinstance(value, float):
                name = f"angle_{len(values)}_of_a_template"
                values[name] = value
                value = Parameter(name)
            params.append(value)
        made.append(replace(i, params=tuple(params)))
    return made, values


def _measured(circuit: Circuit, places: Sequence[int]) -> tuple[int, ...] | None:
    """The machine's qubit of each classical bit."""
    bits = [(c, q) for i in circuit if i.operation is MEASURE
            for q, c in zip(i.qubits, i.clbits, strict=True)]  # fmt: skip
    if sorted(c for c, _ in bits) != list(range(circuit.num_clbits)):
        return None
    return tuple(places[q] for _, q in sorted(bits))


def _by_qiskit(router: Router, circuit: Circuit) -> tuple[Circuit, tuple[int, ...]]:
    """Layout and routing by Qiskit's preset passes."""
    compiler = require("qiskit.compiler", "qiskit", "Routing")
    transpiler = require("qiskit.transpiler", "qiskit", "Routing")
    assert router.pairs is not None
    options: dict[str, Any] = {"backend": router.backend}
    if router.backend is None:
        both = sorted({*router.pairs, *((b, a) for a, b in router.pairs)})
        options = {
            "coupling_map": transpiler.CouplingMap(both),
            "basis_gates": ["rz", "sx", "x", "cz", "id"],
        }
    moved = compiler.transpile(
        to_qiskit(circuit), optimization_level=1, seed_transpiler=router.seed, **options
    )
    used = sorted(
        {
            moved.find_bit(q).index
            for i in moved.data
            if i.operation.name != "barrier"
            for q in i.qubits
        }
    )
    where = {p: k for k, p in enumerate(used)}
    terra = require("qiskit.circuit", "qiskit", "Routing")
    small = terra.QuantumCircuit(len(used), moved.num_clbits, global_phase=moved.global_phase)
    for i in moved.data:
        places = [where[k] for k in (moved.find_bit(q).index for q in i.qubits) if k in where]
        operation = i.operation
        if operation.name == "barrier" and len(places) < len(i.qubits):
            operation = require("qiskit.circuit.library", "qiskit", "Routing").Barrier(len(places))
        small.append(operation, places, [moved.find_bit(c).index for c in i.clbits])
    return from_qiskit(small), tuple(used)


def _by_pytket(router: Router, circuit: Circuit) -> tuple[Circuit, tuple[int, ...]]:
    """Layout and routing by pytket's default mapping."""
    from qjax.interop import from_pytket, to_pytket

    architecture = require("pytket.architecture", "pytket", "Routing")
    passes = require("pytket.passes", "pytket", "Routing")
    assert router.pairs is not None
    device = architecture.Architecture(sorted(router.pairs))
    made = to_pytket(circuit)
    passes.DefaultMappingPass(device).apply(made)
    passes.DecomposeSwapsToCXs(device).apply(made)
    made.remove_blank_wires()
    return from_pytket(made), tuple(node.index[0] for node in made.qubits)
