"""The passes of the compiler, in order, and the cache of plans."""

from functools import lru_cache

from qjax.circuit.structure import Structure
from qjax.plan.fuse import fuse
from qjax.plan.lower import lower
from qjax.plan.plan import Plan


@lru_cache(maxsize=512)
def compile_plan(structure: Structure) -> Plan:
    """The plan of a circuit's structure; the same object for an equal structure.

    Note:
        Time grows linearly with the number of gates: some 10,000 gates take a few tenths of a
        second.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> print(compile_plan(Circuit(2).h(0).t(0).cx(0, 1).rx(0.3, 1).rz(0.1, 1).structure))
        2 qubits, 5 gates in 3 ops (2 dense, 1 permutation)
          dense on 0 from 2 gates
          permutation on 1 if 0
          dense on 1 from 2 gates
    """
    return Plan(structure, tuple(fuse(structure, lower(structure))))
