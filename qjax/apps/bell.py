"""The Bell state: two gates, 1,024 shots, and an inequality that no local theory can break."""

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax

from qjax import apps, qasm
from qjax.circuit import Circuit
from qjax.observables import PauliSum
from qjax.plot import counts_histogram
from qjax.simulate import counts, expectation, statevector
from qjax.state import fidelity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QASM = """OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
h q[0];
cx q[0], q[1];
"""
ANGLES = {"A": 0.0, "A'": math.pi / 2, "B": math.pi / 4, "B'": -math.pi / 4}
SIGNS = {("A", "B"): 1, ("A", "B'"): 1, ("A'", "B"): 1, ("A'", "B'"): -1}


def bell_circuit() -> Circuit:
    """The circuit that takes |00> to (|00> + |11>) / sqrt 2."""
    return Circuit(2).h(0).cx(0, 1)


def chsh_operator() -> PauliSum:
    """S = AB + AB' + A'B - A'B' with A = Z, A' = X on qubit 0, B, B' = (Z ± X) / sqrt 2 on qubit 1.

    It is sqrt 2 (Z Z + X X), and its largest value is 2 sqrt 2.
    """
    return PauliSum({"Z0 Z1": math.sqrt(2), "X0 X1": math.sqrt(2)})


def rotated(alice: str, bob: str) -> Circuit:
    """The Bell circuit, and the rotations that turn two settings into measurements of Z.

    RY(-t)^dagger Z RY(-t) = cos(t) Z + sin(t) X.
    """
    return bell_circuit().ry(-ANGLES[alice], 0).ry(-ANGLES[bob], 1)


def chi_square(found: Mapping[str, int], expected: Mapping[str, float]) -> tuple[float, float]:
    """Pearson's chi-square of two bins, and the chance of one as large (one degree of freedom)."""
    value = sum((found.get(bits, 0) - mean) ** 2 / mean for bits, mean in expected.items())
    return value, math.erfc(math.sqrt(value / 2))


def best_local_strategy() -> int:
    """The largest S of all 16 ways to fix the four outcomes beforehand; mixtures do no better."""
    fixed = (
        dict(zip(ANGLES, outcomes, strict=True))
        for outcomes in itertools.product((1, -1), repeat=len(ANGLES))
    )
    return max(sum(s * one[a] * one[b] for (a, b), s in SIGNS.items()) for one in fixed)


def measured_chsh(shots: int, key: jax.Array) -> tuple[float, float]:
    """S and its standard error, from shots of each of the four pairs of settings."""
    total, variance = 0.0, 0.0
    for (pair, sign), one in zip(SIGNS.items(), jax.random.split(key, len(SIGNS)), strict=True):
        found = counts(rotated(*pair), shots, one)
        mean = sum((-1) ** bits.count("1") * n for bits, n in found.items()) / shots
        total += sign * mean
        variance += (1 - mean**2) / (shots - 1)
    return total, math.sqrt(variance)


def histogram(found: Mapping[str, Mapping[str, int]]) -> "Figure":
    """The counts side by side, with their standard deviations."""
    figure, ax = apps.panels()
    counts_histogram(list(found.values()), ax=ax, labels=list(found), error_bars=True)
    ax.set_ylim(top=1.25 * ax.get_ylim()[1])
    ax.legend(frameon=False, loc="upper center", ncols=len(found))
    return figure


def bell(run: apps.Run) -> apps.Report:
    """Two qubits, H and CX, measured 1,024 times, from Python and from OpenQASM.

    Only 00 and 11 are seen, each about half of the time. Then Bell's inequality in the form of
    Clauser, Horne, Shimony and Holt: outcomes fixed beforehand give S of at most 2, the Bell state
    gives 2 sqrt 2.
    """
    shots = run.options.shots
    circuit, read = bell_circuit(), qasm.loads(QASM)
    found = {
        "Python": counts(circuit, shots, run.key("Python")),
        "OpenQASM": counts(read, shots, run.key("OpenQASM")),
    }
    expected = {"00": shots / 2, "11": shots / 2}
    chi = {name: chi_square(one, expected) for name, one in found.items()}
    s, error = measured_chsh(shots, run.key("CHSH"))
    run.say(f"\n{circuit}\n")
    for name, one in found.items():
        shown = ", ".join(f"{bits}: {n}" for bits, n in sorted(one.items()))
        run.say(f"{name:<9} {shown}; chi-square {chi[name][0]:.3f}, p = {chi[name][1]:.3f}")
    run.say("")
    return apps.Report(
        comparisons=(
            apps.Comparison(
                task="CHSH inequality", metric="S", better="higher",
                rows=(
                    apps.quantum(f"Bell state, 4 x {shots:,} shots", s, error=error, parameters=0),
                    apps.classical("best local strategy", best_local_strategy(), parameters=0,
                                   note="all 16 tried"),
                    apps.exact("Bell state", float(expectation(circuit, chsh_operator()))),
                    apps.published("Tsirelson's bound", 2 * math.sqrt(2),
                                   note="Lett. Math. Phys. 4, 93 (1980): 2 sqrt 2"),
                ),
            ),
        ),
        figures={
            "counts": histogram(found),
            "circuit": circuit.draw("mpl"),
        },
        facts={
            "shots": shots,
            "counts": {name: dict(one) for name, one in found.items()},
            "chi-square": {name: {"value": v, "p": p} for name, (v, p) in chi.items()},
            "fidelity of the two circuits": float(
                fidelity(statevector(circuit), statevector(read))
            ),
        },
    )  # fmt: skip


APP = apps.App(
    name="bell",
    shows="H and CX, 1,024 shots, chi-square, the CHSH inequality",
    run=bell,
    options=(apps.Option("shots", 1024, least=2, help="Shots of each circuit."),),
)

if __name__ == "__main__":
    apps.main(APP)
