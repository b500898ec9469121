"""NoiseModel: which channels follow which instructions, and how bits are misread."""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from qjax._atomic import whole_file
from qjax.channels import Channel, find_channel
from qjax.circuit import Circuit
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError, FileError


@dataclass(frozen=True)
class Rule:
    """A channel that follows instructions.

    Attributes:
        channel: The row.
        values: One for each of its parameters.
        gates: Names of the instructions that it follows; None for every gate.
        qubits: The qubits that such an instruction must act on, controls first; None for any.
        on: The qubits of the instruction on which the channel follows; None for all.
    """

    channel: Channel
    values: tuple[Any, ...]
    gates: tuple[str, ...] | None
    qubits: tuple[int, ...] | None
    on: tuple[int, ...] | None

    def follows(self, name: str, is_gate: bool, qubits: tuple[int, ...]) -> bool:
        """Whether the channel follows an instruction."""
        if not (is_gate if self.gates is None else name in self.gates):
            return False
        if self.qubits is not None and self.qubits != qubits:
            return False
        places = qubits if self.on is None else self.on
        return set(places) <= set(qubits) and self.channel.num_qubits in (1, len(places))


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
        gates: str | tuple[str, ...] | list[str] | None = None,
        qubits: Any = None,
        on: Any = None,
    ) -> Self:
        """Let a channel follow instructions.

        A channel on one qubit follows on each qubit of the instruction, a channel on k qubits
        follows instructions on k qubits.

        Args:
            channel: Name of a row of `CHANNELS`, or a row.
            values: One for each of its parameters.
            gates: Name or names of instructions, also "reset" and "measure"; every gate if None.
            qubits: Only instructions on exactly these qubits, controls first; any if None.
            on: On these qubits of the instruction; on all if None.

        Raises:
            CircuitError: If there is no such channel, or values are outside their range.
        """
        row = find_channel(channel) if isinstance(channel, str) else channel
        given = tuple(values) if isinstance(values, (tuple, list)) else (values,)
        size = max(row.num_qubits, 1)
        Circuit(size).channel(row, given, range(size))  # the checks are those of a circuit
        names = (gates,) if isinstance(gates, str) else gates
        places, chosen = (
            None if q is None else tuple(int(p) for p in np.atleast_1d(q)) for q in (qubits, on)
        )
        self.rules.append(Rule(row, given, None if names is None else tuple(names), places, chosen))
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
                raise CircuitError(f"add_readout: probabilities must be in 0..1, but are {value}.")
        for q in (None,) if qubits is None else np.atleast_1d(qubits).tolist():
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

    def save(self, path: str | os.PathLike) -> None:
        """Write the model as JSON.

        Raises:
            FileError: If a strength is traced, or a channel is no row of the table.
        """
        rules = []
        for rule in self.rules:
            if rule.channel.arguments or any(map(is_traced, rule.values)):
                raise FileError(
                    f"save: rules must hold named channels and known values, but one has {rule}."
                )
            rules.append(
                {
                    "channel": rule.channel.name,
                    "values": [float(v) for v in rule.values],
                    "gates": rule.gates,
                    "qubits": rule.qubits,
                    "on": rule.on,
                }
            )
        readout = [[q, float(a), float(b)] for q, (a, b) in self.readout.items()]
        facts = {"format": "qjax noise", "version": 1, "rules": rules, "readout": readout}
        with whole_file(Path(path)) as file:
            file.write(json.dumps(facts, indent=1).encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` wrote.

        Raises:
            FileError: If the file holds no noise model.
        """
        try:
            facts = json.loads(Path(path).read_text(encoding="utf-8"))
            if facts["format"] != "qjax noise" or facts["version"] != 1:
                raise ValueError("another format")
            model = cls()
            for rule in facts["rules"]:
                model.add(rule.pop("channel"), rule.pop("values"), **rule)
            for q, up, down in facts["readout"]:
                model.add_readout(up, down, q)
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(f"load: {path} holds no noise model: {error}.") from None
        return model

    @classmethod
    def from_qiskit_target(cls, target: Any) -> Self:
        """The noise of a machine, by its calibration.

        Every gate is followed by depolarization and thermal relaxation that give together the
        error and the duration that the target tells; readout errors are symmetric.

        Args:
            target: A Qiskit `Target`, as `backend.target`.

        Note:
            The strength of depolarization follows Qiskit Aer's device model: of the average gate
            error e, relaxation takes 1 - F, and depolarization the rest,
            p = d (e - 1 + F) / (d F - 1) for d = 2**k.
        """
        model = cls()
        properties = target.qubit_properties or []
        for name in target.operation_names:
            for places, facts in target[name].items():
                if places is None or facts is None or facts.error is None:
                    continue
                if name == "measure":
                    model.add_readout(facts.error, facts.error, places[0])
                elif len(places) <= 2 and name not in ("delay", "reset"):
                    _add_calibrated(model, name, tuple(places), facts, properties)
        return model


def _add_calibrated(
    model: NoiseModel, name: str, places: tuple[int, ...], facts: Any, properties: Any
) -> None:
    times = []
    for q in places:
        known = properties[q] if q < len(properties) else None
        t1 = getattr(known, "t1", None)
        if t1 and facts.duration:
            t2 = min(getattr(known, "t2", None) or t1, 2 * t1)
            times.append((q, (float(t1), float(t2), float(facts.duration), 0.0)))
    size = 2 ** len(places)
    # tr(superoperator) / 4 is a qubit's fidelity F of entanglement; (d F + 1)/(d + 1) the average.
    kept = 1.0
    for _, values in times:
        kept *= float(np.trace(find_channel("thermal_relaxation").superoperator(*values)).real) / 4
    average = (size * kept + 1) / (size + 1)
    error = min(float(facts.error), size / (size + 1))
    if error > 1 - average:
        strength = size * (error - 1 + average) / (size * average - 1)
        channel = "depolarizing" if len(places) == 1 else "depolarizing2"
        model.add(channel, strength, gates=name, qubits=places)
    for q, values in times:
        model.add("thermal_relaxation", values, gates=name, qubits=places, on=q)


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
