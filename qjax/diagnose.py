"""What a bug report starts with: versions and engines, and whether they agree."""

import os
import platform
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax._version import __version__
from qjax.circuit.binding import flat_values
from qjax.circuit.circuit import Circuit
from qjax.dense import dense_expectation, dense_statevector
from qjax.engine.library import library, missing
from qjax.engine.select import ENGINES, Engine, real_dtype, resolve
from qjax.errors import CircuitError, EngineError
from qjax.observables import PauliSum
from qjax.simulate import expectation, statevector

_MOST_WORK = 2**33  # amplitudes times gates that the dense definition may take, some minutes
_STEP = 2.0**-17  # of central differences: their errors, step**2 and eps / step, are about equal


def info() -> dict[str, Any]:
    """Versions, devices and engines, as `qjax info` shows them.

    Examples:
        >>> info()["engine"] in info()["engines"]
        True
    """
    built = library() if missing() is None else None
    return {
        "qjax": __version__,
        "jax": f"{jax.__version__} (jaxlib {version('jaxlib')})",
        "python": platform.python_version(),
        "devices": ", ".join(str(d) for d in jax.devices()),
        "threads": os.cpu_count(),
        "64-bit numbers": "on" if jax.config.read("jax_enable_x64") else "off",
        "engines": {
            e.name: f"{e.summary}; up to {e.max_qubits} qubits"
            if (reason := e.missing()) is None
            else f"not here: {reason}"
            for e in ENGINES.values()
        },
        "engine": resolve(None, 1).name,
        "library": "not built"
        if built is None
        else f"{built.path}, {built.isa} (of {', '.join(built.isas)})",
    }


def info_text(facts: dict[str, Any]) -> str:
    """The facts of `info`, a line each."""
    lines = []
    for name, value in facts.items():
        rows = {f"{name} {k}": v for k, v in value.items()} if isinstance(value, dict) else {}
        lines += [f"{key:<16}{text}" for key, text in (rows or {name: value}).items()]
    return "\n".join(lines)


@dataclass(frozen=True)
class Comparison:
    """One engine in one precision, beside the definition.

    Attributes:
        engine: Name of the engine.
        dtype: Of the amplitudes.
        state: Largest difference of an amplitude; None if the engine could not run.
        gradient: Largest difference of the gradient, along the directions that were tried; None if
            there are no parameters.
        state_bound: What rounding can amount to.
        gradient_bound: What rounding, and the differences of the definition, can amount to.
        error: Why the engine could not run, else empty.
    """

    engine: str
    dtype: str
    state: float | None
    gradient: float | None
    state_bound: float
    gradient_bound: float
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether both differences are within their bounds; NaN is not."""
        if self.state is None:
            return False
        gradient = 0.0 if self.gradient is None else self.gradient
        return self.state <= self.state_bound and gradient <= self.gradient_bound


@dataclass(frozen=True)
class Verification:
    """What `verify` found; its text is the report.

    Attributes:
        comparisons: One for each engine and precision.
        facts: What `info` gives.
        summary: Size of the circuit.
    """

    comparisons: tuple[Comparison, ...]
    facts: dict[str, Any]
    summary: str

    @property
    def passed(self) -> bool:
        """Whether every engine agrees with the definition."""
        return all(c.passed for c in self.comparisons)

    def __repr__(self) -> str:
        return f"<Verification: {'passed' if self.passed else 'FAILED'}>"

    def __str__(self) -> str:
        lines = [info_text(self.facts), "", self.summary]
        lines.append(f"{'engine':<8}{'dtype':<12}{'state':>10}{'gradient':>10}")
        for c in self.comparisons:
            if c.state is None:
                lines.append(f"{c.engine:<8}{c.dtype:<12}FAILED: {c.error}")
                continue
            gradient = "-" if c.gradient is None else f"{c.gradient:.1e}"
            verdict = (
                "ok" if c.passed else f"FAILED, over {c.state_bound:.1e} or {c.gradient_bound:.1e}"
            )
            lines.append(f"{c.engine:<8}{c.dtype:<12}{c.state:>10.1e}{gradient:>10}  {verdict}")
        return "\n".join(lines)


def verify(circuit: Circuit, params: Any = None, *, show: bool = True) -> Verification:
    """Run a circuit on every engine that is here, and compare with its definition in plain NumPy.

    It prints versions, devices and the largest differences of the state, and of the gradient of
    the expectation value of a sum of Pauli strings on all qubits: what a bug report starts with.

    Args:
        circuit: The circuit, without measurements.
        params: Values of its open parameters, one set; random ones from a fixed seed if None.
        show: Whether to print the report.

    Returns:
        A `Verification`, whose `passed` says whether all agree. complex128 is run as well, with
        64-bit numbers switched on for the time of the call.

    Raises:
        CircuitError: If it is no circuit, measures, or is too large for the definition.

    Note:
        The definition takes gates * 2**n steps of NumPy, and as many for each end of a difference.
        All parameters are checked if that is soon done; else a few random directions are.

    Examples:
        >>> import qjax as qj
        >>> qj.verify(qj.Circuit(2).h(0).rx(qj.Parameter("t"), 1).cx(0, 1), show=False)
        <Verification: passed>
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"verify: circuit must be a Circuit, but is {circuit!r}.")
    if circuit.num_clbits:
        raise CircuitError(
            "verify: the circuit must not measure. Use circuit.remove_measurements()."
        )
    work = len(circuit) << circuit.num_qubits
    if work > _MOST_WORK:
        raise CircuitError(
            f"verify: gates times 2**qubits must be at most 2**{_MOST_WORK.bit_length() - 1}, for "
            f"the definition is slow, but are {len(circuit)} times 2**{circuit.num_qubits}. "
            "Show the problem with fewer qubits or gates."
        )
    rng = np.random.default_rng(0)
    values = _values(circuit, params, rng)
    observable = _observable(circuit.num_qubits)
    bound = circuit if values is None else circuit.bind(values)
    truth = dense_statevector(bound)
    directions = _directions(values, work, rng)
    slopes = _slopes(circuit, observable, values, directions)
    comparisons = []
    with jax.enable_x64(True):
        for engine in (e for e in ENGINES.values() if e.missing() is None):
            for dtype in ("complex64", "complex128"):
                with _device_of(engine):
                    comparisons.append(
                        _compared(
                            circuit,
                            values,
                            observable,
                            engine.name,
                            dtype,
                            truth,
                            directions,
                            slopes,
                        )
                    )
    plural = "" if len(directions) == 1 else "s"
    summary = (
        f"{circuit.num_qubits} qubits, {len(circuit)} instructions; gradient along "
        f"{len(directions)} direction{plural} in {0 if values is None else values.size} parameters"
    )
    found = Verification(tuple(comparisons), info(), summary)
    if show:
        print(found)
    return found


