"""Builder methods whose instructions depend on measured bits, and loops."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from qjax._checks import as_integer, as_positive, check_index
from qjax.circuit._builders import Builders
from qjax.circuit._place import Qubits, as_list
from qjax.circuit.compose import conditioned
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import Instruction
from qjax.errors import CircuitError


class ControlFlow(Builders):
    """The methods that append circuits under conditions; `Circuit` adds the rest."""

    _num_qubits: int
    _num_clbits: int

    def _list(self) -> list[Instruction]:
        raise AttributeError("ControlFlow is a part of Circuit.")

    def _extend(self, instructions: list[Instruction]) -> Self:
        raise AttributeError("ControlFlow is a part of Circuit.")

    def if_else(
        self, clbits: Qubits, value: int, body: Self, otherwise: Self | None = None
    ) -> Self:
        """Append circuits that are carried out if measured bits have a value, or if not.

        Args:
            clbits: Classical bit or bits to read; the first is bit 0 of their value.
            value: The value at which `body` is carried out.
            body: Its qubit q is this circuit's qubit q, and likewise its classical bits.
            otherwise: What is carried out at every other value.

        Raises:
            CircuitError: If a bit was never declared, the value has more bits, a circuit does not
                fit, or a body changes the bits of its condition and reads it again.

        Examples:
            >>> from qjax.circuit import Circuit
            >>> teleport = Circuit(2).h(0).measure(0, 0).if_else(0, 1, Circuit(2).x(1))
            >>> print(teleport[-1])
            x 1 if c[0] == 1
        """
        bits = self._checked_clbits(clbits, "if_else")
        wanted = self._checked_value(value, bits, "if_else")
        condition = Condition(bits, (wanted,))
        cases = [(condition, body)] + ([] if otherwise is None else [(~condition, otherwise)])
        return self._branch("if_else", cases)

    def switch(
        self, clbits: Qubits, cases: Mapping[int, Self], default: Self | None = None
    ) -> Self:
        """Append circuits one of which is carried out, by the value of measured bits.

        Args:
            clbits: Classical bit or bits to read; the first is bit 0 of their value.
            cases: The circuit for each value.
            default: What is carried out at every other value.

        Raises:
            CircuitError: As in `if_else`.

        Examples:
            >>> from qjax.circuit import Circuit
            >>> flip = {k: Circuit(3).x(k) for k in range(3)}
            >>> [str(i) for i in Circuit(3, 2).switch([0, 1], flip)]
            ['x 0 if c[0,1] == 0', 'x 1 if c[0,1] == 1', 'x 2 if c[0,1] == 2']
        """
        bits = self._checked_clbits(clbits, "switch")
        made = []
        for value, body in cases.items():
            made.append((Condition(bits, (self._checked_value(value, bits, "switch"),)), body))
        if default is not None:
            made.append((~Condition(bits, tuple(sorted(int(v) for v in cases))), default))
        return self._branch("switch", made)

    def for_loop(self, values: Iterable[Any], body: Callable[[Any], Self]) -> Self:
        """Append a circuit for each of some values.

        Args:
            values: What the loop runs over, as `range(5)`.
            body: Gives the circuit for a value; its qubit q is this circuit's qubit q, and likewise
                its classical bits.

        Raises:
            CircuitError: If a circuit does not fit.

        Examples:
            >>> from qjax.circuit import Circuit
            >>> cycle = lambda k: Circuit(2, 3).cx(0, 1).measure(1, k).reset(1)
            >>> Circuit(2, 3).for_loop(range(3), cycle).count_ops()
            {'cx': 3, 'measure': 3, 'reset': 3}
        """
        new: list[Instruction] = []
        for value in values:
            made = self._checked_body(body(value), "for_loop")
            self._num_clbits = max(self._num_clbits, made._num_clbits)
            new += made._list()
        return self._extend(new)

    def while_loop(
        self,
        clbits: Qubits,
        value: int,
        body: Self,
        max_iterations: int,
        *,
        until: bool = False,
    ) -> Self:
        """Append a circuit that is carried out again and again while measured bits have a value.

        The bits are read before each time. After `max_iterations` times the circuit goes on
        whatever they are; read them to know.

        Args:
            clbits: Classical bit or bits to read; the first is bit 0 of their value.
            value: The value at which `body` is carried out once more.
            body: Its qubit q is this circuit's qubit q, and likewise its classical bits. It
                measures again what decides: bits of the condition last, at its end.
            max_iterations: The most times that it is carried out.
            until: Carry it out while the bits have any other value.

        Raises:
            CircuitError: As in `if_else`.

        Note:
            It is held and written as `max_iterations` conditional circuits, so that gradients pass
            and every target that has conditions can read it.

        Examples:
            >>> from qjax.circuit import Circuit
            >>> attempt = Circuit(1, 1).reset(0).h(0).measure(0, 0)
            >>> circuit = Circuit(1, 1).h(0).measure(0, 0).while_loop(0, 1, attempt, 3)
            >>> circuit.count_ops()
            {'h': 4, 'measure': 4, 'reset': 3}
        """
        bits = self._checked_clbits(clbits, "while_loop")
        condition = Condition(bits, (self._checked_value(value, bits, "while_loop"),))
        times = as_positive(max_iterations, "while_loop: max_iterations")
        return self._branch(
            "while_loop", [(~condition if until else condition, body)] * times, exclusive=False
        )

    def _checked_clbits(self, clbits: Any, what: str) -> tuple[int, ...]:
        bits = tuple(
            check_index(c, self._num_clbits, f"{what}: classical bit", "this circuit")
            for c in as_list(clbits)
        )
        if len(set(bits)) != len(bits) or not bits:
            raise CircuitError(f"{what}: classical bits must be distinct, but are {bits}.")
        return bits

    def _checked_value(self, value: Any, bits: tuple[int, ...], what: str) -> int:
        wanted = as_integer(value, f"{what}: value")
        if not 0 <= wanted < 2 ** len(bits):
            raise CircuitError(
                f"{what}: value must be in 0..{2 ** len(bits) - 1} for {len(bits)} bits, "
                f"but is {wanted}."
            )
        return wanted

    def _checked_body(self, body: Any, what: str) -> "ControlFlow":
        if not isinstance(body, ControlFlow) or body._num_qubits > self._num_qubits:
            raise CircuitError(
                f"{what}: a body must be a Circuit on at most {self._num_qubits} qubits, "
                f"but is {body!r}."
            )
        return body

    def _branch(
        self, what: str, cases: list[tuple[Condition, Self]], *, exclusive: bool = True
    ) -> Self:
        """Append bodies under conditions, which exclude each other or are read one by one."""
        new: list[Instruction] = []
        for k, (condition, body) in enumerate(cases):
            instructions = self._checked_body(body, what)._list()
            new += conditioned(instructions, condition, more=exclusive and k + 1 < len(cases))
        self._num_clbits = max([self._num_clbits, *(body._num_clbits for _, body in cases)])
        return self._extend(new)
