"""Materials: Ising and Hubbard chains, their ground states, dynamics and phases."""

from qjax import apps
from qjax.apps import _ground_states, _phases, _quench
from qjax.errors import AppError

MULTIPLES = {"spins": 2, "sites": 2, "trained_sites": 2, "classified_spins": 2, "quench_steps": 8}


def materials(run: apps.Run) -> apps.Report:
    """Chains of spins and of electrons, beside closed forms, Lanczos and mean fields.

    Ground states of the critical Ising ring and of Hubbard chains by circuits that follow the
    Hamiltonian; Hubbard chains of up to ten sites by Lanczos, towards the infinite one. Dynamics
    after a quench by product formulas, with the bounds on their errors, beside Krylov evolution.
    Last, a quantum convolutional network is trained on ground states of the Ising ring deep in its
    two phases, and read in between: it is told nothing of the critical point.

    All of these are solved as well, and faster, without a circuit: that is how the results are
    known.
    """
    for name, factor in MULTIPLES.items():
        if (value := getattr(run.options, name)) % factor:
            raise AppError(f"materials: {name} must be a multiple of {factor}, but is {value}.")
    if run.options.trained_sites > run.options.sites:
        raise AppError(
            f"materials: trained_sites must be at most sites, {run.options.sites}, but is "
            f"{run.options.trained_sites}."
        )
    ising, ising_facts = _ground_states.ising_ring(run)
    hubbard, hubbard_facts = _ground_states.hubbard_chain(run)
    quench, quench_facts = _quench.dynamics(run)
    phase, phase_facts = _phases.phases(run)
    return apps.Report(
        comparisons=(*ising, *hubbard, *quench, *phase),
        figures={
            "ground_states": _ground_states.picture(ising_facts, hubbard_facts),
            "quench": _quench.picture(quench_facts),
            "phases": _phases.picture(phase_facts),
        },
        facts={
            "Ising ring": ising_facts,
            "Hubbard chain": hubbard_facts,
            "quench": quench_facts,
            "phases": phase_facts,
        },
    )


APP = apps.App(
    name="materials",
    shows="Ising and Hubbard chains to 20 qubits: ground states, quenches, phases",
    run=materials,
    options=(
        apps.Option("spins", 20, quick=4, least=4, help="Spins of the largest ring, even."),
        apps.Option("steps", 40, quick=25, least=1, help="Steps of each search by L-BFGS."),
        apps.Option("sites", 10, quick=2, least=2, help="Sites by Lanczos, even; 2 qubits each."),
        apps.Option("trained_sites", 6, quick=2, least=2, help="Sites by circuits, even."),
        apps.Option("quench_spins", 16, quick=4, least=3, help="Spins that meet a field."),
        apps.Option("quench_sites", 6, quick=2, least=2, help="Sites of electrons that hop."),
        apps.Option("quench_steps", 64, quick=32, least=8, help="Most steps of a formula, 8 k."),
        apps.Option("times", 41, quick=9, least=2, help="Times at which a quench is watched."),
        apps.Option("classified_spins", 12, quick=4, least=4, help="Spins of classified rings."),
        apps.Option("classifier_steps", 200, quick=60, least=1, help="Steps of each classifier."),
        apps.Option("starts", 4, quick=2, least=1, help="Starts of each classifier."),
    ),
    needs=("matplotlib", "sklearn"),
    double=True,
)

if __name__ == "__main__":
    apps.main(APP)
