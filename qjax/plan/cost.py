"""What ops and plans cost: the one place that fusion and estimates ask."""

from dataclasses import dataclass

from qjax.plan.op import Op, OpKind
from qjax.plan.plan import Plan
from qjax.plan.sweep import StepKind

_GRADIENT = {"fixed": 2.0, "dense": 2.5, "other": 1.5}
_MATRIX_WORK = 1024.0
_PHASES = 8.0  # multiply-adds per amplitude of diagonal ops that share a pass


def multiply_adds(op: Op) -> float:
    """Real multiply-adds per amplitude of the state, in a forward run.

    A dense op on k targets makes 2**k complex products per amplitude, of four each, or of two if
    its matrix is real; a rotation one of a real and one of an imaginary number. Diagonal ops share
    their passes, so one on a qubit or two counts as one. A permutation only moves amplitudes. A
    control halves the amplitudes that are touched.

    Examples:
        >>> multiply_adds(Op(OpKind.ROTATION, (0, 1), x_mask=0b11))
        4.0
    """
    k = len(op.targets)
    if op.kind is OpKind.DENSE:
        per_amplitude = (2.0 if op.real else 4.0) * 2**k
    elif op.kind is OpKind.PERMUTATION:
        per_amplitude = 0.5
    elif op.kind is OpKind.ROTATION:
        per_amplitude = 4.0 if op.x_mask else 1.0
    else:
        per_amplitude = 1.0 if k <= 2 else 4.0
    return per_amplitude / 2 ** len(op.controls)


def work(op: Op, num_qubits: int) -> float:
    """What fusion makes less of: multiply-adds per amplitude of a value and its gradient.

    Un-applying an op on two states costs twice a forward run of it, less where a rotation's
    generator is all that is summed, more where each entry of a matrix is. And a matrix that
    depends on parameters is itself a product, made once per run: as much work as about
    1,024 * 4**(k - 1) multiply-adds of amplitudes for each of its factors, which counts where the
    state is small.
    """
    whole = multiply_adds(op) + _gradient(op)
    if op.fixed or op.kind is not OpKind.DENSE:
        return whole
    product = _MATRIX_WORK * 4 ** (len(op.targets) - 1) * len(op.factors) / 2**num_qubits
    return whole + product


def _gradient(op: Op) -> float:
    """Multiply-adds per amplitude of the backward run."""
    kind = "fixed" if op.fixed else "dense" if op.kind is OpKind.DENSE else "other"
    return _GRADIENT[kind] * multiply_adds(op)


@dataclass(frozen=True)
class Cost:
    """What one run of a plan takes, for one state.

    Attributes:
        sweeps: How often the state is read and written; a gradient runs the sweeps once more.
        steps: How many steps the sweeps have together.
        bytes: Bytes of state that are read and written.
        flops: Operations on real numbers, a multiply-add counted as two.
    """

    sweeps: int
    steps: int
    bytes: int
    flops: float


def cost(plan: Plan, tile_bits: int, low_bits: int, itemsize: int, *, grad: bool = False) -> Cost:
    """What a plan takes with tiles of a size.

    Args:
        plan: The plan.
        tile_bits: Number of qubits of a tile.
        low_bits: How many of the lowest qubits every tile has.
        itemsize: Bytes of an amplitude: 8 for complex64, 16 for complex128.
        grad: Whether the gradient with respect to every number is wanted too; then two states go
            through memory backwards.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> from qjax.plan import compile_plan
        >>> plan = compile_plan(Circuit(20).h(range(20)).structure)
        >>> cost(plan, 16, 5, itemsize=8)
        Cost(sweeps=2, steps=2, bytes=33554432, flops=167772160.0)
    """
    sweeps = [s for stage in plan.schedule(tile_bits, low_bits) for s in stage.sweeps]
    steps = [step for sweep in sweeps for step in sweep.steps]
    adds = 0.0
    for step in steps:
        if step.kind is StepKind.PHASES:
            adds += _PHASES * (1 + _GRADIENT["other"] * grad)
        else:
            ops = [plan.ops[i] for i in step.ops]
            adds += sum(multiply_adds(op) + _gradient(op) * grad for op in ops)
    size = 2**plan.num_qubits
    passes = len(sweeps) * (6 if grad else 2)
    return Cost(len(sweeps), len(steps), passes * size * itemsize, 2 * adds * size)
