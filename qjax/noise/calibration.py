"""Noise from the calibration of a machine."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from qjax.channels import CHANNELS
from qjax.errors import CircuitError
from qjax.noise.rule import Rule, gate_name

_WITHOUT_NOISE = ("delay", "reset", "measure")
_RELAXATION = CHANNELS["thermal_relaxation"]


def calibrated_rules(target: Any) -> Iterator[Rule]:
    """The rules of a Qiskit `Target`; see `NoiseModel.from_qiskit_target`."""
    _check_target(target)
    properties = target.qubit_properties or []
    for name, places, facts in _calibrated(target):
        if name not in _WITHOUT_NOISE and len(places) <= 2:
            yield from _gate_rules(_known_name(name), places, facts, properties)


def calibrated_readout(target: Any) -> dict[int | None, tuple[float, float]]:
    """The readout errors of a Qiskit `Target`."""
    _check_target(target)
    return {
        places[0]: (facts.error, facts.error)
        for name, places, facts in _calibrated(target)
        if name == "measure"
    }


def _check_target(target: Any) -> None:
    if not all(hasattr(target, name) for name in ("operation_names", "qubit_properties")):
        raise CircuitError(
            "from_qiskit_target: target must be a Qiskit Target, as backend.target, but is a "
            f"{type(target).__name__}."
        )


def _calibrated(target: Any) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    for name in target.operation_names:
        for places, facts in target[name].items():
            if places is not None and facts is not None and facts.error is not None:
                yield name, tuple(places), facts


def _known_name(name: str) -> str:
    try:
        return gate_name(name)
    except CircuitError:  # a vendor's own gate, which circuits may hold under its name
        return name


def _gate_rules(name: str, places: tuple[int, ...], facts: Any, properties: Any) -> Iterator[Rule]:
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
        kept *= float(np.trace(_RELAXATION.superoperator(*values)).real) / 4
    average = (size * kept + 1) / (size + 1)
    error = min(float(facts.error), size / (size + 1))
    if error > 1 - average:
        strength = size * (error - 1 + average) / (size * average - 1)
        channel = CHANNELS["depolarizing" if len(places) == 1 else "depolarizing2"]
        yield Rule(channel, (strength,), (name,), places, None)
    for q, values in times:
        yield Rule(_RELAXATION, values, (name,), places, (q,))
