"""The passes of the compiler, in order, and the cache of plans."""

from functools import lru_cache

from qjax.circuit.structure import Structure
from qjax.errors import CircuitError
from qjax.plan.blocks import fuse_blocks
from qjax.plan.fuse import fuse
from qjax.plan.lower import lower
from qjax.plan.plan import Plan
from qjax.plan.relabel import relabel


@lru_cache(maxsize=512)
def compile_plan(structure: Structure) -> Plan:
    """The plan of a circuit's structure; the same object for an equal structure.

    Raises:
        CircuitError: If the circuit resets qubits or depends on outcomes.

    Note:
        Time grows linearly with the number of gates: some 10,000 gates take a few tenths of a
        second.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> print(compile_plan(Circuit(2).h(0).t(0).cx(0, 1).rx(0.3, 1).rz(0.1, 1).structure))
        2 qubits, 5 gates in 5 ops (2 rotation, 1 dense, 1 diagonal, 1 permutation)
          sweep over 0, 1
            singles dense on 0
                    rotation X on 1
            moves   permutation on 1 if 0
            phases  diagonal on 0
                    rotation Z on 1
    """
    if (channel := structure.channel) is not None:
        raise CircuitError(
            f"A state vector has no noise, but this circuit has {channel}. Use density_matrix, or "
            "expectation, probabilities, sample and counts, which take noise."
        )
    if (dynamic := structure.dynamic) is not None:
        raise CircuitError(
            "A circuit to be simulated must hold gates and final measurements, but this has "
            f"{dynamic}. Use branches, sample, counts or expectation, which take outcomes."
        )
    ops, swaps = relabel(structure.num_qubits, lower(structure))
    ops = fuse(structure, ops)
    for width in (2, 3):
        ops = fuse_blocks(structure, ops, width)
    return Plan(structure, (*ops, *swaps))
