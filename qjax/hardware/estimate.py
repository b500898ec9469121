"""From an observable to circuits: groups, shots, shifts, mitigation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.circuit.binding import flat_values
from qjax.circuit.parameter import is_traced
from qjax.circuit.shift import shifted_circuits
from qjax.errors import CircuitError, ObservableError, SamplingError
from qjax.hardware.bundle import Bundle, Experiment
from qjax.hardware.folding import extrapolation, folded
from qjax.hardware.grouping import Group, grouped
from qjax.hardware.shots import METHODS, divided
from qjax.observables import PauliSum
from qjax.simulate import variance

SPSA_STEP = 0.1  # radians


@dataclass(frozen=True)
class _Evaluation:
    """An expectation value that is asked for: a circuit, and the outputs that it enters."""

    circuit: Circuit
    outputs: dict[int, float]
    label: str


@dataclass(frozen=True)
class _Options:
    """What `measure` and `gradient_job` have in common."""

    group: str
    allot: str
    readout: bool
    zne: Sequence[int] | None
    extrapolate: str


def measure(
    circuit: Circuit,
    observable: Any,
    params: Any = None,
    *,
    shots: int = 10_000,
    group: str = "qubit-wise",
    allot: str = "weight",
    readout: bool = False,
    zne: Sequence[int] | None = None,
    extrapolate: str = "richardson",
) -> Bundle:
    """Circuits that measure an expectation value on a machine.

    Args:
        circuit: The circuit, without measurements.
        observable: A Pauli sum with real, known coefficients, or its text.
        params: Values of its open parameters: a flat array or a mapping.
        shots: Of all circuits together, those of a calibration left out.
        group: How strings are measured together: "qubit-wise"; "commuting", in fewer circuits that
            end in a Clifford circuit; or "none".
        allot: How shots are divided: "uniform"; "weight", by the coefficients; "variance", by the
            standard deviations that the simulator finds, which is the best.
        readout: Whether to add two calibration circuits, of a tenth of the shots each, and to undo
            readout errors by tensored confusion matrices.
        zne: Odd noise scales such as (1, 3, 5) for zero-noise extrapolation by folding of two-qubit
            gates.
        extrapolate: "richardson", or "linear", which has the smaller statistical error.

    Returns:
        The bundle. Qubit q is measured into bit q.

    Raises:
        CircuitError: If the circuit measures.
        ObservableError: If the observable is no Pauli sum with known real coefficients.
        ParameterError: If values are missing or do not fit.
        SamplingError: If there are fewer shots than circuits, or an option is not known.

    Examples:
        >>> bundle = measure(Circuit(2).h(0).cx(0, 1), "Z0 Z1 + X0 X1 - 0.5", shots=1000)
        >>> bundle.shots, [e.label for e in bundle.experiments]
        ([500, 500], ['value, group 0', 'value, group 1'])
        >>> print(bundle.evaluate([{"00": 480, "11": 520}, {"00": 500, "11": 500}]))
        value     +1.500000 ± 0.000000
    """
    plain = _bound(circuit, params, "measure")
    options = _Options(group, allot, readout, zne, extrapolate)
    sum_, constant = _checked(observable, circuit.num_qubits, "measure")
    evaluations = [_Evaluation(plain, {0: 1.0}, "value")]
    return _bundle(evaluations, sum_, constant, shots, options, circuit.num_qubits)


def gradient_job(
    circuit: Circuit,
    observable: Any,
    params: Any,
    *,
    method: str = "parameter-shift",
    shots: int = 10_000,
    value: bool = True,
    key: jax.Array | None = None,
    repeats: int = 1,
    step: float = SPSA_STEP,
    group: str = "qubit-wise",
    allot: str = "weight",
    readout: bool = False,
    zne: Sequence[int] | None = None,
    extrapolate: str = "richardson",
) -> Bundle:
    """Circuits that measure a gradient, and the value with it, on a machine.

    Args:
        circuit: The circuit, without measurements.
        observable: As in `measure`.
        params: Values of its open parameters: a flat array or a mapping.
        method: "parameter-shift": exact on average, with two circuits or more for each gate that
            holds a parameter; or "spsa": two circuits for each repeat, whatever the number of
            parameters, at p + step * d and p - step * d for a random d of +1 and -1.
        shots: Of all circuits of one expectation value; there are as many of these as shifts.
        value: Whether to measure the value at `params` too.
        key: For "spsa", a `jax.random` key.
        repeats: For "spsa", how many directions to average over.
        step: For "spsa", the length of a step for each parameter, in radians.
        group: As in `measure`.
        allot: As in `measure`.
        readout: As in `measure`.
        zne: As in `measure`.
        extrapolate: As in `measure`.

    Returns:
        The bundle. Its standard errors are those of finite shots; what "spsa" adds by its choice of
        directions is not in them.

    Raises:
        CircuitError: If the circuit measures.
        ObservableError: As in `measure`.
        ParameterError: If there are no open parameters, values do not fit, or a gate has no rule.
        SamplingError: As in `measure`, or if "spsa" has no key.

    Examples:
        >>> from qjax.circuit import Parameter
        >>> bundle = gradient_job(Circuit(1).rx(Parameter("t"), 0), "Z0", 0.3, shots=100)
        >>> [e.label for e in bundle.experiments], dict(bundle.experiments[1].outputs)
        (['value, group 0', 'shift 0, group 0', 'shift 1, group 0'], {1: 0.5})

    References:
        D. Wierichs et al., General parameter-shift rules for quantum gradients, Quantum 6, 677
        (2022). J. C. Spall, IEEE Trans. Automatic Control 37, 332 (1992).
    """
    plain = _bound(circuit, params, "gradient_job")
    options = _Options(group, allot, readout, zne, extrapolate)
    sum_, constant = _checked(observable, circuit.num_qubits, "gradient_job")
    count = circuit.num_parameters
    if not count:
        raise CircuitError("gradient_job: the circuit must have open parameters, but has none.")
    evaluations = [_Evaluation(plain, {0: 1.0}, "value")] if value else []
    if method == "parameter-shift":
        for k, shift in enumerate(shifted_circuits(circuit, params)):
            outputs = {1 + j: c for j, c in shift.coefficients.items() if c != 0}
            evaluations.append(_Evaluation(shift.circuit, outputs, f"shift {k}"))
    elif method == "spsa":
        evaluations += _spsa(circuit, params, key, repeats, step)
    else:
        raise SamplingError(
            f'gradient_job: method must be "parameter-shift" or "spsa", but is {method!r}.'
        )
    return _bundle(
        evaluations, sum_, constant, shots, options, circuit.num_qubits, has_value=value,
        num_parameters=count,
    )  # fmt: skip


def _spsa(
    circuit: Circuit, params: Any, key: jax.Array | None, repeats: int, step: float
) -> list[_Evaluation]:
    """Central differences along random directions."""
    if key is None:
        raise SamplingError('gradient_job: "spsa" needs a key, such as jax.random.key(0).')
    count = as_positive(repeats, "gradient_job: repeats")
    values = np.asarray(flat_values(circuit.structure, params), float)
    if not (np.isfinite(step) and step > 0):
        raise SamplingError(f"gradient_job: step must be positive, but is {step}.")
    directions = np.asarray(jax.random.rademacher(key, (count, values.size), dtype=np.int32), float)
    made = []
    for r, direction in enumerate(directions):
        for sign in (1, -1):
            moved = circuit.bind(values + sign * step * direction)
            outputs = {1 + j: sign * d / (2 * step * count) for j, d in enumerate(direction)}
            made.append(_Evaluation(moved, outputs, f"direction {r}{'+' if sign > 0 else '-'}"))
    return made


def _bundle(
    evaluations: list[_Evaluation],
    observable: PauliSum,
    constant: float,
    shots: int,
    options: _Options,
    num_qubits: int,
    *,
    has_value: bool = True,
    num_parameters: int | None = None,
) -> Bundle:
    """Every evaluation in every group at every noise scale."""
    total = as_positive(shots, "shots", SamplingError)
    if options.allot not in METHODS:
        raise SamplingError(f"allot must be one of {METHODS}, but is {options.allot!r}.")
    groups = grouped(observable, num_qubits, options.group)
    weights = np.asarray(observable.coefficients, float)
    scales, factors = [1], [1.0]
    if options.zne is not None:
        scales = [int(s) for s in options.zne]
        factors = extrapolation(scales, options.extrapolate)
    experiments = []
    for e in evaluations:
        sizes = _sizes(e.circuit, observable, groups, options.allot)
        given = iter(divided(total, np.outer(np.abs(factors), sizes).ravel()) if groups else [])
        for scale, factor in zip(scales, factors, strict=True):
            noisy = folded(e.circuit, scale)
            for g, group in enumerate(groups):
                measured = noisy.copy().compose(group.basis_change).measure_all()
                label = f"{e.label}, group {g}" + (f", noise x {scale}" if options.zne else "")
                experiments.append(
                    Experiment(
                        measured,
                        next(given),
                        group.masks,
                        tuple(
                            float(weights[t] * s)
                            for t, s in zip(group.terms, group.signs, strict=True)
                        ),
                        {j: c * factor for j, c in e.outputs.items()},
                        label,
                    )
                )
    if options.readout and experiments:
        for name, circuit in (
            ("calibration, all 0", Circuit(num_qubits)),
            ("calibration, all 1", Circuit(num_qubits).x(range(num_qubits))),
        ):
            calibration = circuit.measure_all()
            experiments.append(Experiment(calibration, max(1, total // 10), (), (), {}, name))
    return Bundle(
        tuple(experiments), num_qubits, constant if has_value else 0.0, has_value, num_parameters,
        options.readout and bool(experiments),
    )  # fmt: skip


def _sizes(circuit: Circuit, observable: PauliSum, groups: list[Group], allot: str) -> np.ndarray:
    """What the shots of the groups are in proportion to."""
    if allot == "uniform":
        return np.ones(len(groups))
    numbers = np.asarray(observable.coefficients, float)
    if allot == "weight":
        return np.array([np.sum(np.abs(numbers[list(g.terms)])) for g in groups])
    strings = observable.strings
    parts = [
        PauliSum([(strings[t], float(numbers[t])) for t in g.terms], num_qubits=circuit.num_qubits)
        for g in groups
    ]
    return np.sqrt([max(float(variance(circuit, part)), 0.0) for part in parts])


def _checked(observable: Any, num_qubits: int, what: str) -> tuple[PauliSum, float]:
    """The observable without its identity, and the identity's coefficient."""
    if not isinstance(observable, PauliSum):
        observable = PauliSum(observable)
    numbers = observable.coefficients
    if is_traced(numbers) or np.ndim(numbers) != 1:
        raise ObservableError(f"{what}: the observable's coefficients must be known numbers.")
    if not observable.is_hermitian(1e-12):
        raise ObservableError(f"{what}: the observable's coefficients must be real.")
    pairs = [(s, float(np.real(c))) for s, c in observable]
    constant = sum(c for s, c in pairs if not s.weight)
    rest = [(s, c) for s, c in pairs if s.weight and c != 0]
    return PauliSum(rest, num_qubits=max(num_qubits, observable.num_qubits)), constant


def _bound(circuit: Circuit, params: Any, what: str) -> Circuit:
    """The circuit with its values."""
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
    if circuit.num_clbits or circuit.structure.dynamic:
        raise CircuitError(
            f"{what}: the circuit must not measure; its measurements are added. Use "
            "circuit.remove_measurements()."
        )
    if not circuit.num_qubits:
        raise CircuitError(f"{what}: the circuit must have at least one qubit.")
    values = flat_values(circuit.structure, params)
    if values is None:
        return circuit
    if is_traced(values):
        raise CircuitError(f"{what}: values must be known, but are traced; see `objective`.")
    return circuit.bind(np.asarray(values, float))
