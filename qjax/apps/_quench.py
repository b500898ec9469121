"""Dynamics after a quench: product formulas beside Krylov evolution, and their error bounds."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qjax import apps
from qjax.circuit import Circuit, Parameter
from qjax.krylov import evolve
from qjax.library import (
    chain,
    fermi_hubbard,
    ring,
    transverse_field_ising,
    trotter,
    trotter_error_bound,
)
from qjax.observables import PauliSum
from qjax.simulate import expectation, statevector
from qjax.state import basis_state

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DTYPE = "complex128"
ORDERS = (1, 2, 4)
TIME = 2.0  # at which formulas are compared
TOLERANCE = 1e-10  # of each Krylov evolution


class Quench(NamedTuple):
    """A state, the Hamiltonian that is switched on, and what is watched."""

    name: str
    hamiltonian: PauliSum
    bits: str
    watched: PauliSum
    label: str


def quenches(spins: int, sites: int) -> list[Quench]:
    """All spins up meet a field; alternating electrons begin to hop."""
    magnetisation = PauliSum({f"Z{q}": 1 / spins for q in range(spins)})
    # Site a has a spin up if a is even, else a spin down: mode 2 a or 2 a + 1.
    occupied = [2 * a + a % 2 for a in range(sites)]
    bits = "".join("1" if q in occupied else "0" for q in reversed(range(2 * sites)))
    # (n_up - n_down) (-1)^a / sites, with n = (1 - Z) / 2.
    staggered = PauliSum(
        {f"Z{2 * a + s}": -0.5 * (-1) ** (a + s) / sites for a in range(sites) for s in (0, 1)}
    )
    return [
        Quench("Ising ring", transverse_field_ising(ring(spins)), "0" * spins, magnetisation,
               "magnetisation"),
        Quench("Hubbard chain", fermi_hubbard(chain(sites)), bits, staggered,
               "staggered magnetisation"),
    ]  # fmt: skip


def errors(quench: Quench, counts: list[int]) -> dict[str, Any]:
    """Norms of the error at the end by order and steps, the bounds, and the seconds.

    Returns:
        A dict of `errors` and `bounds`, of shape (orders, counts), and `seconds`, of shape
        (orders,), of all counts.
    """
    n = quench.hamiltonian.num_qubits
    start = basis_state(quench.bits, n, dtype=DTYPE)
    end = evolve(quench.hamiltonian, TIME, start, tolerance=TOLERANCE)
    table, bounds, seconds = np.zeros((len(ORDERS), len(counts))), [], []
    for i, order in enumerate(ORDERS):
        began = time.perf_counter()
        step = trotter(quench.hamiltonian, Parameter("t"), order=order)
        follow = repeated(step)
        for j, steps in enumerate(counts):
            table[i, j] = float(jnp.linalg.norm(follow(start, TIME / steps, steps) - end))
        seconds.append(time.perf_counter() - began)
        bounds.append(
            [trotter_error_bound(quench.hamiltonian, TIME, steps=r, order=order) for r in counts]
        )
    return {"errors": table, "bounds": np.array(bounds), "seconds": np.array(seconds)}


def repeated(step: Circuit) -> Callable[[jax.Array, float, int], jax.Array]:
    """What applies a circuit of one parameter again and again: (state, parameter, times)."""

    @jax.jit
    def follow(state: jax.Array, time: jax.Array, times: jax.Array) -> jax.Array:
        again = lambda _, psi: statevector(step, time[None], initial_state=psi, dtype=DTYPE)
        return jax.lax.fori_loop(0, times, again, state)

    return lambda state, time, times: follow(state, jnp.asarray(time), jnp.asarray(times))


def series(quench: Quench, points: int) -> dict[str, np.ndarray]:
    """What is watched over time, by Krylov evolution and by second-order steps between points."""
    n = quench.hamiltonian.num_qubits
    times = np.linspace(0.0, 2 * TIME, points)
    start = basis_state(quench.bits, n, dtype=DTYPE)
    # Four steps from point to point.
    step = trotter(quench.hamiltonian, times[1] - times[0], steps=4, order=2)
    idle = Circuit(n)

    @jax.jit
    def watched(psi: jax.Array) -> jax.Array:
        return expectation(idle, quench.watched, initial_state=psi, dtype=DTYPE)

    @jax.jit
    def onward(psi: jax.Array, _: Any) -> tuple[jax.Array, jax.Array]:
        return statevector(step, initial_state=psi, dtype=DTYPE), watched(psi)

    _, circuit = jax.lax.scan(onward, start, length=points)
    exact, psi = [], start
    for _ in times:
        exact.append(float(watched(psi)))
        psi = evolve(quench.hamiltonian, times[1] - times[0], psi, tolerance=TOLERANCE)
    return {"times": times, "circuit": np.asarray(circuit), "exact": np.array(exact)}


def dynamics(run: apps.Run) -> tuple[list[apps.Comparison], dict[str, Any]]:
    """Both quenches, by all formulas."""
    comparisons, facts = [], {}
    counts = [run.options.quench_steps // k for k in (8, 4, 2, 1)]
    for quench in quenches(run.options.quench_spins, run.options.quench_sites):
        n = quench.hamiltonian.num_qubits
        found, _ = run.keep(f"{quench.name}, errors", lambda quench=quench: errors(quench, counts))
        curve, _ = run.keep(
            f"{quench.name}, series", lambda quench=quench: series(quench, run.options.times)
        )
        rows = [
            apps.quantum(f"product formula of order {order}", float(norms[-1]),
                         seconds=float(spent), note=f"bound {bound[-1]:.2g}")
            for order, norms, bound, spent in zip(
                ORDERS, found["errors"], found["bounds"], found["seconds"], strict=True)
        ]  # fmt: skip
        rows.append(apps.exact("Krylov", TOLERANCE, note="its tolerance"))
        comparisons.append(apps.Comparison(
            f"quench of the {quench.name}, {n} qubits, t = {TIME:g}, {counts[-1]} steps",
            "norm of the error", "lower", rows,
        ))  # fmt: skip
        orders = np.log2(found["errors"][:, -2] / found["errors"][:, -1])
        facts[quench.name] = {
            "qubits": n, "watched": quench.label, "orders": ORDERS, "steps": counts,
            "slopes": orders, **found, **curve,
        }  # fmt: skip
    return comparisons, facts


def picture(facts: dict[str, Any]) -> "Figure":
    """What is watched over time, and errors over steps with their bounds."""
    figure, axes = apps.panels(2, len(facts))
    for column, (name, one) in enumerate(facts.items()):
        above, below = axes[:, column]
        above.plot(one["times"], one["exact"], color="k", label="Krylov")
        above.plot(one["times"], one["circuit"], "o", markersize=4, label="circuit, order 2")
        above.set(title=f"{name}, {one['qubits']} qubits", xlabel="time", ylabel=one["watched"])
        for order, norms, bounds in zip(one["orders"], one["errors"], one["bounds"], strict=True):
            (line,) = below.loglog(one["steps"], norms, "o-", label=f"order {order}")
            below.loglog(one["steps"], bounds, ":", color=line.get_color())
        below.set(xlabel="steps", ylabel="error (dotted: bound)", xticks=one["steps"],
                  xticklabels=one["steps"])  # fmt: skip
        below.minorticks_off()
    axes[0, 0].legend(frameon=False)
    axes[1, 0].legend(frameon=False)
    return figure
