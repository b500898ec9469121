"""Energies of a molecule along a bond: variational circuits, and what chemists compute first."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps, library
from qjax.circuit import Circuit, ParameterVector
from qjax.library import Excitation, Molecule
from qjax.library.ansatz.excitations import append_excitation
from qjax.library.molecules.recipes import RECIPES
from qjax.observables import PauliSum
from qjax.simulate import expectation

DTYPE = "complex128"


class Curve:
    """A molecule at several lengths of a bond.

    Attributes:
        name: Name of the molecule.
        molecules: It, at each length.
        excitations: Single and double excitations of the Hartree-Fock state that keep the spin.
    """

    def __init__(self, name: str, lengths: Sequence[float]) -> None:
        self.name = name
        self.molecules: list[Molecule] = [
            library.load_molecule(name, bond_length=length) for length in lengths
        ]
        self.qubits, self.electrons = first(self.molecules)
        self.excitations: list[Excitation] = library.singles_and_doubles(
            self.qubits, self.electrons
        )

    @property
    def formula(self) -> str:
        """As chemists write it."""
        return RECIPES[self.name].formula

    @property
    def lengths(self) -> np.ndarray:
        """The lengths, in angstrom."""
        return np.array([molecule.bond_length for molecule in self.molecules])

    @property
    def exact(self) -> np.ndarray:
        """The lowest energies in the active orbitals, in hartree."""
        return np.array([molecule.exact_energy for molecule in self.molecules])

    @property
    def hartree_fock(self) -> np.ndarray:
        """The energies of the Hartree-Fock states, in hartree."""
        return np.array([molecule.hartree_fock_energy for molecule in self.molecules])

    @cached_property
    def hamiltonian(self) -> tuple[PauliSum, np.ndarray]:
        """The strings of all lengths, and coefficients of shape (lengths, strings)."""
        sums = [
            dict(zip(zip(h.x_masks.tolist(), h.z_masks.tolist(), strict=True),
                     np.real(h.coefficients).tolist(), strict=True))
            for h in (molecule.hamiltonian for molecule in self.molecules)
        ]  # fmt: skip
        keys = sorted(set().union(*sums))
        table = np.array([[one.get(key, 0.0) for key in keys] for one in sums])
        x, z = np.array(keys).T
        return PauliSum.from_masks(x, z, table[0], self.qubits), table


def first(molecules: Sequence[Molecule]) -> tuple[int, int]:
    """Qubits and electrons, the same at every length."""
    return molecules[0].num_qubits, molecules[0].num_electrons


def coupled_cluster(curve: Curve, factors: int) -> Circuit:
    """UCCSD, its product of excitations applied so many times, each with angles of its own."""
    excitations = curve.excitations * factors
    circuit = Circuit(curve.qubits).x(range(curve.electrons))
    for angle, one in zip(ParameterVector("theta", len(excitations)), excitations, strict=True):
        append_excitation(circuit, one, angle, form="gates")
    return circuit


class Found(NamedTuple):
    """Energies along a curve, in hartree, the parameters at each length, and the seconds of all."""

    energies: np.ndarray
    parameters: int
    seconds: float


def variational(run: apps.Run, curve: Curve, factors: int) -> Found:
    """The least energies of the circuit: all lengths are one batch of one compiled program."""
    circuit = coupled_cluster(curve, factors)
    strings, table = curve.hamiltonian
    coefficients = jnp.asarray(table)

    @jax.jit
    def energies(params: jax.Array) -> jax.Array:
        def one(angles: jax.Array, numbers: jax.Array) -> jax.Array:
            return expectation(circuit, strings.with_coefficients(numbers), angles, dtype=DTYPE)

        return jax.vmap(one)(params, coefficients)

    def loss(params: jax.Array) -> jax.Array:
        return jnp.sum(energies(params))

    name = f"{curve.name}, UCCSD" + f", {factors} factors" * (factors > 1)
    shape = (len(curve.molecules), circuit.num_parameters)
    # Equal factors have equal slopes: without small differences they would stay equal.
    start = 0.01 * (factors > 1) * jax.random.normal(run.key(name), shape)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.03, run.options.steps))
    result = run.fit(name, loss, start, optimizer, run.options.steps)
    return Found(np.asarray(energies(result.best_params)), shape[1], result.seconds)


def spin_sector(qubits: int, electrons: int) -> np.ndarray:
    """Numbers of all bitstrings with half of the electrons in even, half in odd qubits.

    Examples:
        >>> [f"{k:04b}" for k in spin_sector(4, 2)]
        ['0011', '0110', '1001', '1100']
    """
    numbers = np.arange(2**qubits)
    up, down = (sum(numbers >> q & 1 for q in range(spin, qubits, 2)) for spin in (0, 1))
    return numbers[(2 * up == electrons) & (2 * down == electrons)]


def reference(curve: Curve, which: np.ndarray) -> Found:
    """The lowest energies in the space of some bitstrings, by NumPy."""
    started = time.perf_counter()
    energies = [
        np.linalg.eigvalsh(m.hamiltonian.to_matrix(sparse=True).tocsr()[which][:, which].toarray())
        for m in curve.molecules
    ]
    lowest = np.array([one[0] for one in energies])
    return Found(lowest, len(which) - 1, time.perf_counter() - started)


def excited_bitstrings(curve: Curve) -> np.ndarray:
    """The Hartree-Fock state, and where the single and double excitations take it."""
    filled = 2**curve.electrons - 1
    flips = [sum(1 << q for q in one.source + one.target) for one in curve.excitations]
    return np.array([filled, *(filled ^ flip for flip in flips)])
