"""Circuit: what the user writes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Self, overload

import jax
import numpy as np

from qjax._checks import as_integer, as_positive, check_index
from qjax.channels import (
    Channel,
    find_channel,
    kraus_channel,
    kraus_of_superoperator,
    pauli_channel,
    pauli_probabilities,
)
from qjax.circuit._control_flow import ControlFlow
from qjax.circuit._place import (
    Angles,
    Qubits,
    as_list,
    distinct_qubits,
    place,
    place_channel,
)
from qjax.circuit.binding import bind_instructions
from qjax.circuit.clbit import fed_forward, has_clbits
from qjax.circuit.compose import composed, controlled, inverted, remapped
from qjax.circuit.instruction import BARRIER, MEASURE, RESET, Instruction
from qjax.circuit.parameter import is_traced
from qjax.circuit.structure import Leaves, Structure, pack, unpack
from qjax.circuit.synthesis.state import state_steps
from qjax.errors import CircuitError
from qjax.gates import (
    GATES,
    Gate,
    diagonal_gate,
    find_gate,
    pauli_rotation_gate,
    permutation_gate,
    unitary_gate,
)

MAX_QUBITS = 62  # masks of qubits are 64-bit integers


@jax.tree_util.register_pytree_node_class
class Circuit(ControlFlow):
    """A quantum circuit: instructions on qubits, all starting in |0>.

    Builder methods append in place and return the circuit, so calls chain. Angles come first, then
    qubits; either may be sequences, and the gate then goes on each element. Qubit 0 is the least
    significant bit.

    A circuit is a pytree: its structure is static and hashable, its numbers are leaves. It can be
    built inside a jitted function from traced angles, be an argument or result of one, and be
    differentiated and vmapped.

    Args:
        num_qubits: How many qubits, from 0 to 62.
        num_clbits: How many classical bits measurements can write to; grows by itself with
            `measure`.

    Raises:
        CircuitError: If a number is out of range.

    Examples:
        >>> bell = Circuit(2).h(0).cx(0, 1)
        >>> print(bell)
        q0: ─H─●─
               │
        q1: ───X─
        >>> bell.depth(), bell.count_ops()
        (2, {'h': 1, 'cx': 1})
    """

    def __init__(self, num_qubits: int, num_clbits: int = 0) -> None:
        self._num_qubits = as_integer(num_qubits, "Circuit: num_qubits")
        self._num_clbits = as_integer(num_clbits, "Circuit: num_clbits")
        if not 0 <= self._num_qubits <= MAX_QUBITS or self._num_clbits < 0:
            raise CircuitError(
                f"Circuit: num_qubits must be in 0..{MAX_QUBITS} and num_clbits at least 0, "
                f"but are {num_qubits} and {num_clbits}."
            )
        self._instructions: list[Instruction] | None = []
        self._packed: tuple[Structure, Leaves] | None = None
        self._clbit_registers: tuple[tuple[str, int], ...] = ()

    # --- contents -----------------------------------------------------------------------------

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return self._num_qubits

    @property
    def num_clbits(self) -> int:
        """Number of classical bits."""
        return self._num_clbits

    @property
    def clbit_registers(self) -> dict[str, int]:
        """Names and sizes of the registers of the classical bits, the lowest bits first.

        They come from a program that was read, or `name_clbits`, and are written by `qasm.dumps`.
        Empty if the bits have no names, or there are more bits than names.

        Examples:
            >>> Circuit(1, 3).name_clbits({"syndrome": 2, "out": 1}).clbit_registers
            {'syndrome': 2, 'out': 1}
        """
        total = sum(size for _, size in self._clbit_registers)
        return dict(self._clbit_registers) if total == self._num_clbits else {}

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions, in time order."""
        return tuple(self._list())

    @property
    def structure(self) -> Structure:
        """The circuit without its numbers: static and hashable."""
        return self._pack()[0]

    @property
    def leaves(self) -> Leaves:
        """The circuit's numbers, as the leaves of the pytree."""
        return self._pack()[1]

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every open parameter, in the order in which `params` holds them."""
        return dict(self.structure.vectors)

    @property
    def num_parameters(self) -> int:
        """How many numbers `params` must hold; a vector counts with its whole length."""
        return self.structure.num_parameters

    def __len__(self) -> int:
        return len(self.structure.items if self._instructions is None else self._instructions)

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.instructions)

    @overload
    def __getitem__(self, index: int) -> Instruction: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> "Instruction | Circuit":
        """One instruction, or a circuit of the instructions in a slice."""
        if isinstance(index, slice):
            return self._with(self._list()[index])
        return self._list()[index]

    def __eq__(self, other: object) -> bool:
        """Whether instructions, numbers and the order of open parameters are the same."""
        if not isinstance(other, Circuit):
            return NotImplemented
        return (
            self._num_qubits == other._num_qubits
            and self._num_clbits == other._num_clbits
            and self._list() == other._list()
            and self.structure.vectors == other.structure.vectors
        )

    __hash__ = None  # type: ignore[assignment] a circuit can change; its structure is hashable

    def copy(self) -> Self:
        """A circuit that can be changed without changing this one."""
        return self._with(list(self._list()))

    def depth(self) -> int:
        """Number of layers when every gate starts as soon as its qubits and bits are free.

        Barriers hold back what follows but are no layer themselves; a global phase is none.
        """
        level: Counter[tuple[str, int]] = Counter()
        for i in self._list():
            bits = (*i.clbits, *i.read_clbits)
            wires = [("q", q) for q in i.all_qubits] + [("c", c) for c in bits]
            start = max((level[w] for w in wires), default=0)
            for w in wires:
                level[w] = start + (i.operation is not BARRIER)
        return max(level.values(), default=0)

    def count_ops(self) -> dict[str, int]:
        """How many instructions there are of each name, most frequent first."""
        return dict(Counter(i.name for i in self._list()).most_common())

    # --- building -----------------------------------------------------------------------------

    def append(
        self,
        operation: str | Gate | Instruction,
        qubits: Any = (),
        params: Any = (),
        *,
        controls: Qubits = (),
        control_values: Any = None,
    ) -> Self:
        """Append a gate by name or by row, or an instruction of another circuit.

        Args:
            operation: Name of a gate, a `Gate` row (also one of your own), or an `Instruction`.
            qubits: One entry per qubit of the gate, its own controls first; an int for one qubit.
            params: One entry per parameter of the gate; a single value for one parameter.
            controls: Further control qubits.
            control_values: 0 or 1 for each of `controls`; all 1 if not given.

        Returns:
            The circuit itself.

        Raises:
            CircuitError: If the gate is unknown, or does not fit.

        Examples:
            >>> Circuit(3).append("rx", 2, 0.5, controls=[0, 1], control_values=[1, 0])[0].name
            'mcrx'
        """
        if isinstance(operation, Instruction):
            moved = remapped(operation, tuple(range(self._num_qubits)), self._num_qubits)
            bits = (*moved.clbits, *moved.read_clbits)
            self._num_clbits = max([self._num_clbits, *(c + 1 for c in bits)])
            return self._extend([moved])
        gate = operation if isinstance(operation, Gate) else find_gate(operation)
        places = tuple(as_list(qubits))
        values = tuple(params) if isinstance(params, (tuple, list)) else (params,)
        return self._gate(gate, values, places, controls, control_values)

    def unitary(
        self,
        matrix: Any,
        qubits: Qubits,
        *,
        controls: Qubits = (),
        control_values: Any = None,
    ) -> Self:
        """Append the gate given by a unitary matrix.

        Args:
            matrix: Complex array of shape (2**k, 2**k). Bit j of its index is `qubits[j]`. A traced
                matrix cannot be checked when the circuit is built: if it is not unitary, every
                amplitude that the circuit gives is NaN.
            qubits: k qubits.
            controls: Control qubits.
            control_values: 0 or 1 for each control.

        Raises:
            CircuitError: If the shape does not fit or the matrix is not unitary.

        Examples:
            >>> Circuit(1).unitary([[0, 1], [1, 0]], 0).count_ops()
            {'unitary': 1}
        """
        places = tuple(as_list(qubits))
        return self._gate(unitary_gate(len(places)), (matrix,), places, controls, control_values)

    def diagonal(
        self,
        entries: Any,
        qubits: Qubits,
        *,
        controls: Qubits = (),
        control_values: Any = None,
    ) -> Self:
        """Append a diagonal gate.

        Args:
            entries: Complex array of shape (2**k,), every entry of modulus 1; bit j of its index is
                `qubits[j]`.
            qubits: k qubits.
            controls: Control qubits.
            control_values: 0 or 1 for each control.

        Raises:
            CircuitError: If the shape does not fit or a modulus is not 1.

        Examples:
            >>> Circuit(2).diagonal([1, 1, 1, -1], (0, 1)).count_ops()
            {'diagonal': 1}
        """
        places = tuple(as_list(qubits))
        return self._gate(diagonal_gate(len(places)), (entries,), places, controls, control_values)

    def permutation(
        self,
        table: Any,
        qubits: Qubits,
        *,
        controls: Qubits = (),
        control_values: Any = None,
    ) -> Self:
        """Append the gate that takes the basis state |j> of `qubits` to |table[j]>.

        Args:
            table: 2**k integers, each of 0..2**k-1 once; bit j of an index is `qubits[j]`.
            qubits: k qubits.
            controls: Control qubits.
            control_values: 0 or 1 for each control.

        Raises:
            CircuitError: If the table is no permutation of the right length.

        Examples:
            >>> Circuit(2).permutation([0, 2, 1, 3], (0, 1)).count_ops()  # a swap
            {'permutation': 1}
        """
        places = tuple(as_list(qubits))
        entries = (as_integer(t, "permutation: entry of the table") for t in as_list(table))
        gate = permutation_gate(tuple(entries))
        return self._gate(gate, (), places, controls, control_values)

    def pauli_rotation(
        self,
        pauli: str,
        theta: Angles,
        qubits: Qubits,
        *,
        controls: Qubits = (),
        control_values: Any = None,
    ) -> Self:
        """Append exp(-i theta P / 2).

        Args:
            pauli: Letters of I, X, Y, Z; letter k acts on `qubits[k]`.
            theta: Angle in radians.
            qubits: As many qubits as letters.
            controls: Control qubits.
            control_values: 0 or 1 for each control.

        Raises:
            CircuitError: If letters and qubits do not fit.

        Examples:
            >>> Circuit(3).pauli_rotation("XYZ", 0.5, (0, 1, 2)).count_ops()
            {'pauli_rotation': 1}
        """
        places = tuple(as_list(qubits))
        return self._gate(pauli_rotation_gate(pauli), (theta,), places, controls, control_values)

    def channel(self, channel: str | Channel, values: Any, qubits: Any) -> Self:
        """Append a channel of noise.

        Args:
            channel: Name of a row of `qjax.noise.CHANNELS`, or a row.
            values: One value per parameter of the channel, a single one for one parameter: numbers,
                traced scalars, or expressions of parameters. Times have one unit, of your choice.
            qubits: For a channel on one qubit, a qubit or a sequence: it goes on each. Else as many
                qubits as it takes.

        Raises:
            CircuitError: If there is no such channel, qubits do not fit, or a value is outside its
                range.

        Examples:
            >>> Circuit(2).h(0).channel("depolarizing", 0.01, [0, 1]).count_ops()
            {'depolarizing': 2, 'h': 1}
        """
        row = find_channel(channel) if isinstance(channel, str) else channel
        given = tuple(values) if isinstance(values, (tuple, list)) else (values,)
        return self._extend(place_channel(row, given, qubits, self._num_qubits))

    def pauli_channel(self, probabilities: Any, qubits: Any) -> Self:
        """Append the channel that applies Pauli strings with given probabilities.

        Args:
            probabilities: A mapping from Pauli texts, letter j on `qubits[j]`, to probabilities;
                what is missing to 1 is the identity's. Or an array of shape (4**k,), in the order
                of `itertools.product("IXYZ", repeat=k)`, which may be traced.
            qubits: k qubits; for k = 1, a sequence puts it on each.

        Raises:
            CircuitError: If probabilities are negative or do not add up to 1.

        Examples:
            >>> Circuit(2).pauli_channel({"XX": 0.01, "ZI": 0.02}, (0, 1)).count_ops()
            {'pauli_channel': 1}
        """
        if isinstance(probabilities, Mapping):
            probabilities = pauli_probabilities(probabilities)
        k = (len(probabilities).bit_length() - 1) // 2
        return self.channel(pauli_channel(k), (probabilities,), qubits)

    def kraus(self, operators: Any, qubits: Any) -> Self:
        """Append the channel rho -> sum_k K_k rho K_k^dagger.

        Args:
            operators: Array of shape (K, 2**k, 2**k); bit j of an index is `qubits[j]`. It may be
                traced; if it is not complete then, every number that the circuit gives is NaN.
            qubits: k qubits; for k = 1, a sequence puts it on each.

        Raises:
            CircuitError: If the shape does not fit, or sum_k K_k^dagger K_k is not the identity.

        Examples:
            >>> Circuit(1).kraus([[[1, 0], [0, 0.6]], [[0, 0.8], [0, 0]]], 0).count_ops()
            {'kraus': 1}
        """
        array = operators if is_traced(operators) else np.asarray(operators, np.complex128)
        if array.ndim != 3 or array.shape[1] != array.shape[2] or array.shape[1] < 2:
            raise CircuitError(
                f"kraus: operators must have shape (K, 2**k, 2**k), but have {array.shape}."
            )
        k = array.shape[1].bit_length() - 1
        return self.channel(kraus_channel(array.shape[0], k), (array,), qubits)

    def superoperator(self, matrix: Any, qubits: Any) -> Self:
        """Append the channel given by its superoperator.

        Args:
            matrix: Known array of shape (4**k, 4**k), which acts on vectors whose index is
                i + 2**k j for the entry rho[i, j].
            qubits: k qubits; for k = 1, a sequence puts it on each.

        Raises:
            CircuitError: If the shape does not fit, or it is not completely positive and
                trace-preserving; the message says how far it is off.

        Examples:
            >>> Circuit(1).superoperator(np.diag([1, 0.8, 0.8, 1]), 0).count_ops()
            {'kraus': 1}
        """
        return self.kraus(kraus_of_superoperator(matrix), qubits)

    def prepare_state(self, amplitudes: Any, qubits: Qubits | None = None) -> Self:
        """Append gates that take |0...0> to a state, its phases included.

        Args:
            amplitudes: Known complex array of shape (2**k,), of norm 1; bit j of an index is
                `qubits[j]`.
            qubits: k qubits, which must be in |0>; all qubits if None.

        Raises:
            CircuitError: If the shape does not fit, or the norm is not 1.

        Note:
            At most 2**(k + 1) - 4 CX; half as many for real positive amplitudes.

        Examples:
            >>> Circuit(2).prepare_state([0.6, 0, 0, 0.8]).count_ops()
            {'ry': 3, 'cx': 2}
        """
        given = range(self._num_qubits) if qubits is None else qubits
        places = distinct_qubits("prepare_state", given, self._num_qubits)
        vector = np.asarray(amplitudes, complex)
        if vector.shape != (2 ** len(places),):
            raise CircuitError(
                f"prepare_state: amplitudes must have shape ({2 ** len(places)},) for "
                f"{len(places)} qubits, but have shape {vector.shape}."
            )
        norm = float(np.linalg.norm(vector))
        if not abs(norm - 1) < 1e-6:  # NaN too
            raise CircuitError(f"prepare_state: the norm must be 1, but is {norm:.6g}.")
        return self._extend(state_steps(vector / norm, places))

    def mcx(self, controls: Qubits, target: Qubits, *, control_values: Any = None) -> Self:
        """Append X on `target`, controlled by any number of qubits."""
        return self._gate(GATES["x"], (), (target,), controls, control_values)

    def mcp(
        self, theta: Angles, controls: Qubits, target: Qubits, *, control_values: Any = None
    ) -> Self:
        """Append diag(1, exp(i theta)) on `target`, controlled by any number of qubits."""
        return self._gate(GATES["p"], (theta,), (target,), controls, control_values)

    def mcrx(
        self, theta: Angles, controls: Qubits, target: Qubits, *, control_values: Any = None
    ) -> Self:
        """Append exp(-i theta X / 2) on `target`, controlled by any number of qubits."""
        return self._gate(GATES["rx"], (theta,), (target,), controls, control_values)

    def mcry(
        self, theta: Angles, controls: Qubits, target: Qubits, *, control_values: Any = None
    ) -> Self:
        """Append exp(-i theta Y / 2) on `target`, controlled by any number of qubits."""
        return self._gate(GATES["ry"], (theta,), (target,), controls, control_values)

    def mcrz(
        self, theta: Angles, controls: Qubits, target: Qubits, *, control_values: Any = None
    ) -> Self:
        """Append exp(-i theta Z / 2) on `target`, controlled by any number of qubits."""
        return self._gate(GATES["rz"], (theta,), (target,), controls, control_values)

    def barrier(self, qubits: Qubits | None = None) -> Self:
        """Append a barrier: no gate is moved or merged across it when written as OpenQASM or drawn.

        It does not change the state, and the simulator ignores it.
        """
        given = range(self._num_qubits) if qubits is None else qubits
        return self._extend(
            [Instruction(BARRIER, distinct_qubits("barrier", given, self._num_qubits))]
        )

    def measure(self, qubits: Qubits, clbits: Qubits | None = None) -> Self:
        """Append measurements in the computational basis.

        Args:
            qubits: Qubit or qubits to measure.
            clbits: Classical bit of each; by default the bit with the qubit's number. The circuit
                gets as many classical bits as needed.

        Raises:
            CircuitError: If lengths differ or a qubit is out of range.

        Examples:
            >>> Circuit(2).h(0).cx(0, 1).measure([0, 1]).num_clbits
            2
        """
        places = as_list(qubits)
        bits = places if clbits is None else as_list(clbits)
        if len(places) != len(bits):
            raise CircuitError(
                f"measure: needs a classical bit for each qubit, but got {len(places)} qubits "
                f"and {len(bits)} bits."
            )
        where = f"this {self._num_qubits}-qubit circuit"
        new = []
        for q, c in zip(places, bits, strict=True):
            qubit = check_index(q, self._num_qubits, "measure: qubit", where)
            bit = as_integer(c, "measure: classical bit")
            if bit < 0:
                raise CircuitError(f"measure: classical bit must be at least 0, but is {bit}.")
            new.append(Instruction(MEASURE, (qubit,), clbits=(bit,)))
        self._num_clbits = max([self._num_clbits, *(i.clbits[0] + 1 for i in new)])
        return self._extend(new)

    def name_clbits(self, registers: Mapping[str, int]) -> Self:
        """Name the classical bits, for programs that are written.

        Args:
            registers: Names and sizes, the lowest bits first. There will be as many bits as they
                hold.

        Raises:
            CircuitError: If they hold fewer bits than the circuit has, or a name is no identifier.
        """
        pairs = tuple(
            (name, as_positive(size, "name_clbits: size")) for name, size in registers.items()
        )
        if any(not isinstance(name, str) or not name.isidentifier() for name, _ in pairs):
            raise CircuitError(f"name_clbits: names must be identifiers, but are {[*registers]}.")
        total = sum(size for _, size in pairs)
        if total < self._num_clbits:
            raise CircuitError(
                f"name_clbits: registers must hold the {self._num_clbits} bits of the circuit, but "
                f"hold {total}."
            )
        self._num_clbits, self._clbit_registers = total, pairs
        return self._extend([])

    def measure_all(self) -> Self:
        """Append a measurement of every qubit into the bit with its number."""
        return self.measure(range(self._num_qubits))

    def reset(self, qubits: Qubits) -> Self:
        """Append a reset: measure the qubits, forget the outcome, and leave them in |0>.

        Args:
            qubits: Qubit or qubits.

        Raises:
            CircuitError: If a qubit is out of range.

        Examples:
            >>> Circuit(1).h(0).reset(0).count_ops()
            {'h': 1, 'reset': 1}
        """
        places = distinct_qubits("reset", qubits, self._num_qubits)
        return self._extend([Instruction(RESET, (q,)) for q in places])

    def remove_measurements(self) -> Self:
        """A copy without measurements and classical bits.

        Raises:
            CircuitError: If an instruction depends on a measured bit.
        """
        if any(i.conditions for i in self._list()):
            raise CircuitError(
                "remove_measurements: nothing must depend on measured bits, but this circuit has "
                f"{self.structure.dynamic}."
            )
        circuit = self._with([i for i in self._list() if i.operation is not MEASURE])
        circuit._num_clbits, circuit._clbit_registers = 0, ()
        return circuit

    # --- whole circuits -----------------------------------------------------------------------

    def compose(self, other: "Circuit", qubits: Qubits | None = None) -> Self:
        """Append all instructions of another circuit.

        Args:
            other: A circuit with at most as many qubits.
            qubits: Where each of its qubits goes; by default to the qubit with its number.

        Returns:
            The circuit itself.

        Raises:
            CircuitError: If it does not fit.

        Examples:
            >>> Circuit(3).compose(Circuit(2).cx(0, 1), qubits=(2, 0))[0].all_qubits
            (2, 0)
        """
        if not isinstance(other, Circuit):
            raise CircuitError(f"compose: other must be a Circuit, but is {other!r}.")
        new = composed(self._num_qubits, other._list(), other.num_qubits, qubits)
        self._num_clbits = max(self._num_clbits, other.num_clbits)
        return self._extend(new)

    def __add__(self, other: "Circuit") -> "Circuit":
        """The circuit that runs this one, then the other; the larger one gives the qubits."""
        if not isinstance(other, Circuit):
            return NotImplemented
        return (
            Circuit(max(self.num_qubits, other.num_qubits), self.num_clbits)
            .compose(self)
            .compose(other)
        )

    def inverse(self) -> Self:
        """The circuit that undoes this one.

        Raises:
            CircuitError: If it measures.
        """
        return self._with(inverted(self._list()))

    def power(self, exponent: int) -> Self:
        """The circuit `exponent` times in a row; the inverse for negative numbers."""
        times = as_integer(exponent, "power: exponent")
        base = self._list() if times >= 0 else inverted(self._list())
        return self._with(base * abs(times))

    def repeat(self, times: int) -> Self:
        """The circuit `times` times in a row."""
        if as_integer(times, "repeat: times") < 0:
            raise CircuitError(f"repeat: times must be at least 0, but is {times}.")
        return self.power(times)

    def controlled(self, num_controls: int = 1, control_values: Any = None) -> "Circuit":
        """The circuit under control of new qubits, which come above its own.

        Args:
            num_controls: How many controls; they are qubits n, n + 1, ... of the new circuit.
            control_values: 0 or 1 for each; all 1 if not given.

        Returns:
            A circuit on n + num_controls qubits. Its global phase becomes a phase of the controls.

        Raises:
            CircuitError: If it measures, or a number is out of range.

        Examples:
            >>> Circuit(1).x(0).controlled(2).count_ops()
            {'ccx': 1}
        """
        count = as_positive(num_controls, "controlled: num_controls")
        new = tuple(range(self._num_qubits, self._num_qubits + count))
        return Circuit(self._num_qubits + count)._extend(
            controlled(self._list(), new, control_values)
        )

    def bind(self, params: Any) -> Self:
        """Put values in for open parameters.

        Args:
            params: An array with all values, or a mapping from names to values; a mapping may leave
                names out, and these stay open. Values may be traced.

        Returns:
            A new circuit.

        Raises:
            ParameterError: If a name is unknown, or a shape does not fit.

        Examples:
            >>> from qjax.circuit.parameter import Parameter
            >>> str(Circuit(1).rx(2 * Parameter("t"), 0).bind({"t": 0.25})[0])
            'rx(0.5) 0'
        """
        return self._with(bind_instructions(self.structure, self._list(), params))

    # --- pictures -----------------------------------------------------------------------------

    def draw(self, output: str = "text", **options: Any) -> Any:
        """Draw the circuit.

        Args:
            output: "text" gives a string-like drawing, "mpl" a matplotlib figure, "svg" an SVG
                picture as text.
            **options: Passed to the drawer; see `qjax.draw`.

        Returns:
            The drawing.
        """
        # The one way up from this floor: found by name when a picture is asked for.
        return import_module("qjax.draw").draw(self, output, **options)

    def __str__(self) -> str:
        return str(self.draw("text"))

    def __repr__(self) -> str:
        parameters = f", {self.num_parameters} parameters" if self.structure.vectors else ""
        return f"<Circuit: {self.num_qubits} qubits, {len(self)} instructions{parameters}>"

    def _repr_svg_(self) -> str:
        return self.draw("svg")

    # --- pytree and internals -----------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What `pickle` and `copy` keep: no structure, for its cached hash is of one process."""
        return self.__dict__ | {"_instructions": list(self._list()), "_packed": None}

    def tree_flatten(self) -> tuple[Leaves, Structure]:
        """Numbers and structure, for JAX."""
        structure, leaves = self._pack()
        return leaves, structure

    @classmethod
    def tree_unflatten(cls, structure: Structure, leaves: Leaves) -> Self:
        """The circuit again, for JAX."""
        circuit = cls.__new__(cls)
        circuit._num_qubits = structure.num_qubits
        circuit._num_clbits = structure.num_clbits
        circuit._clbit_registers = structure.clbit_registers
        circuit._instructions = None
        circuit._packed = (structure, tuple(leaves))  # type: ignore[assignment]
        return circuit

    def _list(self) -> list[Instruction]:
        if self._instructions is None:
            assert self._packed is not None
            self._instructions = unpack(*self._packed)
        return self._instructions

    def _pack(self) -> tuple[Structure, Leaves]:
        if self._packed is None:
            self._packed = pack(
                self._num_qubits, self._num_clbits, self._list(), self._clbit_registers
            )
        return self._packed

    def _extend(self, instructions: list[Instruction]) -> Self:
        self._list().extend(instructions)
        self._packed = None
        return self

    def _with(self, instructions: list[Instruction]) -> Self:
        circuit = type(self)(self._num_qubits, self._num_clbits)
        circuit._clbit_registers = self._clbit_registers
        circuit._instructions = list(instructions)
        return circuit

    def _gate(
        self,
        gate: Gate,
        params: tuple[Any, ...],
        places: tuple[Any, ...],
        controls: Any,
        control_values: Any,
    ) -> Self:
        def placed(values: tuple[Any, ...]) -> list[Instruction]:
            return place(gate, values, places, controls, control_values, self._num_qubits)

        if has_clbits(params):
            return self._extend(fed_forward(gate, params, self._num_clbits, placed))
        return self._extend(placed(params))
