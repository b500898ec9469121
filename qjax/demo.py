"""The ground state of molecular hydrogen, from a circuit to an OpenQASM file: `qjax demo`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import qjax.qasm
from qjax import plot
from qjax._extras import available, require
from qjax.circuit import Circuit
from qjax.errors import FileError
from qjax.library import load_molecule, uccsd
from qjax.simulate import counts, expectation, statevector
from qjax.train import FitResult, fit

GOAL = 1e-6  # hartree, from the exact energy
SAME = 1e-10  # how far the fidelity of two equal states may be from 1 in double precision
_DOUBLE = np.dtype(np.complex128)


def run_demo(
    folder: str | os.PathLike,
    *,
    steps: int = 200,
    seed: int = 0,
    progress: bool | None = None,
    say: Callable[[str], Any] = print,
) -> FitResult:
    """Train a unitary coupled cluster circuit to the ground state of H2, and write what came out.

    It writes `training.png`, `circuit.png`, `trained.qasm` and `counts.png` to the folder.

    Args:
        folder: Where to write; made if it is not there.
        steps: Steps of the optimizer.
        seed: Seed of the starting angles and of the shots.
        progress: Whether to show a progress bar; None shows one if tqdm is installed.
        say: Called with each line of the report.

    Returns:
        The result of the training.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        FileError: If the folder cannot be made.
    """
    require("matplotlib", "plot", "The demo")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"The folder {str(folder)!r} cannot be made: {error}") from error
    molecule = load_molecule("h2")
    circuit = uccsd(molecule.num_qubits, molecule.num_electrons)
    energy = molecule.hamiltonian
    say("Molecular hydrogen, 0.7414 angstrom, STO-3G, four qubits by Jordan-Wigner.")
    say(f"Unitary coupled cluster, {circuit.num_parameters} parameters:\n\n{circuit}\n")

    with jax.enable_x64(True):

        def loss(params: jax.Array) -> jax.Array:
            return expectation(circuit, energy, params, dtype=_DOUBLE)

        key_start, key_shots = jax.random.split(jax.random.key(seed))
        start = 0.05 * jax.random.normal(key_start, (circuit.num_parameters,), jnp.float64)
        result = fit(loss, start, optax.adam(0.05), steps, progress=progress)
        params = result.best_params
        final = float(loss(params))
        state = np.asarray(statevector(circuit, params, dtype=_DOUBLE))
        shots = counts(circuit, 1024, key_shots, params)
        trained = circuit.bind(params)

    error = final - molecule.exact_energy
    say(f"Hartree-Fock energy {molecule.hartree_fock_energy:.9f} hartree")
    say(f"trained energy      {final:.9f} hartree")
    say(f"exact energy        {molecule.exact_energy:.9f} hartree (full CI in this basis)")
    verdict = "within" if abs(error) <= GOAL else "NOT within"
    say(f"error               {error:.1e} hartree, {verdict} {GOAL:.0e}")
    say(f"{result.steps} steps, {result.steps_per_second:,.0f} per second")
    say(f"1024 shots: {', '.join(f'{bits}: {n}' for bits, n in shots.most_common())}")

    figure = plot.training_curve(
        result.history, reference=molecule.exact_energy, reference_label="exact", ylabel="hartree"
    )
    figure.savefig(folder / "training.png", dpi=150)
    plot.counts_histogram(shots).savefig(folder / "counts.png", dpi=150)
    trained.draw("mpl").savefig(folder / "circuit.png", dpi=150)
    file = folder / "trained.qasm"
    qjax.qasm.dump(trained, file, version=3)
    say(f"wrote training.png, counts.png, circuit.png and trained.qasm to {folder}")
    say(_read_back(file, trained, state))
    return result


def _read_back(file: Path, trained: Circuit, state: np.ndarray) -> str:
    if not (available("qiskit") and available("qiskit_qasm3_import")):
        return 'To check the file with Qiskit: pip install "qjax[qiskit]", and run this again.'
    from qiskit import qasm3
    from qiskit.quantum_info import Statevector

    theirs = Statevector(qasm3.loads(file.read_text(encoding="utf-8"))).data
    fidelity = abs(np.vdot(theirs, state)) ** 2
    verdict = "the same state" if abs(fidelity - 1) <= SAME else "ANOTHER state"
    return f"Qiskit reads {file.name} back to {verdict}: fidelity {fidelity:.12f}"
