"""Other simulators: one file each, with the same few functions.

Each module has NAME, PRECISION ("complex64" or "complex128") and any of

    forward(workload) -> callable that runs the circuit and waits for the state
    amplitudes(workload) -> the state, for the check before it is timed
    value_and_gradient(workload) -> callable that gives (value, gradient by parameter)
    batch(workload, data, labels) -> callable that gives (loss, gradient by weight)

and says in its docstring how it is configured.
"""

import importlib

NAMES = (
    "panta", "panta_single", "qulacs_peer", "lightning", "aer", "qsim", "tensorcircuit_peer",
)  # fmt: skip


def load():
    """(modules that import here, names of those that do not)."""
    found, missing = [], []
    for name in NAMES:
        try:
            found.append(importlib.import_module(f"bench.peers.{name}"))
        except ImportError:
            missing.append(name)
    return found, missing
