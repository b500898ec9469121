"""NoiseModel: which channels follow which instructions, and how bits are misread."""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp

from qjax._atomic import whole_file
from qjax.channels import Channel
from qjax.circuit import Circuit
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError, FileError
from qjax.noise.calibration import calibrated_readout, calibrated_rules
from qjax.noise.rule import Rule, check_values, checked_places, made_rule
from qjax.noise.saved import decoded, encoded


@dataclass(eq=False)
class NoiseModel:
    """Which channels follow which instructions, and how measured bits are misread.

    Methods append in place and return the model, so calls chain. Strengths may be traced: a model
    built inside a function is differentiated with respect to them.

    Attributes:
        rules: In the order in which they apply.
        readout: For a qubit, or None for all others, the pair (probability to read 1 for 0,
            probability to read 0 for 1).

    Examples:
        >>> model = NoiseModel().add("depolarizing", 0.001).add("depolarizing2", 0.01, gates="cx")
        >>> model.add_readout(0.02, 0.03).apply(Circuit(2).h(0).cx(0, 1)).count_ops()
        {'depolarizing': 3, 'h': 1, 'cx': 1, 'depolarizing2': 1}
    """

    rules: list[Rule] = field(default_factory=list)
    readout: dict[int | None, tuple[Any, Any]] = field(default_factory=dict)

    def add(
        self,
        channel: str | Channel,
        values: Any,
        *,
        gates: Any = None,
        qubits: Any = None,
        on: Any = None,
    ) -> Self:
        """Let a channel follow instructions.

        A channel on one qubit follows on each qubit of the instruction, a channel on k qubits
        follows instructions on k qubits.

        Args:
            channel: Name of a row of `CHANNELS`, or a row; or "pauli_channel", "kraus" or
                "superoperator".
            values: One for each of its parameters; for the last three what the circuit's methods
                of these names take.
            gates: Name or names of gates, or rows of gates of your own, also "reset" and "measure";
                every gate if None.
            qubits: Only instructions on exactly these qubits, controls first; any if None.
            on: On these qubits of the instruction; on all if None.

        Raises:
            CircuitError: If there is no such channel or gate, values are outside their range, or
                the channel could not follow anything.

        Examples:
            >>> model = NoiseModel().add("pauli_channel", {"ZZ": 0.01}, gates="cx")
            >>> str(model.apply(Circuit(2).h(0).cx(0, 1))[2]).split("(")[0]
            'pauli_channel'
        """
        self.rules.append(made_rule(channel, values, gates, qubits, on))
        return self

    def add_readout(self, one_for_zero: Any, zero_for_one: Any, qubits: Any = None) -> Self:
        """Let measured bits be misread.

        Args:
            one_for_zero: Probability to read 1 for a qubit in |0>.
            zero_for_one: Probability to read 0 for a qubit in |1>.
            qubits: For these qubits; for all that have none of their own if None.

        Raises:
            CircuitError: If a probability is not in 0..1.
        """
        for value in (one_for_zero, zero_for_one):
            if not is_traced(value) and not 0 <= float(value) <= 1:
                raise CircuitError(
                    f"add_readout: probabilities must be in 0..1, but one is {value}."
                )
        for q in checked_places(qubits, "qubits") or (None,):
            self.readout[q] = (one_for_zero, zero_for_one)
        return self

    def apply(self, circuit: Circuit) -> Circuit:
        """The circuit with the channels after its instructions."""
        noisy = circuit[:0]
        for i in circuit:
            before = i.operation is MEASURE  # what disturbs a measurement comes before it
            if not before:
                noisy.append(i)
            for rule in self.rules if i.operation is not BARRIER else ():
                if rule.follows(i.name, i.is_gate, i.all_qubits):
                    places = i.all_qubits if rule.on is None else rule.on
                    channels = noisy[:0].channel(rule.channel, rule.values, places)
                    noisy._extend([replace(c, conditions=i.conditions) for c in channels])
            if before:
                noisy.append(i)
        return noisy

    def confusion(self, qubit: int) -> tuple[Any, Any] | None:
        """The readout error of a qubit, or None."""
        return self.readout.get(qubit, self.readout.get(None))

    def misread(self, probabilities: jax.Array, qubits: tuple[int, ...]) -> jax.Array:
        """What the probabilities of measured bits become.

        Args:
            probabilities: Real array of shape (B, 2**k).
            qubits: The k qubits of its bits.
        """
        k = len(qubits)
        for position, q in enumerate(qubits):
            if (pair := self.confusion(q)) is None:
                continue
            up, down = (jnp.asarray(p, probabilities.dtype) for p in pair)
            parts = probabilities.reshape(-1, 2 ** (k - 1 - position), 2, 2**position)
            zero, one = parts[:, :, 0], parts[:, :, 1]
            mixed = [zero * (1 - up) + one * down, zero * up + one * (1 - down)]
            probabilities = jnp.stack(mixed, axis=2).reshape(probabilities.shape)
        return probabilities

    def misread_bits(self, bits: jax.Array, qubits: list[int | None], key: jax.Array) -> jax.Array:
        """Bits of shots, misread: uint8 (..., k); `qubits[c]` is the qubit of column c."""
        pairs = [None if q is None else self.confusion(q) for q in qubits]
        if all(pair is None for pair in pairs):
            return bits
        up, down = (
            jnp.stack([jnp.float32(0.0 if p is None else p[side]) for p in pairs])
            for side in (0, 1)
        )
        chance = jnp.where(bits == 1, down, up)
        flips = jax.random.uniform(key, bits.shape, chance.dtype) < chance
        return bits ^ flips.astype(jnp.uint8)

    def misreading(self, num_qubits: int) -> jax.Array | None:
        """The probabilities that outcomes 0 and 1 of each qubit are misread, (n, 2); None if none.

        They are float32, or traced.
        """
        pairs = [self.confusion(q) for q in range(num_qubits)]
        if all(pair is None for pair in pairs):
            return None
        return jnp.stack([jnp.stack([jnp.float32(p) for p in pair or (0, 0)]) for pair in pairs])

    def save(self, path: str | os.PathLike) -> None:
        """Write the model as JSON.

        Raises:
            FileError: If a strength is traced or symbolic, or a channel is no row of the table.
        """
        facts = encoded(self.rules, self.readout)
        with whole_file(Path(path)) as file:
            file.write(json.dumps(facts, indent=1).encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` wrote.

        Raises:
            FileError: If the file holds no noise model.
        """
        try:
            rules, readout = decoded(json.loads(Path(path).read_text(encoding="utf-8")))
            model = cls(rules)
            for rule in rules:
                check_values(rule)
            for q, pair in readout.items():
                model.add_readout(*pair, q)
        except FileNotFoundError:
            raise FileError(f"load: there is no file {str(path)!r}.") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileError(f"load: {path} holds no noise model: {error}.") from None
        return model

    @classmethod
    def from_qiskit_target(cls, target: Any) -> Self:
        """The noise of a machine, by its calibration.

        Every gate is followed by depolarization and thermal relaxation that give together the
        error and the duration that the target tells; readout errors are symmetric.

        Args:
            target: A Qiskit `Target`, as `backend.target`.

        Raises:
            CircuitError: If it is none.

        Note:
            The strength of depolarization follows Qiskit Aer's device model: of the average gate
            error e, relaxation takes 1 - F, and depolarization the rest,
            p = d (e - 1 + F) / (d F - 1) for d = 2**k.
        """
        return cls(list(calibrated_rules(target)), calibrated_readout(target))


def is_noisy(circuit: Circuit, noise: NoiseModel | None) -> bool:
    """Whether there is a model, or the circuit has channels of its own."""
    return noise is not None or circuit.structure.channel is not None


def noisy(circuit: Circuit, noise: NoiseModel | None) -> Circuit:
    """The circuit with the channels of a model, if there is one.

    Raises:
        CircuitError: If it is none.
    """
    if noise is None:
        return circuit
    if not isinstance(noise, NoiseModel):
        raise CircuitError(f"noise must be a NoiseModel, but is {noise!r}.")
    return noise.apply(circuit)
