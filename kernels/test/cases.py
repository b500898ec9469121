"""Writes the cases of the kernels' own test: tapes with inputs, and results of the pure-JAX engine.

python kernels/test/cases.py FOLDER
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from strategies import random_state, random_template

from qjax.engine import xla
from qjax.engine.cpu_tape import write_cpu_tape
from qjax.engine.numbers import numbers
from qjax.plan import compile_plan

jax.config.update("jax_enable_x64", True)


def cases(rng):
    """(circuit, tile bits, lowest bits, batch, whether numbers are shared)."""
    for n in (0, 1, 2, 3, 5, 9):
        circuit = random_template(n, 30, 6, rng) if n else random_template(1, 3, 6, rng)
        for batch, shared in ((1, True), (19, True), (19, False)):
            yield circuit, circuit.num_qubits, 4, batch, shared
    for n, tile, low in ((9, 7, 4), (10, 8, 5), (11, 6, 2), (12, 9, 4)):
        yield random_template(n, 60, 6, rng), tile, low, 1, True
        yield random_template(n, 40, 6, rng), tile, low, 3, False


def main(folder):
    """Write a file for every case."""
    rng = np.random.default_rng(0)
    count = 0
    for circuit, tile, low, batch, shared in cases(rng):
        n = circuit.num_qubits
        plan = compile_plan(circuit.structure)
        least = max((op.needs | ((1 << min(low, n)) - 1)).bit_count() for op in plan.ops)
        tape = write_cpu_tape(plan, max(tile, least), low)
        params = rng.normal(size=(1 if shared else batch, circuit.num_parameters))
        buffer = jnp.asarray(numbers(plan, circuit.leaves, jnp.asarray(params), np.float64))
        states = jnp.asarray(np.stack([random_state(n, rng) for _ in range(batch)]))
        cotangents = jnp.asarray(np.stack([random_state(n, rng) for _ in range(batch)]))
        out = xla.apply(plan, states, buffer)
        by_state, by_numbers, _ = xla.adjoint(plan, out, cotangents, buffer)
        head = [n, batch, buffer.shape[0], buffer.shape[1], len(tape.words), len(tape.constants)]
        with (folder / f"case{count:03d}.bin").open("wb") as file:
            file.write(np.array(head, np.int64).tobytes())
            file.write(tape.words.astype(np.int32).tobytes())
            for array in (tape.constants, buffer, states, out, cotangents, by_state, by_numbers):
                file.write(np.ascontiguousarray(array).tobytes())
        count += 1
    print(f"{count} cases in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
