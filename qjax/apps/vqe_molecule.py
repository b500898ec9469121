"""Drug discovery in small: two molecules along a bond, and a toy of protein folding."""

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps, library
from qjax.apps._curves import (
    DTYPE,
    Curve,
    Found,
    excited_bitstrings,
    reference,
    spin_sector,
    variational,
)
from qjax.apps._folding import annealed, costs, num_bits, positions, touching_pairs
from qjax.apps._report import Kind
from qjax.errors import AppError
from qjax.observables import Diagonal
from qjax.simulate import expectation, probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOLECULES = ("lih", "h2o")
CHEMICAL_ACCURACY = 1.6  # millihartree: 1 kcal/mol is 1.594
EXACT, HARTREE_FOCK, CONFIGURATIONS = "exact diagonalisation", "Hartree-Fock", "CISD"
MOTIF = "HPP"  # of the chain that is folded: every third residue shuns water
MOST_RESIDUES = 13  # 21 qubits
SWEEPS = 20  # of a walk of simulated annealing
WALKERS = 4096


def chosen_lengths(name: str, points: int) -> list[float]:
    """Bond lengths that ship with qjax, so many of them, spread evenly."""
    lengths = library.shipped_molecules()[name]
    count = min(points, len(lengths))
    return [lengths[k] for k in np.linspace(0, len(lengths) - 1, count).round().astype(int)]


def along_the_bond(run: apps.Run, name: str) -> tuple[Curve, dict[str, Found]]:
    """A molecule's curve, and the energies by each method."""
    curve = Curve(name, chosen_lengths(name, run.options.points))
    found = {
        "UCCSD" if factors == 1 else f"UCCSD, {factors} factors": variational(run, curve, factors)
        for factors in range(1, run.options.factors + 1)
    }
    found[HARTREE_FOCK] = Found(curve.hartree_fock, 0, 0.0)
    spaces = {
        CONFIGURATIONS: excited_bitstrings(curve),
        EXACT: spin_sector(curve.qubits, curve.electrons),
    }
    for method, which in spaces.items():
        kept, _ = run.keep(
            f"{name}, {method}", lambda which=which: reference(curve, which)._asdict()
        )
        found[method] = Found(**kept)
    return curve, found


def compared(curve: Curve, found: dict[str, Found]) -> list[apps.Comparison]:
    """Errors along the curve, in millihartree, and the share of lengths with a small one."""
    # What is smaller than 1e-6 mHa is rounding.
    errors = {
        name: np.round(1e3 * np.abs(one.energies - curve.exact), 6) for name, one in found.items()
    }
    kinds: dict[str, Kind] = {
        HARTREE_FOCK: "classical",
        CONFIGURATIONS: "classical",
        EXACT: "exact",
    }
    notes = {
        CONFIGURATIONS: "NumPy; the same excitations, linear",
        EXACT: "NumPy, in the sector of the electrons' number and spin",
    }

    def rows(values: dict[str, float]) -> list[apps.Row]:
        return [
            apps.Row(
                kinds.get(name, "quantum"), name, values[name],
                parameters=None if name == EXACT else one.parameters,
                seconds=one.seconds or None, note=notes.get(name, ""),
            )
            for name, one in found.items()
        ]  # fmt: skip

    lengths = curve.lengths
    task = (
        f"{curve.formula}, {len(lengths)} bond lengths "
        f"from {lengths[0]:g} to {lengths[-1]:g} angstrom"
    )
    limit = apps.published(
        "chemical accuracy", CHEMICAL_ACCURACY, note="the aim: 1 kcal/mol; J. A. Pople, "
        "Rev. Mod. Phys. 71, 1267 (1999)",
    )  # fmt: skip
    largest = {name: float(one.max()) for name, one in errors.items()}
    share = {name: float((one <= CHEMICAL_ACCURACY).mean()) for name, one in errors.items()}
    return [
        apps.Comparison(task, "largest error in mHa", "lower", [*rows(largest), limit]),
        apps.Comparison(task, "share within chemical accuracy", "higher", rows(share)),
    ]