def _device_of(engine: Engine) -> Any:
    """A context in which JAX runs where the engine does: on the CPU too if there is a GPU."""
    if engine.platform == "cpu" != jax.default_backend():
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    return nullcontext()


def _values(circuit: Circuit, params: Any, rng: np.random.Generator) -> np.ndarray | None:
    """One set of values, or None if there are no open parameters."""
    if params is None and circuit.num_parameters:
        return rng.normal(size=circuit.num_parameters)
    values = flat_values(circuit.structure, params)
    if values is None:
        return None
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise CircuitError(
            f"verify: params must be one set of values, but has shape {values.shape}."
        )
    return values


def _observable(n: int) -> PauliSum:
    """X, Y and Z on every qubit and a string over neighbours, so that every error shows."""
    terms = {f"{letter}{q}": 1.0 / (q + 2) for q in range(n) for letter in "XYZ"}
    terms |= {f"Z{q} Y{q + 1}": 0.5 for q in range(n - 1)}
    return PauliSum(terms or {"": 1.0}, num_qubits=n)


def _directions(values: np.ndarray | None, work: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors along which the gradient is checked: every axis if that is soon done."""
    if values is None:
        return np.zeros((0, 0))
    affordable = max(1, 2**26 // max(1, 2 * work))
    if values.size <= affordable:
        return np.eye(values.size)
    some = rng.normal(size=(min(8, affordable), values.size))
    return some / np.linalg.norm(some, axis=1, keepdims=True)


def _slopes(
    circuit: Circuit, observable: PauliSum, values: np.ndarray | None, directions: np.ndarray
) -> np.ndarray:
    """Central differences of the expectation value along each direction."""
    if values is None:
        return np.zeros(0)
    masks = zip(observable.x_masks.tolist(), observable.z_masks.tolist(), strict=True)
    terms = dict(zip(masks, np.real(np.asarray(observable.coefficients)).tolist(), strict=True))

    def energy(at: np.ndarray) -> float:
        return dense_expectation(dense_statevector(circuit.bind(at)), terms)

    ends = [(energy(values + _STEP * d), energy(values - _STEP * d)) for d in directions]
    return np.array([(high - low) / (2 * _STEP) for high, low in ends])


def _compared(
    circuit: Circuit,
    values: np.ndarray | None,
    observable: PauliSum,
    engine: str,
    dtype: str,
    truth: np.ndarray,
    directions: np.ndarray,
    slopes: np.ndarray,
) -> Comparison:
    eps = float(np.finfo(dtype).eps)
    # A gate rounds each amplitude a few times. A difference of a sum of norm |w| with angles scaled
    # by at most s has an error of some |w| s**3 step**2, and its rounding one of |w| eps / step.
    rounding = 16 * eps * (len(circuit) + circuit.num_qubits + 1)
    weight = float(np.sum(np.abs(np.asarray(observable.coefficients))))
    scale = max((abs(f) for f in _factors(circuit)), default=1.0) * max(1, len(circuit)) ** 0.5
    gradient_bound = 4 * weight * (scale * rounding + scale**3 * _STEP**2 + 2.0**-52 / _STEP)
    used = None if values is None else jnp.asarray(values, real_dtype(np.dtype(dtype)))
    try:
        found = statevector(circuit, used, dtype=dtype, engine=engine)
        state = float(np.max(np.abs(np.asarray(found) - truth)))
        gradient = None
        if used is not None:
            by_params = jax.grad(
                lambda v: expectation(circuit, observable, v, dtype=dtype, engine=engine)
            )(used)
            along = directions @ np.asarray(by_params, np.float64)
            gradient = float(np.max(np.abs(along - slopes), initial=0.0))
    except EngineError as error:
        return Comparison(engine, dtype, None, None, rounding, gradient_bound, str(error))
    return Comparison(engine, dtype, state, gradient, rounding, gradient_bound)


def _factors(circuit: Circuit) -> list[float]:
    """What multiplies parameters in angles, as far as it is known."""
    constants, _, _ = circuit.leaves
    terms = (
        ref
        for item in circuit.structure.items
        for angle in item.params
        for _, ref in getattr(angle, "terms", ())
    )
    return [float(constants[ref]) for ref in terms if ref >= 0]