def curve_figure(curves: list[tuple[Curve, dict[str, Found]]]) -> "Figure":
    """Energies above, errors below, with the band of chemical accuracy."""
    figure, axes = apps.panels(2, len(curves))
    for column, (curve, found) in enumerate(curves):
        above, below = axes[:, column]
        above.plot(curve.lengths, curve.exact, color="k", label=EXACT)
        below.axhspan(3e-7, CHEMICAL_ACCURACY, color="tab:green", alpha=0.12)
        below.annotate(
            "chemical accuracy", (curve.lengths[0], CHEMICAL_ACCURACY), (0, -3),
            textcoords="offset points", va="top", fontsize="small",
        )  # fmt: skip
        for number, (name, one) in enumerate(found.items()):
            if name == EXACT:
                continue
            style = {"marker": "ox+sd"[number % 5], "markersize": 4, "label": name}
            line = "--" if name in (HARTREE_FOCK, CONFIGURATIONS) else "-"
            above.plot(curve.lengths, one.energies, line, **style)
            error = np.maximum(1e3 * np.abs(one.energies - curve.exact), 1e-6)
            below.plot(curve.lengths, error, line, **style)
        above.set(title=curve.formula, ylabel="energy in hartree")
        below.set(xlabel="bond length in angstrom", ylabel="error in millihartree",
                  yscale="log", ylim=(3e-7, None))  # fmt: skip
    axes[0, 0].legend(frameon=False, fontsize="small")
    return figure


def folded(run: apps.Run) -> tuple[apps.Comparison, dict[str, Any], "Figure"]:
    """The toy: QAOA, a walk, and a look at every fold of a short chain."""
    sequence = (MOTIF * run.options.residues)[: run.options.residues]
    bits, layers = num_bits(len(sequence)), run.options.layers
    started = time.perf_counter()
    table, crossings = costs(np.arange(2**bits), sequence)
    best = table == table.min()
    looked = time.perf_counter() - started
    cost = Diagonal(table.astype(float))
    loss = partial(mean_cost, cost, layers, float(table.std()))
    ramp = (np.arange(layers) + 0.5) / layers
    start = jnp.asarray(np.concatenate([0.7 * ramp, 0.7 * (1 - ramp)]))
    steps = -(-run.options.steps // 2)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, steps))
    result = run.fit("folding, QAOA", loss, start, optimizer, steps)
    angles = jnp.asarray(result.best_params)
    circuit = folding_circuit(cost, layers, float(table.std()), angles)
    chances = np.asarray(probabilities(circuit, dtype=DTYPE))
    rng = run.rng("annealing")
    kept, walked = run.keep(
        "folding, annealing", lambda: dict(zip(("ends", "costs"), annealed(
            table, WALKERS, SWEEPS, rng), strict=True)),
    )  # fmt: skip
    share = float(best[kept["ends"]].mean())
    rows = (
        apps.quantum(f"QAOA, {layers} layers", float(chances @ best), parameters=2 * layers,
                     seconds=result.seconds, note="per shot, after training"),
        apps.classical("simulated annealing", share, error=apps.binomial_error(share, WALKERS),
                       seconds=walked, note=f"per walk of {kept['costs']} costs"),
        apps.classical("a random fold", float(best.mean()), note="per fold"),
    )  # fmt: skip
    number = int(np.flatnonzero(best)[np.argmax(chances[best])])
    facts = {
        "folding: sequence": sequence,
        "folding: qubits": bits,
        "folding: most contacts, of all folds": int(-table.min()),
        "folding: folds with the most contacts": int(best.sum()),
        "folding: best folds that cross themselves": int(crossings[best].sum()),
        "folding: pairs that could touch": len(touching_pairs(sequence)),
        "folding: mean cost by QAOA": float(chances @ table),
        "folding: seconds to look at all folds": looked,
    }
    task = f"toy of protein folding: {len(sequence)} residues on a square grid, {2**bits:,} folds"
    comparison = apps.Comparison(task, "chance of a best fold", "higher", rows)
    return comparison, facts, fold_figure(sequence, number, table, chances)


def folding_circuit(cost: Diagonal, layers: int, scale: float, angles: jax.Array) -> Any:
    """QAOA by angles, gammas before betas, for a cost measured in its standard deviations."""
    return library.qaoa(cost, layers, gamma=angles[:layers] / scale, beta=angles[layers:])


def mean_cost(cost: Diagonal, layers: int, scale: float, angles: jax.Array) -> jax.Array:
    """The mean cost of the folds that QAOA draws."""
    return expectation(folding_circuit(cost, layers, scale, angles), cost, dtype=DTYPE)


def fold_figure(sequence: str, number: int, table: np.ndarray, chances: np.ndarray) -> "Figure":
    """The likeliest of the best folds, and the costs that are drawn."""
    figure, (left, right) = apps.panels(1, 2)
    places = positions(np.array([number]), len(sequence))[0]
    left.plot(*places.T, color="k", zorder=1)
    for kind, colour in (("H", "tab:orange"), ("P", "white")):
        own = places[[k for k, one in enumerate(sequence) if one == kind]]
        left.scatter(*own.T, s=180, color=colour, edgecolor="k", zorder=2, label=kind)
    for a, b in touching_pairs(sequence):
        if np.abs(places[a] - places[b]).sum() == 1:
            left.plot(*places[[a, b]].T, color="tab:orange", linestyle=":", linewidth=3, zorder=0)
    left.set(aspect="equal", title=f"{-table[number]} contacts")
    left.margins(0.2)
    left.set_axis_off()
    left.legend(frameon=False, markerscale=0.6)
    levels = np.unique(table)[:12]
    for shift, (label, weights) in enumerate(
        {"QAOA": chances, "random": np.full(len(table), 1 / len(table))}.items()
    ):
        shares = [weights[table == level].sum() for level in levels]
        right.bar(levels + 0.4 * shift - 0.2, shares, 0.4, label=label)
    right.set(xlabel="cost: crossings penalised, minus contacts", ylabel="probability")
    right.legend(frameon=False)
    return figure


def vqe_molecule(run: apps.Run) -> apps.Report:
    """Energy curves of LiH and H2O along a bond, and a toy of protein folding.

    Binding energies decide how a drug fits, and are differences of energies such as these, to 1.6
    mHa. The circuit is unitary coupled cluster (UCCSD), for all bond lengths in one batch. Beside
    it are Hartree-Fock, where it starts; CISD, linear in the same excitations, with as many
    parameters; and exact diagonalisation, which molecules of this size do not make hard. All are
    in STO-3G with the core frozen.

    The folding is a toy: beads of two kinds on a square grid. Its cost is a table of every fold, so
    that the answer is known before QAOA begins; it shows how likely QAOA is to draw a best one.
    """
    if run.options.residues > MOST_RESIDUES:
        raise AppError(
            f"vqe_molecule: residues must be at most {MOST_RESIDUES}, for all folds are looked at, "
            f"but is {run.options.residues}."
        )
    curves = [along_the_bond(run, name) for name in MOLECULES]
    comparisons = [one for curve in curves for one in compared(*curve)]
    toy, facts, fold = folded(run)
    for curve, found in curves:
        mine = {
            "bond lengths": curve.lengths,
            "exact": curve.exact,
            "all electrons and orbitals": [m.full_ci_energy for m in curve.molecules],
            "largest difference of two exact solutions": float(
                np.abs(found[EXACT].energies - curve.exact).max()
            ),
            **{name: one.energies for name, one in found.items() if name != EXACT},
        }
        facts |= {curve.formula: {"qubits": curve.qubits, **mine}}
    return apps.Report(
        comparisons=(*comparisons, toy),
        figures={"curves": curve_figure(curves), "fold": fold},
        facts=facts,
    )


APP = apps.App(
    name="vqe_molecule",
    shows="energy curves of LiH and H2O to chemical accuracy; a toy of protein folding",
    run=vqe_molecule,
    options=(
        apps.Option("points", 9, quick=2, least=2, help="Most bond lengths of a molecule."),
        apps.Option("factors", 2, quick=1, least=1, help="Most factors of UCCSD."),
        apps.Option("steps", 800, quick=80, least=1, help="Steps of each curve; half to fold."),
        apps.Option("residues", 10, quick=7, least=5, help="Beads of the folded chain."),
        apps.Option("layers", 6, quick=3, least=1, help="Layers of QAOA."),
    ),
    double=True,
)

if __name__ == "__main__":
    apps.main(APP)
